"""The whole paper in one command: `elman-paper` runs the experiments of all figures and writes a page about them."""

import sys
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from elman.config import Settings

PAGE = "index.html"


def main() -> None:
    """The console script ``elman-paper``. A mistake ends it with one line and exit status 1 or 2."""
    parser = ArgumentParser(
        prog="elman-paper",
        description="Run the experiments of all figures of Elman (1990) and write one HTML page: each figure, what\n"
        "the paper claims, what was measured, and whether that holds. Finished experiments are not run again.",
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--networks", default="10", metavar="N", help="networks trained for each experiment (10)")
    parser.add_argument(
        "--out", default="runs/paper", metavar="DIR", help="where runs and page are written (runs/paper)"
    )
    parser.add_argument("settings", nargs="*", metavar="SETTING=VALUE", help="for all experiments, such as seed=7")
    given = parser.parse_args()
    if not given.networks.isdecimal() or int(given.networks) < 1:
        _end(f"--networks must be a whole number above 0, not {given.networks}", 2)

    from elman.cli.echo import echo
    from elman.errors import ConfigError, DivergenceError, RunDirectoryError

    try:
        path = reproduce(Path(given.out), [f"replicates={given.networks}", *given.settings], say=echo)
    except KeyboardInterrupt:
        _end("interrupted; the same command goes on from here", 130)
    except ConfigError as error:
        _end(str(error), 2)
    except (RunDirectoryError, DivergenceError, MemoryError) as error:
        _end(str(error) or "there is not enough memory for these settings", 1)
    except OSError as error:
        _end(f"{error.filename}: {error.strerror}" if error.filename else str(error), 1)
    echo(f"The page is {path}")


def reproduce(
    directory: Path, overrides: Sequence[str] = (), *, say: Callable[[str], None] = lambda line: None
) -> Path:
    """Run the experiments of all figures and write the page.

    Experiments of the same settings are run once, and finished ones not again.

    Args:
        directory: made if it does not exist; each run has a directory of its own there.
        overrides: of the settings of all experiments, as on the command line.
        say: called with a line after each experiment.

    Returns:
        The page's path.

    Raises:
        ConfigError: for settings that cannot be used, before anything is run.
        rundir.RunDirectoryError: if a run's directory holds a run of other settings.
        DivergenceError: when a loss is no longer a finite number.
    """
    from elman import rundir
    from elman.cli.compose import quoted
    from elman.cli.compose import settings as compose_settings
    from elman.paper.claims import SECTIONS
    from elman.paper.page import Measured, page

    directory = directory.resolve()  # in the settings of runs that start from others, however it was written
    runs: dict[str, Path] = {}
    settings: dict[str, Settings] = {}
    seconds: dict[str, float] = {}

    def composed(name: str, chosen: Sequence[str]) -> "Settings":
        start = time.perf_counter()
        result = compose_settings(f"experiment={name}", *chosen)
        seconds[name] = time.perf_counter() - start
        return result

    for section in SECTIONS:
        if not section.weights_from:
            settings[section.experiment] = composed(section.experiment, overrides)
    for section in SECTIONS:
        name, chosen = section.experiment, list(overrides)
        if section.weights_from:
            chosen += ["epochs=0", f"weights_from={quoted(str(runs[section.weights_from]))}"]
            settings[name] = composed(name, chosen)
        same = [runs[other] for other in runs if settings[other] == settings[name]]
        runs[name] = same[0] if same else directory / name
        if not same:
            _run(runs[name], name, settings[name], chosen, seconds[name], say)
    measured = [
        Measured(
            section,
            runs[section.experiment],
            tuple(claim.measured(runs[section.experiment]) for claim in section.claims),
        )
        for section in SECTIONS
    ]
    for section, _, values in measured:
        for claim, each in zip(section.claims, values, strict=True):
            say(f"{claim.verdict(each):<14} {claim.text}")
    rundir.write_atomic(directory, {PAGE: page(measured).encode()})
    return directory / PAGE


def _run(
    directory: Path,
    name: str,
    settings: "Settings",
    overrides: Sequence[str],
    compose: float,
    say: Callable[[str], None],
) -> None:
    from elman import report, runner, tables

    start, chosen = time.perf_counter(), [f"experiment={name}", *overrides]
    about = {"command": sys.argv, "overrides": chosen, "experiment": name}
    result = runner.run_into(directory, settings, about=about, seconds={"compose": compose})
    told = report.in_one_line(tables.summary(result)) if result else "finished before"
    say(f"{name}: {told} ({time.perf_counter() - start:.0f} s)")


def _end(message: str, status: int) -> NoReturn:
    print(f"elman-paper: {message}", file=sys.stderr)
    raise SystemExit(status)
