"""A sweep as its user sees it: a count of its runs while they go on, wherever that is, and the comparison at its end.

Both are made from the runs' directories alone, so they are the same for every launcher.
"""

import json
import sys
import threading
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from elman import run_json, rundir
from elman.cli.echo import echo
from elman.config import Settings
from elman.files import file_hashes
from elman.runs import Run, find_runs

_PERIOD = 0.5  # seconds between two looks at the directories
_LISTED = 20  # runs that did not finish, at most


@dataclass(frozen=True)
class Sweep:
    """What is to be run, and where."""

    directory: Path
    jobs: Mapping[str, Sequence[str]] | None
    """The overrides of each run by the fingerprint of its settings; None where the sweeper chooses as it goes."""


@contextmanager
def watch(sweep: Sweep) -> Iterator[None]:
    """Say on stderr, whenever a run of the sweep ends, how it ended and how many are done, running and failed."""
    _finished_before.cache_clear()
    before = {run.directory: run.entry.get("start") for run in _runs(sweep) if run.entry["status"] != "finished"}
    over = threading.Event()

    def look() -> None:
        known: dict[Path, Run] = {}  # those that have ended
        first = True
        while True:
            last = over.wait(0 if first else _PERIOD)
            ended: list[Run] = []
            running = 0
            for run in _runs(sweep, known):
                if before.get(run.directory, "") == run.entry.get("start"):
                    continue  # what an earlier command left unfinished
                if run.entry["status"] == "running":
                    running += 1
                else:
                    ended.append(run)
            for run in ended:
                known[run.directory] = run
                if not first:
                    _tell(f"{_count(sweep, known, running)} | {_name(sweep, run)}: {_outcome(run)}")
            if first:
                _tell(f"{_count(sweep, known, running)} | {_shown(sweep.directory)}")
                _tell_makers(known.values())
            first = False
            if last:
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _tell_makers(done: Iterable[Run]) -> None:
    """Say which runs are not run again although another version of the code made them."""
    today = run_json.maker(rundir.circumstances())
    makers = Counter(maker for run in done if (maker := run_json.maker(run.entry)) != today)
    for maker, n in makers.items():
        _tell(f"{n} of the runs done {'was' if n == 1 else 'were'} made by {maker}; this is {today}")


def find_finished(directory: Path, settings: Settings) -> Path | None:
    """The directory of the finished run of some settings that this process first found in a sweep's directory.

    Its name may be another than today's command would give it: overrides may be written otherwise, or in another order.
    """
    plain = asdict(settings)
    return _finished_before(directory).get(run_json.fingerprint(plain, file_hashes(plain)))


@cache  # so that a job need not read the run.json of all others
def _finished_before(directory: Path) -> dict[str, Path]:
    runs = find_runs(directory)[0] if directory.is_dir() else []
    return {_fingerprint(run): run.directory for run in runs if run.entry["status"] == "finished"}


def finish(sweep: Sweep) -> int:
    """Print the comparison of all finished runs, write it into the sweep's directory, and list what did not finish.

    Returns:
        How many runs did not finish.
    """
    from elman.cli.compare import first_line, write
    from elman.comparison import compare, describe

    found = _runs(sweep)
    try:
        comparison = compare(sweep.directory, planned=map(json.loads, sweep.jobs or ()))
    except FileNotFoundError:  # no finished run, or none that is whole
        pass
    else:
        echo(f"\n{describe(comparison)}")
        try:
            write(comparison, sweep.directory)
        except Exception as error:  # the answer and the list of failures are not lost for a file or a figure
            _tell(f"\nthe comparison could not be written: {first_line(error)}")
        else:
            echo(f"\ncomparison.csv, comparison.png and the runs are in {_shown(sweep.directory)}")
    failures = _failures(sweep, found)
    if failures:
        total = f" of {len(sweep.jobs)}" if sweep.jobs is not None else ""
        _tell(f"\n{len(failures)}{total} runs did not finish:")
        for failure in failures[:_LISTED]:
            _tell(f"  {failure}")
        if len(failures) > _LISTED:
            _tell(f"  and {len(failures) - _LISTED} more")
        _tell(f"The same command with hydra.sweep.dir={_shown(sweep.directory)} does only what is missing.")
    return len(failures)


def _runs(sweep: Sweep, besides: "dict[Path, Run] | None" = None) -> list[Run]:
    """The runs in the sweep's directory that belong to it; besides those that are known already."""
    return [run for run in _all_runs(sweep, besides or {}) if sweep.jobs is None or _fingerprint(run) in sweep.jobs]


def _all_runs(sweep: Sweep, besides: Container[Path] = ()) -> list[Run]:
    """All runs in the sweep's directory that can be read, besides those in some directories."""
    return find_runs(sweep.directory, besides=besides)[0] if sweep.directory.is_dir() else []


def _fingerprint(run: Run) -> str:
    return run_json.fingerprint(run.entry["settings"], run.entry.get("files", {}))


def _failures(sweep: Sweep, found: Sequence[Run]) -> list[str]:
    """A line for each run that did not finish, with the reason if it is known."""
    finished = {_fingerprint(run) for run in found if run.entry["status"] == "finished"}
    failed = [run for run in found if _fingerprint(run) not in finished]
    there = finished | {_fingerprint(run) for run in failed}
    missing = [job for settings, job in (sweep.jobs or {}).items() if settings not in there]
    refused = {frozenset(run.entry.get("overrides", [])) for run in _all_runs(sweep)}
    return [f"{_name(sweep, run)}: {_outcome(run)}" for run in failed] + [
        f"{name(job, sweep.jobs)}: "
        + ("its directory holds another run" if frozenset(job) in refused else "it left no run")
        for job in missing
    ]


def _name(sweep: Sweep, run: Run) -> str:
    jobs = sweep.jobs or {}
    return name(jobs.get(_fingerprint(run), run.entry.get("overrides", [])), sweep.jobs)


def name(overrides: Sequence[str], jobs: Mapping[str, Sequence[str]] | None) -> str:
    """A job of a sweep, by those of its overrides that not all jobs have."""
    common = set.intersection(*map(set, jobs.values())) if jobs else set()
    return " ".join(override for override in overrides if override not in common) or " ".join(overrides) or "the run"


def _outcome(run: Run) -> str:
    status = run.entry["status"]
    if status == "failed":
        return f"failed: {run.entry.get('error', '')}"
    if status == "running":
        return "another process is running it" if rundir.is_locked(run.directory) else "it was killed"
    if status == "interrupted":
        return "interrupted"
    from elman import report, runs

    return report.in_one_line(runs.read(run.directory, "summary"))


def _count(sweep: Sweep, known: dict[Path, Run], running: int) -> str:
    last = {_fingerprint(run): run.entry["status"] for run in known.values()}  # two jobs may have the same settings
    done, failed, interrupted = (
        sum(s == which for s in last.values()) for which in ("finished", "failed", "interrupted")
    )
    total = f" of {len(sweep.jobs)}" if sweep.jobs is not None else ""
    count = f"{done}{total} runs done, {running} running, {failed} failed"
    return f"{count}, {interrupted} interrupted" if interrupted else count


def _shown(directory: Path) -> Path:
    return directory.relative_to(Path.cwd()) if directory.is_relative_to(Path.cwd()) else directory


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
