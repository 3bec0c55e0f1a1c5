import json
import os
import shutil
import warnings

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL

import elman
from elman import runs, tables
from elman.runner import run_into


@pytest.fixture
def tree(finished, tmp_path):
    """A directory with two finished runs of the same settings."""
    for name in ("a", "b/deeper"):
        shutil.copytree(finished[0], tmp_path / name)
    return tmp_path


def change(run, **entries):
    entry = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**entry, **entries}))


@pytest.mark.parametrize("table", tables.TABLES)
def test_a_table_is_read_back_as_it_was_with_run_and_settings_in_front(finished, tmp_path, table):
    directory, result = finished
    frame = tables.TABLES[table](result)
    if not len(frame.columns):
        with pytest.raises(
            FileNotFoundError, match=f"no finished run with a {table}.csv below .*; there are .*losses.csv, "
        ):
            elman.load(table, directory)
        return
    loaded = elman.load(table, directory)
    assert loaded.columns[0] == "run"
    assert (loaded["run"] == str(directory)).all()
    pd.testing.assert_frame_equal(loaded[frame.columns], frame, check_dtype=False, check_exact=True)
    settings = loaded.iloc[0]
    assert settings["task.name"] == result.settings.task.name
    assert settings["hidden_size"] == result.settings.hidden_size
    assert loaded["hidden_size"].dtype == np.int64
    assert loaded["learning_rate"].dtype == np.float64
    assert loaded["shared_stream"].dtype == bool


def test_symbols_stay_text_also_where_they_look_like_numbers(finished):
    loaded = elman.load("predictions", finished[0])
    assert {type(value) for value in loaded["target"]} == {str}


def test_all_runs_below_all_directories_are_read_once(tree):
    one = elman.load("summary", tree / "a")
    both = elman.load("summary", tree, tree / "a", str(tree / "b"))
    assert len(both) == 2 * len(one)
    assert both["run"].unique().tolist() == [str(tree / "a"), str(tree / "b" / "deeper")]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda run: (run / "run.json").write_text('{"status": "fin'), "its run.json cannot be read"),
        (lambda run: (run / "run.json").write_text("[]"), "its run.json cannot be read"),
        (
            lambda run: (run / "summary.csv").write_bytes((run / "summary.csv").read_bytes()[:-9]),
            "summary.csv is not as",
        ),
        (
            lambda run: (run / "summary.csv").write_bytes((run / "summary.csv").read_bytes() + b"9\n"),
            "summary.csv is not as",
        ),
        (lambda run: (run / "summary.csv").unlink(), "summary.csv is not as it was written"),
        (lambda run: change(run, status="running"), "its status is running"),
        (lambda run: change(run, status="failed"), "its status is failed"),
    ],
    ids=["cut run.json", "other json", "cut table", "grown table", "no table", "running", "failed"],
)
def test_unfinished_and_damaged_runs_are_left_out_with_one_warning(tree, damage, reason):
    damage(tree / "a")
    with pytest.warns(UserWarning, match=f"left out 1 run: .*/a: {reason}") as warned:
        loaded = elman.load("summary", tree)
    assert len(warned) == 1
    assert set(loaded["run"]) == {str(tree / "b" / "deeper")}


def test_a_setting_that_some_runs_do_not_have_keeps_its_type(tree):
    settings = json.loads((tree / "a" / "run.json").read_text())["settings"]
    older = {key: value for key, value in settings.items() if key not in ("seed", "shared_stream")}
    change(tree / "a", settings={**older, "words": ["many", "years"], "name": "1"})
    loaded = elman.load("summary", tree).groupby("run").first()
    assert pd.isna(loaded["seed"].iloc[0])
    assert loaded["seed"].iloc[1] == 42
    assert loaded["seed"].dtype == "Int64"
    assert loaded["shared_stream"].dtype == "boolean"
    assert loaded["words"].iloc[0] == '["many", "years"]'
    assert loaded["name"].iloc[0] == "1"


def test_all_runs_have_a_row_with_status_times_settings_and_versions(tree):
    change(tree / "a", status="failed", error="DivergenceError: too fast", seconds={"train": 1.5})
    frame = elman.load_runs(tree)
    assert frame["status"].tolist() == ["failed", "finished"]
    assert frame["error"][0] == "DivergenceError: too fast"
    assert frame["seconds.train"][0] == 1.5
    assert (frame["end"] >= frame["start"]).all()
    assert frame["versions.elman"].tolist() == [elman.__version__] * 2
    assert frame["hidden_size"].dtype == np.int64


def test_a_place_without_runs_is_an_error_that_names_it(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=f"no run below {tmp_path}"):
        elman.load_runs(tmp_path)
    with pytest.raises(FileNotFoundError, match=f"there is no directory {tmp_path}/nowhere"):
        elman.load("summary", tmp_path / "nowhere")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no directory runs"):
        elman.load("summary")


def test_a_run_without_a_table_that_others_have_is_not_damaged(tmp_path):
    for task in SMALL:
        run_into(tmp_path / task, elman.settings(*SMALL[task], "figures=false"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert set(elman.load("cycle_errors", tmp_path)["task.name"]) == {"xor"}


def test_every_text_column_of_every_table_is_known(finished):
    for name, table in tables.TABLES.items():
        frame = table(finished[1])
        texts = [column for column in frame if frame[column].map(lambda value: isinstance(value, str)).any()]
        assert set(texts) <= set(runs.TEXT), name


def test_numbers_by_name_are_settings_of_their_own_in_a_table():
    flat = runs.flatten({"seed": 1, "task": {"p": {"rc": 0.5, "first": 1}, "classes": {"verb": ["see"]}, "empty": {}}})
    assert flat == {
        "seed": 1, "task.p.rc": 0.5, "task.p.first": 1, "task.classes": '{"verb": ["see"]}', "task.empty": "{}",
    }  # fmt: skip


def test_runs_behind_links_inside_runs_and_beside_files_are_found_once(tree):
    (tree / "links").mkdir()
    (tree / "links" / "to a").symlink_to(tree / "a")
    (tree / "links" / "back").symlink_to(tree)  # a circle
    shutil.copytree(tree / "a", tree / "a" / "inside")
    (tree / "comparison.csv").write_text("hidden_size\n4\n")
    with pytest.warns(UserWarning, match=r"left out 1 run: .*comparison\.csv: it is a file$"):
        loaded = elman.load("summary", *sorted(tree.iterdir()))
    assert [path.removeprefix(f"{tree}/") for path in loaded["run"].unique()] == ["a", "a/inside", "b/deeper"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_a_directory_that_cannot_be_read_is_named(tree):
    (tree / "b").chmod(0)
    with pytest.warns(UserWarning, match=r"/b: it cannot be read \(Permission denied\)"):
        elman.load("summary", tree)
    (tree / "b").chmod(0o700)


@pytest.mark.parametrize("content", ["", "\n", "\x00\x01", "replicate\n0,1,2\n", "replicate,epoch,loss\n0,one,two\n"])
def test_one_damaged_table_does_not_take_the_others_down(finished, tree, content):
    (tree / "a" / "losses.csv").write_text(content)
    change(tree / "a", bytes={})
    comparison = elman.compare(tree)
    assert comparison.table["networks"].tolist() == [3]
    assert "/a: losses.csv" in comparison.notes[0]
