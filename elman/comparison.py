"""Many runs, one answer: runs taken together by their settings, as a table."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from elman import run_json, runs
from elman.config import NEUTRAL, TESTING
from elman.runs import Run
from elman.tables import SUCCESS

# The tables that are compared, and those of their columns that are used.
_TABLES = {
    "summary": (
        "replicate", "final_loss", "floor_loss", "test_mse", "test_floor_mse", "predictable_error_rate",
        "takeoff_epoch", "success_epoch",
    ),
    "losses": ("replicate", "epoch", "loss"),
    "learning_curve": ("replicate", "epoch", "position", "error_rate"),
    "position_errors": ("replicate", "position", "n", "mse", "floor_mse"),
}  # fmt: skip
# Settings of tasks that change on what a network is tested, but not the network.
_TASK_TESTING = {"task.test_length"}


@dataclass(frozen=True)
class Group:
    """R networks whose runs have the same values of some settings."""

    values: dict[str, Any]
    """The values of these settings, by their full keys."""
    task: str
    summary: pd.DataFrame
    """One row a network, as in summary.csv."""
    losses: pd.DataFrame
    """(epochs, R): the loss on the practice stream; indexed by epoch."""
    rates: pd.DataFrame
    """(tests, R): error rate at the predictable positions of the test stream by epoch; empty if there are none."""
    mse: pd.DataFrame
    """(P, R): squared error after training; indexed by position."""
    floor: pd.Series
    """(P,): the best possible squared error, by position."""
    success_epochs: pd.Series
    """(R,): the first tested epoch at which each network was successful; NaN for those that never were."""


@dataclass(frozen=True)
class Comparison:
    """Runs on disk, taken together by their settings."""

    groups: tuple[Group, ...]
    success: float
    """The error rate at the predictable positions up to which a network counts as successful."""
    table: pd.DataFrame
    """One row a group, as in comparison.csv."""
    notes: tuple[str, ...]
    """What a reader of the table should know: runs that were left out, or taken together though they differ."""


def compare(
    *directories: str | Path,
    by: Sequence[str] = (),
    success: float = SUCCESS,
    planned: Iterable[Mapping[str, Any]] = (),
) -> Comparison:
    """Compare all finished runs below some directories, by their settings.

    Runs of different tasks are kept apart, those of different seeds are taken together, and networks that several runs
    have trained alike count once, also where these were tested otherwise.

    Args:
        directories: where to look; "runs" if none is named.
        by: full keys of settings; one group for each combination of their values. If none is named, those that differ
            besides `seed`.
        success: the error rate at the predictable positions up to which a network counts as successful, from 0 to 1.
        planned: settings of runs that may not have finished; what differs among these is a difference, too.

    Raises:
        FileNotFoundError: if a directory does not exist, or no finished run is below them.
        KeyError: for a key that no run has.
    """
    every, left_out = runs.find_runs(*directories)
    whole, tables = _read_tables(every, left_out)
    if not whole:
        raise FileNotFoundError(f"no finished run below {', '.join(map(str, directories or ['runs']))}")
    settings = [runs.flatten(run.entry["settings"] | {"files": run.entry.get("files", {})}) for run in whole]
    _check_keys(by, settings)
    wanted = [*settings, *(runs.flatten(run_json.complete(one)) for one in planned)]
    tasks = len({one["task.name"] for one in wanted}) > 1
    keys = list(
        dict.fromkeys(
            [*(["task.name"] if tasks else []), *(by or (key for key in _differing(wanted) if key != "seed"))]
        )
    )
    alike: dict[str, list[int]] = {}
    for i, one in enumerate(settings):
        alike.setdefault(json.dumps([one.get(key) for key in keys]), []).append(i)
    kept = [_without_repetitions(ones, settings) for ones in alike.values()]
    groups = [
        _group({key: settings[ones[0]].get(key) for key in keys}, settings[ones[0]]["task.name"], ones, tables, success)
        for ones in sorted(kept, key=lambda ones: [_order(settings[ones[0]].get(key)) for key in keys])
    ]
    notes = [f"Left out {runs.describe_left_out(left_out)}."] if left_out else []
    notes += _notes(whole, settings, kept, keys)
    if len({one.get("loss") for one in settings}) > 1:
        groups = [_without_losses(group) for group in groups]
        notes.append("Runs differ in loss, so that training losses, whose units differ, are left out.")
    table = pd.DataFrame([_row(group, success) for group in groups])
    return Comparison(tuple(groups), success, table, tuple(notes))


class _Rows:
    """A table of many runs, sorted by run, so that the rows of some of them are found at once."""

    def __init__(self, frame: pd.DataFrame, runs: int) -> None:
        self.frame = frame
        self.first = np.searchsorted(frame["run_number"].to_numpy(), np.arange(runs + 1))

    def of(self, members: Sequence[int]) -> pd.DataFrame:
        """The rows of some runs, in the order of these, which are numbered from 0."""
        places = [np.arange(self.first[i], self.first[i + 1]) for i in members]
        rows = self.frame.take(np.concatenate(places)).reset_index(drop=True)
        return rows.assign(run_number=np.repeat(np.arange(len(members)), list(map(len, places))))


def _read_tables(every: Sequence[Run], left_out: dict[Path, str]) -> tuple[list[Run], dict[str, _Rows]]:
    """The finished runs whose tables are whole, and these tables."""
    whole = runs.select_finished(every, _TABLES, left_out)
    while whole:
        tables = {table: runs.read_together(whole, table, left_out, columns)[1] for table, columns in _TABLES.items()}
        for table, frame in tables.items():
            empty = set(range(len(whole))) - set(frame["run_number"]) if table != "losses" else ()
            left_out |= {whole[i].directory: f"{table}.csv holds no rows" for i in empty}
        if not (damaged := {run.directory for run in whole} & left_out.keys()):
            return whole, {table: _Rows(frame, len(whole)) for table, frame in tables.items()}
        whole = [run for run in whole if run.directory not in damaged]
    return [], {}


def _check_keys(by: Sequence[str], settings: Sequence[dict[str, Any]]) -> None:
    keys = {key for one in settings for key in one}
    for key in by:
        if key not in keys:
            near = get_close_matches(key, keys, n=1, cutoff=0.75)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(keys))}"
            raise KeyError(f"no run has a setting {key}; {hint}")


def _notes(
    whole: Sequence[Run], settings: Sequence[dict[str, Any]], kept: Sequence[list[int]], keys: Sequence[str]
) -> Iterator[str]:
    """What a reader should know of the rows: repetitions, code that differs, settings that they do not tell apart."""
    if repeated := len(whole) - sum(map(len, kept)):
        neutral = ", ".join(sorted(_unlike(settings).keys() & NEUTRAL - {"replicates"}))
        but = f" ({neutral} changes no number here)" if neutral else ""
        same = f"{repeated} of {len(whole)} runs trained networks that another run trained as well"
        yield f"{same}{but}; they count once."
    makers = Counter(run_json.maker(run.entry) for run in whole)
    if len(makers) > 1:
        counted = ", ".join(f"{maker} ({n})" for maker, n in makers.items())
        yield f"The runs were made by different code: {counted}."
    pooled = {key for ones in kept for key in _differing([settings[i] for i in ones])} - set(keys)
    if pooled:
        yield f"Rows take runs together that differ in {', '.join(sorted(pooled))}."


def _without_repetitions(ones: Sequence[int], settings: Sequence[dict[str, Any]]) -> list[int]:
    """Of runs whose networks are the same, that with the most networks."""
    best: dict[str, int] = {}
    for i in ones:
        same = {key: value for key, value in settings[i].items() if key not in NEUTRAL | TESTING | _TASK_TESTING}
        identity = json.dumps(same, sort_keys=True)
        if identity not in best or settings[i]["replicates"] > settings[best[identity]]["replicates"]:
            best[identity] = i
    return list(best.values())


def _differing(settings: Sequence[dict[str, Any]]) -> list[str]:
    """The settings in which runs of the same task differ and which may change a number of a network."""
    return [key for key in _unlike(settings) if key not in NEUTRAL]


def _unlike(settings: Sequence[dict[str, Any]]) -> dict[str, None]:
    """All settings in which runs of the same task differ, in their order."""
    keys = dict.fromkeys(key for one in settings for key in one)
    by_task: dict[Any, list[dict[str, Any]]] = {}
    for one in settings:
        by_task.setdefault(one.get("task.name"), []).append(one)
    return dict.fromkeys(
        key for key in keys if any(len({json.dumps(s.get(key)) for s in some}) > 1 for some in by_task.values())
    )


def _order(value: Any) -> tuple[int, Any]:
    """Sorts numbers by size, and after them texts by the alphabet."""
    return (0, value) if isinstance(value, int | float) else (1, str(value))


def _group(
    values: dict[str, Any], task: str, members: Sequence[int], tables: Mapping[str, "_Rows"], success: float
) -> Group:
    summary, losses, curve, errors = (tables[table].of(members) for table in _TABLES)
    rates = _predictable(curve, errors)
    reached = rates <= success
    positions = errors["position"].drop_duplicates()
    floors = errors.groupby(["position", "run_number"], sort=False)["floor_mse"].first().unstack().loc[positions]
    return Group(
        values=values,
        task=task,
        summary=summary.drop(columns="run_number"),
        losses=_by_network(losses, "epoch", "loss"),
        rates=rates,
        mse=_by_network(errors, "position", "mse").loc[positions],
        floor=floors.mean(axis=1),
        success_epochs=reached.idxmax().where(reached.any()) if len(rates) else summary["success_epoch"],
    )


def _by_network(frame: pd.DataFrame, index: str, values: str) -> pd.DataFrame:
    """A column of a table with one column a network, those of a run side by side."""
    wide = frame.pivot(index=index, columns=["run_number", "replicate"], values=values)
    return wide.sort_index(axis=1).set_axis(range(wide.shape[1]), axis=1)


def _predictable(curve: pd.DataFrame, errors: pd.DataFrame) -> pd.DataFrame:
    """The error rate over all predictable positions of each test, one column a network; empty if there are none."""
    first = errors[errors["replicate"] == errors.groupby("run_number")["replicate"].transform("min")]
    steps = first.loc[first["floor_mse"] == 0, ["run_number", "position", "n"]]
    some = curve.merge(steps, on=["run_number", "position"])
    some["wrong"] = (some["error_rate"] * some["n"]).round()
    sums = some.groupby(["run_number", "replicate", "epoch"], as_index=False)[["wrong", "n"]].sum()
    return _by_network(sums.assign(rate=sums["wrong"] / sums["n"]), "epoch", "rate")


def _without_losses(group: Group) -> Group:
    """The group without its training losses, for a comparison in which their units differ."""
    return replace(group, losses=group.losses.iloc[:0], summary=group.summary.assign(final_loss=np.nan))


def _row(group: Group, success: float) -> dict[str, Any]:
    """What is printed and written of a group."""
    networks, summary = len(group.summary), group.summary
    rate = summary["predictable_error_rate"]
    known = bool(rate.notna().all())
    successes = int((rate <= success).sum())
    low, high = wilson(successes, networks) if known else (math.nan, math.nan)
    unknown, trained = pd.Series(dtype=float), summary[summary["best_epoch"].notna()]
    return {
        **group.values,
        "networks": networks,
        "success_rate": successes / networks if known else math.nan,
        "success_rate_low": low,
        "success_rate_high": high,
        **_quartiles("predictable_error_rate", rate),
        **_quartiles("test_mse", summary["test_mse"]),
        "test_floor_mse": summary["test_floor_mse"].mean(),
        **_quartiles("final_loss", summary["final_loss"]),
        **_epochs("takeoff_epoch", trained["takeoff_epoch"] if trained["floor_loss"].notna().all() else unknown),
        **_epochs("success_epoch", group.success_epochs if known else unknown),
    }


def wilson(successes: int, networks: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of a share by E. B. Wilson (1927), Journal of the American Statistical Association 22, p. 209."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, z2 = successes / networks, z * z / networks
    middle = (share + z2 / 2) / (1 + z2)
    half = z / (1 + z2) * math.sqrt(share * (1 - share) / networks + z2 / (4 * networks))
    return max(0.0, middle - half), min(1.0, middle + half)


def _quartiles(name: str, values: pd.Series) -> dict[str, float]:
    low, middle, high = values.quantile([0.25, 0.5, 0.75])
    return {name: middle, f"{name}_q25": low, f"{name}_q75": high}


def _epochs(name: str, values: pd.Series) -> dict[str, float]:
    """Median and quartiles of epochs, in which never comes after every epoch; and the share of never."""
    if values.empty:
        return dict.fromkeys((name, f"{name}_q25", f"{name}_q75", f"{name}_never"), math.nan)
    quartiles = np.quantile(values.fillna(np.inf), [0.25, 0.5, 0.75], method="inverted_cdf")
    low, middle, high = np.where(np.isinf(quartiles), np.nan, quartiles)
    return {name: middle, f"{name}_q25": low, f"{name}_q75": high, f"{name}_never": values.isna().mean()}


def describe(comparison: Comparison) -> str:
    """The table for a reader, and what it means."""
    return "\n".join([shown_table(comparison).to_string(index=False), "", *explain(comparison)])


def shown_table(comparison: Comparison) -> pd.DataFrame:
    """The table for a reader, as texts: shares with their intervals, and medians with the quartiles."""
    table = comparison.table
    shown = table[list(comparison.groups[0].values)].map(format_value)
    shown["networks"] = table["networks"]

    def column(title: str, name: str, form: str, low: str = "", high: str = "") -> None:
        if table[name].notna().any() or f"{name}_never" in table:
            shown[title] = [_cell(row, name, form, low, high) for _, row in table.iterrows()]

    column("success rate (95 %)", "success_rate", ".2f", "_low", "_high")
    column("error rate", "predictable_error_rate", ".3f", "_q25", "_q75")
    column("test MSE", "test_mse", ".4f")
    column("floor", "test_floor_mse", ".4f")
    column("final loss", "final_loss", ".4f")
    column("takeoff epoch", "takeoff_epoch", ".0f")
    if table["success_rate"].notna().any():
        column("success epoch", "success_epoch", ".0f", "_q25", "_q75")
    return shown


def explain(comparison: Comparison) -> list[str]:
    """What the columns mean, and notes on the runs, a paragraph each."""
    lines = ["Medians over the networks, with the quartiles in brackets."]
    if comparison.table["success_rate"].notna().any():
        rule = f"at most {comparison.success:g} of the steps that can be predicted are wrong"
        lines += [
            f"A network succeeds if {rule} after training; its success epoch is the first test of which that is true."
        ]
    return [*lines, *comparison.notes]


def _cell(row: pd.Series, name: str, form: str, low: str, high: str) -> str:
    def one(key: str) -> str:
        if pd.notna(row[key]):
            return format(row[key], form)
        return "never" if pd.notna(row.get(f"{name}_never")) else "unknown"

    cells = [one(name + end) for end in ("", low, high)]
    share = row.get(f"{name}_never", 0)
    never = f"{share:.0%} never" if 0 < share < 1 else "never" if share >= 1 else ""
    if set(cells) == {"never"}:
        return never
    spread = f" ({cells[1]}-{cells[2]})" if low and cells[0] != "unknown" and row["networks"] > 1 else ""
    return cells[0] + spread + (f", {never}" if never else "")


def format_value(value: Any, most: int = 40) -> str:
    """A setting as it is typed on the command line; of a long one, its beginning and its end."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or value != value:
        return "null"
    whole = f"{value:g}" if isinstance(value, float) else str(value)
    return whole if len(whole) <= most else f"{whole[: most // 2 - 1]}…{whole[-most // 2 :]}"
