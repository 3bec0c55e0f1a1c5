"""The settings, each declared once, and the rules that they keep together.

A setting is one entry in `Settings` and its value in conf/config.yaml; types, checks, `elman --help` and
docs/settings.md follow from the entry. The settings of a task are the parameters of its function.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, make_dataclass
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

from elman import defaults
from elman.declaration import Rule, above, at_least, between, convert, key_of, one_of, setting, shown
from elman.errors import ConfigError

FIGURE_FORMATS = ("png", "pdf", "svg")


class _Converted:
    """Attributes that are converted to their types when they are set; one that was not declared is refused."""

    if not TYPE_CHECKING:  # or it would let every attribute pass

        def __setattr__(self, key: str, value: Any) -> None:
            prefix = "task." if isinstance(self, Task) else ""
            types = {field.name: field.type for field in fields(self)}
            if key not in types:
                raise AttributeError(unknown(prefix + key, *((self.kind, vars(self).get("code")) if prefix else ())))
            super().__setattr__(key, _converted(prefix + key, types[key], value))


@dataclass
class Task(_Converted):
    """What the networks are trained and tested on, as in conf/task."""

    name: str
    """What it is called; runs are grouped by it."""
    kind: str
    """The function that draws its streams, by its name in elman.tasks; by default the same as its name."""

    def options(self) -> dict[str, Any]:
        """The task's own settings: all but its name and kind."""
        return {key: value for key, value in asdict(self).items() if key not in ("name", "kind")}

    def __reduce__(self) -> tuple[Any, ...]:
        return _task, (asdict(self),)  # the class of a task cannot be imported, so pickle must be told how to make it

    if TYPE_CHECKING:

        def __getattr__(self, key: str) -> Any: ...


_resets = one_of("epoch", "sequence", "never")
_share = Rule("at least 0 and below 1", lambda value: 0 <= value < 1)


def _is_span(span: list[int]) -> bool:
    return not span or (len(span) == 2 and 1 <= span[0] <= span[1])


@dataclass(kw_only=True, repr=False)
class Settings(_Converted):
    """Everything that fixes a run; the values are in conf/config.yaml and conf/task.

    Attributes can be changed. A value is converted to the type of its setting, or refused with a ConfigError; `check`
    holds it against its rule.
    """

    task: Task
    hidden_size: int = setting("hidden units, so context units", at_least(1))
    epochs: int = setting(
        "passes through the training stream", Rule("at least 1, or 0 with weights_from", lambda value: value >= 0)
    )
    learning_rate: float = setting("step of the gradient descent", above(0))
    loss: str = setting(
        "squared, cross_entropy or softmax (only with one bit a symbol)", key_of("elman.network", "LOSSES")
    )
    momentum: float = setting("share of the last change of the weights that is added to the next", _share)
    bptt_steps: int = setting("steps that the error of each step goes back through; 1: Elman's rule", at_least(1))
    activation: str = setting("of the hidden units: logistic or tanh", key_of("elman.network", "ACTIVATIONS"))
    seed: int = setting("fixes every number of a run, together with the other settings", at_least(0))
    replicates: int = setting("networks trained with the same settings", at_least(1), changes="tables")
    shared_stream: bool = setting("true: all replicates are trained on the same stream")
    initial_scale: float = setting(
        "standard deviation of the normal initial weights, or half the width of the uniform ones",
        Rule("at least 0 and finite", lambda value: 0 <= value < math.inf),
    )
    initial_distribution: str = setting(
        "of the initial weights: normal or uniform", key_of("elman.network", "DISTRIBUTIONS")
    )
    weights_from: str | None = setting(
        "directory of a finished run: start from its networks; with epochs=0 only test them"
    )
    initial_context: float = setting(
        "activation of the context units at the start",
        Rule("from 0 to 1, or from -1 with activation=tanh", lambda value: -1 <= value <= 1),
    )
    reset_context: str = setting(
        "epoch: set back at the start of each epoch and of the test; sequence: before each sequence, such as a "
        "sentence; never: carried on, and the training stream wraps",
        _resets,
    )
    test_reset: str | None = setting(
        "the same for the test alone: epoch, sequence or never; null: as in training", _resets, changes="tests"
    )
    context_span: list[int] = setting(
        "in training the context is also set back after each so many elements, as in [3,4]; []: it is not",
        Rule("[] or two whole numbers, at least 1 and in order, such as [3,4]", _is_span),
    )
    context: str = setting(
        "what is copied after each step: hidden, output (Jordan), or none (never changes, the feed-forward control)",
        key_of("elman.network", "CONTEXTS"),
    )
    context_decay: float = setting("share of the old context that stays in the next", _share)
    evaluate_every: int = setting("epochs between two tests; 0: only at the end", at_least(0), changes="tests")
    record_steps: int = setting("test steps written out in full", at_least(0), changes="tables")
    test_items: dict[str, list[str]] | str | None = setting(
        "items that networks are tested on: a CSV file with a column text, or lists of texts by their conditions",
        changes="tests",
    )
    accept: float | None = setting(
        "an item is accepted if each output that counts is above it", between(0, 1), changes="tables"
    )
    record_items: int = setting("items of each condition written out in full", at_least(0), changes="tables")
    occurrences: list[str] = setting(
        "symbols whose single occurrences are written out and clustered, as in [b,d]", changes="tables"
    )
    cluster_method: str = setting(
        "linkage of the trees: ward, average, complete, single, weighted, centroid or median",
        key_of("elman.hidden", "METHODS"),
        changes="tables",
    )
    cluster_metric: str = setting(
        "distance in the trees: euclidean, cityblock or cosine", key_of("elman.hidden", "METRICS"), changes="tables"
    )
    backend: str = setting("numba (compiled) or numpy (the readable reference)", key_of("elman.trainers", "BACKENDS"))
    objective: str | None = setting(
        "what a sweeper that optimises minimises: the median predictable_error_rate, test_mse, final_loss, best_loss, "
        "best_epoch, takeoff_epoch or success_epoch; success_rate: minus the share of networks that succeed; null: the "
        "first, or the second where the first is unknown",
        key_of("elman.objective", "OBJECTIVES"),
        changes="nothing",
    )
    figures: bool = setting("draw figures", changes="nothing")
    figure_formats: list[str] = setting(
        "files that each figure is written as, of png, pdf and svg",
        Rule("a list of png, pdf and svg", lambda value: set(value) <= set(FIGURE_FORMATS)),
        changes="nothing",
    )
    name: str | None = setting("what you call the run, to find it again", changes="nothing")
    tags: list[str] = setting("words to find runs by, as in [pilot,paper]", changes="nothing")
    overwrite: bool = setting("replace another run in the same directory", changes="nothing")

    def __repr__(self) -> str:
        return defaults.as_text(self.values())

    def _repr_html_(self) -> str:
        return defaults.as_html(self.values())

    def values(self) -> dict[str, Any]:
        """The value of each setting by its full key, such as "hidden_size" and "task.length"."""
        own = {f"task.{key}": value for key, value in asdict(self.task).items()}
        return own | {key: getattr(self, key) for key in SHARED}

    def separate(self, *, test: bool) -> bool:
        """Whether the sequences of the training stream, or of the test stream, are separate."""
        return ((self.test_reset if test else None) or self.reset_context) == "sequence"


SHARED = {field.name: field for field in fields(Settings) if field.name != "task"}
"""The settings that every task has, by their names: fields with `meaning`, `rule` and `changes` in their metadata."""


def _that_change(*what: str) -> frozenset[str]:
    return frozenset(key for key, field in SHARED.items() if field.metadata["changes"] in what)


NOT_IDENTITY = _that_change("nothing")
"""Settings that are no part of what identifies a run."""
NEUTRAL = _that_change("nothing", "tables")
"""Settings that change no number of a network."""
TESTING = _that_change("tests")
"""Settings that change when and on what a network is tested, but not the network."""

_RENAMED = {"initial_weights": "initial_scale", "recurrent": "context: hidden (was true) or none (was false)"}


def from_values(values: Mapping[str, Any]) -> Settings:
    """Make settings of plain values by their names, such as those in a run.json; `check` is not called.

    Raises:
        ConfigError: for a key that is unknown or missing, or a value that is not of its type.
    """
    _check_keys(values, ["task", *SHARED], "")
    task = values["task"]
    if not isinstance(task, Mapping) or task.get("name", "???") == "???":
        raise ConfigError("task.name has no value")
    return Settings(**{**values, "task": _task(task)})


def task_types(kind: str | None = None, code: str | None = None) -> dict[str, dict[str, Any]]:
    """The types of the settings of each task, by its kind; with `code` also those of a user's own."""
    from elman.tasks import TASKS, options

    own = {} if kind is None or code is None else {kind: options(kind, code)}
    return {name: options(name) for name in TASKS} | own


def kinds() -> dict[str, Any]:
    """The type of each setting, by its full key."""
    own = {f"task.{key}": kind for options in task_types().values() for key, kind in options.items()}
    return {key: field.type for key, field in SHARED.items()} | {"task.name": str, "task.kind": str} | own


@cache
def _schema(name: str, types: tuple[tuple[str, Any], ...]) -> type[Task]:
    """A Task with the settings of its own kind."""
    return make_dataclass(name.capitalize(), types, bases=(Task,))


def _task(values: Mapping[str, Any]) -> Task:
    kind, code = values.get("kind", values["name"]), values.get("code")
    check_kind(kind, "task.kind" if "kind" in values else "task.name", code)
    from elman.tasks import TASKS, options

    if code is not None and values["name"] in TASKS:
        raise ConfigError(f"task.name must be a name of its own, and {values['name']} is elman's")
    types = options(kind, code)
    _check_keys({"kind": kind, **values}, ["name", "kind", *types], "task.", kind, code)
    return _schema(kind, tuple(types.items()))(**{"kind": kind, **values})


def _converted(key: str, kind: Any, value: Any) -> Any:
    if kind is Task:
        if not isinstance(value, Task):
            raise ConfigError(f"task must be a Task, such as elman.settings('task=cv').task, not {value!r}")
        return value
    if key == "reset_context" and isinstance(value, bool):
        raise ConfigError(f"reset_context must be epoch (was true) or never (was false), not {shown(value)}")
    return convert(key, kind, value)


def check_kind(kind: Any, key: str = "task.kind", code: str | None = None) -> None:
    """Raise a ConfigError for a kind of task that does not exist; with `code`, for one that elman has already."""
    from elman.tasks import TASKS

    if code is not None and kind in TASKS:
        raise ConfigError(f"{key} must be a name of its own, and {kind} is elman's")
    if code is None and kind not in TASKS:
        raise ConfigError(
            f"{key} must be one of {', '.join(TASKS)}, or task.code name a file that has it, not {shown(kind)}"
        )


def _check_keys(
    values: Mapping[str, Any], known: list[str], prefix: str, task: str | None = None, code: str | None = None
) -> None:
    for key in values:
        if key not in known:
            raise ConfigError(unknown(f"{prefix}{key}", task, code))
    for key in known:
        if values.get(key, "???") == "???":
            raise ConfigError(f"{prefix}{key} has no value")


def unknown(key: str, task: str | None = None, code: str | None = None, there: Iterable[str] = ()) -> str:
    """The message for a key that is not a setting, or not one of this task, with the one that was perhaps meant.

    Args:
        key: the full key.
        task: the kind of task, if it is known.
        code: the file of a user's own.
        there: the settings that the task has, where its kind is not known.
    """
    if key in _RENAMED:
        return f"{key} is now {_RENAMED[key]}"
    if key.partition(".")[0] == "experiment" or key in ("task.task", "task.hidden_size"):
        return f"{key} is no setting; a file of {key.partition('.')[0]}s begins with the line # @package _global_"
    if key.startswith("hydra."):
        return f"unknown setting of Hydra's {key}; --hydra-help explains them"
    tasks = task_types(task, code)
    if any(key in options for options in tasks.values()):
        return f"unknown setting {key}; did you mean task.{key}?"
    if key in SHARED:  # a task of one's own need not give all that ours give
        return f"{key} has no value in the files of these settings; +{key}=... gives it one"
    if key == "task.kind":
        return "task.kind is not in the file of this task; +task.kind=... adds it"
    if owners := [name for name in tasks if key.removeprefix("task.") in tasks[name] and name != task]:
        return f"unknown setting {key}: only {', '.join(owners)} {'has' if len(owners) == 1 else 'have'} it"
    parent, _, name = key.rpartition(".")
    if parent.removeprefix("task.") in {option for options in tasks.values() for option in options}:
        return f"{parent} has no {name}; +{key}=... adds it"
    options = there or ["name", "kind", *(option for name in ([task] if task else tasks) for option in tasks[name])]
    own = list(dict.fromkeys(f"task.{option}" for option in options))
    near = get_close_matches(key, [*SHARED, *own, "task", "experiment"], n=1, cutoff=0.75)
    near = [name for name in near if name != key]
    others = f"there are {', '.join(own)}" if (task or there) and key.startswith("task.") else "elman --help lists all"
    return f"unknown setting {shown(key)}; {f'did you mean {near[0]}?' if near else others}"
