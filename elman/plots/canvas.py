"""What all figures share: their style, width, colours, margins and head, and lines over networks."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context, rcParamsDefault
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from elman.plots.names import LINE
from elman.plots.source import Source

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#666666"
WIDTH = 3.5  # inches: one column
WIDE = 7.2  # inches: two columns and the space between
DPI = 200
SMALL = 6.5  # points, of notes, legends and marks
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


@contextmanager
def style() -> Iterator[None]:
    """Draw in the figures' own style, whatever matplotlibrc or the caller has set; all is as before afterwards."""
    defaults = {key: value for key, value in rcParamsDefault.items() if not key.startswith("backend")}
    with rc_context({**defaults, **STYLE}):
        yield


def canvas(
    height: float,
    rows: int = 1,
    columns: int = 1,
    *,
    title: str,
    notes: Sequence[str],
    tick_lines: float = 1,
    left: float = 0.66,
    right: float = 0.1,
    between: float = 0.5,
) -> tuple[Figure, np.ndarray]:
    """A figure with a head and axes inside fixed margins; an automatic layout would draw everything twice.

    Args:
        height: inches, without the head.
        rows: of axes.
        columns: of axes.
        title: what is shown.
        notes: the lines below the title, as `head` takes them.
        tick_lines: lines that the names of the steps take.
        left: margin in inches.
        right: margin in inches.
        between: inches between two axes.
    """
    top, bottom = head_height(title, notes), 0.28 + LINE * tick_lines
    height += top
    figure = Figure(figsize=(WIDTH, height))
    head(figure, title, notes)
    axes = figure.subplots(rows, columns, squeeze=False)
    figure.subplots_adjust(
        left=left / WIDTH,
        right=1 - right / WIDTH,
        bottom=bottom / height,
        top=1 - top / height,
        hspace=between * rows / (height - top - bottom - between * (rows - 1)),
        wspace=between * columns / (WIDTH - left - right - between * (columns - 1)),
    )
    return figure, axes[:, 0] if columns == 1 else axes


def head_height(title: str, notes: Sequence[str]) -> float:
    """The height of a head in inches, with the space below it."""
    return 0.18 + 0.14 * title.count("\n") + 0.11 * len(notes) + 0.1


def head(figure: Figure, title: str, notes: Sequence[str]) -> None:
    """Write a title and, smaller, its notes at the top of a figure."""
    height = figure.get_figheight()
    figure.suptitle(title, fontsize=8, y=1 - 0.05 / height, va="top")
    below = 0.18 + 0.14 * title.count("\n")
    for number, note in enumerate(notes):
        y = 1 - (below + 0.11 * number) / height
        figure.text(0.5, y, note, fontsize=SMALL, color=GREY, ha="center", va="top")


def spread(source: Source) -> list[str]:
    """The note that says what lines and bands are, where there are several networks."""
    return [f"median and interquartile range of {n} networks"] if (n := source.networks) > 1 else []


def line_name(source: Source) -> str:
    """What a line and its band show, in a legend."""
    return "median, quartiles" if source.networks > 1 else "network"


def first_of(source: Source) -> str:
    """The end of a title that says which network is shown."""
    return f" (network 1 of {n})" if (n := source.networks) > 1 else ""


def band(ax: Axes, wide: pd.DataFrame, colour: str, label: str, **line: Any) -> None:
    """Draw the median over the columns, and a band from the lower to the upper quartile."""
    ax.plot(wide.index, wide.median(axis=1), color=colour, label=label, markersize=3, **line)
    if wide.shape[1] > 1:
        low, high = wide.quantile(0.25, axis=1), wide.quantile(0.75, axis=1)
        ax.fill_between(wide.index, low, high, color=colour, alpha=0.25, linewidth=0)
