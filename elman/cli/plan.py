"""What a command asks for, composed and checked before anything is started or written: one run, or a sweep's jobs."""

import itertools
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from elman.cli.compose import quoted, to_settings
from elman.cli.loader import SweepLoader
from elman.cli.messages import check_readable, user_message
from elman.config import Settings
from elman.declaration import shown
from elman.errors import ConfigError, RunDirectoryError

if TYPE_CHECKING:
    from elman.cli.sweep import Sweep


def plan(flags: Namespace, loader: SweepLoader, name: str) -> "Sweep | Path":
    """Compose and check what a command asks for, and leave it with the loader.

    A sweep is asked for by -m, or by hydra.mode in an override or in a file; without any of these there is no need to
    look for it.

    Returns:
        The sweep, whose directory is taken; or, for one run, its directory or the nearest one above it that is there.
    """
    check_readable(flags.overrides)
    files = flags.config_dir or flags.config_path or flags.config_name
    if flags.multirun or files or any("experiment" in o or "hydra" in o for o in flags.overrides):
        master = loader.load_configuration(name, flags.overrides, RunMode.MULTIRUN, validate_sweep_overrides=False)
        is_sweep = flags.multirun or master.hydra.mode == RunMode.MULTIRUN
        _check_directory(master, is_sweep=is_sweep)
        if is_sweep:
            return _plan_sweep(master, loader)
    run = loader.load_configuration(name, flags.overrides, RunMode.RUN)
    run.hydra.mode = RunMode.RUN
    _settings_of(run)
    loader.planned = run
    with _hydra_config(run):
        return _nearest(Path(run.hydra.run.dir).absolute())


def _nearest(directory: Path) -> Path:
    """A directory, or the nearest one above it, that is there before anything is run."""
    return next(path for path in (directory, *directory.parents) if path.exists())


def _plan_sweep(master: DictConfig, loader: SweepLoader) -> "Sweep":
    from elman.cli.sweep import Sweep

    sweeper = master.hydra.sweeper
    for key in ("sweeper", "launcher"):
        if not OmegaConf.is_config(master.hydra[key]):
            raise ConfigError(f"hydra.{key} must have settings of its own, not be {shown(master.hydra[key])}")
    if (size := sweeper.get("max_batch_size")) is not None and size < 1:
        raise ConfigError(f"hydra.sweeper.max_batch_size must be at least 1, not {size}")
    if "maximize" in str(sweeper.get("direction")).lower():
        reason = "because a job that fails returns infinity; objective=success_rate is minus the share of successes"
        raise ConfigError(f"hydra.sweeper.direction must be minimize, {reason}")
    is_combined = sweeper._target_.endswith(".BasicSweeper")
    is_new = "elman_unique" in OmegaConf.to_yaml(master.hydra.sweep)
    # The same for all jobs: a timestamp would move on, and a worker may have been started anywhere.
    directory = Path(master.hydra.sweep.dir).absolute()
    for override in (f"hydra.sweep.dir={quoted(str(directory))}", "hydra.mode=MULTIRUN"):
        master.hydra.overrides.hydra.append(override)
    master.hydra.sweep.dir, master.hydra.mode = str(directory), RunMode.MULTIRUN
    jobs = _check_jobs(_jobs(master, loader, combined=is_combined), master, loader)
    nearest = _nearest(directory)
    _take(directory, is_new=is_new)
    loader.planned = master
    return Sweep(directory, jobs if is_combined else None, nearest)


def _check_directory(master: DictConfig, *, is_sweep: bool) -> None:
    """Refuse a directory without a name, and that of a sweep for a run or the other way round, which Hydra ignores."""
    overrides = OmegaConf.to_container(master.hydra.overrides.hydra, resolve=False)  # jobs have yet to be numbered
    named = dict(override.lstrip("+").partition("=")[::2] for override in map(str, cast("list[str]", overrides)))
    wanted, other = ("hydra.sweep.dir", "hydra.run.dir") if is_sweep else ("hydra.run.dir", "hydra.sweep.dir")
    if named.get(wanted) in ("", "''", '""'):
        raise ConfigError(f"{wanted} must name a directory")
    if other in named and wanted not in named:
        what = "a sweep" if is_sweep else "one run; a sweep needs -m"
        raise ConfigError(f"{other} must be {wanted} for {what}")


def _check_jobs(jobs: list[list[str]], master: DictConfig, loader: SweepLoader) -> dict[str, list[str]]:
    """The jobs by the fingerprint of their settings, which are checked."""
    from elman.cli.sweep import name
    from elman.files import file_hashes
    from elman.run_json import fingerprint

    found = {}
    for job in jobs:
        try:
            config = loader.load_sweep_config(master, job)
            if config.hydra.sweeper.get("params") != master.hydra.sweeper.get("params"):
                raise ConfigError("a file of these settings makes a sweep of its own; run it by itself")
            settings = asdict(_settings_of(config))
            OmegaConf.copy_cache(from_config=config, to_config=master)  # what was resolved stays so in the job
            found[fingerprint(settings, file_hashes(settings))] = job
        except Exception as error:
            which = f"job {name(job, {str(i): one for i, one in enumerate(jobs)})}: " if len(jobs) > 1 else ""
            raise ConfigError(f"{which}{user_message(error)}") from error
    return found


def _settings_of(config: DictConfig) -> Settings:
    """The checked settings of a run or job, which see Hydra's as they will when it runs."""
    with _hydra_config(config):
        return to_settings(OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"]))


@contextmanager
def _hydra_config(config: DictConfig) -> Iterator[None]:
    holder = HydraConfig.instance()
    before = holder.cfg
    holder.set_config(config)
    try:
        yield
    finally:
        holder.cfg = before


def _jobs(master: DictConfig, loader: SweepLoader, *, combined: bool) -> list[list[str]]:
    """The overrides of each job of a sweep; without those that only a sweeper can choose, such as intervals.

    Args:
        master: the configuration of the sweep.
        loader: knows the files that glob() chooses from.
        combined: False where the sweeper will not run all combinations: then each choice once, beside the first others.

    Raises:
        ConfigError: if there is none.
    """
    params = [f"{key}={value}" for key, value in (master.hydra.sweeper.get("params") or {}).items()]
    choices: dict[str, list[str]] = {}
    for override in OverridesParser.create(loader).parse_overrides([*params, *master.hydra.overrides.task]):
        key = override.get_key_element()
        if override.is_discrete_sweep():
            choices[key] = [f"{key}={value}" for value in override.sweep_string_iterator()]
            if not choices[key]:
                raise ConfigError(f"{override.input_line} must name at least one value to sweep over")
        elif not override.is_sweep_override():
            choices[key] = [f"{key}={override.get_value_element_as_str()}"]
    if combined:
        return [list(job) for job in itertools.product(*choices.values())]
    firsts = {key: values[0] for key, values in choices.items()}
    return [list(firsts.values())] + [
        list({**firsts, key: value}.values()) for key, values in choices.items() for value in values[1:]
    ]


def _take(directory: Path, *, is_new: bool) -> None:
    """See that a sweep can have its directory, and make one that the user has not named, so that no two share it."""
    if (directory / "run.json").exists():
        raise RunDirectoryError(f"{directory}: this directory holds a run; a sweep needs one of its own")
    if directory.exists() and not directory.is_dir():
        raise RunDirectoryError(f"{directory}: this is not a directory")
    if is_new:
        try:
            directory.mkdir(parents=True)
        except FileExistsError:
            raise RunDirectoryError(f"{directory}: another sweep has just taken this directory") from None
