import json
import logging
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL, TINY, command, csvs

import elman
from elman import circumstances, progress
from elman.cli import compose
from elman.cli.log_file import LogFile
from elman.config import SHARED
from elman.errors import ConfigError
from elman.runner import run
from elman.tables import TABLES
from elman.tasks import options
from elman.trainers import BACKENDS

LONG = ("task.length=30", "task.test_length=30", "epochs=100000000", "evaluate_every=0", "figures=false")


def only_run(directory):
    (found,) = directory.rglob("run.json")
    return found.parent


def test_a_run_ends_with_its_report_and_the_files_of_the_contract(here):
    done = command(*TINY)
    assert done.returncode == 0, done.stderr
    directory = only_run(here)
    assert re.fullmatch(r"runs/xor/\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_\w+", str(directory.relative_to(here)))
    assert {path.name for path in directory.iterdir()} == {
        "losses.csv", "learning_curve.csv", "position_errors.csv", "bit_errors.csv", "predictions.csv",
        "hidden_states.csv", "cycle_errors.csv", "ngrams.csv", "symbols.csv", "units.csv", "summary.csv",
        "weights.npz", "run.json", "figures",
        "elman.log", ".hydra",
    }  # fmt: skip
    assert {path.name for path in (directory / ".hydra").iterdir()} == {"config.yaml", "hydra.yaml", "overrides.yaml"}
    loss = pd.read_csv(directory / "losses.csv").set_index("epoch")["loss"]
    assert done.stderr.splitlines() == [f"Epoch 20/20, loss {loss[20]:.6f}"]
    assert done.stdout.strip().endswith(f"Files are in {directory.relative_to(here)}")
    log = (directory / "elman.log").read_text()
    assert f"Epoch 20/20, loss {loss[20]:.6f}" in log
    assert "Errors over 59 test steps" in done.stdout
    assert "Errors over 59 test steps" in log
    entry = json.loads((directory / "run.json").read_text())
    assert entry["overrides"] == list(TINY)
    assert entry["status"] == "finished"
    assert {"compose", "streams", "compile", "train", "evaluate", "tables", "total"} <= entry["seconds"].keys()


def test_the_command_and_the_python_interface_give_the_same_numbers(call, here):
    assert call(*SMALL["cv"], "figures=false", "replicates=2")[0] == 0
    result = run(elman.settings(*SMALL["cv"], "replicates=2"))
    for name, text in csvs(only_run(here)).items():
        assert text.decode() == TABLES[name.removesuffix(".csv")](result).to_csv(index=False)


def test_the_same_command_twice_writes_the_same_bytes(call, here):
    for _ in range(2):
        assert call(*TINY, "replicates=2", "figures=false")[0] == 0
    one, other = (path.parent for path in here.rglob("run.json"))
    assert csvs(one) == csvs(other)
    assert len(csvs(one)) == 11


@pytest.mark.parametrize(
    "overrides",
    [
        ("hiden_size=3",),
        ("hidden_size=0",),
        ("learning_rate=nan",),
        ("hidden_size=many",),
        ("task=tea",),
        ("experiment=tea",),
        ("backend=tea",),
        ("task.length=2",),
        ("hidden_size=3,4",),
        ("+noise=0.9",),
        ("task=null",),
        ("experiment=null",),
        ("=3",),
        ("epochs=10000000000000",),
        ("hydra.bogus=3",),
        ("-m", "hidden_size=3,0"),
        ("-m", "hidden_size=3,4", "learning_rate=0.1,nan"),
        ("-m", "hidden_size=3,4", "task=xor,tea"),
        ("-m", "experiment=glob(*)", "seed=-1"),
    ],
)
def test_bad_input_ends_in_one_line_and_writes_nothing(call, here, overrides):
    status, out, err = call(*overrides)
    assert status == 2
    assert out == ""
    assert re.fullmatch(r"elman: .+\n", err)
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("directory", ["file", "file/below", "/proc/nowhere/run"])
def test_a_directory_that_cannot_be_made_ends_in_one_line(call, here, directory):
    (here / "file").write_text("in the way")
    status, out, err = call(*TINY, f"hydra.run.dir={directory}")
    assert status == 1
    assert re.fullmatch(r"elman: .+: .+\n", err)
    assert out == ""
    assert (here / "file").read_text() == "in the way"


def test_a_full_disk_ends_in_one_line_and_leaves_no_results(here):
    BACKENDS["numba"]()  # compiled here, where there is room for numba's cache
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))"
    program = f"{limited}; from elman.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", program, *TINY, "hydra.run.dir=run"], capture_output=True, text=True)
    assert done.returncode == 1
    assert re.fullmatch(r"elman: .+/run/[\w/]+\.\w+: File too large", done.stderr.splitlines()[-1])
    assert "Traceback" not in done.stderr
    assert {path.name for path in (here / "run").iterdir()} == {"run.json", "elman.log"}
    assert json.loads((here / "run" / "run.json").read_text())["status"] == "failed"


@pytest.mark.parametrize("file", ["/dev/full", "nowhere/elman.log"])
def test_a_log_that_cannot_be_written_ends_with_one_line(file, here, capsys):
    if file == "/dev/full" and not Path(file).exists():
        pytest.skip("there is no /dev/full")
    handler = LogFile(file, delay=True)
    for number in range(3):
        handler.handle(logging.makeLogRecord({"msg": f"line {number}"}))
    handler.close()
    reason = "No space left on device" if file == "/dev/full" else "No such file or directory"
    assert capsys.readouterr().err == f"{Path(file).absolute()} is not written any more: {reason}\n"


def test_directories_that_were_there_before_a_refused_run_stay(call, here, monkeypatch):
    def refuse(*given, **more):
        raise ConfigError("seed must be another")

    (here / "mine").mkdir()
    monkeypatch.setattr("elman.runner.run_into", refuse)
    for directory in ("mine", "mine/new/run", "new/run"):
        assert call(*TINY, f"hydra.run.dir={directory}") == (2, "", "elman: seed must be another\n")
        assert [path.name for path in here.rglob("*")] == ["mine"]


def test_a_current_directory_that_was_removed_is_named(here):
    program = "import os; from elman.__main__ import main; os.rmdir(os.getcwd()); main()"
    (here / "gone").mkdir()
    done = subprocess.run([sys.executable, "-c", program], cwd=here / "gone", capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "elman: the current directory does not exist any more\n")


def test_functions_that_hydra_cannot_read_without_asserts_are_named(here):
    done = command("-m", "seed=range(1,3)", env={**os.environ, "PYTHONOPTIMIZE": "1"})
    message = "elman: cannot read seed=range(1,3): Hydra reads functions only where PYTHONOPTIMIZE is not set\n"
    assert (done.returncode, done.stderr) == (2, message)


def test_git_is_not_looked_for_where_a_job_says(call, here, monkeypatch):
    (here / "git").write_text(f"#!/bin/sh\ntouch '{here}/ran'\n")
    (here / "git").chmod(0o755)
    circumstances._git.cache_clear()
    assert call(*TINY, "figures=false", "hydra.run.dir=run", f"+hydra.job.env_set.PATH='{here}'")[0] == 0
    assert not (here / "ran").exists()


def test_another_run_in_the_directory_is_refused_and_kept(call, here):
    assert call(*TINY, "figures=false", "hydra.run.dir=run")[0] == 0
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    status, _, err = call(*TINY, "figures=false", "hydra.run.dir=run", "seed=1")
    assert status == 1
    assert re.fullmatch(r"elman: .+run: this directory holds a run of other settings; overwrite=true .+\n", err)
    status, out, _ = call(*TINY, "figures=false", "hydra.run.dir=run")
    assert status == 0
    assert "run holds the finished run of these settings already" in out
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before
    assert call(*TINY, "figures=false", "hydra.run.dir=run", "seed=1", "overwrite=true")[0] == 0


@pytest.fixture
def training(start):
    """A run that would take hours, and trains by now."""
    process = start(*LONG, "hydra.run.dir=run")
    while "Epoch" not in process.stderr.readline():
        assert process.poll() is None
    return process


def test_ctrl_c_leaves_an_interrupted_run_and_no_traceback(training, here):
    process = training
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.endswith("elman: interrupted\n")
    assert "Traceback" not in err
    assert json.loads((here / "run" / "run.json").read_text())["status"] == "interrupted"


def test_a_killed_run_is_marked_as_running_and_can_be_given_again(training, call, here):
    process = training
    status, _, err = call(*LONG, "hydra.run.dir=run")
    assert status == 1
    assert "another process is writing to this directory" in err
    process.kill()
    process.communicate(timeout=60)
    entry = json.loads((here / "run" / "run.json").read_text())
    assert entry["status"] == "running"
    assert csvs(here / "run") == {}
    entry["settings"] = {**entry["settings"], "epochs": 20}  # as if the run had been a short one
    (here / "run" / "run.json").write_text(json.dumps(entry))
    assert call(*LONG, "epochs=20", "hydra.run.dir=run")[0] == 0
    assert json.loads((here / "run" / "run.json").read_text())["status"] == "finished"
    assert not (here / "run" / ".lock").exists()


def test_ctrl_c_while_compiling_ends_like_any_other(start, here):
    process = start(*LONG, "hydra.run.dir=run", env=os.environ | {"NUMBA_CACHE_DIR": str(here / "empty")})
    while not (here / "run" / "run.json").exists():
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(1.0)  # numba is imported by now and compiles, or has compiled: either way it must end well
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert json.loads((here / "run" / "run.json").read_text())["status"] == "interrupted"


def test_a_run_without_enough_memory_fails_in_one_line(call, here):
    status, _, err = call(*TINY, "hidden_size=100000000", "hydra.run.dir=run")
    assert status == 2
    assert re.fullmatch(r"elman: hidden_size must be so small that memory holds it: 100000000 takes .+\n", err)


def test_nobody_need_read_the_report_to_its_end(here):
    done = subprocess.run(
        f"{sys.executable} -m elman {' '.join(TINY)} | head -n 1", shell=True, capture_output=True, text=True
    )
    assert "Error" not in done.stderr
    assert json.loads((only_run(here) / "run.json").read_text())["status"] == "finished"


def test_a_loss_that_is_no_longer_finite_fails_in_one_line(call, here):
    status, _, err = call(*TINY, "initial_scale=1e308", "hidden_size=20")
    assert status == 1
    assert re.fullmatch(r"elman: the loss .+ is not finite in epoch 1; a learning_rate below 0.1 may help\n", err)
    assert json.loads((only_run(here) / "run.json").read_text())["status"] == "failed"


@pytest.mark.parametrize("overrides", [["a/b=1"], ["a_b=1"], ["x" * 300], ["x" * 301], []])
def test_a_job_has_a_safe_and_short_name_of_its_own(overrides):
    name = compose.subdirectory(overrides)
    assert re.fullmatch(r"[\w=.,+-]{1,150}", name)
    others = [["a/b=1"], ["a_b=1"], ["x" * 300], ["x" * 301], []]
    assert [compose.subdirectory(other) for other in others].count(name) == 1


def test_help_lists_every_setting_with_its_help_and_every_choice(call, here):
    status, out, _ = call("--help", "hidden_size=9")
    assert status == 0
    for key, field in SHARED.items():
        assert re.search(rf"^  {key} +{re.escape(field.metadata['meaning'])}", out, re.MULTILINE)
        assert re.search(rf"^{key}:", out, re.MULTILINE)
    for name in ("experiment", "elman_cv", "hydra.run.dir"):
        assert name in out
    assert "hidden_size: 9\n" in out
    assert list(here.iterdir()) == []


def test_help_explains_the_settings_of_a_task_that_is_named(call):
    out = call("--help", "task=words")[1]
    for key in options("words"):
        assert re.search(rf"^  task.{key} +\w+", out, re.MULTILINE)
    assert re.search(r"^  task.lexicon +different words of the letters a to z, at least two$", out, re.MULTILINE)


def test_hydras_own_flags_still_work(call, here):
    status, out, _ = call("--cfg", "job", "hidden_size=9")
    assert status == 0
    assert "hidden_size: 9" in out
    (here / "mine" / "experiment").mkdir(parents=True)
    (here / "mine" / "experiment" / "own.yaml").write_text("# @package _global_\nhidden_size: 7\n")
    status, out, _ = call("--config-dir", "mine", "experiment=own", *TINY, "figures=false")
    assert status == 0
    assert "1-7-1" in out


@pytest.mark.parametrize(
    ("launcher", "plugin", "extra"),
    [("joblib", "joblib", "joblib"), ("ray_cluster", "ray", "ray"), ("slurm", "submitit_slurm", "slurm")],
)
def test_a_launcher_that_is_not_installed_is_named_with_its_extra(call, launcher, plugin, extra):
    if find_spec("hydra_plugins") and find_spec(f"hydra_plugins.hydra_{plugin.removesuffix('_slurm')}_launcher"):
        pytest.skip(f"the extra {extra} is installed")
    message = f"elman: hydra/launcher={plugin} needs one more package: pip install 'elman[{extra}]'\n"
    assert call("-m", f"hydra/launcher={launcher}", "seed=1,2") == (2, "", message)


def test_the_version_is_elmans(call):
    assert call("--version")[:2] == (0, f"elman {elman.__version__}\n")


def test_a_terminal_gets_a_progress_bar_in_place_of_lines(here):
    terminal, stderr = pty.openpty()
    termios.tcsetwinsize(stderr, (24, 80))
    with subprocess.Popen(
        [sys.executable, "-m", "elman", *TINY, "figures=false"], stdout=subprocess.DEVNULL, stderr=stderr, cwd=here
    ) as process:
        os.close(stderr)
        shown = b""
        while True:
            try:
                shown += os.read(terminal, 4096)
            except OSError:  # the other end is closed
                break
    os.close(terminal)
    assert process.returncode == 0
    assert re.search(rb"loss 0\.2\d{5}", shown)
    assert b"epoch 20/20" in shown
    assert b"Epoch 20/20" not in shown
    assert "Epoch 20/20, loss 0." in (only_run(here) / "elman.log").read_text()


def test_lines_of_progress_come_by_time_with_the_time_left_and_after_the_last_epoch(monkeypatch, caplog):
    clock = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: clock[0])
    tell = progress.in_lines(20, logging.INFO)
    with caplog.at_level(logging.INFO, logger="elman"):
        for done in (0.5, 1, 2, 3, 10, 11, 20):
            clock[0] = 4 * done
            tell(done, np.full(3, np.nan if done < 1 else 1 / done))
    of = "(median of 3 networks)"
    assert caplog.messages == [
        f"Epoch 3/20, loss 0.333333 {of}, about 68 s left",
        f"Epoch 10/20, loss 0.100000 {of}, about 40 s left",
        f"Epoch 20/20, loss 0.050000 {of}",
    ]


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (99, "99 s"), (100, "2 min"), (9000, "2 h 30 min")])
def test_a_duration_is_said_as_one_would(seconds, text):
    assert progress.duration(seconds) == text


def test_importing_the_package_is_quick_because_it_imports_nothing_heavy():
    program = "import sys, elman.cli; print(sorted({'numba', 'pandas', 'matplotlib', 'numpy'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=Path(__file__).parent)
    assert done.stdout == "[]\n"
