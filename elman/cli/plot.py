"""The command elman-plot: figures of finished runs, drawn from their files in the format and width of a publication."""

import argparse
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from elman import rundir, runs
from elman.cli.echo import echo
from elman.config import FIGURE_FORMATS
from elman.errors import ConfigError
from elman.runs import Run

WIDTHS = 3.0, 20.0  # inches; in less there would be no room for the names of the steps


def main() -> None:
    """The console script ``elman-plot``."""
    parser = argparse.ArgumentParser(
        prog="elman-plot",
        description="Draw figures of the finished runs in some directories, into the directory figures of each run.",
    )
    parser.add_argument("directories", nargs="+", metavar="DIR", help="where to look for runs, at any depth")
    parser.add_argument(
        "--figure", nargs="+", action="extend", metavar="NAME", help="such as training_loss; by default all"
    )
    parser.add_argument(
        "--format", nargs="+", action="extend", choices=FIGURE_FORMATS, metavar="FORMAT", help="png, pdf or svg"
    )
    parser.add_argument("--width", type=_inches, metavar="INCHES", help="default 3.5: one column of a page")
    parser.add_argument("--out", metavar="DIR", help="where to write instead; files then have the names of their runs")
    given = parser.parse_args()
    try:
        written, failed = _draw(given.directories, given.figure or [], given.format or ["png"], given.width, given.out)
    except ConfigError as error:
        parser.exit(2, f"elman-plot: {error}\n")
    except OSError as error:
        parser.exit(1, f"elman-plot: {f'{error.filename}: {error.strerror}' if error.filename else error}\n")
    except KeyboardInterrupt:
        parser.exit(130, "elman-plot: interrupted\n")
    if not written:
        parser.exit(1, "" if failed else "elman-plot: no run has anything to show as that\n")


def _inches(given: str) -> float:
    low, high = WIDTHS
    try:
        value = float(given)
    except ValueError:
        value = 0
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"must be a number of inches from {low:g} to {high:g}, not {given}")
    return value


def _draw(
    directories: Sequence[str], names: Sequence[str], formats: Sequence[str], width: float | None, out: str | None
) -> tuple[int, int]:
    """Draw figures of all runs, and print the path of each file; returns how many there are, and reasons why not."""
    every, left_out = runs.find_runs(*directories)
    whole = list(runs.select_finished(every, ["summary"], left_out))
    for directory, reason in left_out.items():
        sys.stderr.write(f"elman-plot: left out {directory}: {reason}\n")
    from elman import plots

    for name in names:
        plots.check_name(name)
    written = failed = 0
    for run, prefix in zip(whole, _prefixes(whole), strict=True):
        source = plots.from_directory(run.directory)
        with warnings.catch_warnings(record=True) as failures:
            warnings.simplefilter("always")
            for name, content in plots.draw(source, names or tuple(plots.PLOTS), formats, width or plots.WIDTH):
                folder, file = (Path(out), f"{prefix}{name}") if out else (run.directory / "figures", name)
                if not out:
                    rundir.add_outputs(run.directory, [f"figures/{file}"])
                rundir.write_atomic(folder, {file: content})
                echo(str(folder / file))
                written += 1
        for failure in failures:
            sys.stderr.write(f"elman-plot: {run.directory}: {failure.message}\n")
        failed += len(failures)
    return written, failed


def _prefixes(whole: Sequence[Run]) -> Iterator[str]:
    """What comes before the name of a file, so that those of several runs differ."""
    if len(whole) < 2:
        yield from [""] * len(whole)
        return
    paths = [os.path.abspath(run.directory) for run in whole]
    above = os.path.commonpath(paths)
    for path in paths:
        yield os.path.relpath(path, above).replace(os.sep, "_") + "_"
