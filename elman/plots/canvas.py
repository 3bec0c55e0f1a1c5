"""What all figures share: their width, colours and margins, what a run's directory holds, and lines over networks."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#666666"
WIDTH = 3.5  # inches: one column
WIDE = 7.2  # inches: two columns and the space between
DPI = 200
LINE = 0.12  # inches, of names of steps
NAME = 6.5  # points, the size of an upright one
STYLE: dict[Any, Any] = {
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.titley": 1.0,  # given, so that matplotlib need not lay out the axes once more to find it
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.1,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
}


def has(run: Path, table: str) -> bool:
    """Whether the run wrote the table."""
    return (run / f"{table}.csv").exists()


def settings(run: Path) -> dict[str, Any]:
    """The settings of the run."""
    return json.loads((run / "run.json").read_text(encoding="utf-8"))["settings"]


def canvas(
    height: float,
    rows: int = 1,
    columns: int = 1,
    *,
    width: float = WIDTH,
    title_lines: int = 1,
    tick_lines: float = 1,
    left: float = 0.66,
    right: float = 0.1,
    between: float = 0.5,
) -> tuple[Figure, np.ndarray]:
    """A figure with axes inside fixed margins, in inches; an automatic layout would draw everything twice."""
    figure = Figure(figsize=(width, height))
    axes = figure.subplots(rows, columns, squeeze=False)
    top, bottom = 0.12 + 0.14 * title_lines, 0.28 + LINE * tick_lines
    figure.subplots_adjust(
        left=left / width,
        right=1 - right / width,
        bottom=bottom / height,
        top=1 - top / height,
        hspace=between * rows / (height - top - bottom - between * (rows - 1)),
        wspace=between * columns / (width - left - right - between * (columns - 1)),
    )
    return figure, axes[:, 0] if columns == 1 else axes


def of_networks(frame: pd.DataFrame) -> str:
    """The end of a title that says how many networks are shown."""
    return f" ({n} networks)" if (n := frame["replicate"].nunique()) > 1 else ""


def lines_and_bands(frame: pd.DataFrame) -> str:
    """A second line of a title that says what lines and bands are."""
    n = frame["replicate"].nunique()
    return f"\nmedian and middle half of {n} networks" if n > 1 else ""


def networks(frame: pd.DataFrame) -> str:
    """What a line and its band show."""
    return "median, middle half" if frame["replicate"].nunique() > 1 else "network"


def which(frame: pd.DataFrame) -> str:
    """The end of a title that says which network is shown."""
    return f" (network 1 of {n})" if (n := frame["replicate"].nunique()) > 1 else ""


def band(ax: Axes, wide: pd.DataFrame, colour: str, label: str, **style: Any) -> None:
    """Draw the median over the columns, and a band from the lower to the upper quartile."""
    ax.plot(wide.index, wide.median(axis=1), color=colour, label=label, markersize=3, **style)
    if wide.shape[1] > 1:
        low, high = wide.quantile(0.25, axis=1), wide.quantile(0.75, axis=1)
        ax.fill_between(wide.index, low, high, color=colour, alpha=0.25, linewidth=0)


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
    font.set_size(size, 72)
    font.set_text(name)
    return font.get_width_height()[0] / 64 / 72


def lines_of(names: Sequence[str]) -> float:
    """The height of the names of steps, in lines; words are turned upright."""
    shown = {short(name) for name in names}
    return 1 if max(map(len, shown), default=1) <= 2 else 0.45 + max(width(name, NAME) for name in shown) / LINE


def name_steps(ax: Axes, steps: Sequence[float], names: Sequence[str]) -> None:
    """Name the steps below the axes."""
    words = lines_of(names) > 1
    ax.set_xticks(steps, [short(name) for name in names], rotation=90 if words else 0, fontsize=NAME if words else None)


def divided(classes: pd.DataFrame, symbols: Iterable[str], most: int = 4) -> dict[str, set[str]]:
    """A division of the symbols into at most so many known classes; empty where no classes divide them.

    Starts with the first classes that share no member; then a class makes way for smaller ones that divide it in turn,
    the fewest first.
    """
    members = {str(name): set(group) & set(symbols) for name, group in classes.groupby("class", sort=False)["symbol"]}

    def parts(whole: set[str]) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for name, group in members.items():
            if group and group < whole and not any(group & other for other in found.values()):
                found[name] = group
        return found if set().union(*found.values()) == whole else {}

    division = parts(set(symbols))
    while True:
        finer = [(len(p), name, p) for name, group in division.items() if (p := parts(group))]
        if not finer or len(division) - 1 + min(finer)[0] > most:
            return division
        _, old, new = min(finer, key=lambda f: f[0])
        whole = division.items()
        division = {n: g for name, group in whole for n, g in (new if name == old else {name: group}).items()}
