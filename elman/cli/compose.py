"""Hydra, ready to compose from conf/: where that is, what its values may call, and settings made of it."""

import copy
import hashlib
import json
import re
import secrets
from argparse import Namespace
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import hydra
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from elman.cli.loader import SweepLoader
from elman.cli.messages import check_readable, user_errors
from elman.config import Settings, from_values
from elman.defaults import CONF
from elman.errors import ConfigError

# Hydra 1.3 wants to be told whose defaults to keep to, 1.4 wants not to; and its OmegaConf has renamed a function.
_IS_1_3 = hydra.__version__.startswith("1.3")
DEFAULTS = {"version_base": "1.3"} if _IS_1_3 else {}
_LONGEST_NAME = 120  # characters of a job's directory in a sweep; file systems end at 255


@contextmanager
def hydra_at(config_dir: Path) -> Iterator[None]:
    """Hydra, ready to compose from a directory; also inside an application that uses Hydra itself.

    Its loader is a `SweepLoader`.
    """
    outer = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(**DEFAULTS, config_dir=str(config_dir)):
            application: Any = GlobalHydra.instance().hydra
            application.config_loader = SweepLoader(application.config_loader.get_search_path())
            yield
    finally:
        GlobalHydra.instance().hydra = outer


@contextmanager
def hydra_told(flags: Namespace) -> Iterator[tuple[Any, str]]:
    """Hydra, ready to compose from where the flags of a command say; yields it, and the name of the file to begin with.

    Raises:
        ConfigError: if there is no such directory, or a file there that would not be read.
    """
    for flag, directory in (("--config-dir", flags.config_dir), ("--config-path", flags.config_path)):
        if directory and not Path(directory).is_dir():
            raise ConfigError(f"{flag} must be a directory, not {directory}")
    name = (flags.config_name or "config").removesuffix(".yaml")
    with hydra_at(Path(flags.config_path or CONF).absolute()):
        application: Any = GlobalHydra.instance().hydra
        if flags.config_dir:
            own = Path(flags.config_dir).absolute()
            path = application.config_loader.get_search_path()
            if (own / f"{name}.yaml").is_file():
                if not flags.config_name:
                    raise ConfigError(
                        f"--config-dir={flags.config_dir} has a {name}.yaml: --config-name={name} reads it"
                    )
                name = _begin_with(own / f"{name}.yaml")
                path.prepend("command-line", f"file://{own}")
            else:
                path.prepend("command-line", f"file://{own}", SearchPathQuery(provider="schema"))
            application.config_loader = SweepLoader(path)
        yield application, name


def _begin_with(full_path: Path) -> str:
    """The name under which Hydra finds a file of the user to begin with.

    One without a defaults list, such as .hydra/config.yaml of a run, has all settings, or the rest as in ours.
    """
    with user_errors():
        given = OmegaConf.load(full_path)
        if not isinstance(given, DictConfig):
            raise ConfigError(f"{full_path} must hold settings by their names")
        if "defaults" in given:
            return full_path.stem
        ours: Any = OmegaConf.load(CONF / "config.yaml")
        ours.defaults = [
            one for one in ours.defaults if isinstance(one, str) or not {"task", "experiment"} & one.keys()
        ]
        ConfigStore.instance().store(name="elman_named", node=OmegaConf.merge(ours, given), provider="elman")
    return "elman_named"


def without_hydra(composed: DictConfig) -> DictConfig:
    """The settings in a configuration that has those of Hydra as well, which are taken out of it."""
    with open_dict(composed), read_write(composed):
        del composed["hydra"]
    return composed


def to_settings(composed: DictConfig) -> Settings:
    """Turn a composed configuration without Hydra's own settings into settings, and check them.

    The same settings are checked once in a process, so in a sweep not by its plan and by the job again.

    Raises:
        ConfigError: for a key that is unknown or missing, or a value that is not of its type or breaks its rule.
    """
    return copy.deepcopy(_checked(json.dumps(OmegaConf.to_container(composed, resolve=True), default=str)))


@lru_cache(maxsize=1000)
def _checked(values: str) -> Settings:
    chosen = from_values(json.loads(values))
    _check(chosen)
    return chosen


def _check(chosen: Settings) -> None:
    from elman.checks import check  # it imports numpy and the tasks, which --help does without

    check(chosen)


def settings(*overrides: str) -> Settings:
    """Compose settings from conf/, with the same overrides as on the command line.

    Args:
        overrides: such as "task=cv" or "hidden_size=8".

    Raises:
        ConfigError: for a key that is unknown, a value that is of the wrong type or breaks its rule, or settings that
            make a sweep.
    """
    with user_errors():
        check_readable(overrides)
        with hydra_at(CONF):
            composed = hydra.compose("config", overrides=list(overrides), return_hydra_config=True)
        if composed.hydra.mode == RunMode.MULTIRUN:
            raise ConfigError(f"these settings make a sweep, not one run: {' '.join(overrides)}")
        chosen = from_values(cast("dict[str, Any]", OmegaConf.to_container(without_hydra(composed), resolve=True)))
        _check(chosen)  # always, because a file that it names may have changed
    return chosen


def subdirectory(overrides: Iterable[str]) -> str:
    """The name of a job's directory in a sweep: its overrides, made safe and short; no two jobs have the same."""
    text = ",".join(o for o in overrides if not o.startswith("overwrite=")) or "defaults"
    safe = re.sub(r"[^\w=.,+-]", "_", text, flags=re.ASCII)[:_LONGEST_NAME]
    return safe if safe == text else f"{safe}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def quoted(text: str) -> str:
    """Text as a value of an override; there a backslash counts only before a quote."""
    return "'" + re.sub(r"(\\+)(?='|$)", r"\1\1", text).replace("'", "\\'") + "'"


_register: Any = OmegaConf.register_new_resolver if _IS_1_3 else OmegaConf.register_resolver
_register("elman_unique", lambda: secrets.token_hex(3), use_cache=True, replace=True)
_register("elman_subdir", subdirectory, replace=True)
