"""Runs on disk as data frames: run.json of every run below some directories, and any CSV of the finished ones."""

import json
import os
import warnings
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from elman import run_json
from elman.errors import RunDirectoryError

# Columns that are text, also where it looks like numbers.
TEXT = (
    "against", "class", "condition", "context", "feature", "input", "input_position", "instead", "measure", "name",
    "network", "position", "symbol", "target", "text", "tree",
)  # fmt: skip
# pandas reads numbers exactly of itself from 3.1 on, and then no longer wants to be asked for it.
_EXACT: Any = {} if tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1) else {"float_precision": "round_trip"}


class Run(NamedTuple):
    """A run on disk."""

    directory: Path
    entry: dict[str, Any]
    """The content of run.json, as `run_json.read` returns it."""


def load(table: str, *directories: str | Path) -> pd.DataFrame:
    """One CSV of all finished runs below some directories, as one tidy frame.

    Args:
        table: name of the CSV without its ending, such as "summary".
        directories: where to look; "runs" if none is named.

    Returns:
        The rows of all runs, in the order of their directories. Before the columns of the CSV stand `run`, the
        directory of the run, and one column for each setting by its full key, such as `hidden_size` and `task.length`;
        a setting that is a list or a mapping is JSON text, and one that shares its name with a column of the CSV is
        called `settings.loss` and the like. A run that has no such CSV adds no rows.

    Warns:
        UserWarning: one that names the runs that were left out because they are unfinished or damaged.

    Raises:
        FileNotFoundError: if a directory does not exist, or no finished run with such a CSV is below them.
    """
    runs, left_out = find_runs(*directories)
    texts, about = [], []
    for run in runs:
        path = run.directory / f"{table}.csv"
        if problem := _problem(run, [path.name]):
            left_out[run.directory] = problem
        elif path.exists():
            texts.append(path.read_bytes())
            about.append({"run": str(run.directory), **flatten(run.entry["settings"])})
    _warn(left_out)
    if not texts:
        there = sorted({name for run in runs for name in run.entry.get("bytes", {}) if name.endswith(".csv")})
        hint = f"; there are {', '.join(there)}" if there else ""
        raise FileNotFoundError(f"no finished run with a {table}.csv below {_list_names(directories)}{hint}")
    values, rows = _parse_together(texts)
    settings = _with_types(about).rename(columns={name: f"settings.{name}" for name in values})
    run_of_row = np.repeat(np.arange(len(rows)), rows)
    return pd.concat([settings.take(run_of_row).reset_index(drop=True), values], axis=1)


def load_runs(*directories: str | Path) -> pd.DataFrame:
    """One row for each run below some directories, also for those that are running, failed or interrupted.

    Args:
        directories: where to look; "runs" if none is named.

    Returns:
        `run` (the directory), `status`, `error`, `start` and `end` (times with zone), `host`, one column for each
        setting by its full key, and, where they are known, `seconds.*` by stage and `versions.*`.

    Warns:
        UserWarning: one that names the runs whose run.json cannot be read.

    Raises:
        FileNotFoundError: if a directory does not exist, or no run is below them.
    """
    runs, unreadable = find_runs(*directories)
    _warn(unreadable)
    if not runs:
        raise FileNotFoundError(f"no run below {_list_names(directories)}")
    frame = _with_types(
        [
            {
                "run": str(run.directory),
                **{key: run.entry.get(key) for key in ("status", "error", "start", "end", "host")},
                **flatten(run.entry["settings"]),
                **flatten({key: run.entry.get(key) or {} for key in ("seconds", "versions")}),
            }
            for run in runs
        ]
    )
    for key in ("start", "end"):
        frame[key] = pd.to_datetime(frame[key], utc=True, format="ISO8601")
    return frame


def find_runs(*directories: str | Path, besides: Container[Path] = ()) -> tuple[list[Run], dict[Path, str]]:
    """The runs below some directories, in the order of their names, and what is wrong with those that cannot be read.

    Args:
        directories: where to look; "runs" if none is named.
        besides: directories of runs that are not to be read.

    Raises:
        FileNotFoundError: if a directory does not exist.
    """
    runs, unreadable = [], {}
    for directory in run_directories(directories or ("runs",)):
        if directory in besides:
            continue
        try:
            runs.append(Run(directory, run_json.read(directory)))
        except (FileNotFoundError, RunDirectoryError) as error:
            unreadable[directory] = str(error)
    return runs, unreadable


def select_finished(runs: Iterable[Run], tables: Iterable[str], left_out: dict[Path, str]) -> Iterator[Run]:
    """Those runs that are finished and have these tables whole; the others join those left out, with a reason."""
    names = [f"{table}.csv" for table in tables]
    for run in runs:
        missing = [name for name in names if not (run.directory / name).exists()]
        if problem := _problem(run, names) or (f"{missing[0]} is missing" if missing else ""):
            left_out[run.directory] = problem
        else:
            yield run


def read(run: Path, table: str) -> pd.DataFrame:
    """A CSV of a run; symbols and positions are text also where they look like numbers, and numbers are exact."""
    return parse((run / f"{table}.csv").read_bytes())


def parse(text: bytes) -> pd.DataFrame:
    """A CSV as `read` returns it."""
    dtype = dict.fromkeys(TEXT, str)
    return pd.read_csv(BytesIO(text), dtype=dtype, keep_default_na=False, na_values=[""], **_EXACT)


def _parse_together(texts: Sequence[bytes]) -> tuple[pd.DataFrame, list[int]]:
    """CSVs as one frame, and how many rows each has; those of one kind are parsed at once, which is far quicker."""
    heads, bodies = zip(*(text.partition(b"\n")[::2] for text in texts), strict=True)
    if len(set(heads)) == 1 and not any(b'"' in body for body in bodies):  # a line is a row
        return parse(b"\n".join([heads[0], b"".join(bodies)])), [body.count(b"\n") for body in bodies]
    frames = [parse(text) for text in texts]
    return pd.concat(frames, ignore_index=True), [len(frame) for frame in frames]


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings by their full keys; what is a list, or a mapping further down of other than numbers, becomes JSON."""
    plain: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) and (not prefix or _has_numbers(value)):
            plain |= flatten(value, f"{prefix}{key}.")
        else:
            text = isinstance(value, Mapping | list)
            plain[prefix + key] = json.dumps(value, ensure_ascii=False) if text else value
    return plain


def _has_numbers(mapping: Mapping[str, Any]) -> bool:
    """Whether a mapping gives numbers by their names, such as task.p."""
    return bool(mapping) and all(isinstance(value, int | float) for value in mapping.values())


def run_directories(directories: Iterable[str | Path]) -> list[Path]:
    """Every directory that holds a run.json, once, also if it is below several of those named."""
    seen: dict[str, Path] = {}
    for top in directories:
        if not Path(top).is_dir():
            raise FileNotFoundError(f"there is no directory {top}")
        for path, names, files in os.walk(top):
            if "run.json" in files:
                seen.setdefault(os.path.realpath(path), Path(path))
                names.clear()  # a run holds no other run
            names.sort()
    return list(seen.values())


def _problem(run: Run, names: Iterable[str]) -> str:
    """Why files of a run are not to be used; empty if they may be."""
    if run.entry["status"] != "finished":
        return f"its status is {run.entry['status']}"
    sizes = run.entry.get("bytes", {})
    for name in names:
        path = run.directory / name
        if name in sizes and (not path.exists() or path.stat().st_size != sizes[name]):
            return f"{name} is not as it was written"
    return ""


def _with_types(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a frame in which whole numbers and truth values keep their type also where other rows have none."""
    frame = pd.DataFrame(rows)
    holes = [name for name in frame if frame[name].isna().any()]
    for name in holes:
        values = [row.get(name) for row in rows]
        frame[name] = pd.Series(values, dtype=object).convert_dtypes()
    return frame


def _warn(left_out: Mapping[Path, str]) -> None:
    if left_out:
        warnings.warn(f"left out {describe_left_out(left_out)}", stacklevel=3)


def describe_left_out(left_out: Mapping[Path, str]) -> str:
    """Runs that were left out, each with the reason."""
    runs = "1 run" if len(left_out) == 1 else f"{len(left_out)} runs"
    return f"{runs}: " + "; ".join(f"{directory}: {reason}" for directory, reason in left_out.items())


def _list_names(directories: tuple[str | Path, ...]) -> str:
    return ", ".join(map(str, directories or ("runs",)))
