"""Damage of every kind to every file of a finished run: each reader names it in one line, or leaves the run out.

A share of the cases is tried; all of them with ELMAN_EVERY_BAD_INPUT=1.
"""

import json
import re
import shutil
import warnings
from contextlib import suppress

import pytest
from conftest import SMALL
from test_bad_input import SHARE, is_one_short_line

import elman
from elman.errors import ConfigError, RunDirectoryError
from elman.runner import run_into

RUN = (*SMALL["cv"], "occurrences=[b,d]", "replicates=2")


def flipped(content):
    return content[: len(content) // 2] + bytes([content[len(content) // 2] ^ 0xFF]) + content[len(content) // 2 + 1 :]


DAMAGES = {
    "cut short": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "another kind of file": lambda path: path.write_bytes(bytes(range(256)) * 20),
    "a byte changed": lambda path: path.write_bytes(flipped(path.read_bytes())),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "words for numbers": lambda path: path.write_bytes(re.sub(rb"\b0\.\d+", b"many", path.read_bytes())),
    "a first line alone": lambda path: path.write_bytes(path.read_bytes().partition(b"\n")[0] + b"\n"),
    "removed": lambda path: path.unlink(),
    "a directory": lambda path: (path.unlink(), path.mkdir()),
    "a link to itself": lambda path: (path.unlink(), path.symlink_to(path)),
}


def compare(run):
    elman.compare(run.parent)


def load(run):
    for table in ("summary", "losses", "hidden_means"):
        elman.load(table, run.parent)


def start_from(run):
    elman.settings(*RUN, f"weights_from='{run}'", "epochs=0")


def reopen(run):
    result = elman.open_run(run)
    assert result.tables()
    assert result.weights.W_ih.shape == (2, 5, 6)
    assert result.outputs.shape[:1] == (2,)


def plot(run):
    elman.plot("weights", run)


def run_again(run):
    run_into(run, elman.settings(*RUN, "figures=false"))
    assert json.loads((run / "run.json").read_text())["status"] == "finished"


READERS = (compare, load, elman.load_runs, start_from, reopen, plot, run_again)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    directory = tmp_path_factory.mktemp("damage") / "whole"
    run_into(directory, elman.settings(*RUN, "figures=false"))
    return directory


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_to_a_file_of_a_run_is_named_in_one_line(damage, whole, tmp_path):
    files = sorted(path.name for path in whole.iterdir() if path.is_file() and path.name != "weights.npz")
    shutil.copytree(whole, tmp_path / "runs" / "other")
    for file in ["weights.npz", *files[list(DAMAGES).index(damage) % SHARE :: SHARE]]:
        for reader in READERS:
            run = tmp_path / "runs" / "run"
            shutil.copytree(whole, run)
            DAMAGES[damage](run / file)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                try:
                    reader(run)
                    told = []
                except (ConfigError, RunDirectoryError, FileNotFoundError) as error:
                    told = [str(error)]
            assert not told or reader not in (compare, load), (file, reader)  # because the other run is whole
            told += [str(warning.message) for warning in caught]
            assert all(map(is_one_short_line, told)), (file, reader, told)
            with suppress(FileNotFoundError):
                shutil.rmtree(run)
