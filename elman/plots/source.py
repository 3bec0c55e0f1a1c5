"""What figures are drawn from: the settings, tables and weights of one run, from its directory or from a Result."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from elman import checkpoint, run_json, runs, tables, tasks
from elman.errors import RunDirectoryError
from elman.network import Weights

if TYPE_CHECKING:
    from elman.result import Result


# How networks are and learn, if a figure does not say otherwise.
USUAL = {"context": "hidden", "activation": "logistic", "loss": "squared", "momentum": 0.0, "bptt_steps": 1}


class Source(NamedTuple):
    """One run as the figures see it."""

    settings: Mapping[str, Any]
    """As in run.json."""
    table: Callable[[str], pd.DataFrame | None]
    """A table by the name of its CSV; None where the run has none. It is not to be changed."""
    weights: Callable[[], Weights]
    """Those of the networks after training, (R, ...)."""

    def rows(self, table: str) -> pd.DataFrame:
        """A table that every run has."""
        frame = self.table(table)
        if frame is None:
            raise FileNotFoundError(f"the run has no {table}.csv")
        return frame

    @property
    def networks(self) -> int:
        """R, how many networks were trained."""
        return len(self.rows("summary"))

    @property
    def features(self) -> list[str]:
        """The names of the bits of an element."""
        return self.rows("bit_errors").drop_duplicates("bit")["feature"].tolist()

    @property
    def unit(self) -> str:
        """What the stream is made of besides its elements, such as a word."""
        units = self.table("units")
        return "unit" if units is None else str(units["name"].iloc[0])

    @property
    def levels(self) -> Mapping[str, float]:
        """Losses of simple predictors that the paper discusses, by name."""
        return tasks.LEVELS.get(self._kind, {})

    @property
    def _kind(self) -> str:
        task = self.settings["task"]
        return str(task.get("kind", task["name"]))

    @property
    def caption(self) -> str:
        """Task and main settings, such as "xor 1-4-1, 600 epochs, learning rate 0.1", and what is not as usual."""
        chosen, bits = self.settings, len(self.features)
        network = f"{chosen['task']['name']} {bits}-{chosen['hidden_size']}-{bits}"
        unlike = "".join(
            f", {key}={value}" for key, usual in USUAL.items() if (value := chosen.get(key, usual)) != usual
        )
        if not (epochs := chosen["epochs"]):
            return f"{network}, trained by another run{unlike}"
        return f"{network}, {epochs} epoch{'s' * (epochs > 1)}, learning rate {chosen['learning_rate']:g}{unlike}"


def from_directory(run: Path) -> Source:
    """The source of a finished run on disk; its files are read when they are first asked for.

    Raises:
        FileNotFoundError: where no run is.
        RunDirectoryError: if its run.json cannot be read; from the source, if a file that is asked for is damaged.
    """
    whole = runs.Run(run, run_json.read(run))
    settings = whole.entry["settings"]

    @cache
    def table(name: str) -> pd.DataFrame | None:
        if problem := runs.problem_of(whole, [f"{name}.csv"]):
            raise RunDirectoryError(f"{run}: {problem}")
        return runs.read(run, name) if (run / f"{name}.csv").exists() else None

    return Source(settings, table, lambda: checkpoint.trained(run, settings))


def from_result(result: "Result") -> Source:
    """The source of a run in memory; its tables are computed when they are first asked for."""

    @cache
    def table(name: str) -> pd.DataFrame | None:
        frame = tables.TABLES[name](result)
        return runs.parse(tables.csv(frame)) if len(frame.columns) else None  # as it is read from a directory

    return Source(asdict(result.settings), table, lambda: result.weights)
