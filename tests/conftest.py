"""Settings for small runs, and finished runs that several tests read."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

sys.path.insert(0, str(Path(__file__).parent))
os.environ.pop("HYDRA_FULL_ERROR", None)
signal.signal(
    signal.SIGINT, signal.default_int_handler
)  # a shell has background jobs ignore it, and their children too
hypothesis_settings.register_profile("elman", deadline=None, max_examples=25, derandomize=True)
hypothesis_settings.load_profile("elman")

SMALL = {
    "xor": ("task=xor", "task.length=60", "task.test_length=90", "epochs=25", "hidden_size=3"),
    "cv": ("task=cv", "task.length=61", "task.test_length=90", "epochs=25", "hidden_size=5"),
    "words": ("task=words", "task.length=60", "task.test_length=90", "epochs=25", "hidden_size=5"),
    "sentences": ("task=sentences", "task.length=60", "task.test_length=90", "epochs=25", "hidden_size=5"),
    "grammar": ("task=grammar", "task.length=60", "task.test_length=90", "epochs=25", "hidden_size=5"),
    "text": ("task=text", f"task.file='{Path(__file__).parent / 'twinkle.txt'}'", "epochs=25", "hidden_size=5"),
}


def lengths(task, practice, test):
    """Settings for streams of so many elements, where a task lets one choose."""
    return () if task == "text" else (f"task.length={practice}", f"task.test_length={test}")


TINY = ("task.length=30", "task.test_length=60", "epochs=20")


def csvs(directory):
    return {path.name: path.read_bytes() for path in directory.glob("*.csv")}


def command(*overrides, **more):
    """Run the command line in a process of its own."""
    program = [sys.executable, "-m", "elman", *overrides]
    return subprocess.run(program, capture_output=True, text=True, timeout=100, **more)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def start(here):
    """Start the command line in a process group of its own, which ends with the test at the latest."""
    processes = []

    def run(*overrides, **more):
        program = [sys.executable, "-m", "elman", *overrides]
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        processes.append(subprocess.Popen(program, **pipes, start_new_session=True, **more))
        return processes[-1]

    yield run
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()


@pytest.fixture
def call_main(monkeypatch, capfd):
    """Run the main function of a command in this process; returns exit status, standard output and standard error."""

    def run(main, name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        monkeypatch.setenv("HYDRA_FULL_ERROR", "")  # which is restored after, whatever the command sets
        status = 0
        try:
            main()
        except SystemExit as end:
            status = end.code
        return (status, *capfd.readouterr())

    return run


@pytest.fixture
def call(here, call_main):
    """Run the command line in this process; returns exit status, standard output and standard error."""
    from elman.cli.main import main

    return partial(call_main, main, "elman")


@pytest.fixture(scope="session", params=SMALL)
def finished(request, tmp_path_factory):
    """(directory, result) of a small run of three networks, for each task."""
    import elman
    from elman.runner import run_into

    directory = tmp_path_factory.mktemp(request.param) / "run"
    return directory, run_into(directory, elman.settings(*SMALL[request.param], "replicates=3"))


@pytest.fixture(scope="session")
def drawn(finished):
    """The figures of a small run, by name."""
    from elman import plots

    source = plots.from_directory(finished[0])
    return {name: figure for name in plots.PLOTS if (figure := plots.figure(source, name))}
