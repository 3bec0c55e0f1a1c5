"""The weights of a network as a Hinton diagram."""

from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from elman.plots.canvas import first_of, head, head_height
from elman.plots.names import lines_of, short
from elman.plots.names import width as width_of
from elman.plots.source import Source
from elman.plots.style import SMALL, WIDE, WIDTH, StyledFigure

NARROW = 33  # columns of one that is one column of a page wide
NAMED_FROM = 0.075  # inches of a cell; the names of smaller ones could not be read
MOST_CELL, LEFT, RIGHT, GAP = 0.2, 0.45, 0.3, 0.12  # inches
SMALLEST_CELL = 0.015  # inches, three dots; less could not be seen
LEAST = 1e-3  # of the largest weight; less would be smaller than a dot
GROUND = "#A0A0A0"
FONT = 6


class _Block(NamedTuple):
    """A matrix of weights beside others."""

    name: str
    matrix: np.ndarray
    """(rows, columns): a row for each hidden unit, and for the biases of the outputs."""
    columns: Sequence[str]
    """The name of each column."""
    left: float
    """Where it begins, in cells."""


def weights(source: Source, ax: Axes | None = None) -> Figure | None:
    """All weights of the first network after training: white if positive, black if negative, the area is the size.

    A row is a hidden unit. Its columns are what it receives, from the inputs, the context and its bias, and on the
    right what it sends to the outputs, whose biases are the row below. None where a weight would be too small to see.
    """
    W_ih, W_hh, b_h, W_ho, b_o = (array[0] for array in source.weights())
    features, hidden_units = source.features, list(map(str, range(1, len(W_hh) + 1)))
    context = features if source.settings.get("context") == "output" else hidden_units
    matrices = {"input": W_ih, "context": W_hh, "bias": b_h[:, None], "output": np.vstack([W_ho.T, b_o])}
    names = {"input": features, "context": context, "bias": [""], "output": features}
    columns, rows = sum(matrix.shape[1] for matrix in matrices.values()), len(W_hh) + 1
    largest = max(np.abs(matrix).max() for matrix in matrices.values()) or 1.0
    notes = [source.caption, f"white: positive, black: negative; largest: {largest:.2g}"]
    figure, ax, cell = _place(source, notes, columns, rows, ax)
    if ax is None:
        return None
    ax.set_axis_off()
    blocks, left = [], 0.0
    for name, matrix in matrices.items():
        blocks.append(_Block(name, matrix, names[name], left))
        left += matrix.shape[1] + GAP / cell
    _draw(ax, blocks, largest)
    for block in blocks:
        _name(ax, block, cell)
    _name_rows(ax, _marked(hidden_units, cell, 0.13), cell, left - GAP / cell)
    return figure


def _place(
    source: Source, notes: Sequence[str], columns: int, rows: int, ax: Axes | None
) -> tuple[Figure | None, Axes | None, float]:
    """One system of axes in which a cell is 1 wide and high, and a cell's size in inches; None where that is too small.

    Several systems would take several times as long to draw.
    """
    title = f"Weights{first_of(source)}"
    if ax is not None:
        figure, width, height = ax.figure.figure, ax.bbox.width / ax.figure.dpi, ax.bbox.height / ax.figure.dpi
        cell = min((width - 3 * GAP) / columns, height / rows)
        ax.set_title("\n".join([title, *notes]), fontsize=SMALL, pad=16)
        ax.set(xlim=(0, width / cell), ylim=(height / cell, 0))
        return (figure, ax, cell) if cell >= SMALLEST_CELL else (None, None, cell)
    width = rcParams["figure.figsize"][0]
    if width == WIDTH and columns > NARROW:
        width = WIDE
    cell = min(MOST_CELL, (width - LEFT - RIGHT - 3 * GAP) / columns)
    if cell < SMALLEST_CELL:
        return None, None, cell
    below = 0.1 + 0.12 * (lines_of(source.features, cell) if cell >= NAMED_FROM else 1)
    height = head_height(title, notes, width) + 0.16 + cell * rows + below
    figure = StyledFigure(figsize=(width, height))
    head(figure, title, notes)
    across = columns + 3 * GAP / cell
    left = LEFT + (width - LEFT - RIGHT - across * cell) / 2
    ax = figure.add_axes((left / width, below / height, across * cell / width, cell * rows / height))
    ax.set(xlim=(0, across), ylim=(rows, 0))
    return figure, ax, cell


def _marked(names: Sequence[str], cell: float, room: float) -> list[str]:
    """The names of so many units that each has so many inches; the others are empty."""
    every = next(every for every in (1, 2, 5, 10, 25, 50, 100) if cell * every >= room)
    return [name if number % every == 0 else "" for number, name in enumerate(names, 1)]


def _draw(ax: Axes, blocks: Sequence[_Block], largest: float) -> None:
    """Draw each block as a ground with squares on it."""
    grounds, squares, colours = [], [], []
    for _, matrix, _, x in blocks:
        rows, columns = matrix.shape
        grounds.append([(x, 0), (x + columns, 0), (x + columns, rows), (x, rows)])
        some, white = _squares(matrix / largest)
        squares.append(some + np.array((x, 0)))
        colours.append(np.repeat(white[:, None], 3, axis=1).astype(float))
    ax.add_collection(PolyCollection(grounds, facecolors=GROUND, linewidths=0))
    corners, rgb = np.concatenate(squares), np.concatenate(colours)
    ax.add_collection(PolyCollection(cast("Sequence[np.ndarray]", corners), facecolors=rgb, linewidths=0))


def _squares(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each value of a matrix, at most 1 in size: the corners (.., 4, 2) of a square of that area, and its sign."""
    rows, columns = np.nonzero(np.abs(matrix) > LEAST)
    values = matrix[rows, columns]
    half = np.sqrt(np.abs(values)) / 2 * 0.94  # so that two neighbours of full size do not touch
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    return np.stack([columns, rows], axis=-1)[:, None] + 0.5 + half[:, None, None] * corners, values > 0


def _name(ax: Axes, block: _Block, cell: float) -> None:
    """Name a block above it, and below it its columns; where these are too small, some units, or how many there are."""
    rows, columns = block.matrix.shape
    middle, below = block.left + columns / 2, rows + 0.04 / cell
    if block.name != "bias" or cell * ax.get_ylim()[0] / 2 + GAP > 0.28:  # else it would run into "context"
        ax.text(middle, -0.04 / cell, block.name, ha="center", va="bottom", fontsize=7)
    names, are_units = block.columns, block.name == "context" and block.columns[0] == "1"
    if are_units:
        names = _marked(names, cell, 0.06 + width_of(names[-1], FONT))
    elif cell < NAMED_FROM:
        names = []
        if columns > 1:
            ax.text(middle, below, f"{columns} units", ha="center", va="top", fontsize=FONT)
    upright = not are_units and lines_of(names, cell) > 1
    style = {"rotation": 90, "fontsize": min(FONT, 64 * cell)} if upright else {"fontsize": FONT}
    for column, label in enumerate(names):
        ax.text(block.left + column + 0.5, below, short(label), ha="center", va="top", **style)


def _name_rows(ax: Axes, units: Sequence[str], cell: float, across: float) -> None:
    """Name the rows at their left ends, and that of the output biases at its right end."""
    ax.text(across + 0.05 / cell, len(units) + 0.5, "bias", va="center", fontsize=FONT)
    for row, unit in enumerate(units):
        ax.text(-0.05 / cell, row + 0.5, unit, ha="right", va="center", fontsize=FONT)
    if cell * len(units) > 0.12:  # else it would leave the figure
        ax.text(-0.28 / cell, len(units) / 2, "hidden unit", ha="right", va="center", rotation=90)
