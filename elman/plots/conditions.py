"""How the conditions of a comparison are told apart in a figure: their names and colours."""

import math
from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize, to_rgb

from elman.comparison import Group, format_value
from elman.plots.names import in_glyphs, without_mathematics
from elman.plots.style import COLOURS

LONGEST = 24  # letters of a value; a longer one, such as a lexicon, is called by a letter
LOG_FROM = 8  # numbers whose largest is so many times their smallest stand on a logarithmic axis
_SEQUENTIAL = LinearSegmentedColormap.from_list("sequential", colormaps["viridis"](np.linspace(0, 0.9, 256)))


class Names(NamedTuple):
    """The short names of the values of each setting."""

    of: Mapping[tuple[str, str], str]
    """By setting and value, as `format_value` writes it in full."""
    notes: tuple[str, ...]
    """What the letters stand for."""

    def name(self, group: Group, keys: Sequence[str], *, with_keys: bool = False) -> str:
        """The name of a group by some settings, as "4, true", or as "hidden_size=4, context=none"."""
        shorts = {key: self.of[key, _whole(group.values[key])] for key in keys}
        return ", ".join(f"{key}={short}" if with_keys else short for key, short in shorts.items())


def short_names(groups: Sequence[Group], labels: Mapping[str, str]) -> Names:
    """Name the values of all settings: by a label, as they are, or, where one of a setting is long, by a letter.

    Args:
        groups: those of a comparison.
        labels: names by values as they are typed, or by the letters that stand for long ones.

    Raises:
        KeyError: for a label of something else.
    """
    letters, names, notes, typed = iter(ascii_uppercase), {}, [], []
    for key in groups[0].values:
        values = list(dict.fromkeys(_whole(group.values[key]) for group in groups))
        long = max(map(len, values)) > LONGEST and key != "task.name"
        calls = {value: next(letters, "…") if long else value for value in values}
        for value, call in calls.items():
            typed.append(value if value in labels else call)
            short = format_value(labels.get(typed[-1], call), LONGEST)
            names[key, value] = without_mathematics(in_glyphs(short))
        if long:
            notes.append(f"{', '.join(names[key, value] for value in values)}: {key}, in the order of the table")
    if strange := [label for label in labels if label not in typed]:
        raise KeyError(f"nothing that is compared is called {strange[0]}; there are {', '.join(dict.fromkeys(typed))}")
    return Names(names, tuple(notes))


def _whole(value: Any) -> str:
    return format_value(value, 10**9)


class Colours(NamedTuple):
    """A colour for each condition."""

    of: list[Any]
    scale: ScalarMappable | None
    """Where colours stand for numbers: which colour for which."""


def colours(conditions: Sequence[Mapping[str, Any]]) -> Colours:
    """Choose one colour a condition, by the values of its settings.

    A few conditions have colours that colour-blind readers tell apart. Many numbers of one setting have colours on a
    scale. Where the settings are combinations, the first of them has a hue each, and the others its shades.
    """
    n = len(conditions)
    if n <= len(COLOURS):
        return Colours(list(COLOURS[:n]), None)
    if len(conditions[0]) == 1 and are_numbers(values := [next(iter(one.values())) for one in conditions]):
        norm = (LogNorm if is_logarithmic(values) else Normalize)(min(values), max(values))
        scale = ScalarMappable(norm, _SEQUENTIAL)
        return Colours([scale.to_rgba(value) for value in values], scale)
    firsts = [format_value(next(iter(one.values()))) for one in conditions]
    if 1 < len(set(firsts)) < min(n, len(COLOURS)):
        shades = [
            np.linspace(0.45, -0.45, firsts.count(first))[firsts[:i].count(first)] for i, first in enumerate(firsts)
        ]
        hues = dict(zip(dict.fromkeys(firsts), COLOURS, strict=False))
        return Colours([_shade(hues[first], shade) for first, shade in zip(firsts, shades, strict=True)], None)
    return Colours([_SEQUENTIAL(x) for x in np.linspace(0, 1, n)], None)


def _shade(colour: str, by: float) -> Any:
    """A colour made lighter (by up to 1) or darker (by down to -1)."""
    rgb = np.array(to_rgb(colour))
    return tuple(rgb + by * (1 - rgb) if by > 0 else rgb * (1 + by))


def are_numbers(values: Sequence[Any]) -> bool:
    """Whether all values are finite numbers."""
    return all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in values)


def is_logarithmic(values: Sequence[Any]) -> bool:
    """Whether values are numbers of so many sizes that they want a logarithmic axis."""
    return are_numbers(values) and min(values) > 0 and max(values) >= LOG_FROM * min(values)
