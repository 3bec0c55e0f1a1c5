"""Groups of networks whose runs have the same values of some settings, with what is compared of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from elman import runs
from elman.runs import Run

# The tables that are compared, and those of their columns that are used.
TABLES = {
    "summary": (
        "replicate", "final_loss", "floor_loss", "test_mse", "test_floor_mse", "predictable_error_rate",
        "takeoff_epoch", "success_epoch",
    ),
    "losses": ("replicate", "epoch", "loss"),
    "learning_curve": ("replicate", "epoch", "position", "error_rate"),
    "position_errors": ("replicate", "position", "n", "mse", "floor_mse"),
}  # fmt: skip
# Settings that decide streams and initial weights, besides those of the task; and those of the task that do not.
_BEGINNING = {"seed", "shared_stream", "hidden_size", "initial_scale", "initial_distribution", "weights_from"}
_NOT_BEGINNING = {"task.name", "task.test_length", "files.test_items"}


@dataclass(frozen=True)
class Group:
    """R networks whose runs have the same values of some settings."""

    values: dict[str, Any]
    """The values of these settings, by their full keys."""
    task: str
    summary: pd.DataFrame
    """One row a network, as in summary.csv."""
    losses: pd.DataFrame
    """(epochs, R): the loss on the training stream; indexed by epoch."""
    rates: pd.DataFrame
    """(tests, R): error rate at the predictable positions of the test stream by epoch; empty if there are none."""
    mse: pd.DataFrame
    """(P, R): squared error after training; indexed by position."""
    floor: pd.Series
    """(P,): the best possible squared error, by position."""
    success_epochs: pd.Series
    """(R,): the first tested epoch at which each network was successful; NaN for those that never were."""
    networks: tuple[tuple[str, int], ...]
    """(R,): what each network began with: its training stream and initial weights, and which replicate it is."""


class Rows:
    """A table of many runs, sorted by run, so that the rows of some of them are found at once."""

    def __init__(self, frame: pd.DataFrame, runs: int) -> None:
        self.frame = frame
        self.first = np.searchsorted(frame["run_number"].to_numpy(), np.arange(runs + 1))

    def of(self, members: Sequence[int]) -> pd.DataFrame:
        """The rows of some runs, in the order of these, which are numbered from 0."""
        places = [np.arange(self.first[i], self.first[i + 1]) for i in members]
        rows = self.frame.take(np.concatenate(places)).reset_index(drop=True)
        return rows.assign(run_number=np.repeat(np.arange(len(members)), list(map(len, places))))


def read_tables(every: Sequence[Run], left_out: dict[Path, str]) -> tuple[list[Run], dict[str, Rows]]:
    """The finished runs whose tables are whole, and these tables."""
    whole = runs.select_finished(every, TABLES, left_out)
    while whole:
        tables = {table: runs.read_together(whole, table, left_out, columns)[1] for table, columns in TABLES.items()}
        for table, frame in tables.items():
            empty = set(range(len(whole))) - set(frame["run_number"]) if table != "losses" else ()
            left_out |= {whole[i].directory: f"{table}.csv holds no rows" for i in empty}
        if not (damaged := {run.directory for run in whole} & left_out.keys()):
            return whole, {table: Rows(frame, len(whole)) for table, frame in tables.items()}
        whole = [run for run in whole if run.directory not in damaged]
    return [], {}


def group(
    values: dict[str, Any],
    settings: Sequence[Mapping[str, Any]],
    members: Sequence[int],
    tables: Mapping[str, Rows],
    success: float,
) -> Group:
    """Take runs together.

    Args:
        values: of the settings that they share and by which they are compared.
        settings: of all runs, by full key.
        members: the numbers of the runs.
        tables: of all runs, as `read_tables` returns them.
        success: the error rate at the predictable positions up to which a network counts as successful.
    """
    summary, losses, curve, errors = (tables[table].of(members) for table in TABLES)
    rates = _predictable(curve, errors)
    reached = rates <= success
    positions = errors["position"].drop_duplicates()
    floors = errors.groupby(["position", "run_number"], sort=False)["floor_mse"].first().unstack().loc[positions]
    beginnings = [_beginning(settings[i]) for i in members]
    return Group(
        values=values,
        task=settings[members[0]]["task.name"],
        summary=summary.drop(columns="run_number"),
        losses=_by_network(losses, "epoch", "loss"),
        rates=rates,
        mse=_by_network(errors, "position", "mse").loc[positions],
        floor=floors.mean(axis=1),
        success_epochs=reached.idxmax().where(reached.any()) if len(rates) else summary["success_epoch"],
        networks=tuple(
            (beginnings[run], replicate)
            for run, replicate in zip(summary["run_number"], summary["replicate"], strict=True)
        ),
    )


def _beginning(settings: Mapping[str, Any]) -> str:
    """A text that two runs share if their replicates have the same training streams and initial weights."""
    drawn = {
        key: value
        for key, value in settings.items()
        if key in _BEGINNING or (key.startswith(("task.", "files.")) and key not in _NOT_BEGINNING)
    }
    drawn["context"] = settings.get("context") == "output"  # then W_hh has other columns
    drawn["reset_context"] = settings.get("reset_context") == "sequence"  # some streams are drawn for it
    return json.dumps(drawn, sort_keys=True)


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


def without_losses(group: Group) -> Group:
    """The group without its training losses, for a comparison in which their units differ."""
    return replace(group, losses=group.losses.iloc[:0], summary=group.summary.assign(final_loss=np.nan))
