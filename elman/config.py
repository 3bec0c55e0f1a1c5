"""The settings: their types, as the schema of conf/, and the rules that their values keep."""

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from omegaconf import MISSING, DictConfig, OmegaConf


class BadSetting(ValueError):
    """A setting that cannot be used; its text names the setting, the rule and the value given."""


@dataclass
class Task:
    """What the networks are trained and tested on; the values are in conf/task."""

    name: str = MISSING
    length: int = MISSING
    test_length: int = MISSING


@dataclass
class Settings:
    """Everything that fixes a run; the values and their meaning are in conf/config.yaml and conf/task."""

    task: Task = MISSING
    hidden_size: int = MISSING
    epochs: int = MISSING
    learning_rate: float = MISSING
    seed: int = MISSING
    replicates: int = MISSING
    shared_stream: bool = MISSING
    initial_weights: float = MISSING
    initial_context: float = MISSING
    reset_context: bool = MISSING
    recurrent: bool = MISSING
    evaluate_every: int = MISSING
    record_steps: int = MISSING
    occurrences: list[str] = MISSING
    cluster_method: str = MISSING
    cluster_metric: str = MISSING
    backend: str = MISSING
    figures: bool = MISSING
    overwrite: bool = MISSING


_MOST = 2**31 - 1  # of anything that is counted
_KINDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    list[str]: "a list of symbols, such as [a,b]",
}

# Comparisons with NaN are false, so each rule refuses it.
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "hidden_size": (lambda v: v >= 1, "at least 1"),
    "epochs": (lambda v: v >= 1, "at least 1"),
    "learning_rate": (lambda v: 0 < v < math.inf, "above 0 and finite"),
    "seed": (lambda v: v >= 0, "at least 0"),
    "replicates": (lambda v: v >= 1, "at least 1"),
    "initial_weights": (lambda v: 0 <= v < math.inf, "at least 0 and finite"),
    "initial_context": (lambda v: 0 <= v <= 1, "from 0 to 1"),
    "evaluate_every": (lambda v: v >= 0, "at least 0"),
    "record_steps": (lambda v: v >= 0, "at least 0"),
}


def checked(composed: DictConfig) -> Settings:
    """Turn a composed configuration into plain settings.

    Raises:
        BadSetting: for a key that is unknown or missing, or a value that breaks its rule.
    """
    _check_keys(composed, Settings, "")
    settings = OmegaConf.to_object(composed)
    if not isinstance(settings, Settings):
        raise BadSetting("the configuration does not start from elman's own: its defaults list must keep `schema`")
    check(settings)
    return settings


def check(settings: Settings) -> None:
    """Hold every value against its rule.

    Raises:
        BadSetting: for the first value that breaks its rule.
    """
    from elman.states import EUCLIDEAN_ONLY, METHODS, METRICS
    from elman.tasks import LONGEST_UNIT, TASKS
    from elman.train import TRAINERS

    for key, kind in _types().items():
        value = operator.attrgetter(key)(settings)
        if not _is(value, kind):
            raise BadSetting(f"{key} must be {_KINDS.get(kind, 'a task')}, not {value!r}")
        if kind is int and key != "seed" and value > _MOST:
            raise BadSetting(f"{key} must be at most {_MOST}, not {value}")
    for key, (holds, rule) in _RULES.items():
        value = getattr(settings, key)
        if not holds(value):
            raise BadSetting(f"{key} must be {rule}, not {value}")
    for key, value, choices in (
        ("task.name", settings.task.name, TASKS),
        ("backend", settings.backend, TRAINERS),
        ("cluster_method", settings.cluster_method, METHODS),
        ("cluster_metric", settings.cluster_metric, METRICS),
    ):
        if value not in choices:
            raise BadSetting(f"{key} must be one of {', '.join(choices)}, not {value}")
    if settings.cluster_method in EUCLIDEAN_ONLY and settings.cluster_metric != "euclidean":
        rule = f"euclidean with cluster_method={settings.cluster_method}"
        raise BadSetting(f"cluster_metric must be {rule}, not {settings.cluster_metric}")
    shortest = LONGEST_UNIT[settings.task.name]
    for key in ("length", "test_length"):
        length = getattr(settings.task, key)
        if length < shortest:
            rule = f"at least {shortest}, the longest unit of {settings.task.name}"
            raise BadSetting(f"task.{key} must be {rule}, not {length}")


def _is(value: object, kind: Any) -> bool:
    if kind == list[str]:
        return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
    return isinstance(value, (int, float) if kind is float else kind) and (kind is bool or not isinstance(value, bool))


def _check_keys(composed: DictConfig, schema: type, prefix: str) -> None:
    known = {field.name: field.type for field in fields(schema)}
    for key in composed:
        if key not in known:
            raise BadSetting(unknown(prefix + str(key)))
    for key, type_ in known.items():
        if OmegaConf.is_missing(composed, key) or key not in composed:
            raise BadSetting(f"{prefix}{key} has no value")
        if type_ is Task:
            _check_keys(composed[key], Task, f"{key}.")


def unknown(key: str) -> str:
    """The message for a key that is not a setting, with the one that was perhaps meant."""
    from difflib import get_close_matches

    if key.startswith("hydra."):
        return f"unknown setting of Hydra's {key}; --hydra-help explains them"
    names = [*(name for name in _types() if name != "task"), "task", "experiment"]
    near = get_close_matches(key, names, n=1, cutoff=0.75)
    return f"unknown setting {key}" + (f"; did you mean {near[0]}?" if near else f"; there are {', '.join(names)}")


def wrong_type(key: str, complaint: str) -> str:
    """The message for a value of the wrong type, from OmegaConf's complaint about it."""
    kind = _KINDS.get(_types().get(key), "text")
    if given := re.match(r"Value '(.*?)' (?:of type|is not)", complaint):
        return f"{key} must be {kind}, not {given[1]}"
    return f"{key} must be {kind}, not {'a single value' if 'is not a ListConfig' in complaint else 'null'}"


def _types() -> dict[str, Any]:
    """The type of each setting, by its full key."""
    nested = {f"task.{field.name}": field.type for field in fields(Task)}
    return {field.name: field.type for field in fields(Settings)} | nested
