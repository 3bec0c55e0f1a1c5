"""How the conditions of a comparison are told apart in a figure: their names and colours."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize, to_rgb

from elman.condition_names import Names, format_value
from elman.plots.names import in_glyphs, without_mathematics
from elman.plots.style import COLOURS

LOG_FROM = 8  # numbers whose largest is so many times their smallest stand on a logarithmic axis
_SEQUENTIAL = LinearSegmentedColormap.from_list("sequential", colormaps["viridis"](np.linspace(0, 0.9, 256)))


def drawable(names: Names) -> Names:
    """The names in the letters of the font, and without mathematics."""

    def one(name: str) -> str:
        return without_mathematics(in_glyphs(name))

    of = {key: one(name) for key, name in names.of.items()}
    lettered = {key: {one(name): value for name, value in values.items()} for key, values in names.lettered.items()}
    return Names(of, lettered)


def notes(names: Names) -> list[str]:
    """What the letters stand for."""
    return [f"{', '.join(values)}: {key}, in the order of the table" for key, values in names.lettered.items()]


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
