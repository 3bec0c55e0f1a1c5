"""What values of settings are called in a comparison: as they are typed, by a label, or, where long, by a letter."""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any, NamedTuple

from elman.groups import Group

LONGEST = 24  # letters of a value; a longer one, such as a lexicon, is called by a letter


class Names(NamedTuple):
    """The short names of the values of each setting."""

    of: Mapping[tuple[str, str], str]
    """By setting and value, as `format_value` writes it in full."""
    lettered: Mapping[str, Mapping[str, str]]
    """By setting, for those with long values: the values by their names."""

    def value(self, key: str, value: Any) -> str:
        """The name of a value of a setting."""
        return self.of[key, in_full(value)]

    def name(self, group: Group, keys: Sequence[str], *, with_keys: bool = False) -> str:
        """The name of a group by some settings, as "4, true", or as "hidden_size=4, context=none"."""
        shorts = {key: self.value(key, group.values[key]) for key in keys}
        return ", ".join(f"{key}={short}" if with_keys else short for key, short in shorts.items())


def short_names(groups: Sequence[Group], labels: Mapping[str, str]) -> Names:
    """Name the values of all settings: by a label, as they are, or, where one of a setting is long, by a letter.

    Args:
        groups: those of a comparison.
        labels: names by values as they are typed, or by the letters that stand for long ones.

    Raises:
        KeyError: for a label of something else.
    """
    letters, names, lettered, typed = iter(ascii_uppercase), {}, dict[str, dict[str, str]](), []
    for key in groups[0].values:
        values = list(dict.fromkeys(in_full(group.values[key]) for group in groups))
        is_long = max(map(len, values)) > LONGEST and key != "task.name"
        calls = {value: next(letters, "…") if is_long else value for value in values}
        for value, call in calls.items():
            typed.append(value if value in labels else call)
            names[key, value] = format_value(labels.get(typed[-1], call), LONGEST)
        if is_long:
            lettered[key] = {names[key, value]: value for value in values}
    if strange := [label for label in labels if label not in typed]:
        raise KeyError(f"nothing that is compared is called {strange[0]}; there are {', '.join(dict.fromkeys(typed))}")
    return Names(names, lettered)


def format_value(value: Any, most: int = 40) -> str:
    """A setting as it is typed on the command line; of a long one, its beginning and its end."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or value != value:
        return "null"
    whole = f"{value:g}" if isinstance(value, float) else str(value)
    return whole if len(whole) <= most else f"{whole[: most // 2 - 1]}…{whole[-most // 2 :]}"


def in_full(value: Any) -> str:
    """A setting as it is typed, however long."""
    return format_value(value, 10**9)
