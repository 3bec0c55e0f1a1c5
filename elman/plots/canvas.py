"""What all figures share: margins and head, and lines over networks."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from elman.plots.names import LINE
from elman.plots.source import Source
from elman.plots.style import GREY, SMALL, StyledFigure

_LETTERS = 17  # of a note, in an inch


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
    ax: Axes | None = None,
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
        ax: axes of another figure to draw into; they get the head as their title, and all else is left as it is.
    """
    if ax is not None:
        ax.set_title("\n".join([title, *filter(None, notes)]), fontsize=SMALL)
        return ax.figure.figure, np.array([ax])
    width = rcParams["figure.figsize"][0]
    top, bottom = head_height(title, notes, width), 0.28 + LINE * tick_lines
    height += top
    figure = StyledFigure(figsize=(width, height))
    head(figure, title, notes)
    axes = figure.subplots(rows, columns, squeeze=False)
    figure.subplots_adjust(
        left=left / width,
        right=1 - right / width,
        bottom=bottom / height,
        top=1 - top / height,
        hspace=between * rows / (height - top - bottom - between * (rows - 1)),
        wspace=between * columns / (width - left - right - between * (columns - 1)),
    )
    return figure, axes[:, 0] if columns == 1 else axes


def head_height(title: str, notes: Sequence[str], width: float) -> float:
    """The height of a head in inches, with the space below it."""
    return 0.18 + 0.14 * title.count("\n") + 0.11 * len(_wrapped(notes, width)) + 0.1


def head(figure: Figure, title: str, notes: Sequence[str]) -> None:
    """Write a title and, smaller, its notes at the top of a figure; notes that are too long take several lines."""
    width, height = figure.get_size_inches()
    figure.suptitle(title, fontsize=8, y=1 - 0.05 / height, va="top")
    below = 0.18 + 0.14 * title.count("\n")
    for number, note in enumerate(_wrapped(notes, width)):
        y = 1 - (below + 0.11 * number) / height
        figure.text(0.5, y, note, fontsize=SMALL, color=GREY, ha="center", va="top")


def _wrapped(notes: Sequence[str], width: float) -> list[str]:
    return [line for note in notes for line in textwrap.wrap(note, int(_LETTERS * width)) or [""]]


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
