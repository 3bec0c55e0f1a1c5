"""Kills elman at random moments; holds what is left, and what the same command then makes of it, against a whole run.

python tests/bench/kills.py [KILLS [SEED]]

Each kill is a SIGKILL while a command writes: a run, one that an earlier kill left, one that replaces another, figures
that are drawn into a finished run, a sweep, or a comparison. No file may be torn, and the same command must end with
the same bytes and all figures. Prints a line for each kind of command.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

KILLS, SEED = 100, 1990
RUN = ("task.length=60", "task.test_length=60", "epochs=40", "replicates=2", "hydra.run.dir=it")
SWEEP = ("-m", *RUN[:-1], "figures=false", "seed=1,2,3", "hydra.sweep.dir=it")
# Files that tell times or places, or that are no result: another try may write something else into them.
OF_A_TRY = {"run.json", "elman.log", "multirun.yaml", "hydra.yaml", "config.yaml", "overrides.yaml", "index.html"}
LOCKS = {".lock", ".comparison.lock"}
PATIENCE = 100  # seconds that a command may take


class Kind(NamedTuple):
    """A command that is killed, in a directory where others have run before."""

    command: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()
    killed_before: bool = False
    """Whether the command has been killed once already when it is killed."""


KINDS = {
    "run": Kind(("elman", *RUN)),
    "resume": Kind(("elman", *RUN), killed_before=True),
    "overwrite": Kind(("elman", *RUN, "overwrite=true"), (("elman", *RUN, "seed=1", "task=cv"),)),
    "figures": Kind(("elman", *RUN), (("elman", *RUN, "figures=false"),)),
    "sweep": Kind(("elman", *SWEEP)),
    "comparison": Kind(("elman-compare", "it", "--out", "it"), (("elman", *SWEEP),)),
}


def start(command: tuple[str, ...], here: Path) -> subprocess.Popen[bytes]:
    """Start a command in a process group of its own."""
    module = {"elman": "elman", "elman-compare": "elman.cli.compare"}[command[0]]
    program = f"import sys; from {module} import main; sys.exit(main())" if module != "elman" else ""
    python = [sys.executable, *(["-c", program] if program else ["-m", module])]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen([*python, *command[1:]], cwd=here, start_new_session=True, **quiet)


def finish(command: tuple[str, ...], here: Path) -> None:
    """Run a command to its end."""
    process = start(command, here)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, f"status {process.returncode} of {' '.join(command)}: {err.decode()}"


def contents(here: Path) -> dict[str, bytes]:
    """The bytes of each result below a directory."""
    besides = OF_A_TRY | LOCKS
    files = [path for path in sorted((here / "it").rglob("*")) if path.is_file() and path.name not in besides]
    return {str(path.relative_to(here)): path.read_bytes() for path in files}


def state(here: Path) -> dict[str, int]:
    """When each file below a directory was changed."""
    return {str(path): path.stat().st_mtime_ns for path in here.rglob("*.json")} | {"": sum(1 for _ in here.rglob("*"))}


def until_it_writes(process: subprocess.Popen[bytes], here: Path, before: dict[str, int]) -> float:
    """Wait until a command writes its first file, and return the time."""
    while process.poll() is None:
        try:
            if state(here) != before:
                break
        except FileNotFoundError:  # replaced in this moment
            break
        time.sleep(0.002)
    return time.perf_counter()


def kill(command: tuple[str, ...], here: Path, seconds: float) -> bool:
    """Kill a command so many seconds after it has begun to write; whether it still ran."""
    before = state(here)
    process = start(command, here)
    until_it_writes(process, here, before)
    time.sleep(seconds)
    was_running = process.poll() is None
    if was_running:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return was_running


class Whole(NamedTuple):
    """What a kind of command makes of its directory if nobody kills it."""

    prepared: Path
    """The directory before the command."""
    earlier: dict[str, bytes]
    results: dict[str, bytes]
    seconds: float
    """From its first file to its end."""


def whole(kind: Kind, here: Path) -> Whole:
    """Prepare a directory for a kind of command, and run the command in a copy of it."""
    prepared, copy = here / "prepared", here / "whole"
    prepared.mkdir(parents=True)
    for command in kind.before:
        finish(command, prepared)
    shutil.copytree(prepared, copy)
    before = state(copy)
    process = start(kind.command, copy)
    began = until_it_writes(process, copy, before)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err.decode()
    return Whole(prepared, contents(prepared), contents(copy), time.perf_counter() - began)


def check_not_torn(here: Path, expected: Whole) -> None:
    """See that each file has its whole content, of this command or of an earlier one."""
    for name, content in contents(here).items():
        if not name.endswith(".part"):
            assert content in (expected.results.get(name), expected.earlier.get(name)), f"{name} is torn"
    for path in here.rglob("run.json"):
        json.loads(path.read_bytes())


def try_one(kind: Kind, expected: Whole, here: Path, share: float) -> bool:
    """Kill a command after a share of its time, and run it again; whether it was killed in time.

    Raises:
        AssertionError: for a torn file, or other bytes in the end.
    """
    shutil.copytree(expected.prepared, here)
    if kind.killed_before:
        kill(kind.command, here, expected.seconds / 2)
        check_not_torn(here, expected)
    was_killed = kill(kind.command, here, share * expected.seconds)
    check_not_torn(here, expected)
    finish(kind.command, here)
    results = contents(here)
    differing = [name for name in {*results, *expected.results} if results.get(name) != expected.results.get(name)]
    assert not differing, f"other bytes in {', '.join(sorted(differing))}"
    assert not any(path.name in LOCKS for path in here.rglob("*")), "a lock was left"
    return was_killed


def main() -> None:
    """Kill as often as asked, by turns each kind of command."""
    count, seed = [*map(int, sys.argv[1:]), *(KILLS, SEED)[len(sys.argv) - 1 :]]
    rng = random.Random(seed)
    tried, faults = Counter[str](), list[str]()
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        expected = {kind: whole(KINDS[kind], here / kind) for kind in KINDS}
        while tried.total() < count:
            kind, share = list(KINDS)[tried.total() % len(KINDS)], rng.random()
            place = here / kind / "killed"
            try:
                was_killed = try_one(KINDS[kind], expected[kind], place, share)
            except AssertionError as error:
                was_killed = True
                faults.append(f"{kind}, killed after {share:.0%} of its time: {error}")
                print(faults[-1], file=sys.stderr, flush=True)
            shutil.rmtree(place)
            tried[kind] += was_killed
    for kind, times in tried.items():
        print(f"{kind:<12}{times:>4} kills")
    print(f"{len(faults)} of {tried.total()} left a torn file or ended otherwise")
    raise SystemExit(1 if faults else 0)


if __name__ == "__main__":
    main()
