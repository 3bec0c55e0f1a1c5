"""Names of symbols in a figure: cut, spelt in the letters of its font, measured, and written below the steps."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties, findfont, get_font

LINE = 0.12  # inches, of names of steps
LEVEL, UPRIGHT = 7.5, 6  # points, of names and of those that are turned upright
CLOSE = 0.1  # inches between the 24 steps of most figures
_FINE = 720  # dots an inch


def short(name: str, most: int = 14) -> str:
    """A name that fits into a figure: the beginning of a long one, and only what its font can show."""
    name = in_glyphs(name)
    return without_mathematics(name if len(name) <= most else name[: most - 1] + "…")


def in_glyphs(name: str) -> str:
    """A name in which the code stands for each letter that the font of the figures lacks, as U+65E5."""
    font = get_font(findfont(FontProperties()))
    return "".join(letter if font.get_char_index(ord(letter)) else f"U+{ord(letter):04X}" for letter in name)


def without_mathematics(name: str) -> str:
    """A name in which dollar signs stand for themselves."""
    return name.replace("$", r"\$")


def width(name: str, size: float, weight: str = "normal") -> float:
    """The width of a name in inches; faster than to draw it."""
    font = get_font(findfont(FontProperties(weight=weight)))
    font.set_size(size, _FINE)  # at the resolution of a screen, letters would be moved to whole dots
    font.set_text(name)
    return font.get_width_height()[0] / 64 / _FINE


def lines_of(names: Sequence[str], room: float = CLOSE) -> float:
    """The height of the names of steps, in lines; they are turned upright where one is wider than so many inches."""
    shown = {short(name) for name in names}
    if max(map(len, shown), default=1) == 1 or max(width(name, LEVEL) for name in shown) < room:
        return 1
    return 0.45 + max(width(name, UPRIGHT) for name in shown) / LINE


def name_steps(ax: Axes, steps: Sequence[float], names: Sequence[str], room: float = CLOSE) -> None:
    """Name the steps below the axes; upright names are smaller where steps are close.

    Args:
        ax: the axes.
        steps: where each name stands.
        names: of the steps.
        room: inches that each name has, as in `lines_of`.
    """
    upright = lines_of(names, room) > 1
    pitch = 72 * ax.bbox.width / ax.figure.dpi / len(steps)  # points
    style: dict[str, Any] = {"rotation": 90, "fontsize": min(UPRIGHT, 0.9 * pitch)} if upright else {}
    ax.set_xticks(steps, [short(name) for name in names], **style)
