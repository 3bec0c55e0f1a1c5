"""Whether a command asks for a sweep, and for which: its jobs, checked before any of them starts, and its directory."""

import itertools
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from elman.cli.compose import hydra_told, to_settings, without_hydra
from elman.cli.messages import explained, null_choices_refused
from elman.config import kinds
from elman.errors import ConfigError

if TYPE_CHECKING:
    from elman.cli.sweep import Sweep


def planned(flags: Namespace) -> "Sweep | None":
    """The sweep that a command asks for, with the settings of all its jobs checked and its directory taken; or None.

    It is asked for by -m, or by hydra.mode in an override or in a file; without any of these there is no need to look.
    """
    files = flags.config_dir or flags.config_path or flags.config_name
    if not (flags.multirun or files or any("experiment" in o or "hydra" in o for o in flags.overrides)):
        return None
    with hydra_told(flags) as (application, name), null_choices_refused():
        loader = application.config_loader
        master = loader.load_configuration(
            name, flags.overrides, run_mode=RunMode.MULTIRUN, validate_sweep_overrides=False
        )
        is_sweep = flags.multirun or master.hydra.mode == RunMode.MULTIRUN
        _check_directory(master, is_sweep=is_sweep)
        if not is_sweep:
            return None
        if not OmegaConf.is_config(master.hydra.sweeper):
            raise ConfigError(f"hydra.sweeper must have settings of its own, not be {master.hydra.sweeper}")
        basic = master.hydra.sweeper._target_.endswith(".BasicSweeper")
        jobs = _checked(_jobs(master, combined=basic), master, loader)
    return _taken(master, jobs if basic else None)


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


def _checked(jobs: list[list[str]], master: DictConfig, loader: ConfigLoader) -> dict[str, list[str]]:
    """The jobs by the fingerprint of their settings, which are checked.

    Those that differ only in the values of settings are composed once.
    """
    from elman.cli.sweep import name
    from elman.run_json import fingerprint
    from elman.rundir import file_hashes

    parser, composed, found = OverridesParser.create(loader), dict[tuple[str, ...], DictConfig](), {}
    for job in jobs:
        try:
            values = {o.key_or_group: o.value() for o in parser.parse_overrides(job) if _is_value(o)}
            others = tuple(override for override in job if override.partition("=")[0] not in values)
            if others not in composed:
                composed[others] = without_hydra(loader.load_sweep_config(master, job))
            config = composed[others].copy()
            for key, value in values.items():
                OmegaConf.update(config, key, value)
            settings = asdict(to_settings(config))
            found[fingerprint(settings, file_hashes(settings))] = job
        except (ConfigError, HydraException, OmegaConfBaseException) as error:
            which = f"job {name(job, {str(i): one for i, one in enumerate(jobs)})}: " if len(jobs) > 1 else ""
            raise ConfigError(f"{which}{explained(error)}") from error
    return found


def _is_value(override: Override) -> bool:
    """Whether an override gives a setting a value; others choose a file, or add, remove or merge keys."""
    is_setting = override.type is OverrideType.CHANGE and override.key_or_group in kinds() and override.package is None
    return is_setting and not isinstance(override.value(), dict)


def _jobs(master: DictConfig, *, combined: bool) -> list[list[str]]:
    """The overrides of each job of a sweep; without those that only a sweeper can choose, such as intervals.

    Args:
        master: the configuration of the sweep.
        combined: False where the sweeper will not run all combinations: then each choice once, beside the first others.
    """
    params = [f"{key}={value}" for key, value in (master.hydra.sweeper.get("params") or {}).items()]
    choices: dict[str, list[str]] = {}
    parser = OverridesParser.create(GlobalHydra.instance().config_loader())
    for override in parser.parse_overrides([*params, *master.hydra.overrides.task]):
        key = override.get_key_element()
        if override.is_discrete_sweep():
            choices[key] = [f"{key}={value}" for value in override.sweep_string_iterator()]
        elif not override.is_sweep_override():
            choices[key] = [f"{key}={override.get_value_element_as_str()}"]
    if combined:
        return [list(job) for job in itertools.product(*choices.values())]
    firsts = {key: values[0] for key, values in choices.items()}
    return [list(firsts.values())] + [
        list({**firsts, key: value}.values()) for key, values in choices.items() for value in values[1:]
    ]


def _taken(master: DictConfig, jobs: dict[str, list[str]] | None) -> "Sweep":
    """The sweep in its directory; unless the user named that, it is made here, so that no two sweeps share one."""
    from elman.cli.sweep import Sweep
    from elman.errors import RunDirectoryError

    directory = Path(master.hydra.sweep.dir).absolute()
    if (directory / "run.json").exists():
        raise RunDirectoryError(f"{directory}: this directory holds a run; a sweep needs one of its own")
    if directory.exists() and not directory.is_dir():
        raise RunDirectoryError(f"{directory}: this is not a directory")
    if "elman_unique" in OmegaConf.to_yaml(master.hydra.sweep):
        try:
            directory.mkdir(parents=True)
        except FileExistsError:
            raise RunDirectoryError(f"{directory}: another sweep has just taken this directory") from None
    return Sweep(directory, jobs)
