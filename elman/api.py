"""Runs in Python: trained in this process or opened from a directory, with their tables, figures and a description."""

import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from elman import config, describe, plots, run_json, runner, tables
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


def _bar(epochs: int) -> AbstractContextManager[Progress]:
    """A progress bar where somebody sees it: in a terminal or a notebook."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tqdm warns that without ipywidgets the bar of a notebook is text
        from tqdm.auto import tqdm
    is_seen = "ipykernel" in sys.modules or (sys.stderr is not None and sys.stderr.isatty())
    return on_bar(tqdm, epochs, is_seen=is_seen)
