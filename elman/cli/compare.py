"""The command elman-compare: runs compared by their settings, as a table, a figure and a page."""

import argparse
import math
from pathlib import Path

from elman import rundir
from elman.cli.echo import echo
from elman.comparison import Comparison, compare
from elman.comparison_text import describe
from elman.errors import RunDirectoryError
from elman.tables import SUCCESS

_PAGE = "index.html"
_PATIENCE = 60  # seconds to wait while another process writes its comparison


def write(comparison: Comparison, directory: Path, *, plot: str | None = None) -> list[str]:
    """Write comparison.csv, comparison.png and index.html, made from the comparison, into a directory.

    Returns:
        The names of the files; without index.html where there is one of another maker.
    """
    csv = comparison.table.to_csv(index=False, lineterminator="\n")
    with rundir.lock(directory, name=".comparison.lock", patience=_PATIENCE):
        rundir.write_atomic(directory, {"comparison.csv": csv.encode()})
        from elman.plots import render
        from elman.plots.comparison import figure

        picture = render(figure(comparison, plot))
        rundir.write_atomic(directory, {"comparison.png": picture})
        from elman.comparison_page import MAKER, page
        from elman.paper.html import is_made_by

        if (directory / _PAGE).exists() and not is_made_by(MAKER, (directory / _PAGE).read_bytes()):
            return ["comparison.csv", "comparison.png"]
        rundir.write_atomic(directory, {_PAGE: page(comparison, picture, directory).encode()})
    return [_PAGE, "comparison.csv", "comparison.png"]


def first_line(error: Exception) -> str:
    """What went wrong with a file, in one line."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error).partition("\n")[0]


def main() -> None:
    """The console script ``elman-compare``."""
    parser = _parser()
    given = parser.parse_args()
    if not given.directories:
        after = "; --by takes all that follows it, so name it before" if given.by else ""
        parser.exit(2, f"elman-compare: name a directory to look in, such as runs{after}\n")
    by = list(dict.fromkeys(key for keys in given.by for key in keys.split(",")))
    out = Path(given.out or (given.directories[0] if len(given.directories) == 1 else "."))
    try:
        comparison = compare(
            *given.directories, by=by, against=given.against, success=given.success, labels=dict(given.label)
        )
        if given.plot and given.plot not in comparison.groups[0].values:
            keys = ", ".join(comparison.groups[0].values) or "none"
            raise KeyError(f"--plot must be one of the settings that are compared ({keys}), not {given.plot}")
        echo(describe(comparison, wide=given.wide))  # first, for it is not lost where nothing can be written
        written = write(comparison, out, plot=given.plot)
    except KeyError as error:
        parser.exit(2, f"elman-compare: {error.args[0]}\n")
    except (OSError, RunDirectoryError) as error:
        parser.exit(1, f"elman-compare: {first_line(error)}\n")
    except KeyboardInterrupt:
        parser.exit(130, "elman-compare: interrupted\n")
    echo(f"\n{', '.join(written[:-1])} and {written[-1]} are in {out}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="elman-compare",
        usage="%(prog)s DIR [DIR ...] [--by KEY [KEY ...]] [--against KEY=VALUE] [--success RATE] [--wide] "
        "[--plot KEY] [--label VALUE=NAME ...] [--out DIR]",
        description="Compare all finished runs below some directories, by their settings. Prints a table, and writes "
        "comparison.csv, comparison.png and a page, index.html.",
    )
    parser.add_argument("directories", nargs="*", metavar="DIR", help="where to look for runs, at any depth")
    parser.add_argument(
        "--by", nargs="+", action="extend", default=[], metavar="KEY", help="settings; by default those that differ"
    )
    parser.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="the row that others are held against, such as hidden_size=4; may be repeated; by default the first one",
    )
    parser.add_argument(
        "--success",
        type=_share,
        default=SUCCESS,
        metavar="RATE",
        help="error rate at the predictable positions up to which a network counts as successful (default %(default)s)",
    )
    parser.add_argument("--wide", action="store_true", help="print all columns, also beyond 80 letters")
    parser.add_argument("--plot", metavar="KEY", help="draw the figure with this setting on the horizontal axis")
    parser.add_argument(
        "--label",
        nargs="+",
        action="extend",
        default=[],
        type=_label,
        metavar="VALUE=NAME",
        help="names for values of settings, or for the letters that stand for long ones",
    )
    parser.add_argument(
        "--out", metavar="DIR", help="where to write; by default DIR if there is one, else the current directory"
    )
    return parser


def _label(given: str) -> tuple[str, str]:
    value, equals, name = given.rpartition("=")
    if not (value and equals and name):
        raise argparse.ArgumentTypeError(f"must be VALUE=NAME, such as 4=small, not {given}")
    return value, name


def _share(given: str) -> float:
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 1, not {given}")
    return value
