"""Settings for small runs, and finished runs that several tests read."""

import os
import signal
import sys
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
    "text": ("task=text", f"task.file='{Path(__file__).parent / 'twinkle.txt'}'", "epochs=25", "hidden_size=5"),
}


def lengths(task, practice, test):
    """Settings for streams of so many elements, where a task lets one choose."""
    return () if task == "text" else (f"task.length={practice}", f"task.test_length={test}")


@pytest.fixture(scope="session", params=SMALL)
def finished(request, tmp_path_factory):
    """(directory, result) of a small run of three networks, for each task."""
    import elman
    from elman.runner import run_into

    directory = tmp_path_factory.mktemp(request.param) / "run"
    return directory, run_into(directory, elman.settings(*SMALL[request.param], "replicates=3"))
