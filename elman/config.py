"""The settings: their types, as the schema of conf/, and the rules that their values keep."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, make_dataclass
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Any, get_args, get_origin

from omegaconf import MISSING, DictConfig, OmegaConf

from elman.errors import ConfigError


@dataclass
class Task:
    """What the networks are trained and tested on: a name, and the task's own settings, as in conf/task."""

    name: str

    def options(self) -> dict[str, Any]:
        """The task's own settings: all but its name."""
        return {key: value for key, value in asdict(self).items() if key != "name"}

    def __reduce__(self) -> tuple[Any, ...]:
        return _task, (asdict(self),)  # the class of a task cannot be imported, so pickle must be told how to make it

    if TYPE_CHECKING:

        def __getattr__(self, key: str) -> Any: ...


@dataclass
class Settings:
    """Everything that fixes a run; the values and their meaning are in conf/config.yaml and conf/task."""

    task: Any = MISSING
    """A Task. The schema takes any, because each task has settings of its own."""
    hidden_size: int = MISSING
    epochs: int = MISSING
    learning_rate: float = MISSING
    seed: int = MISSING
    replicates: int = MISSING
    shared_stream: bool = MISSING
    initial_scale: float = MISSING
    weights_from: str | None = MISSING
    initial_context: float = MISSING
    reset_context: str = MISSING
    context: str = MISSING
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
    list[str]: "a list, such as [a,b]",
    dict[str, list[str]]: "lists by their names, such as {A: [a,b]}",
}
_CHECKED_LENGTH = 1000  # elements of the streams that are drawn to check a task's settings

# Comparisons with NaN are false, so each rule refuses it.
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "hidden_size": (lambda v: v >= 1, "at least 1"),
    "epochs": (lambda v: v >= 0, "at least 1, or 0 with weights_from"),
    "learning_rate": (lambda v: 0 < v < math.inf, "above 0 and finite"),
    "seed": (lambda v: v >= 0, "at least 0"),
    "replicates": (lambda v: v >= 1, "at least 1"),
    "initial_scale": (lambda v: 0 <= v < math.inf, "at least 0 and finite"),
    "initial_context": (lambda v: 0 <= v <= 1, "from 0 to 1"),
    "evaluate_every": (lambda v: v >= 0, "at least 0"),
    "record_steps": (lambda v: v >= 0, "at least 0"),
}


def checked(composed: DictConfig) -> Settings:
    """Turn a composed configuration into plain settings.

    Raises:
        ConfigError: for a key that is unknown or missing, or a value that breaks its rule.
    """
    _check_keys(composed, [field.name for field in fields(Settings)], "")
    task = composed.task
    if not isinstance(task, DictConfig) or OmegaConf.is_missing(task, "name") or "name" not in task:
        raise ConfigError("task.name has no value")
    _check_name("task.name", task.name, _tasks())
    _check_keys(task, [field.name for field in fields(_schema(task.name))], "task.", task.name)
    settings = OmegaConf.to_object(composed)
    if not isinstance(settings, Settings):
        raise ConfigError("the configuration does not start from elman's own: its defaults list must keep `schema`")
    settings.task = _task(settings.task)
    check(settings)
    return settings


def check(settings: Settings) -> None:
    """Hold every value against its rule.

    Raises:
        ConfigError: for the first value that breaks its rule.
    """
    from elman import checkpoint
    from elman.hidden import EUCLIDEAN_ONLY, METHODS, METRICS
    from elman.trainers import BACKENDS

    if not isinstance(settings.task, Task):
        raise ConfigError(f"task must be a task, not {settings.task!r}")
    types = {field.name: field.type for field in fields(Settings) if field.name != "task"}
    _check_types(types, vars(settings), "")
    for key, (holds, rule) in _RULES.items():
        value = getattr(settings, key)
        if not holds(value):
            raise ConfigError(f"{key} must be {rule}, not {value}")
    _check_name("backend", settings.backend, BACKENDS)
    _check_name("context", settings.context, ("hidden", "none"))
    _check_name("reset_context", settings.reset_context, ("epoch", "never"))
    _check_name("cluster_method", settings.cluster_method, METHODS)
    _check_name("cluster_metric", settings.cluster_metric, METRICS)
    if settings.cluster_method in EUCLIDEAN_ONLY and settings.cluster_metric != "euclidean":
        rule = f"euclidean with cluster_method={settings.cluster_method}"
        raise ConfigError(f"cluster_metric must be {rule}, not {settings.cluster_metric}")
    if settings.epochs == 0 and settings.weights_from is None:
        raise ConfigError(f"epochs must be {_RULES['epochs'][1]}, not 0")
    n = _check_task(settings.task)
    _check_occurrences(settings)
    if settings.weights_from is not None:
        sizes = {"inputs": n, "hidden": settings.hidden_size, "outputs": n}
        checkpoint.weights(settings.weights_from, replicates=settings.replicates, **sizes)


def _check_occurrences(settings: Settings) -> None:
    if not settings.occurrences:
        return
    import numpy as np

    from elman.tasks import draw

    for_test, _ = np.random.SeedSequence(settings.seed).spawn(2)  # as in the run
    test = draw(settings.task.name, settings.task.options(), np.random.default_rng(for_test), test=True)
    read = sorted(set(test.input_symbols.tolist()))
    for symbol in settings.occurrences:
        if symbol not in read or settings.occurrences.count(symbol) > 1:
            raise ConfigError(
                f"occurrences must be different symbols of the test stream, {', '.join(read)}, not {symbol}"
            )


def _check_task(task: Task) -> int:
    """Hold a task's settings against its rules, and return how many bits its elements have."""
    import numpy as np

    from elman.tasks import LONGEST_UNIT, draw

    _check_name("task.name", task.name, _tasks())
    given = task.options()
    _check_types({"name": str, **_tasks()[task.name]}, {"name": task.name, **given}, "task.")
    shortest = LONGEST_UNIT.get(task.name, 2)
    why = f", the longest unit of {task.name}" if task.name in LONGEST_UNIT else ""
    for key in ("length", "test_length"):
        if key in given and given[key] < shortest:
            raise ConfigError(f"task.{key} must be at least {shortest}{why}, not {given[key]}")
    # Only the task knows what else it cannot use, so it is asked for short streams.
    short = {key: min(value, _CHECKED_LENGTH) if key.endswith("length") else value for key, value in given.items()}
    streams = [draw(task.name, short, np.random.default_rng(0), test=test) for test in (False, True)]
    return streams[0].vectors.shape[1]


def _tasks() -> dict[str, dict[str, Any]]:
    """The types of the settings of each task, by its name."""
    from elman.tasks import TASKS, options

    return {name: options(name) for name in TASKS}


@cache
def _schema(name: str) -> type[Task]:
    """A Task with the settings of its own kind, from the parameters of its function."""
    return make_dataclass(name.capitalize(), _tasks()[name].items(), bases=(Task,))


def _task(values: Mapping[str, Any]) -> Task:
    types = {"name": str, **_tasks()[values["name"]]}
    given = {key: _converted(value, types[key]) for key, value in values.items()}
    _check_types(types, given, "task.", show=lambda value: "null" if value is None else str(value))
    return _schema(values["name"])(**given)


def _converted(value: Any, kind: Any) -> Any:
    """A value from YAML; a number that stands for a text or for a number with decimals becomes one."""
    if get_origin(kind) is list and isinstance(value, list):
        return [_converted(item, get_args(kind)[0]) for item in value]
    if get_origin(kind) is dict and isinstance(value, dict):
        return {str(key): _converted(item, get_args(kind)[1]) for key, item in value.items()}
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    kinds = get_args(kind) or (kind,)
    return str(value) if str in kinds else float(value) if float in kinds else value


def _check_keys(composed: DictConfig, known: list[str], prefix: str, task: str | None = None) -> None:
    for key in composed:
        if key not in known:
            raise ConfigError(unknown(prefix + str(key), task))
    for key in known:
        if OmegaConf.is_missing(composed, key) or key not in composed:
            raise ConfigError(f"{prefix}{key} has no value")


def _check_types(
    types: Mapping[str, Any], values: Mapping[str, Any], prefix: str, show: Callable[[Any], str] = repr
) -> None:
    for key, kind in types.items():
        value = values[key]
        if get_origin(kind) is dict and isinstance(value, dict):
            _check_types(dict.fromkeys(value, get_args(kind)[1]), value, f"{prefix}{key}.", show)
        elif not _fits(value, kind):
            raise ConfigError(f"{prefix}{key} must be {_named(kind)}, not {show(value)}")
        if kind is int and key != "seed" and value > _MOST:
            raise ConfigError(f"{prefix}{key} must be at most {_MOST}, not {value}")


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value is of a type; a whole number is a number too, but neither true nor false is."""
    if get_origin(kind) is list:
        return isinstance(value, list) and all(_fits(item, get_args(kind)[0]) for item in value)
    if get_origin(kind) is UnionType:
        return any(_fits(value, each) for each in get_args(kind))
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _named(kind: Any) -> str:
    return _KINDS[kind] if kind in _KINDS else f"{_KINDS[get_args(kind)[0]]} or null"


def _check_name(key: str, value: str, choices: Iterable[str]) -> None:
    if value not in choices:
        raise ConfigError(f"{key} must be one of {', '.join(choices)}, not {value}")


def unknown(key: str, task: str | None = None) -> str:
    """The message for a key that is not a setting, or not one of this task, with the one that was perhaps meant."""
    from difflib import get_close_matches

    if key.startswith("hydra."):
        return f"unknown setting of Hydra's {key}; --hydra-help explains them"
    tasks = _tasks()
    if any(key in options for options in tasks.values()):
        return f"unknown setting {key}; did you mean task.{key}?"
    if owners := [name for name in tasks if key.removeprefix("task.") in tasks[name] and name != task]:
        return f"unknown setting {key}: only {', '.join(owners)} {'has' if len(owners) == 1 else 'have'} it"
    parent, _, name = key.rpartition(".")
    if parent.removeprefix("task.") in {option for options in tasks.values() for option in options}:
        return f"{parent} has no {name}; +{key}=... adds it"
    shared = [name for name in kinds() if not name.startswith("task.")]
    own = [f"task.{option}" for name in ([task] if task else tasks) for option in ("name", *tasks[name])]
    near = get_close_matches(key, [*shared, *own, "task", "experiment"], n=1, cutoff=0.75)
    names = own if task and key.startswith("task.") else [*shared, "task", "experiment"]
    near = [name for name in near if name != key]
    return f"unknown setting {key}" + (f"; did you mean {near[0]}?" if near else f"; there are {', '.join(names)}")


def wrong_type(key: str, complaint: str) -> str:
    """The message for a value of the wrong type, from OmegaConf's complaint about it."""
    if key not in kinds():
        return f"{key}: {complaint}"
    kind = _named(kinds()[key])
    if given := re.match(r"(?:Value|Cannot convert '\w+' to string:) '(.*?)'(?: of type| is not|$)", complaint):
        return f"{key} must be {kind}, not {given[1]}"
    return f"{key} must be {kind}, not {'a single value' if 'is not a ListConfig' in complaint else 'null'}"


def kinds() -> dict[str, Any]:
    """The type of each setting, by its full key."""
    shared = {field.name: field.type for field in fields(Settings) if field.name != "task"}
    own = {f"task.{key}": kind for options in _tasks().values() for key, kind in options.items()}
    return shared | {"task.name": str} | own
