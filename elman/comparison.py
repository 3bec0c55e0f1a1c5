"""Many runs, one answer: runs taken together by their settings, as a table of groups and of their differences."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from elman import groups as grouping
from elman import run_json, runs
from elman.condition_names import Names, short_names
from elman.config import NEUTRAL, TESTING
from elman.differences import difference, references
from elman.groups import Group
from elman.intervals import wilson
from elman.runs import Run
from elman.tables import SUCCESS

# Settings of tasks that change on what a network is tested, but not the network.
_TASK_TESTING = {"task.test_length"}


@dataclass(frozen=True)
class Comparison:
    """Runs on disk, taken together by their settings."""

    groups: tuple[Group, ...]
    references: tuple[int | None, ...]
    """For each group the number of the one that it is held against; None for a reference itself."""
    success: float
    """The error rate at the predictable positions up to which a network counts as successful."""
    table: pd.DataFrame
    """One row a group, as in comparison.csv."""
    names: Names
    """What values of settings are called."""
    notes: tuple[str, ...]
    """What a reader of the table should know: runs that were left out, or taken together though they differ."""
    runs: tuple[Run, ...]
    """All runs that could be read, also those that did not finish."""


def compare(
    *directories: str | Path,
    by: Sequence[str] = (),
    against: Sequence[str] = (),
    success: float = SUCCESS,
    labels: Mapping[str, str] | None = None,
    planned: Iterable[Mapping[str, Any]] = (),
) -> Comparison:
    """Compare all finished runs below some directories, by their settings.

    Runs of different tasks are kept apart, those of different seeds are taken together, and networks that several runs
    have trained alike count once, also where these were tested otherwise.

    Args:
        directories: where to look; "runs" if none is named.
        by: full keys of settings, or of where runs come from (experiment, overrides, commit, versions.*); one group for
            each combination of their values. If none is named, the settings that differ besides `seed`.
        against: settings as typed, such as "hidden_size=4", of the group that the others are held against. If several
            have them, each group is held against the one with which it shares the other settings. If none is named,
            the first group of each task.
        success: the error rate at the predictable positions up to which a network counts as successful, from 0 to 1.
        labels: short names, by values of settings as they are typed, or by the letters that stand for long values.
        planned: settings of runs that may not have finished; what differs among these is a difference, too.

    Raises:
        FileNotFoundError: if a directory does not exist, or no finished run is below them.
        KeyError: for a key that no run has, a group to be held against that is not there, or a label of nothing.
    """
    every, left_out = runs.find_runs(*directories)
    whole, tables = grouping.read_tables(every, left_out)
    if not whole:
        raise FileNotFoundError(f"no finished run below {', '.join(map(str, directories or ['runs']))}")
    settings = [runs.flatten(run.entry["settings"] | {"files": run.entry.get("files", {})}) for run in whole]
    known = [one | runs.origin(run.entry) for one, run in zip(settings, whole, strict=True)]
    _check_keys(by, known)
    keys = _keys(by, [*settings, *(runs.flatten(run_json.complete(one)) for one in planned)])
    kept = _by_values(keys, settings, known)
    groups = [
        grouping.group({key: known[ones[0]].get(key) for key in keys}, settings, ones, tables, success) for ones in kept
    ]
    notes = [f"Left out {runs.describe_left_out(left_out)}."] if left_out else []
    notes += _notes(whole, settings, kept, keys)
    if len({one.get("loss") for one in settings}) > 1:
        groups = [grouping.without_losses(group) for group in groups]
        notes.append("Runs differ in loss, so that training losses, whose units differ, are left out.")
    names = short_names(groups, labels or {})
    held = references(groups, against)
    table = _table(groups, held, success)
    return Comparison(tuple(groups), held, success, table, names, tuple(notes), tuple(every))


def _table(groups: Sequence[Group], held: Sequence[int | None], success: float) -> pd.DataFrame:
    """One row a group, with its differences from the one that it is held against."""
    return pd.DataFrame(
        [
            {**_row(group, success), **difference(group, None if other is None else groups[other], success)}
            for group, other in zip(groups, held, strict=True)
        ]
    )


def _keys(by: Sequence[str], wanted: Sequence[dict[str, Any]]) -> list[str]:
    """The settings that make the groups: those named or, if none is, those that differ; and first the task."""
    several = len({one["task.name"] for one in wanted}) > 1
    chosen = by or [key for key in _differing(wanted) if key != "seed"]
    return list(dict.fromkeys([*(["task.name"] if several else []), *chosen]))


def _by_values(
    keys: Sequence[str], settings: Sequence[dict[str, Any]], known: Sequence[dict[str, Any]]
) -> list[list[int]]:
    """The numbers of the runs of each group, without those whose networks another run has, in the order of values.

    Args:
        keys: what makes the groups.
        settings: of each run, by which the same networks are known.
        known: these, and where each run comes from.
    """
    alike: dict[str, list[int]] = {}
    for i, one in enumerate(known):
        alike.setdefault(json.dumps([one.get(key) for key in keys]), []).append(i)
    kept = [_without_repetitions(ones, settings) for ones in alike.values()]
    return sorted(kept, key=lambda ones: [value_order(known[ones[0]].get(key)) for key in keys])


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


def value_order(value: Any) -> tuple[int, Any]:
    """Sorts numbers by size, and after them texts by the alphabet."""
    return (0, value) if isinstance(value, int | float) else (1, str(value))


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
