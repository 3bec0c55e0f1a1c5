"""Runs on disk as data frames: run.json of every run below some directories, and any CSV of the finished ones."""

import json
import os
import warnings
from collections.abc import Container, Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

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
    have, frame = read_together(select_finished(runs, [table], left_out, required=False), table, left_out)
    _warn(left_out)
    if not have:
        there = sorted({name for run in runs for name in run.entry.get("bytes", {}) if name.endswith(".csv")})
        hint = f"; there are {', '.join(there)}" if there else ""
        raise FileNotFoundError(f"no finished run with a {table}.csv below {_list_names(directories)}{hint}")
    run_of_row = frame.pop("run_number").to_numpy()
    about = [{"run": str(run.directory), **flatten(run.entry["settings"])} for run in have]
    settings = _with_types(about).rename(columns={name: f"settings.{name}" for name in frame})
    return pd.concat([settings.take(run_of_row).reset_index(drop=True), frame], axis=1)


def load_runs(*directories: str | Path) -> pd.DataFrame:
    """One row for each run below some directories, also for those that are running, failed or interrupted.

    Args:
        directories: where to look; "runs" if none is named.

    Returns:
        `run` (the directory), `status`, `error`, `start` and `end` (times with zone), `host`, `experiment`, `overrides`
        (as typed), `commit`, one column for each setting by its full key, among them `name` and `tags`, and, where
        they are known, `seconds.*` by stage and `versions.*`.

    Warns:
        UserWarning: one that names the runs whose run.json cannot be read.

    Raises:
        FileNotFoundError: if a directory does not exist, or no run is below them.
    """
    runs, unreadable = find_runs(*directories)
    _warn(unreadable)
    if not runs:
        raise FileNotFoundError(f"no run below {_list_names(directories)}")
    return frame_of(runs)


def frame_of(runs: Sequence[Run]) -> pd.DataFrame:
    """One row for each run, with the columns of `load_runs`."""
    frame = _with_types(
        [
            {
                "run": str(run.directory),
                **{key: run.entry.get(key) for key in ("status", "error", "start", "end", "host")},
                **flatten(run.entry["settings"]),
                **flatten({"seconds": run.entry.get("seconds") or {}}),
                **origin(run.entry),
            }
            for run in runs
        ]
    )
    for key in ("start", "end"):
        frame[key] = pd.to_datetime(frame[key], utc=True, format="ISO8601")
    return frame


def origin(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Where a run comes from: its experiment, overrides, commit and versions."""
    return {
        "experiment": entry.get("experiment"),
        "overrides": " ".join(entry.get("overrides", [])),
        "commit": (entry.get("git") or {}).get("commit"),
        **flatten({"versions": entry.get("versions") or {}}),
    }


def find_runs(*directories: str | Path, besides: Container[Path] = ()) -> tuple[list[Run], dict[Path, str]]:
    """The runs below some directories, in the order of their names, and what is wrong with those that cannot be read.

    Args:
        directories: where to look, links included; "runs" if none is named. Files among them are passed over.
        besides: directories of runs that are not to be read.

    Raises:
        FileNotFoundError: if a directory does not exist.
    """
    runs, problems = list[Run](), dict[Path, str]()
    for directory in _run_directories(directories or ("runs",), problems):
        if directory in besides:
            continue
        try:
            runs.append(Run(directory, run_json.read(directory)))
        except (FileNotFoundError, RunDirectoryError) as error:
            problems[directory] = str(error)
    return runs, problems


def _run_directories(tops: Iterable[str | Path], problems: dict[Path, str]) -> list[Path]:
    """Every directory that holds a run.json, once, also if several ways lead to it."""
    visited: set[tuple[int, int]] = set()
    runs = []

    def cannot_be_read(error: OSError) -> None:
        problems[Path(error.filename)] = f"it cannot be read ({error.strerror})"

    for top in map(Path, tops):
        if not top.exists():
            raise FileNotFoundError(f"there is no directory {top}")
        if not top.is_dir():
            problems[top] = "it is a file"
            continue
        for path, names, files in os.walk(top, onerror=cannot_be_read, followlinks=True):
            status = os.stat(path)
            if (status.st_dev, status.st_ino) in visited:
                names.clear()
                continue
            visited.add((status.st_dev, status.st_ino))
            if "run.json" in files:
                runs.append(Path(path))
                names[:] = [name for name in names if name not in ("figures", ".hydra")]
            names.sort()
    return runs


def select_finished(
    runs: Iterable[Run], tables: Iterable[str], left_out: dict[Path, str], *, required: bool = True
) -> list[Run]:
    """Those runs that are finished and have some tables as they were written; the others join those left out.

    Args:
        runs: to be chosen from.
        tables: names without their endings.
        left_out: gets the reason for each run that is not among those returned.
        required: whether a run that never had one of the tables is left out.
    """
    names = [f"{table}.csv" for table in tables]
    chosen = []
    for run in runs:
        missing = [name for name in names if not (run.directory / name).exists()]
        if problem := problem_of(run, names) or (f"{missing[0]} is missing" if missing and required else ""):
            left_out[run.directory] = problem
        else:
            chosen.append(run)
    return chosen


def problem_of(run: Run, names: Iterable[str] = ()) -> str:
    """Why files of a run are not to be used; empty if they may be."""
    if run.entry["status"] != "finished":
        return f"its status is {run.entry['status']}"
    sizes = run.entry.get("bytes", {})
    for name in names:
        path = run.directory / name
        if name in sizes and (not path.exists() or path.stat().st_size != sizes[name]):
            return f"{name} is not as it was written"
    return ""


def read(run: Path, table: str) -> pd.DataFrame:
    """A CSV of a run; symbols and positions are text also where they look like numbers, and numbers are exact.

    Raises:
        RunDirectoryError: for a file that is damaged.
    """
    try:
        text = (run / f"{table}.csv").read_bytes()
        if b"\0" in text:  # which is what a machine that lost its power leaves
            raise ValueError("no text")
        return parse(text)
    except (IsADirectoryError, ValueError) as error:
        raise RunDirectoryError(f"{run}: {table}.csv is damaged") from error


def parse(text: bytes) -> pd.DataFrame:
    """A CSV as `read` returns it."""
    dtype = dict.fromkeys(TEXT, str)
    return pd.read_csv(BytesIO(text), dtype=dtype, keep_default_na=False, na_values=[""], **_EXACT)


def read_together(
    runs: Sequence[Run], table: str, left_out: dict[Path, str], needs: Sequence[str] = ()
) -> tuple[list[Run], pd.DataFrame]:
    """A CSV of many runs as one frame, far quicker than one by one.

    Args:
        runs: finished ones.
        table: the name of the CSV without its ending.
        left_out: gets the reason for each run whose file is damaged.
        needs: columns without which it counts as damaged; those that are not text must hold numbers.

    Returns:
        The runs that have the table, and the rows of all of them, with the column `run_number`: a run's place among
        these.
    """
    texts: list[bytes] = []
    have: list[Run] = []
    for run in runs:
        try:
            texts.append((run.directory / f"{table}.csv").read_bytes())
            have.append(run)
        except FileNotFoundError:
            continue
        except OSError as error:
            left_out[run.directory] = f"{table}.csv cannot be read ({error.strerror})"
    if (frame := _parse_at_once(texts)) is not None and _holds(frame, needs):
        return have, frame
    frames, whole = list[pd.DataFrame](), list[Run]()
    for run, text in zip(have, texts, strict=True):
        try:
            frame = parse(text)
        except ValueError:
            frame = pd.DataFrame()
        if _holds(frame, needs) and len(frame.columns):
            frames.append(frame.assign(run_number=len(whole)))
            whole.append(run)
        else:
            left_out[run.directory] = f"{table}.csv is damaged"
    return whole, pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _holds(frame: pd.DataFrame, columns: Sequence[str]) -> bool:
    """Whether a frame has some columns, and numbers in those that are not text."""
    numbers = [name for name in columns if name not in TEXT and len(frame)]
    return all(name in frame for name in columns) and all(is_numeric_dtype(frame[name]) for name in numbers)


def _parse_at_once(texts: Sequence[bytes]) -> pd.DataFrame | None:
    """CSVs of the same columns as one frame; None where they are not that simple, or one of them is damaged."""
    heads, bodies = zip(*(text.partition(b"\n")[::2] for text in texts), strict=True) if texts else ((), ())
    if len(set(heads)) != 1 or any(b'"' in body for body in bodies):  # or else a line is a row
        return None
    rows = [body.count(b"\n") for body in bodies]
    try:
        frame = parse(b"\n".join([heads[0], b"".join(bodies)]))
    except ValueError:
        return None
    if sum(rows) != len(frame):
        return None
    return frame.assign(run_number=np.repeat(np.arange(len(rows)), rows))


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
