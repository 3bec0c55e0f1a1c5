"""Hydra, told to do a run or the jobs of a sweep: each is composed, and handed to the function that does it."""

import copy
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from omegaconf import DictConfig, open_dict, read_write

from elman.cli.compose import hydra_told, quoted

_KEPT = 100  # configurations that wait to be asked for again, 0.3 MB each


def run(flags: Namespace, job: Callable[[DictConfig], Any]) -> None:
    """Do the one run that a command asks for."""
    with hydra_told(flags) as (application, name):
        application.run(name, job, flags.overrides)


def sweep(flags: Namespace, job: Callable[[DictConfig], Any], directory: Path) -> None:
    """Have Hydra's sweeper and launcher do all jobs of a sweep.

    Args:
        flags: of the command that asked for it.
        job: does one of them; it stands under its name in its module, where a worker looks for it.
        directory: of the sweep; a timestamp in it would have moved on, and a worker may have been started anywhere.
    """
    chosen = [f"hydra.sweep.dir={quoted(str(directory))}", "hydra.mode=MULTIRUN"]
    with hydra_told(flags) as (application, name):
        application.config_loader = _SweepLoader(application.config_loader.get_search_path())
        application.multirun(name, job, [*flags.overrides, *chosen])


class _SweepLoader(ConfigLoaderImpl):
    """Composes a job of a sweep, unless there are many, once where Hydra asks twice, to check it and to start it.

    How many seconds that took is left in its configuration, because it may run in another process.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._composed: dict[tuple[str, ...], DictConfig] = {}  # configurations that Hydra will ask for once more

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_composed": {}}  # for a worker, which asks once for a job

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """The configuration of one job."""
        job = tuple(sweep_overrides)
        if job in self._composed:
            return self._composed.pop(job)
        start = time.perf_counter()
        config = super().load_sweep_config(master_config, sweep_overrides)
        with read_write(config.hydra.job), open_dict(config.hydra.job):
            config.hydra.job.compose_seconds = time.perf_counter() - start
        if len(self._composed) < _KEPT:
            self._composed[job] = copy.deepcopy(config)  # who asks may change what he gets
        return config
