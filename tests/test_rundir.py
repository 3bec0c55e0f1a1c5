import errno
import json
import os
from dataclasses import asdict

import pytest
from conftest import csvs
from filelock import FileLock, UnixFileLock

import elman
from elman import plots, rundir
from elman.runner import run_into

SMALL = ("task.length=9", "task.test_length=9", "epochs=2", "figures=false")


def settings(*overrides):
    return elman.settings(*SMALL, *overrides)


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


def test_the_finished_run_of_the_same_settings_is_left_as_it_is(tmp_path):
    assert run_into(tmp_path, settings()) is not None
    before = contents(tmp_path)
    assert run_into(tmp_path, settings()) is None
    assert contents(tmp_path) == before


def test_figures_can_be_drawn_later(tmp_path):
    run_into(tmp_path, settings())
    before = csvs(tmp_path)
    assert run_into(tmp_path, settings("figures=true")) is None
    drawn = contents(tmp_path / "figures")
    assert csvs(tmp_path) == before
    run_into(tmp_path, settings("figures=true", "overwrite=true"))
    assert contents(tmp_path / "figures") == drawn
    (tmp_path / "figures" / "weights.png").unlink()
    (tmp_path / "figures" / "training_loss.png").write_bytes(b"mine")
    assert run_into(tmp_path, settings("figures=true")) is None
    assert contents(tmp_path / "figures") == drawn | {"training_loss.png": b"mine"}


def test_a_figure_that_fails_is_a_warning_and_its_run_is_finished(tmp_path, monkeypatch, caplog):
    def fail(run):
        raise RuntimeError("no glyph\nfor this")

    monkeypatch.setitem(plots.PLOTS, "weights", fail)
    run_into(tmp_path, settings("figures=true"))
    assert [record.getMessage() for record in caplog.records] == [
        "the figure weights was not drawn: RuntimeError: no glyph"
    ]
    entry = json.loads((tmp_path / "run.json").read_text())
    assert entry["status"] == "finished"
    assert entry["seconds"]["figures"] > 0
    assert "weights.png" in entry["figures"]
    assert (tmp_path / "figures" / "training_loss.png").exists()
    assert not (tmp_path / "figures" / "weights.png").exists()


def test_a_run_that_is_killed_while_its_figures_are_drawn_is_finished(tmp_path, monkeypatch):
    def die(run):
        raise SystemExit

    monkeypatch.setitem(plots.PLOTS, "weights", die)
    with pytest.raises(SystemExit):
        run_into(tmp_path, settings("figures=true"))
    monkeypatch.undo()
    assert json.loads((tmp_path / "run.json").read_text())["status"] == "finished"
    assert run_into(tmp_path, settings("figures=true")) is None
    assert (tmp_path / "figures" / "weights.png").exists()


def test_a_run_of_other_settings_is_refused_unless_it_may_be_overwritten(tmp_path):
    run_into(tmp_path, settings())
    before = contents(tmp_path)
    with pytest.raises(rundir.RunDirectoryError, match=r"holds a run of other settings; overwrite=true"):
        run_into(tmp_path, settings("seed=1"))
    assert contents(tmp_path) == before
    result = run_into(tmp_path, settings("seed=1", "overwrite=true"))
    assert result is not None
    assert f"{result.losses[0, 0]!r}".split("(")[-1].rstrip(")") in (tmp_path / "losses.csv").read_text()


def test_overwriting_leaves_nothing_of_the_other_run(tmp_path):
    run_into(tmp_path, settings("figures=true"))
    assert (tmp_path / "cycle_errors.csv").exists() is False  # nine elements have no cycle of twelve
    (tmp_path / "cycle_errors.csv").write_text("left by another run\n")
    (tmp_path / "cycle_errors.csv.part").write_text("left by another run\n")
    run_into(tmp_path, settings("overwrite=true"))
    assert not list(tmp_path.glob("cycle_errors*"))
    assert not (tmp_path / "figures").exists()


def test_a_run_is_another_one_where_a_file_that_it_read_has_changed(tmp_path):
    book, run = tmp_path / "book.txt", tmp_path / "run"
    book.write_text("to be or not to be")
    chosen = elman.settings("task=text", f"task.file='{book}'", "epochs=1", "figures=false")
    run_into(run, chosen)
    assert run_into(run, chosen) is None
    book.write_text("to be and not to be")
    with pytest.raises(
        rundir.RunDirectoryError, match=r"holds a run for which task.file held something else; overwrite=true"
    ):
        run_into(run, chosen)
    first = json.loads((run / "run.json").read_text())["files"]
    run_into(tmp_path / "other", chosen)
    assert first.keys() == {"task.file"}
    assert json.loads((tmp_path / "other" / "run.json").read_text())["files"] != first


def test_a_run_that_dies_while_it_replaces_another_is_run_anew(tmp_path, monkeypatch):
    run_into(tmp_path, settings())

    def die(*_):
        raise SystemExit

    monkeypatch.setattr(rundir, "_clear", die)
    with pytest.raises(SystemExit):
        run_into(tmp_path, settings("overwrite=true"))
    monkeypatch.undo()
    assert json.loads((tmp_path / "run.json").read_text())["status"] == "running"
    assert run_into(tmp_path, settings()) is not None


@pytest.mark.parametrize("status", ["running", "failed", "interrupted"])
def test_an_unfinished_run_of_the_same_settings_is_run_anew(tmp_path, status):
    run_into(tmp_path, settings())
    whole = contents(tmp_path)
    entry = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps(entry | {"status": status}))
    (tmp_path / "losses.csv").unlink()
    (tmp_path / "summary.csv.part").write_text("cut off")
    assert run_into(tmp_path, settings()) is not None
    again = contents(tmp_path)
    assert again.keys() == whole.keys()
    assert all(again[name] == whole[name] for name in whole if name.endswith(".csv"))
    assert json.loads(again["run.json"])["status"] == "finished"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"status": "finished"}', '{"status": "finished", "settings": 3}'])
def test_a_damaged_run_json_is_refused(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(rundir.RunDirectoryError, match=r"run\.json cannot be read; overwrite=true"):
        run_into(tmp_path, settings())
    assert (tmp_path / "run.json").read_text() == text


@pytest.mark.parametrize("overwrite", ["overwrite=true", "overwrite=false"])
@pytest.mark.parametrize("name", ["losses.csv", "figures/mine.png", ".hydra/config.yaml"])
def test_files_that_a_run_would_replace_are_not_taken_for_its_own(tmp_path, name, overwrite):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("somebody's own")
    with pytest.raises(rundir.RunDirectoryError, match=r"holds \S+ but no run\.json, so it is not a run's"):
        run_into(tmp_path, settings(overwrite), attachments={".hydra/config.yaml": "a: 1\n"})
    assert (tmp_path / name).read_text() == "somebody's own"
    assert not (tmp_path / "run.json").exists()


def test_what_a_run_has_not_written_is_never_removed(tmp_path):
    run_into(tmp_path, settings("figures=true"), attachments={".hydra/config.yaml": "a: 1\n"})
    own = {"x.part", "notes.csv", "figures/mine.png", ".hydra/mine.yaml", "run.csv"}
    for name in own:
        (tmp_path / name).write_text("somebody's own")
    run_into(tmp_path, settings("seed=1", "overwrite=true"))
    there = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert own <= there
    assert {name for name in there if name.startswith(("figures", ".hydra"))} == {
        "figures/mine.png",
        ".hydra/mine.yaml",
    }


def test_a_directory_that_was_there_stays_though_nothing_comes_of_the_run(tmp_path, monkeypatch):
    def full(directory, contents):
        raise OSError(28, "No space left on device", str(directory))

    monkeypatch.setattr(rundir, "write_atomic", full)
    with pytest.raises(OSError, match="No space left"):
        run_into(tmp_path, settings())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_on_a_file_system_without_locks_a_run_goes_on_with_a_warning(tmp_path, monkeypatch, caplog, number):
    def fail(self):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(UnixFileLock, "_acquire", fail)
    assert run_into(tmp_path / "run", settings()) is not None
    assert "this file system has no locks" in caplog.text
    assert not (tmp_path / "run" / ".lock").exists()


def test_a_finished_run_is_recognised_where_nothing_can_be_written(tmp_path, monkeypatch):
    run_into(tmp_path, settings("figures=true"))

    def read_only(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(rundir, "lock", read_only)
    assert run_into(tmp_path, settings("figures=true")) is None


def test_a_directory_that_another_process_writes_to_is_refused_even_to_overwrite(tmp_path):
    with FileLock(tmp_path / ".lock"), pytest.raises(rundir.RunDirectoryError, match="another process is writing"):
        run_into(tmp_path, settings("overwrite=true"))


def test_an_interrupted_run_says_so(tmp_path):
    def interrupt(epoch, losses):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_into(tmp_path, settings(), progress=interrupt)
    assert contents(tmp_path).keys() == {"run.json"}
    assert json.loads((tmp_path / "run.json").read_text())["status"] == "interrupted"


def test_files_are_written_whole_or_not_at_all(tmp_path):
    def breaks_off():
        yield b"comp"
        raise OSError(28, "No space left on device")

    (tmp_path / "one").write_bytes(b"old")
    with pytest.raises(OSError, match="No space left on device") as error:
        rundir.write_atomic(tmp_path, {"one": b"complete", "two": breaks_off()})
    assert error.value.filename == str(tmp_path / "two")
    assert contents(tmp_path) == {"one": b"old"}
    rundir.write_atomic(tmp_path, {"one": iter([b"comp", b"lete"])})
    assert contents(tmp_path) == {"one": b"complete"}


def test_nothing_is_left_of_a_run_that_could_not_write_its_first_file(tmp_path, monkeypatch):
    def full(directory, contents):
        raise OSError(28, "No space left on device", str(directory))

    monkeypatch.setattr(rundir, "write_atomic", full)
    with pytest.raises(OSError, match="No space left"):
        run_into(tmp_path / "run", settings())
    assert not (tmp_path / "run").exists()


def test_the_settings_in_run_json_are_plain_and_complete(tmp_path):
    chosen = settings("replicates=2")
    run_into(tmp_path, chosen, about={"command": ["elman"]}, attachments={".hydra/config.yaml": "a: 1\n"})
    entry = json.loads((tmp_path / "run.json").read_text())
    assert entry["settings"] == asdict(chosen)
    assert entry["command"] == ["elman"]
    assert (tmp_path / ".hydra" / "config.yaml").read_text() == "a: 1\n"
