"""The tasks: functions that return a Stream, whose parameters are their settings in conf/task."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from inspect import signature
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np

from elman.errors import ConfigError, TaskError
from elman.stream import Stream
from elman.tasks.own import call, load

TASKS = ("xor", "cv", "words", "sentences", "text", "grammar")
"""Each is a function in the module of its name, which is imported when it is first asked for. A module may also have
`strings`: from a test stream, test items as texts by their conditions."""

# Losses of simple predictors, for the figure of the loss. The exclusive-or of the last two bits as the answer at every
# step is right half the time on two of three steps, for which 1/3 is the best output, and always on the third
# (Elman 1990, pp. 186-187).
LEVELS = {"xor": {"xor of the last two bits at every step": 2 / 9}}

_NO_SETTINGS = ("rng", "test", "separate", "return")


def find(kind: str, code: str | None = None) -> Callable[..., Stream]:
    """The function of a task: one of TASKS, or that of a user's own file.

    Raises:
        ConfigError: for a file that has no such function.
    """
    function: Callable[..., Stream] = _of_module(kind, kind) if code is None else load(code, kind)
    return function


def _of_module(kind: str, name: str) -> Any:
    """What the module of one of TASKS has under a name, or None."""
    return getattr(import_module(f"elman.tasks.{kind}"), name, None)


def options(kind: str, code: str | None = None) -> dict[str, Any]:
    """The settings of a task and their types: its parameters, and test_length where it has a length.

    Any stands for a parameter without an annotation that settings can have; a user's own task also has its `code`.
    """
    function = find(kind, code)
    try:
        hints = get_type_hints(function)
    except Exception:  # annotations of a user's own may be any text
        hints = {}
    names = [name for name in signature(function).parameters if name not in _NO_SETTINGS]
    types = {name: _type(hints.get(name)) for name in names}
    length = {"length": types.pop("length"), "test_length": int} if "length" in types else {}
    return {**({} if code is None else {"code": str}), **length, **types}


def _type(hint: Any) -> Any:
    """The type of a setting, from the annotation of its parameter."""
    parts = get_args(hint)
    is_known = hint in (int, float, bool, str, type(None)) or (
        (get_origin(hint) in (list, UnionType) or (get_origin(hint) is dict and parts[0] is str))
        and all(_type(part) is not Any for part in parts)
    )
    return hint if is_known else Any


def is_drawn(kind: str, code: str | None = None) -> bool:
    """Whether each draw of a task gives another stream; otherwise all networks are trained on the same one."""
    return "rng" in signature(find(kind, code)).parameters


def draw(
    name: str, settings: Mapping[str, Any], rng: np.random.Generator, *, test: bool, separate: bool = False
) -> Stream:
    """The training stream of a task, or its test stream.

    Args:
        name: a key of TASKS, or a function of the file that `code` names.
        settings: a value for each of the task's `options`. The test stream has test_length for a length.
        rng: passed on to a task that takes one.
        test: passed on to a task that takes it, because its test stream is not simply another draw.
        separate: whether the context is set back before each sequence, so that the steps between sequences do not
            count; passed on to a task that takes it, because its best possible prediction depends on it.

    Raises:
        ConfigError: for settings that the task cannot use, and for separate sequences where there is a single one.
    """
    code = settings.get("code")
    given = {key: value for key, value in settings.items() if key not in ("code", "test_length")}
    if test and "test_length" in settings:
        given["length"] = settings["test_length"]
    more = {"rng": rng, "test": test, "separate": separate}
    function = find(name, code)
    parameters = signature(function).parameters
    arguments = {**given, **{key: value for key, value in more.items() if key in parameters}}
    try:
        stream = function(**arguments) if code is None else call(function, code, arguments)
    except TaskError:
        raise
    except ConfigError as error:  # to the task, the length of a test stream is its length
        raise ConfigError(str(error).replace("task.length", "task.test_length") if test else str(error)) from error
    return stream if stream.separate == separate else replace(stream, separate=separate)


def items(name: str, settings: Mapping[str, Any], test: Stream, rng: np.random.Generator) -> dict[str, list[str]]:
    """The test items that a task makes of its test stream, as texts by their conditions; none for most.

    Raises:
        ConfigError: where it cannot make those that its settings ask for.
    """
    make = _of_module(name, "strings") if name in TASKS else None
    return make(test, rng, settings) if make else {}
