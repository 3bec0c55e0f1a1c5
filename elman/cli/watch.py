"""What a sweep says on stderr while it goes on: how many of its runs are done, how far others are, and the time left.

All of it comes from the runs' directories, so it is the same for every launcher.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean

from elman import run_json
from elman.circumstances import circumstances
from elman.cli.echo import tell
from elman.cli.sweep import Sweep, fingerprint, forget_finished, job_name, outcome, runs_of, shown
from elman.progress import duration
from elman.runs import Run

_PERIOD = 0.5  # seconds between two looks at the directories
_SILENCE = 30.0  # seconds without a line, at most, while runs go on
_NAMED = 3  # runs that go on, at most


@contextmanager
def watch(sweep: Sweep) -> Iterator[None]:
    """Say on stderr, whenever a run of the sweep ends and every 30 s, what is done, running, failed and left."""
    forget_finished()
    over = threading.Event()
    watcher = _Watcher(sweep)

    def look() -> None:
        watcher.begin()
        while not over.wait(_PERIOD):
            watcher.look()
        watcher.look()

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class _Watcher:
    """What is known of the runs of a sweep."""

    def __init__(self, sweep: Sweep) -> None:
        unfinished = [run for run in runs_of(sweep) if run.entry["status"] != "finished"]
        self._before = {run.directory: run.entry.get("start") for run in unfinished}
        self._sweep = sweep
        self._ended: dict[Path, Run] = {}
        self._seconds: list[float] = []  # that runs of this command took
        self._first_seen: dict[Path, float] = {}
        self._told = self._looked = time.perf_counter()
        self._began: float | None = None  # the first run of this command, as far as was seen

    def begin(self) -> None:
        """Say what an earlier command has left to do."""
        running = self._update()[1]
        tell(f"{self._count(running)} | {shown(self._sweep.directory)}")
        _tell_makers(self._ended.values())
        self._seconds.clear()
        self._first_seen.clear()
        self._began = None

    def look(self) -> None:
        """Say which runs have ended since the last look; if none has for long, how far the others are."""
        ended, running = self._update()
        now = time.perf_counter()
        for run in ended:
            tell(f"{self._count(running)} | {job_name(self._sweep, run)}: {outcome(run)}")
        if not ended and running and now - self._told >= _SILENCE:
            names = [f"{job_name(self._sweep, run)}: {_share(run):.0%}" for run in running[:_NAMED]]
            tell(" | ".join([self._count(running), *names, *(["..."] if len(running) > _NAMED else [])]))
        elif not ended:
            return
        self._told = now

    def _update(self) -> tuple[list[Run], list[Run]]:
        """The runs that have ended since the last look, and those that go on."""
        now = time.perf_counter()
        # What an earlier command left unfinished is not looked at before it is begun again.
        found = [
            run
            for run in runs_of(self._sweep, self._ended)
            if self._before.get(run.directory, "") != run.entry.get("start")
        ]
        running = [run for run in found if run.entry["status"] == "running"]
        ended = [run for run in found if run.entry["status"] != "running"]
        if self._began is None and found:
            self._began = self._looked
        self._looked = now
        for run in running:
            self._first_seen.setdefault(run.directory, now)
        for run in ended:
            self._ended[run.directory] = run
            self._seconds.append(float(run.entry.get("seconds", {}).get("total", 0.0)))
        return ended, running

    def _count(self, running: Sequence[Run]) -> str:
        last = {
            fingerprint(run): run.entry["status"] for run in self._ended.values()
        }  # jobs may have the same settings
        count = Counter(last.values())
        jobs = self._sweep.jobs
        total = f" of {len(jobs)}" if jobs is not None else ""
        parts = [f"{count['finished']}{total} runs done", f"{len(running)} running", f"{count['failed']} failed"]
        parts += [f"{count['interrupted']} interrupted"] if count["interrupted"] else []
        if jobs is not None and (left := self._left(running, len(jobs) - len(last))):
            parts.append(f"about {duration(left)} left")
        return ", ".join(parts)

    def _left(self, running: Sequence[Run], unfinished: int) -> float | None:
        """Seconds until the sweep ends, if that can be said."""
        now = time.perf_counter()
        known = [(now - self._first_seen.get(run.directory, now), _share(run)) for run in running]
        return seconds_left(now - (self._began or now), self._seconds, known, unfinished)


def seconds_left(
    elapsed: float, took: Sequence[float], running: Sequence[tuple[float, float]], unfinished: int
) -> float | None:
    """Estimate when a sweep ends: with as many runs a second as up to now, no sooner than the longest that goes on.

    So it holds for any number of runs at a time, and skipped runs, which take no time, are left out.

    Args:
        elapsed: seconds since the first run began.
        took: seconds of each run that has ended since.
        running: the age in seconds and the share done of each run that goes on; 0 where the share is unknown.
        unfinished: runs that have not ended, with those that go on.

    Returns:
        Seconds, or None as long as no run has ended and no share is known, or if all runs have ended.
    """
    whole = [*took, *(age / share for age, share in running if share)]
    if not whole or not unfinished or elapsed <= 0:
        return None
    usual = fmean(whole)
    shares = [share or (min(age / usual, 0.9) if usual else 0.9) for age, share in running]
    done = len(took) + sum(shares)
    longest = max((age / share - age if share else usual - age for age, share in running), default=0.0)
    return max(longest, (unfinished - sum(shares)) * elapsed / done)


def _share(run: Run) -> float:
    """The share of a run's epochs that is done, as it was noted last."""
    return float(run.entry.get("progress", 0.0))


def _tell_makers(done: Iterable[Run]) -> None:
    """Say which runs are not run again although another version of the code made them."""
    today = run_json.maker(circumstances())
    makers = Counter(maker for run in done if (maker := run_json.maker(run.entry)) != today)
    for maker, n in makers.items():
        tell(f"{n} of the runs done {'was' if n == 1 else 'were'} made by {maker}; this is {today}")
