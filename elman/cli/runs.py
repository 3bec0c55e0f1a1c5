"""The command elman-runs: runs by time, with how each ended and what differs from the defaults of its task."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

import pandas as pd

from elman.cli.echo import echo
from elman.condition_names import format_value
from elman.defaults import differences
from elman.runs import Run, find_runs, frame_of, read_together, select_finished
from elman.tables import SUCCESS

_WIDTH = 80
_LONGEST = 24  # letters of a value
_HIDDEN = ("figures", "figure_formats", "overwrite", "task.kind", "task.name", "replicates")


def main() -> None:
    """The console script ``elman-runs``."""
    parser = argparse.ArgumentParser(
        prog="elman-runs",
        description="List the runs below some directories by time: when each began, how it ended, how many of its "
        "networks learned the task (or their test MSE), what differs from the defaults, and its directory.",
    )
    parser.add_argument("directories", nargs="*", default=["runs"], metavar="DIR", help="where to look; default runs")
    parser.add_argument(
        "--query",
        metavar="TEXT",
        help="only runs of which this is true, as pandas reads it, such as 'hidden_size > 3'; the columns are those of "
        "elman.load_runs, success_rate and test_mse; those with a point stand in backticks: '`task.name` == \"cv\"'",
    )
    parser.add_argument("--wide", action="store_true", help="whole lines, also beyond 80 letters")
    given = parser.parse_args()
    try:
        every, left_out = find_runs(*given.directories)
        for directory, reason in left_out.items():
            sys.stderr.write(f"elman-runs: left out {directory}: {reason}\n")
        runs, frame = _by_time(every, given.query)
    except OSError as error:
        parser.exit(1, f"elman-runs: {error}\n")
    except ValueError as error:
        parser.exit(2, f"elman-runs: {error}\n")
    if not runs:
        which = "is found that the query is true of" if given.query and every else "is there"
        parser.exit(1, f"elman-runs: no run {which} below {', '.join(given.directories)}\n")
    echo("\n".join(_lines(runs, frame, None if given.wide else _WIDTH)))


def _by_time(every: Sequence[Run], query: str | None) -> tuple[list[Run], pd.DataFrame]:
    """The runs of which a query is true, the latest last, and a row for each.

    Raises:
        ValueError: for a query that pandas cannot answer.
    """
    if not every:
        return [], pd.DataFrame()
    frame = frame_of(every).join(_outcomes(every)).sort_values(["start", "run"], na_position="first")
    if query:
        try:
            frame = frame.query(query, engine="python")
        except Exception as error:  # whatever is wrong with it, it was typed
            reason = " ".join(str(error).split())
            raise ValueError(f"--query cannot be answered: {query}: {reason}") from error
        if not isinstance(frame, pd.DataFrame):
            raise ValueError(f"--query must be true or false of each run, such as 'hidden_size > 3', not {query}")
    return [every[number] for number in frame.index], frame


def _outcomes(every: Sequence[Run]) -> pd.DataFrame:
    """The share of networks that learned the task, and the median test MSE, by the number of the run."""
    numbers = {run.directory: number for number, run in enumerate(every)}
    whole = select_finished(every, ["summary"], {})
    have, summary = read_together(whole, "summary", {}, ("predictable_error_rate", "test_mse"))
    if not len(summary):
        return pd.DataFrame(columns=["success_rate", "test_mse"])
    rate = summary["predictable_error_rate"]
    learned = (rate <= SUCCESS).astype(float).where(rate.notna())
    by_run = summary.assign(success_rate=learned).groupby("run_number")
    outcome = pd.DataFrame({"success_rate": by_run["success_rate"].mean(), "test_mse": by_run["test_mse"].median()})
    return outcome.set_index(outcome.index.map(lambda number: numbers[have[number].directory]))


def _lines(runs: Sequence[Run], frame: pd.DataFrame, width: int | None) -> list[str]:
    """Two lines a run: time, status, outcome and settings, and below them its directory."""
    heads = ("begun", "status", "learned", "settings")
    cells = [_cells(run, row) for run, (_, row) in zip(runs, frame.iterrows(), strict=True)]
    wide = [max(map(len, column)) for column in zip(heads[:3], *(row[:3] for row in cells), strict=True)]
    lines = []
    for row, run in zip([heads, *cells], [None, *runs], strict=True):
        line = "  ".join([*(cell.ljust(n) for cell, n in zip(row[:3], wide, strict=True)), row[3]]).rstrip()
        lines.append(line if width is None or len(line) <= width else line[: width - 1] + "…")
        if run is not None:
            lines.append(f"  {os.path.relpath(run.directory)}")
    return lines


def _cells(run: Run, row: pd.Series) -> tuple[str, str, str, str]:
    settings, networks = run.entry["settings"], run.entry["settings"].get("replicates", 1)
    values = {f"task.{key}": value for key, value in settings["task"].items()}
    values |= {key: value for key, value in settings.items() if key != "task"}
    unlike = {key: value for key, (value, _) in differences(values).items() if key not in _HIDDEN}
    unlike = {key: unlike[key] for key in sorted(unlike, key=lambda key: key not in ("name", "tags"))}  # these first
    chosen = [f"{key}={_typed(value)}" for key, value in unlike.items()]
    if pd.notna(row["success_rate"]):
        outcome = f"{round(row['success_rate'] * networks)} of {networks}"
    else:
        outcome = f"MSE {row['test_mse']:.4f}" if pd.notna(row["test_mse"]) else ""
    begun = row["start"].strftime("%Y-%m-%d %H:%M") if pd.notna(row["start"]) else "unknown"
    error = [f"({run.entry['error']})"] if "error" in run.entry else []
    return begun, str(run.entry["status"]), outcome, " ".join([settings["task"]["name"], *error, *chosen])


def _typed(value: Any) -> str:
    return format_value(f"[{','.join(map(str, value))}]" if isinstance(value, list) else value, _LONGEST)
