"""Runs in Python: trained, opened from a directory or compared, with their tables, figures and a description."""

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from elman import comparison, comparison_text, config, describe, plots, run_json, runner, tables
from elman.cli import compose
from elman.config import Settings
from elman.errors import RunDirectoryError
from elman.network import Weights
from elman.progress import Progress, on_bar
from elman.result import Result as Networks
from elman.stream import Stream

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Result:
    """One run of R networks: its settings, streams, weights and predictions, and any table or figure of them.

    `elman.run` returns one after training, `elman.open_run` one that is read from a directory.
    """

    def __init__(self, settings: Settings, source: plots.Source, networks: Callable[[], Networks]) -> None:
        """Take the settings, what tables and figures come from, and a function that makes the networks."""
        self._settings = settings
        self._source = source
        self._make = networks

    @cached_property
    def _networks(self) -> Networks:
        return self._make()

    @property
    def settings(self) -> Settings:
        """The settings of the run."""
        return self._settings

    def tables(self) -> list[str]:
        """The names of the tables that the run has."""
        return [name for name in tables.TABLES if self._source.table(name) is not None]

    def table(self, name: str) -> pd.DataFrame:
        """A table of the run.

        Args:
            name: that of its CSV without the ending, such as "position_errors".

        Raises:
            KeyError: for a table that the run does not have.
        """
        frame = self._source.table(name) if name in tables.TABLES else None
        if frame is None:
            raise KeyError(f"this run has no table {name}; there are {', '.join(self.tables())}")
        return frame.copy()

    def plot(self, name: str, ax: "Axes | None" = None) -> "Figure":
        """Draw a figure of the run.

        Args:
            name: a key of `elman.plots.PLOTS`, such as "training_loss".
            ax: axes to draw into, for a figure of one Axes; by default it has a Figure of its own.

        Raises:
            ConfigError: for another name, axes for a figure of several, or a figure that does not apply to the run.
        """
        return plots.show(self._source, name, ax)

    def save(self, directory: str | Path) -> Path:
        """Write the files of the run into a directory, as the command line does.

        Args:
            directory: made if it does not exist. If it holds this run already, nothing is written.

        Returns:
            The directory.

        Raises:
            RunDirectoryError: if it holds another run, or another process writes to it.
        """
        runner.run_into(Path(directory), self._networks.settings, train=lambda: self._networks)
        return Path(directory)

    @property
    def training(self) -> Sequence[Stream]:
        """R streams of equal length, one a network, drawn again when asked for."""
        return self._networks.training

    @property
    def test(self) -> Stream:
        """The stream that all networks are tested on: T elements, so T - 1 predictions."""
        return self._networks.test

    @property
    def initial(self) -> Weights:
        """(R, ...): the weights before training."""
        return self._networks.initial

    @property
    def weights(self) -> Weights:
        """(R, ...): the weights after training."""
        return self._source.weights()

    @property
    def context(self) -> np.ndarray:
        """(R, C): the activation of the context units at the start of the test."""
        return self._networks.context

    @property
    def losses(self) -> np.ndarray:
        """(R, epochs): the loss of each epoch, averaged over the counted steps of the training stream."""
        return self._networks.losses

    @property
    def outputs(self) -> np.ndarray:
        """(R, T - 1, n): the predictions on the test stream."""
        return self._networks.outputs

    @property
    def hiddens(self) -> np.ndarray:
        """(R, T - 1, H): the hidden activations on the test stream."""
        return self._networks.hiddens

    def __repr__(self) -> str:
        return describe.as_text(self._source)

    def _repr_html_(self) -> str:
        return describe.as_html(self._source)


def run(*settings: Settings | str) -> Result:
    """Train and test networks, with a progress bar in terminals and notebooks. Nothing is written.

    Args:
        settings: as `elman.settings` returns them; or overrides, such as "task=cv", "hidden_size=8".

    Raises:
        ConfigError: for a value that breaks its rule, or a key that is unknown.
        DivergenceError: when a loss is no longer a finite number.
    """
    first = settings[0] if len(settings) == 1 else None
    overrides = [one for one in settings if isinstance(one, str)]
    if len(overrides) < len(settings) and not isinstance(first, Settings):
        raise TypeError("elman.run takes Settings, or overrides such as 'hidden_size=8'")
    chosen = first if isinstance(first, Settings) else compose.settings(*overrides)
    with _bar(chosen.epochs) as progress:
        networks = runner.run(chosen, progress)
    return Result(networks.settings, plots.from_result(networks), lambda: networks)


def open_run(directory: str | Path) -> Result:
    """Read a finished run: tables and figures come from its files, each number exactly as it was written.

    Its streams and predictions are drawn and computed when they are first asked for.

    Args:
        directory: of the run.

    Raises:
        FileNotFoundError: where no run is.
        RunDirectoryError: for a run that is not finished, or damaged.
    """
    path = Path(directory)
    entry = run_json.read(path)
    if entry["status"] != "finished":
        raise RunDirectoryError(f"{path}: the run is not finished, its status is {entry['status']}")
    settings = config.from_values(entry["settings"])
    return Result(settings, plots.from_directory(path), lambda: runner.reopen(path, settings))


class Comparison:
    """Finished runs, taken together by their settings, each group beside the one that it is held against."""

    def __init__(self, groups: comparison.Comparison) -> None:
        """Take the groups and their differences."""
        self._groups = groups

    @property
    def table(self) -> pd.DataFrame:
        """One row a group, as in comparison.csv."""
        return self._groups.table.copy()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the table should know: runs that were left out, or taken together though they differ."""
        return self._groups.notes

    def plot(self, key: str | None = None) -> "Figure":
        """Draw the figure of the comparison.

        Args:
            key: the setting on the horizontal axis; by default time and position are, and the settings are colours.

        Raises:
            KeyError: for a setting by which the groups are not told apart.
        """
        keys = list(self._groups.groups[0].values)
        if key is not None and key not in keys:
            raise KeyError(f"key must be one of the settings that are compared ({', '.join(keys)}), not {key}")
        from elman.plots.comparison import figure

        return figure(self._groups, key)

    def __repr__(self) -> str:
        return comparison_text.as_text(self._groups)

    def _repr_html_(self) -> str:
        return comparison_text.as_html(self._groups)


def compare(
    *directories: str | Path,
    by: str | Sequence[str] = (),
    against: str | Sequence[str] = (),
    success: float = tables.SUCCESS,
    labels: Mapping[str, str] | None = None,
) -> Comparison:
    """Compare all finished runs below some directories, by their settings, as `elman-compare` does.

    Args:
        directories: where to look; "runs" if none is named.
        by: full keys of settings; one group for each combination of their values. If none is named, those that differ
            besides `seed`.
        against: settings, such as "hidden_size=4", of the group that the others are held against; by default the first
            one of each task. If several have them, each is held against the one that shares its other settings.
        success: the error rate at the predictable positions up to which a network counts as successful, from 0 to 1.
        labels: short names, by values of settings as they are typed, or by the letters that stand for long values.

    Raises:
        FileNotFoundError: if a directory does not exist, or no finished run is below them.
        KeyError: for a key that no run has, a group to be held against that is not there, or a label of nothing.
    """
    keys, held = ([one] if isinstance(one, str) else one for one in (by, against))
    return Comparison(comparison.compare(*directories, by=keys, against=held, success=success, labels=labels))


def _bar(epochs: int) -> AbstractContextManager[Progress]:
    """A progress bar where somebody sees it: in a terminal or a notebook."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tqdm warns that without ipywidgets the bar of a notebook is text
        from tqdm.auto import tqdm
    is_seen = "ipykernel" in sys.modules or (sys.stderr is not None and sys.stderr.isatty())
    return on_bar(tqdm, epochs, is_seen=is_seen)
