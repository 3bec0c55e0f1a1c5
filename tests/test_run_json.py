import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL, csvs

import elman
from elman import run_json
from elman.errors import RunDirectoryError
from elman.runner import run, run_into

OLD = Path(__file__).parent / "runs_of_format_1"
NEW = {"symbols.csv", "units.csv", "ngrams.csv"}  # tables that runs of format 1 do not have
TODAY = ("task.length=60", "task.test_length=60", "epochs=20", "record_steps=5", "figures=false")


@pytest.fixture
def old(here):
    """A copy of the run and of the sweep of format 1, in the current directory."""
    shutil.copytree(OLD, here, dirs_exist_ok=True)
    return here


def test_a_run_of_format_1_counts_as_the_finished_run_of_todays_command(call, old):
    before = {path: path.read_bytes() for path in (old / "run").iterdir()}
    status, out, err = call(*TODAY, "replicates=2", "hydra.run.dir=run")
    assert (status, err) == (0, "")
    assert out.startswith("run holds the finished run of these settings already (made by commit 2d90bd5; this is ")
    assert {path: path.read_bytes() for path in (old / "run").iterdir()} == before


def test_a_sweep_of_format_1_is_resumed_as_finished_by_todays_command(call, old):
    before = {path: path.stat().st_mtime_ns for path in old.glob("sweep/*/*")}
    status, _, err = call("-m", "hidden_size=2,3", "reset_context=epoch,never", *TODAY, "hydra.sweep.dir=sweep")
    first, makers = err.splitlines()
    assert (status, first) == (0, "4 of 4 runs done, 0 running, 0 failed | sweep")
    assert makers.startswith("4 of the runs done were made by commit 2d90bd5; this is ")
    assert {path: path.stat().st_mtime_ns for path in old.glob("sweep/*/*")} == before


def test_a_run_of_format_1_and_the_same_run_of_today_count_once(old):
    run_into(old / "today", elman.settings(*TODAY, "replicates=2"))
    today = csvs(old / "today")
    assert csvs(old / "run") == {name: text for name, text in today.items() if name not in NEW}
    comparison = elman.compare(old / "run", old / "today")
    assert comparison.table["networks"].tolist() == [2]
    assert comparison.notes[-1].startswith("The runs were made by different code: commit 2d90bd5 (1), ")


def test_runs_of_format_1_are_loaded_by_the_names_and_values_of_today(old):
    frame = elman.load("summary", old / "sweep")
    assert set(frame["reset_context"]) == {"epoch", "never"}
    assert set(frame["context"]) == {"hidden"}
    assert set(frame["initial_scale"]) == {0.1}
    assert not {"recurrent", "initial_weights"} & set(frame)


def test_networks_of_format_1_are_trained_on(old):
    later = run(elman.settings(*TODAY, "replicates=2", "weights_from=run", "epochs=5"))
    whole = run(elman.settings(*TODAY, "replicates=2", "epochs=25"))
    np.testing.assert_array_equal(later.weights.W_ho, whole.weights.W_ho)


def test_a_setting_that_a_run_lacks_has_the_value_that_behaves_as_before():
    settings = {"task": {"name": "xor"}, "seed": 1}
    one = run_json.fingerprint(settings, {})
    assert run_json.fingerprint({**settings, "momentum": 0.0, "bptt_steps": 1, "context_span": []}, {}) == one
    assert run_json.fingerprint({**settings, "momentum": 0.5}, {}) != one
    assert run_json.fingerprint({**settings, "figures": True, "overwrite": True}, {}) == one
    assert run_json.fingerprint(settings, {"task.file": "0f"}) != one


def test_the_order_of_a_mapping_is_part_of_a_fingerprint_and_that_of_settings_is_not():
    categories = {"N": ["a"], "V": ["b"]}
    one = {"name": "sentences", "categories": categories}
    other = {"name": "sentences", "categories": dict(reversed(categories.items()))}
    assert run_json.fingerprint({"task": one}, {}) != run_json.fingerprint({"task": other}, {})
    swapped = dict(reversed(one.items()))
    assert run_json.fingerprint({"seed": 1, "task": one}, {}) == run_json.fingerprint({"task": swapped, "seed": 1}, {})


@pytest.mark.parametrize(
    "change",
    [
        {"status": None}, {"settings": 3}, {"settings": {"task": None}}, {"settings": {"task": {"name": 1}}},
        {"settings": {"task": {"name": "xor"}, "replicates": "four"}}, {"bytes": None}, {"bytes": {"a": "b"}},
        {"start": "yesterday"}, {"end": 5}, {"versions": []}, {"files": {"a": 1}}, {"git": {}}, {"format": "2"},
        {"overrides": [1]}, {"seconds": {"train": "long"}}, {"error": 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_damaged_run_json_is_known_as_such_and_left_out(old, change):
    path = old / "run" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(RunDirectoryError, match=r"^its run\.json cannot be read$"):
        run_json.read(old / "run")
    with pytest.warns(UserWarning, match=r"left out 1 run: run: its run.json cannot be read"):
        assert len(elman.load("summary", "run", "sweep")) == 4


def test_a_run_of_a_newer_format_is_named_as_such(old):
    path = old / "run" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(RunDirectoryError, match="has format 99, of a newer version of elman"):
        run_json.read(old / "run")


def test_a_deeply_nested_run_json_is_no_traceback(tmp_path):
    (tmp_path / "run.json").write_text("[" * 100_000)
    with pytest.raises(RunDirectoryError, match="cannot be read"):
        run_json.read(tmp_path)


def test_new_runs_are_of_format_2(tmp_path):
    run_into(tmp_path, elman.settings(*SMALL["xor"], "figures=false"))
    assert json.loads((tmp_path / "run.json").read_text())["format"] == 2
