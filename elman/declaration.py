"""How a setting is declared: a type, a rule and a line of help; and how a value is converted to the type."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from types import UnionType
from typing import Any, get_args, get_origin

from omegaconf import BooleanNode, FloatNode, IntegerNode, StringNode
from omegaconf.errors import ValidationError

from elman.errors import ConfigError

MOST = 2**31 - 1
"""The largest whole number that a setting may have, but for a seed."""

_SHOWN = 80  # characters of a value in a message
_NODES = {int: IntegerNode(), float: FloatNode(), bool: BooleanNode(), str: StringNode()}
_NAMES: dict[Any, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


@dataclass(frozen=True)
class Rule:
    """A rule that values keep, and its text in "hidden_size must be at least 1"; false of NaN."""

    text: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True)
class OneOf:
    """The rule that a value is one of some names; a registry that holds them is imported when it is first asked."""

    names: Callable[[], Iterable[str]]

    @property
    def text(self) -> str:
        """The rule in words."""
        return f"one of {', '.join(self.names())}"

    def holds(self, value: Any) -> bool:
        """Whether a value is one of the names."""
        return value in list(self.names())


def at_least(low: float) -> Rule:
    """The rule low <= value."""
    return Rule(f"at least {low}", lambda value: low <= value)


def above(low: float) -> Rule:
    """The rule low < value, and finite."""
    return Rule(f"above {low} and finite", lambda value: low < value < float("inf"))


def between(low: float, high: float) -> Rule:
    """The rule low <= value <= high."""
    return Rule(f"from {low} to {high}", lambda value: low <= value <= high)


def one_of(*names: str) -> OneOf:
    """The rule that a value is one of these names."""
    return OneOf(lambda: names)


def key_of(module: str, registry: str) -> OneOf:
    """The rule that a value is a key of a registry, which is looked up by its name in its module."""
    return OneOf(lambda: getattr(import_module(module), registry))


def setting(meaning: str, rule: Rule | OneOf | None = None, *, changes: str = "networks") -> Any:
    """Declare a setting, as the default of a dataclass field that has its type.

    Args:
        meaning: one line of help; it names each choice of a `OneOf`.
        rule: what its values keep besides their type, but for null where the type allows that.
        changes: what another value changes: "networks" (their streams, weights or training), "tests" (when and on what
            the same networks are tested), "tables" (which of their numbers are written) or "nothing" (no number of the
            run, so it is no part of what identifies a run).
    """
    return field(metadata={"meaning": meaning, "rule": rule, "changes": changes})


def convert(key: str, kind: Any, value: Any) -> Any:
    """Convert a value to the type of its setting.

    Args:
        key: the full key of the setting, for the error.
        kind: int, float, bool, str, or lists, mappings by texts and unions of them.
        value: from YAML, the command line or Python, where numbers and arrays of numpy and paths count, too.

    Raises:
        ConfigError: if OmegaConf cannot convert it, or would take a truth value for a number or text or the reverse.
    """
    value = value.tolist() if hasattr(value, "tolist") else value
    if kind is Any:
        return value
    if type(value) is kind and (kind is not int or key == "seed" or abs(value) <= MOST):
        return value
    if get_origin(kind) is UnionType:
        return _convert_to_any(key, kind, value)
    if get_origin(kind) is list and isinstance(value, list | tuple):
        return [convert(f"{key}[{i}]", get_args(kind)[0], item) for i, item in enumerate(value)]
    if get_origin(kind) is dict and isinstance(value, Mapping):
        return {str(name): convert(f"{key}.{name}", get_args(kind)[1], item) for name, item in value.items()}
    is_truth_value = isinstance(value, bool)
    try:
        if kind not in _NODES or value is None or is_truth_value or (kind is bool and not isinstance(value, str)):
            raise ValidationError
        converted = _NODES[kind].validate_and_convert(value)
    except (ValidationError, OverflowError) as error:
        quote = "; quote it" if kind is str and is_truth_value else ""
        raise ConfigError(f"{key} must be {kind_name(kind)}, not {shown(value)}{quote}") from error
    if kind is int and key != "seed" and abs(converted) > MOST:
        raise ConfigError(f"{key} must be at most {MOST}, not {shown(converted)}")
    return converted


def _convert_to_any(key: str, kind: Any, value: Any) -> Any:
    """The value as the first type of a union that takes it."""
    kinds = get_args(kind)
    if value is None and type(None) in kinds:
        return None
    for each in kinds:
        with suppress(ConfigError):
            return convert(key, each, value)
    quote = "; quote it" if str in kinds and isinstance(value, bool) else ""
    raise ConfigError(f"{key} must be {kind_name(kind)}, not {shown(value)}{quote}")


def kind_name(kind: Any) -> str:
    """A type in words."""
    if get_origin(kind) is UnionType:
        return " or ".join("null" if each is type(None) else kind_name(each) for each in get_args(kind))
    if get_origin(kind) is list:
        return "a list, such as [1,2]" if get_args(kind)[0] in (int, float) else "a list, such as [a,b]"
    if get_origin(kind) is dict:
        example = "[a,b]" if get_origin(get_args(kind)[1]) is list else ".5" if get_args(kind)[1] is float else "a"
        return f"values by their names, such as {{A: {example}}}"
    if kind is Any:
        return "any"
    return _NAMES.get(kind, getattr(kind, "__name__", str(kind)))


def shown(value: Any, most: int = _SHOWN) -> str:
    """A value as it is typed on the command line, in one line and shortened where it is long."""
    try:
        text = str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)
    except ValueError:  # Python refuses to print whole numbers of thousands of digits
        return "a number of thousands of digits"
    text = " ".join(text.split()) if "\n" in text else text
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-most // 2 :]}"
