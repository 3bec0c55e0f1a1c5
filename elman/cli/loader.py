"""Composes the jobs of a sweep for whoever asks: planning, Hydra's sweeper and its launchers."""

import copy
import time
from typing import Any, cast

# Hydra has no public way to compose a job of a sweep.
from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra._internal.config_repository import IConfigRepository
from hydra.core.default_element import ResultDefault
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.plugins.config_source import ConfigResult
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from elman.config import check_kind, kinds
from elman.declaration import convert

_KEPT = 1000  # compositions, some 60 kB each


class SweepLoader(ConfigLoaderImpl):
    """Composes once all jobs that differ only in the values of settings; the others differ in files, or add keys."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.planned: DictConfig | None = None
        """The configuration of the run or sweep that has been planned; Hydra need not compose it once more."""
        self._composed: dict[tuple[str, ...], DictConfig] = {}
        self._emptied: list[str] = []

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "planned": None, "_composed": {}}  # for a worker, which composes its own job

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        """Compose a run or a sweep, or return the one that has been planned."""
        if self.planned is not None and self.planned.hydra.mode == run_mode:
            return self.planned
        self._emptied = _mappings_in(overrides)
        config = super().load_configuration(config_name, overrides, run_mode, from_shell, validate_sweep_overrides)
        self._convert(config)
        return config

    def _compose_config_from_defaults_list(self, defaults: list[ResultDefault], repo: IConfigRepository) -> DictConfig:
        """Merge the files of a configuration; a mapping of lists, such as task.categories, replaces an earlier one.

        One that overrides are going to fill is emptied.
        """
        self._mappings: dict[str, Any] = {}
        self._kinds: dict[str, type] = {}
        config = super()._compose_config_from_defaults_list(defaults, repo)
        for key, mapping in self._mappings.items():
            OmegaConf.update(config, key, mapping, merge=False)
        for key in self._emptied:
            if OmegaConf.select(config, key) is not None or key in config:
                OmegaConf.update(config, key, {}, merge=False)
                OmegaConf.set_struct(OmegaConf.select(config, key), False)
        return config

    def _load_single_config(self, default: ResultDefault, repo: IConfigRepository) -> ConfigResult:
        loaded = super()._load_single_config(default, repo)
        if isinstance(loaded.config, DictConfig) and loaded.config.keys() & {"task", "test_items"}:
            plain = cast("dict[str, Any]", OmegaConf.to_container(loaded.config, resolve=False))
            task = plain.get("task")
            values = {f"task.{key}": value for key, value in (task.items() if isinstance(task, dict) else ())}
            for key, value in {**values, "test_items": plain.get("test_items")}.items():
                if _is_of_lists(value):
                    self._mappings[key] = value
                if isinstance(value, bool | int | float | str):
                    self._kinds.setdefault(key, type(value))
        return loaded

    def _convert(self, config: DictConfig) -> None:
        """Give the settings of a user's own task, where its function does not say of which type they are, that of the
        value in the first file that has one.

        Raises:
            ConfigError: for a value that is not of this type, or a task that cannot be read.
        """
        task = config.get("task")
        if not isinstance(task, DictConfig) or task.get("code") is None:
            return
        from elman.tasks import options

        kind = task.get("kind", task.get("name"))
        check_kind(kind, "task.kind" if "kind" in task else "task.name", task.code)
        types = options(kind, task.code)
        for name in [name for name, own in types.items() if own is Any and name in task]:
            if of_value := self._kinds.get(f"task.{name}"):
                task[name] = convert(f"task.{name}", of_value, task[name])

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """Compose a job of a sweep; hydra.job.compose_seconds says how long that took.

        Args:
            master_config: the configuration of the sweep.
            sweep_overrides: of the job.
        """
        start = time.perf_counter()
        parsed = OverridesParser.create(self).parse_overrides(list(sweep_overrides))
        values = {o.key_or_group: o.value() for o in parsed if _is_value(o)}
        hydras = cast("list[str]", OmegaConf.to_container(master_config.hydra.overrides.hydra, resolve=False))
        others = [o.input_line or "" for o in parsed if o.key_or_group not in values]
        key = (*hydras, "", *others, "", *values)
        if key not in self._composed:
            if len(self._composed) >= _KEPT:
                self._composed.pop(next(iter(self._composed)))
            self._composed[key] = super().load_sweep_config(master_config, list(sweep_overrides))
        config = copy.deepcopy(self._composed[key])  # plugins hold types that cannot be pickled
        for name, value in values.items():
            OmegaConf.update(config, name, value)
        self._convert(config)
        OmegaConf.copy_cache(from_config=master_config, to_config=config)
        self._name(config, parsed)
        with open_dict(config.hydra.job):
            config.hydra.job.compose_seconds = time.perf_counter() - start
        return config

    def _name(self, config: DictConfig, overrides: list[Override]) -> None:
        """Put the overrides of a job into its configuration, as Hydra does when it composes."""
        own = [override for override in overrides if not override.is_hydra_override()]
        job = config.hydra.job
        config.hydra.overrides.task = [override.input_line for override in own]
        job.override_dirname = get_overrides_dirname(
            own,
            kv_sep=job.config.override_dirname.kv_sep,
            item_sep=job.config.override_dirname.item_sep,
            exclude_keys=job.config.override_dirname.exclude_keys,
        )


def _is_of_lists(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(item, list) for item in value.values())


def _mappings_in(overrides: list[str]) -> list[str]:
    """The keys to which overrides give mappings of lists."""
    parsed = OverridesParser.create().parse_overrides([one for one in overrides if "{" in one])
    return [one.key_or_group for one in parsed if not one.is_sweep_override() and _is_of_lists(one.value())]


def _is_value(override: Override) -> bool:
    """Whether an override gives a setting a value; others choose a file, or add, remove or merge keys."""
    is_setting = override.type is OverrideType.CHANGE and override.key_or_group in kinds() and override.package is None
    return is_setting and not isinstance(override.value(), dict)
