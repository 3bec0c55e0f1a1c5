"""elman-runs: runs found again by time, name, tags, settings and outcome."""

import json
from functools import partial

import pytest
from test_comparison import write

import elman
from elman.cli import runs as command
from elman.comparison import compare


@pytest.fixture
def call(call_main):
    return partial(call_main, command.main, "elman-runs")


def note(directory, **entries):
    entry = json.loads((directory / "run.json").read_text())
    (directory / "run.json").write_text(json.dumps({**entry, **entries}))


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Three runs, the last of which failed, made by two commits."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "runs/b", rates=[[0.5], [0.0]], name="first try", tags=["pilot", "x"], hidden_size=8)
    note(
        tmp_path / "runs/b", start="2026-01-02T10:00:00+00:00", experiment="memory", overrides=["experiment=memory"],
        git={"commit": "a" * 40}, versions={"numpy": "2.4"},
    )  # fmt: skip
    write(tmp_path / "runs/a", rates=[[0.0], [0.0]], task={"categories": {"N": ["word"] * 40}}, tags=[])
    note(tmp_path / "runs/a", start="2026-01-03T10:00:00+00:00", git={"commit": "b" * 40}, versions={"numpy": "2.3"})
    write(tmp_path / "runs/c", rates=[[0.5]])
    note(tmp_path / "runs/c", start="2026-01-01T10:00:00+00:00", status="failed", error="no space left")
    return tmp_path / "runs"


def test_runs_are_listed_by_time_with_status_outcome_and_what_differs(call, runs):
    status, out, err = call()
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == ["begun", "status", "learned", "settings"]
    assert [line.strip() for line in lines[2::2]] == ["runs/c", "runs/b", "runs/a"]
    assert lines[1].startswith("2026-01-01 10:00  failed             xor (no space left)")
    assert lines[3].startswith("2026-01-02 10:00  finished  1 of 2   xor name=first try tags=[pilot,x]")
    assert max(map(len, lines)) == 80
    assert "hidden_size=8" in call("--wide")[1]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("hidden_size > 4", ["b"]),
        ("status == 'failed'", ["c"]),
        ("success_rate == 1", ["a"]),
        ("`task.name` == 'xor' and test_mse > 0", ["b", "a"]),
        ("tags.str.contains('pilot')", ["b"]),
        ("experiment == 'memory'", ["b"]),
    ],
)
def test_a_query_chooses_runs(call, runs, query, found):
    status, out, _ = call("runs", "--query", query)
    assert status == 0
    assert [line.strip() for line in out.splitlines()[2::2]] == [f"runs/{name}" for name in found]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--query", "hiden > 3"], 2, "--query cannot be answered: hiden > 3: name 'hiden' is not defined"),
        (["--query", "seed =="], 2, "--query cannot be answered: seed ==: "),
        (["--query", "seed == 99"], 1, "no run is found that the query is true of below runs"),
        (["nowhere"], 1, "there is no directory nowhere"),
    ],
)
def test_a_mistake_is_one_line(call, runs, arguments, status, message):
    *found, err = call(*arguments)
    assert found == [status, ""]
    assert err.startswith(f"elman-runs: {message}")
    assert err.count("\n") == 1


def test_where_runs_come_from_is_a_column_and_may_make_the_rows_of_a_comparison(runs):
    frame = elman.load_runs(runs).set_index("run")
    row = frame.loc[str(runs / "b")]
    assert (row["name"], row["tags"], row["experiment"]) == ("first try", '["pilot", "x"]', "memory")
    assert (row["overrides"], row["commit"], row["versions.numpy"]) == ("experiment=memory", "a" * 40, "2.4")
    table = compare(runs, by=["commit", "versions.numpy", "name"]).table
    assert table["commit"].tolist() == ["a" * 40, "b" * 40]
    assert table["versions.numpy"].tolist() == ["2.4", "2.3"]
    assert table["name"].fillna("").tolist() == ["first try", ""]
    assert compare(runs).table.columns[0] not in ("name", "tags")
