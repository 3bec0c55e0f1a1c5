"""A sweep and its runs, which are known by the fingerprints of their settings; and its end, the comparison of them.

All is made from the runs' directories alone, so it is the same for every launcher.
"""

import json
import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from elman import run_json, rundir
from elman.cli.echo import echo, tell
from elman.config import Settings
from elman.files import file_hashes
from elman.runs import Run, find_runs

_LISTED = 20  # runs that did not finish, at most


@dataclass(frozen=True)
class Sweep:
    """What is to be run, and where."""

    directory: Path
    jobs: Mapping[str, Sequence[str]] | None
    """The overrides of each run by the fingerprint of its settings; None where the sweeper chooses as it goes."""
    nearest: Path
    """The directory, or the nearest one above it, that was there before."""


class Failed(float):
    """What a job returns that failed: infinity, an optimiser's worst, and the reason, in one line."""

    def __new__(cls, reason: str) -> "Failed":
        """Make one of a reason."""
        return super().__new__(cls, math.inf)

    def __init__(self, reason: str) -> None:
        """Keep the reason."""
        self.reason = reason

    def __reduce__(self) -> tuple[type["Failed"], tuple[str]]:
        return Failed, (self.reason,)


def reasons_in(batches: Any) -> dict[frozenset[str], str]:
    """Why jobs failed, by their overrides, from what Hydra's own sweeper returns; others return something else."""
    jobs = [job for batch in batches for job in batch] if isinstance(batches, list) else []
    return {frozenset(job.overrides): job.return_value.reason for job in jobs if isinstance(job.return_value, Failed)}


def find_finished(directory: Path, settings: Settings) -> Path | None:
    """The directory of the finished run of some settings that this process first found in a sweep's directory.

    Its name may be another than today's command would give it: overrides may be written otherwise, or in another order.
    """
    plain = asdict(settings)
    return _finished_before(directory).get(run_json.fingerprint(plain, file_hashes(plain)))


def forget_finished() -> None:
    """Look at the directories again, for another command in the same process."""
    _finished_before.cache_clear()


@cache  # so that a job need not read the run.json of all others
def _finished_before(directory: Path) -> dict[str, Path]:
    runs = find_runs(directory)[0] if directory.is_dir() else []
    return {fingerprint(run): run.directory for run in runs if run.entry["status"] == "finished"}


def finish(sweep: Sweep, reasons: Mapping[frozenset[str], str]) -> int:
    """Print the comparison of all finished runs, write it into the sweep's directory, and list what did not finish.

    Args:
        sweep: which has ended.
        reasons: why jobs that left no run failed, where they told, by their overrides.

    Returns:
        How many runs did not finish.
    """
    from elman.cli.compare import first_line, write
    from elman.comparison import compare
    from elman.comparison_text import describe

    found = runs_of(sweep)
    try:
        comparison = compare(sweep.directory, planned=map(json.loads, sweep.jobs or ()))
    except FileNotFoundError:  # no finished run, or none that is whole
        pass
    else:
        echo(f"\n{describe(comparison)}")
        try:
            written = write(comparison, sweep.directory)
        except Exception as error:  # the answer and the list of failures are not lost for a file or a figure
            tell(f"\nthe comparison could not be written: {first_line(error)}")
        else:
            echo(f"\n{', '.join(written)} and the runs are in {shown(sweep.directory)}")
    failures = _failures(sweep, found, reasons)
    if failures:
        total = f" of {len(sweep.jobs)}" if sweep.jobs is not None else ""
        tell(f"\n{len(failures)}{total} runs did not finish:")
        for failure in failures[:_LISTED]:
            tell(f"  {failure}")
        if len(failures) > _LISTED:
            tell(f"  and {len(failures) - _LISTED} more")
        tell(f"The same command with hydra.sweep.dir={shown(sweep.directory)} does only what is missing.")
    return len(failures)


def runs_of(sweep: Sweep, besides: Container[Path] = ()) -> list[Run]:
    """The runs in the sweep's directory that belong to it; besides those that are known already."""
    return [run for run in _all_runs(sweep, besides) if sweep.jobs is None or fingerprint(run) in sweep.jobs]


def _all_runs(sweep: Sweep, besides: Container[Path] = ()) -> list[Run]:
    """All runs in the sweep's directory that can be read, besides those in some directories."""
    return find_runs(sweep.directory, besides=besides)[0] if sweep.directory.is_dir() else []


def fingerprint(run: Run) -> str:
    """Of the settings of a run."""
    return run_json.fingerprint(run.entry["settings"], run.entry.get("files", {}))


def _failures(sweep: Sweep, found: Sequence[Run], reasons: Mapping[frozenset[str], str]) -> list[str]:
    """A line for each run that did not finish, with the reason if it is known."""
    finished = {fingerprint(run) for run in found if run.entry["status"] == "finished"}
    failed = [run for run in found if fingerprint(run) not in finished]
    there = finished | {fingerprint(run) for run in failed}
    missing = [job for settings, job in (sweep.jobs or {}).items() if settings not in there]
    return [f"{job_name(sweep, run)}: {outcome(run)}" for run in failed] + [
        f"{name(job, sweep.jobs)}: {reasons.get(frozenset(job), 'it left no run')}" for job in missing
    ]


def job_name(sweep: Sweep, run: Run) -> str:
    """A run of a sweep, by those of its overrides that not all jobs have."""
    jobs = sweep.jobs or {}
    return name(jobs.get(fingerprint(run), run.entry.get("overrides", [])), sweep.jobs)


def name(overrides: Sequence[str], jobs: Mapping[str, Sequence[str]] | None) -> str:
    """A job of a sweep, by those of its overrides that not all jobs have."""
    common = set.intersection(*map(set, jobs.values())) if jobs else set()
    return " ".join(override for override in overrides if override not in common) or " ".join(overrides) or "the run"


def outcome(run: Run) -> str:
    """How a run ended, in one line."""
    status = run.entry["status"]
    if status == "failed":
        return f"failed: {run.entry.get('error', '')}"
    if status == "running":
        return "another process is running it" if rundir.is_locked(run.directory) else "it was killed"
    if status == "interrupted":
        return "interrupted"
    from elman import report, runs

    return report.in_one_line(runs.read(run.directory, "summary"))


def shown(directory: Path) -> Path:
    """A directory as one would type it here."""
    return directory.relative_to(Path.cwd()) if directory.is_relative_to(Path.cwd()) else directory
