"""The command `elman-paper`: it runs the experiments of a paper, and writes a page of its claims."""

import itertools
import sys
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from elman import run_json
from elman.paper import PAPERS, paper

if TYPE_CHECKING:
    from elman.config import Settings
    from elman.paper.claims import Row, Run, Section
    from elman.paper.page import Measured

PAGE, VERDICTS = "index.html", "claims.csv"
Say = Callable[[str], None]


def main() -> None:
    """The console script ``elman-paper``. A mistake ends it with one line and exit status 1 or 2."""
    parser = ArgumentParser(
        prog="elman-paper",
        usage="%(prog)s [NAME] [--networks N] [--out DIR] [--unstated] [SETTING=VALUE ...]",
        description="Run the experiments of a paper and write one HTML page: what the paper claims, what was\n"
        "measured, and whether that holds. Finished experiments are not run again.",
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="*", metavar="NAME", help=f"{', '.join(PAPERS)} or all ({PAPERS[0]})")
    parser.add_argument("--networks", default="10", metavar="N", help="networks trained for each experiment (10)")
    parser.add_argument("--out", metavar="DIR", help="where runs and page are written (runs/paper/NAME)")
    parser.add_argument(
        "--unstated", action="store_true", help="also try other values of settings that the paper does not state"
    )
    given = parser.parse_intermixed_args()
    overrides = [word for word in given.words if "=" in word]
    names = [word for word in given.words if "=" not in word] or [PAPERS[0]]
    if not given.networks.isdecimal() or int(given.networks) < 1:
        _end(f"--networks must be a whole number above 0, not {given.networks}", 2)
    if len(names) > 1 or names[0] not in (*PAPERS, "all"):
        near = get_close_matches(names[-1], PAPERS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(PAPERS)} and all"
        _end(f"name one paper, not {' '.join(names)}; {hint}", 2)
    _write(names[0], given.out, [f"replicates={given.networks}", *overrides], unstated=given.unstated)


def _write(name: str, out: str | None, overrides: Sequence[str], *, unstated: bool) -> None:
    """Write the page of a paper or of all, or end with one line that says why not."""
    from elman.cli.echo import echo
    from elman.errors import ConfigError, DivergenceError, RunDirectoryError

    try:
        if name == "all":
            path = reproduce_all(Path(out or "runs/paper"), overrides, unstated=unstated, say=echo)
        else:
            path = reproduce(name, Path(out or f"runs/paper/{name}"), overrides, unstated=unstated, say=echo)
    except KeyboardInterrupt:
        _end("interrupted; the same command goes on from here", 130)
    except ConfigError as error:
        _end(str(error), 2)
    except (RunDirectoryError, DivergenceError, MemoryError) as error:
        _end(str(error) or "there is not enough memory for these settings", 1)
    except OSError as error:
        _end(f"{error.filename}: {error.strerror}" if error.filename else str(error), 1)
    echo(f"The page is {path}")


def reproduce_all(
    directory: Path, overrides: Sequence[str] = (), *, unstated: bool = False, say: Say = lambda line: None
) -> Path:
    """Write the page of each paper into a directory of its own, and an index of them; returns the path of the index."""
    from elman import rundir
    from elman.paper.page import index

    directory, measured = directory.resolve(), {}
    for name in PAPERS:
        say(f"{name}:")
        measured[name] = _reproduced(name, directory / name, overrides, unstated=unstated, say=say)
    pages = {f"{name}/{PAGE}": (paper(name), sections) for name, sections in measured.items()}
    rundir.write_atomic(directory, {PAGE: index(pages).encode()})
    return directory / PAGE


def reproduce(
    name: str,
    directory: Path,
    overrides: Sequence[str] = (),
    *,
    unstated: bool = False,
    say: Say = lambda line: None,
) -> Path:
    """Run the experiments of a paper and write its page, and the verdicts as claims.csv beside it.

    Experiments of the same settings are run once, and finished ones not again.

    Args:
        name: one of PAPERS.
        directory: made if it does not exist; each run has a directory of its own there.
        overrides: of the settings of all experiments, as on the command line.
        unstated: whether to try the claims over other values of settings that the paper does not state as well.
        say: called with a line after each experiment, and with one for each claim.

    Returns:
        The page's path.

    Raises:
        ConfigError: for settings that cannot be used, before anything is run.
        rundir.RunDirectoryError: if a run's directory holds a run of other settings.
        DivergenceError: when a loss is no longer a finite number.
    """
    _reproduced(name, directory.resolve(), overrides, unstated=unstated, say=say)
    return directory.resolve() / PAGE


def _reproduced(
    name: str, directory: Path, overrides: Sequence[str], *, unstated: bool, say: Say
) -> "Sequence[Measured]":
    from elman import rundir
    from elman.paper.page import page, verdicts

    one, laboratory = paper(name), _Laboratory(directory, overrides, say)
    for section in one.sections:
        for experiment in _experiments(section) if not section.after and not section.chains else ():
            laboratory.jobs(experiment)  # so that a mistake is found before anything is run
    measured = [_measured(section, laboratory, unstated=unstated) for section in one.sections]
    for section, values in ((section.section, section.values) for section in measured):
        for claim, each in zip(section.claims, values, strict=True):
            say(f"{claim.verdict(each):<14} {claim.text}")
    command = " ".join(["elman-paper", name, *overrides, *(["--unstated"] if unstated else [])])
    claims = verdicts(measured).to_csv(index=False, lineterminator="\n")
    rundir.write_atomic(directory, {PAGE: page(one, measured, command).encode(), VERDICTS: claims.encode()})
    return measured


def _measured(section: "Section", laboratory: "_Laboratory", *, unstated: bool) -> "Measured":
    from elman.paper.claims import Run
    from elman.paper.page import Measured

    begun, names = len(laboratory.used), _experiments(section)
    runs: list[Run] = []
    for experiment in names:
        if section.chains:
            some = [laboratory.chain(experiment, name, stages) for name, stages in section.chains.items()]
        elif section.after:
            some = laboratory.tested(experiment, section.after)
        else:
            some = laboratory.sweep(experiment)
        runs += [Run(path, {"experiment": experiment, **row}) for path, row in some] if len(names) > 1 else some
    used = laboratory.used[begun:]
    tried: list[Run] = []
    if unstated and section.unstated:
        if section.after:
            tried = laboratory.tested(names[0], section.unstated, "figures=false")
        else:
            tried = laboratory.sweep(section.unstated)
    return Measured(
        section,
        runs,
        tuple(claim.measured(runs) for claim in section.claims),
        tuple((run, tuple(claim.measured([Run(run.directory, {})]) for claim in section.claims)) for run in tried),
        tuple(dict.fromkeys(command for _, command in used)),
        sum(_seconds(path) for path in dict.fromkeys(path for path, _ in used)),
    )


def _experiments(section: "Section") -> tuple[str, ...]:
    return (section.experiment,) if isinstance(section.experiment, str) else section.experiment


def _seconds(run: Path) -> float:
    return float(run_json.read(run)["seconds"]["total"])


class _Job(NamedTuple):
    """A run to be done."""

    row: "Row"
    command: Sequence[str]
    """The overrides of the experiment that it is part of."""
    settings: "Settings"
    seconds: float
    """Time that composing took."""


class _Laboratory:
    """Runs experiments into a directory, each once, all with the same overrides."""

    def __init__(self, directory: Path, overrides: Sequence[str], say: Say) -> None:
        self.directory, self.overrides, self.say = directory, overrides, say
        self.used: list[tuple[Path, str]] = []
        """Each run that was asked for, with the command that does it."""
        self._jobs: dict[tuple[str, ...], list[_Job]] = {}
        self._done: dict[Path, Settings] = {}

    def jobs(self, experiment: str, *before: str, after: Sequence[str] = ()) -> list[_Job]:
        """The runs of an experiment, checked; overrides stand before or after those of all experiments."""
        chosen = (f"experiment={experiment}", *before, *self.overrides, *after)
        if chosen not in self._jobs:
            self._jobs[chosen] = _expanded(chosen)
        return self._jobs[chosen]

    def sweep(self, experiment: str) -> "list[Run]":
        """Do all runs of an experiment."""
        return [self._run(_name(experiment, job.row), job) for job in self.jobs(experiment)]

    def tested(self, experiment: str, trained: str, *overrides: str) -> "list[Run]":
        """Test the networks of each run of another experiment, with overrides of the test."""
        runs = []
        for source in self.sweep(trained):
            name = _name(f"{trained}-{experiment}" if source.row else experiment, source.row)
            runs.append(
                self._run(name, *self._after(source.directory, experiment, "epochs=0", *overrides), row=source.row)
            )
        return runs

    def chain(self, experiment: str, name: str, stages: Sequence[Sequence[str]]) -> "Run":
        """Do runs in stages, each on other streams, and return the last."""
        row, run = {"chain": name}, None
        for number, stage in enumerate(stages):
            if run is None:
                jobs = self.jobs(experiment, *stage)
            else:
                seed = f"seed={jobs[0].settings.seed + 1}"
                jobs = self._after(run.directory, experiment, seed, before=stage)
            run = self._run(f"{experiment}/{name}/{number + 1}", *jobs, row=row)
        assert run is not None
        return run

    def _after(self, run: Path, experiment: str, *overrides: str, before: Sequence[str] = ()) -> list[_Job]:
        from elman.cli.compose import quoted

        return self.jobs(experiment, *before, after=[*overrides, f"weights_from={quoted(str(run))}"])

    def _shown(self, job: _Job) -> str:
        """The command of a run, as the page shows it: other runs are named from the directory of the page."""
        source = job.settings.weights_from
        beside = (
            Path(source).relative_to(self.directory)
            if source and Path(source).is_relative_to(self.directory)
            else source
        )
        shown = (f"weights_from={beside}" if part.startswith("weights_from=") else part for part in job.command)
        return " ".join(["elman", *shown])

    def _run(self, name: str, job: _Job, *, row: "Row | None" = None) -> "Run":
        from elman import report, runner, tables
        from elman.paper.claims import Run

        # One that drew figures also serves where none are wanted.
        same = [p for p, s in self._done.items() if s in (job.settings, replace(job.settings, figures=True))]
        path = same[0] if same else self.directory / name
        self.used.append((path, self._shown(job)))
        if not same:
            start = time.perf_counter()
            row_overrides = [f"{key}={value}" for key, value in job.row.items()]
            about = {
                "command": sys.argv,
                "overrides": [*job.command, *row_overrides],
                "experiment": job.command[0].partition("=")[2],
            }
            result = runner.run_into(path, job.settings, about=about, seconds={"compose": job.seconds})
            told = report.in_one_line(tables.summary(result)) if result else "finished before"
            self.say(f"{name}: {told} ({time.perf_counter() - start:.0f} s)")
            self._done[path] = job.settings
        return Run(path, job.row if row is None else row)


def _name(experiment: str, row: "Row") -> str:
    """The directory of a run, below that of the page."""
    from elman.cli.compose import subdirectory

    return f"{experiment}/{subdirectory([f'{key}={value}' for key, value in row.items()])}" if row else experiment


def _expanded(chosen: Sequence[str]) -> list[_Job]:
    """Compose an experiment: one run, or all combinations if its file is a sweep.

    Raises:
        ConfigError: for settings that cannot be used.
    """
    import hydra
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.types import RunMode
    from omegaconf import OmegaConf

    from elman.cli.compose import hydra_at, to_settings, without_hydra
    from elman.cli.messages import user_errors
    from elman.defaults import CONF

    start, jobs = time.perf_counter(), []
    with user_errors(), hydra_at(CONF):
        composed = hydra.compose("config", overrides=list(chosen), return_hydra_config=True)
        is_sweep = composed.hydra.mode == RunMode.MULTIRUN
        params: Mapping[str, object] = composed.hydra.sweeper.params if is_sweep else {}
        own = {override.partition("=")[0] for override in chosen}  # what is set is not swept
        swept = [f"{key}={value}" for key, value in params.items() if key not in own]
        parsed = OverridesParser.create().parse_overrides(swept)
        plain = without_hydra(composed)
        for values in itertools.product(*(one.sweep_iterator() for one in parsed)):
            config = plain.copy()
            for one, value in zip(parsed, values, strict=True):
                OmegaConf.update(config, one.key_or_group, value)
            row = {one.key_or_group: OmegaConf.select(config, one.key_or_group) for one in parsed}
            jobs.append(_Job(row, chosen, to_settings(config), time.perf_counter() - start))
            start = time.perf_counter()
    return jobs


def _end(message: str, status: int) -> NoReturn:
    print(f"elman-paper: {message}", file=sys.stderr)
    raise SystemExit(status)
