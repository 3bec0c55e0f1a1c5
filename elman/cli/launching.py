"""A sweep, started: each of its jobs is composed and handed to a launcher."""

import copy
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, open_dict, read_write

from elman.cli.composing import hydra_told, quoted

_KEPT = 100  # jobs whose configurations are kept, 0.3 MB each


def launched(flags: Namespace, directory: Path, job: Callable[[DictConfig], Any]) -> None:
    """Have Hydra's sweeper and launcher do all jobs of a sweep.

    Args:
        flags: of the command that asked for it.
        directory: of the sweep; a timestamp in it would have moved on, and a worker may have been started anywhere.
        job: does one of them; it stands under its name in its module, where a worker looks for it.
    """
    with hydra_told(flags) as (name, overrides):
        application: Any = GlobalHydra.instance().hydra
        application.config_loader = SweepLoader(application.config_loader)
        application.multirun(
            name, job, [*overrides, f"hydra.sweep.dir={quoted(str(directory))}", "hydra.mode=MULTIRUN"]
        )


class SweepLoader(ConfigLoaderImpl):
    """Composes each job of a sweep once, where Hydra asks twice: to check it, and to start it.

    How many seconds that took is left in its configuration, because it may run in another process.
    """

    def __init__(self, loader: ConfigLoaderImpl) -> None:
        self.__dict__.update(vars(loader))
        self._composed: dict[tuple[str, ...], DictConfig] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_composed": {}}  # for a worker, which asks once for a job

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """The configuration of one job."""
        job = tuple(sweep_overrides)
        if job in self._composed:
            return copy.deepcopy(self._composed[job])  # a launcher writes into it
        start = time.perf_counter()
        config = super().load_sweep_config(master_config, sweep_overrides)
        with read_write(config.hydra.job), open_dict(config.hydra.job):
            config.hydra.job.compose_seconds = time.perf_counter() - start
        if len(self._composed) < _KEPT:
            self._composed[job] = copy.deepcopy(config)
        return config
