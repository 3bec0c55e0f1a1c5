"""How one group of networks differs from another: which is held against which, and by how much."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elman.condition_names import in_full
from elman.groups import Group
from elman.intervals import UNKNOWN, Estimate, median_difference, newcombe, newcombe_paired, superiority


def references(groups: Sequence[Group], against: Sequence[str]) -> tuple[int | None, ...]:
    """The number of the group that each is held against; None for one that is such a group itself, or has none.

    Args:
        groups: those of a comparison.
        against: settings as typed, of these groups; if none is named, the first group of each task is meant.

    Raises:
        KeyError: for settings that no group has.
    """
    wanted = _wanted(groups, against)
    candidates = [i for i, group in enumerate(groups) if _has(group, wanted)]
    if not candidates:
        named = ", ".join(f"{key}={value}" for key, value in wanted.items())
        there = list(
            dict.fromkeys(", ".join(f"{key}={in_full(group.values[key])}" for key in wanted) for group in groups)
        )
        raise KeyError(f"no row has {named}; there are {'; '.join(there)}")

    def reference(number: int) -> int | None:
        own = groups[number]
        of_task = [i for i in candidates if "task.name" in wanted or groups[i].task == own.task]
        if not against or len(of_task) < 2:
            return of_task[0] if of_task else None
        others = [key for key in own.values if key not in wanted]
        same = [i for i in of_task if all(groups[i].values[key] == own.values[key] for key in others)]
        return same[0] if same else None

    found = (reference(i) for i in range(len(groups)))
    return tuple(None if other == i else other for i, other in enumerate(found))


def _wanted(groups: Sequence[Group], against: Sequence[str]) -> dict[str, str]:
    keys = list(groups[0].values)
    wanted = dict[str, str]()
    for one in against:
        key, equals, value = one.partition("=")
        if not equals:
            raise KeyError(f"a row to hold against is named by its settings, such as hidden_size=4, not {one}")
        if key not in keys:
            raise KeyError(f"the rows are not told apart by {key}; they are by {', '.join(keys) or 'nothing'}")
        wanted[key] = value
    return wanted


def _has(group: Group, wanted: Mapping[str, str]) -> bool:
    return all(_is(group.values[key], value) for key, value in wanted.items())


def _is(value: Any, typed: str) -> bool:
    """Whether a value is meant by what was typed."""
    if in_full(value) == typed:
        return True
    try:
        return not isinstance(value, bool) and float(typed) == float(value)
    except (TypeError, ValueError):
        return False


def are_paired(group: Group, other: Group) -> bool:
    """Whether the networks of two groups began with the same training streams and initial weights."""
    return set(group.networks) == set(other.networks)


def difference(group: Group, other: Group | None, success: float) -> dict[str, Any]:
    """The columns that hold a group against another one; empty ones without another.

    Args:
        group: with R networks.
        other: with S networks.
        success: the error rate at the predictable positions up to which a network counts as successful.
    """
    if other is None:
        unknown = dict.fromkeys(("success_rate", "predictable_error_rate", "test_mse"), UNKNOWN)
        return {"against": None, "paired": None, **_columns(unknown), "superiority": math.nan}
    paired = are_paired(group, other)
    rates, of_rates = (_values(one, "predictable_error_rate") for one in (group, other))
    errors, of_errors = (_values(one, "test_mse") for one in (group, other))
    if paired:
        order, of_order = (sorted(range(len(one.networks)), key=one.networks.__getitem__) for one in (group, other))
        rates, errors, of_rates, of_errors = rates[order], errors[order], of_rates[of_order], of_errors[of_order]
    known = not (np.isnan(rates).any() or np.isnan(of_rates).any())
    same_task = group.task == other.task  # or errors have other units
    found = {
        "success_rate": _of_shares(rates <= success, of_rates <= success, paired=paired) if known else UNKNOWN,
        "predictable_error_rate": median_difference(rates, of_rates, paired=paired),
        "test_mse": median_difference(errors, of_errors, paired=paired) if same_task else UNKNOWN,
    }
    better = (rates, of_rates) if known else (errors, of_errors)
    return {
        "against": ", ".join(f"{key}={in_full(value)}" for key, value in other.values.items()),
        "paired": paired,
        **_columns(found),
        "superiority": superiority(*better, paired=paired) if known or same_task else math.nan,
    }


def _values(group: Group, name: str) -> np.ndarray:
    return group.summary[name].to_numpy(float)


def _of_shares(successes: np.ndarray, others: np.ndarray, *, paired: bool) -> Estimate:
    if paired:
        return newcombe_paired(successes, others)
    return newcombe(int(successes.sum()), len(successes), int(others.sum()), len(others))


def _columns(found: Mapping[str, Estimate]) -> dict[str, float]:
    return {
        f"{name}_difference{end}": value
        for name, estimate in found.items()
        for end, value in zip(("", "_low", "_high"), estimate, strict=True)
    }
