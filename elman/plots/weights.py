"""The weights of a network as a Hinton diagram."""

from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from elman.plots.canvas import WIDE, WIDTH, first_of, head, head_height
from elman.plots.names import lines_of, short
from elman.plots.source import Source

MOST_NAMED = 45  # columns; the names of more would overlap
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


def weights(source: Source) -> Figure | None:
    """All weights of the first network after training: white if positive, black if negative, the area is the size.

    A row is a hidden unit. Its columns are what it receives, from the inputs, the context and its bias, and on the
    right what it sends to the outputs, whose biases are the row below. None where a weight would be too small to see.
    """
    W_ih, W_hh, b_h, W_ho, b_o = (array[0] for array in source.weights())
    features = source.features
    H, columns = len(W_hh), W_ih.shape[1] + W_hh.shape[1] + 1 + len(W_ho)
    named = columns <= MOST_NAMED
    width = WIDTH if columns <= 2 * MOST_NAMED else WIDE
    cell = min(MOST_CELL, (width - LEFT - RIGHT - 3 * GAP) / columns)
    if cell < SMALLEST_CELL:
        return None
    units = _marked(H, cell)
    context = units if W_hh.shape == (H, H) else features  # that of a Jordan network holds outputs
    matrices = {"input": W_ih, "context": W_hh, "bias": b_h[:, None], "output": np.vstack([W_ho.T, b_o])}
    names = {"input": features, "context": context, "bias": [""], "output": features}
    blocks, left = [], 0.0
    for name, matrix in matrices.items():
        blocks.append(_Block(name, matrix, names[name], left))
        left += matrix.shape[1] + GAP / cell
    largest = max(np.abs(matrix).max() for matrix in matrices.values()) or 1.0
    title = f"Weights{first_of(source)}: white > 0, black < 0, largest {largest:.2g}"
    top, bottom = head_height(title, [""]) + 0.16, 0.1 + 0.12 * (lines_of(features) if named else 1)
    figure = Figure(figsize=(width, height := top + cell * (H + 1) + bottom))
    head(figure, title, [source.caption])
    # One system of axes for all, in which a cell is 1 wide and high: several would take several times as long to draw.
    across = left - GAP / cell
    first = LEFT + (width - LEFT - RIGHT - across * cell) / 2
    ax = figure.add_axes((first / width, bottom / height, across * cell / width, cell * (H + 1) / height))
    ax.set_axis_off()
    ax.set(xlim=(0, across), ylim=(H + 1, 0))
    _draw(ax, blocks, largest)
    for block in blocks:
        _name(ax, block, cell, named)
    _name_rows(ax, units, cell, across)
    return figure


def _marked(units: int, cell: float) -> list[str]:
    """The numbers of so many units that they do not overlap; the others have no name."""
    every = next(every for every in (1, 2, 5, 10, 25) if cell * every >= 0.13)
    return [str(unit) if unit % every == 0 else "" for unit in range(1, units + 1)]


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


def _name(ax: Axes, block: _Block, cell: float, named: bool) -> None:
    """Name a block above it, and below it its columns or how many there are."""
    rows, columns = block.matrix.shape
    middle, below = block.left + columns / 2, rows + 0.04 / cell
    if block.name != "bias" or cell * (ax.get_ylim()[0]) / 2 + GAP > 0.28:  # else it would run into "context"
        ax.text(middle, -0.04 / cell, block.name, ha="center", va="bottom", fontsize=7)
    rotation = 90 if lines_of(block.columns) > 1 else 0
    for column, label in enumerate(block.columns if named else []):
        at = (block.left + column + 0.5, below)
        ax.text(*at, short(label), ha="center", va="top", fontsize=FONT, rotation=rotation)
    if not named and columns > 1:
        ax.text(middle, below, f"{columns} units", ha="center", va="top", fontsize=FONT)


def _name_rows(ax: Axes, units: Sequence[str], cell: float, across: float) -> None:
    """Name the rows at their left ends, and that of the output biases at its right end."""
    ax.text(across + 0.05 / cell, len(units) + 0.5, "bias", va="center", fontsize=FONT)
    for row, unit in enumerate(units):
        ax.text(-0.05 / cell, row + 0.5, unit, ha="right", va="center", fontsize=FONT)
    if cell * len(units) > 0.12:  # else it would leave the figure
        ax.text(-0.28 / cell, len(units) / 2, "hidden unit", ha="right", va="center", rotation=90)
