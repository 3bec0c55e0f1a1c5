"""The weights of a network as a Hinton diagram."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from elman.plots.canvas import WIDE, WIDTH, lines_of, short, which
from elman.runs import read

MOST_NAMED = 45  # columns; the names of more would overlap
MOST_CELL, LEFT, RIGHT, GAP = 0.2, 0.45, 0.3, 0.12  # inches
SMALLEST_CELL = 0.015  # inches, three dots; less could not be seen
LEAST = 1e-3  # of the largest weight; less would be smaller than a dot
GROUND = "#A0A0A0"
FONT = 6


def weights(run: Path) -> Figure | None:
    """All weights of the first network after training: white if positive, black if negative, the area is the size.

    A row is a hidden unit. Its columns are what it receives, from the inputs, the context and its bias, and on the
    right what it sends to the outputs, whose biases are the row below. None where a weight would be too small to see.
    """
    with np.load(run / "weights.npz") as file:
        W_ih, W_hh, b_h, W_ho, b_o = (file[name][0] for name in ("W_ih", "W_hh", "b_h", "W_ho", "b_o"))
    H, I = W_ih.shape
    features = read(run, "bit_errors").drop_duplicates("bit")["feature"].tolist()
    columns = H + 1 + 2 * I
    named = columns <= MOST_NAMED
    width = WIDTH if columns <= 2 * MOST_NAMED else WIDE
    cell = min(MOST_CELL, (width - LEFT - RIGHT - 3 * GAP) / columns)
    if cell < SMALLEST_CELL:
        return None
    every = next(every for every in (1, 2, 5, 10, 25) if cell * every >= 0.13)  # so that the names do not overlap
    units = [str(unit) if unit % every == 0 else "" for unit in range(1, H + 1)]
    blocks = (
        ("input", W_ih, features),
        ("context", W_hh, units),
        ("bias", b_h[:, None], [""]),
        ("output", np.vstack([W_ho.T, b_o]), features),
    )

    # One system of axes for all, in which a cell is 1 wide and high: several would take several times as long to draw.
    top, bottom = 0.44, 0.1 + 0.12 * (lines_of(features) if named else 1)
    figure = Figure(figsize=(width, height := top + cell * (H + 1) + bottom))
    across = columns + 3 * GAP / cell
    left = LEFT + (width - LEFT - RIGHT - across * cell) / 2
    ax = figure.add_axes((left / width, bottom / height, across * cell / width, cell * (H + 1) / height))
    ax.set_axis_off()
    ax.set(xlim=(0, across), ylim=(H + 1, 0))
    largest = max(np.abs(matrix).max() for _, matrix, _ in blocks) or 1.0
    grounds, squares, colours, x = [], [], [], 0.0
    for name, matrix, labels in blocks:
        rows, count = matrix.shape
        grounds.append([(x, 0), (x + count, 0), (x + count, rows), (x, rows)])
        some, white = _squares(matrix / largest)
        squares.append(some + np.array((x, 0)))
        colours.append(np.repeat(white[:, None], 3, axis=1).astype(float))
        if name != "bias" or cell * (H + 1) / 2 + GAP > 0.28:  # else it would run into "context"
            ax.text(x + count / 2, -0.04 / cell, name, ha="center", va="bottom", fontsize=7)
        for column, label in enumerate(labels if named else []):
            rotation = 90 if lines_of(features) > 1 and labels is features else 0
            at = (x + column + 0.5, rows + 0.04 / cell)
            ax.text(*at, short(label), ha="center", va="top", fontsize=FONT, rotation=rotation)
        if not named and count > 1:
            ax.text(x + count / 2, rows + 0.04 / cell, f"{count} units", ha="center", va="top", fontsize=FONT)
        x += count + GAP / cell
    ax.add_collection(PolyCollection(grounds, facecolors=GROUND, linewidths=0))
    corners, rgb = np.concatenate(squares), np.concatenate(colours)
    ax.add_collection(PolyCollection(cast("Sequence[np.ndarray]", corners), facecolors=rgb, linewidths=0))
    ax.text(across + 0.05 / cell, H + 0.5, "bias", va="center", fontsize=FONT)
    for row, unit in enumerate(units):
        ax.text(-0.05 / cell, row + 0.5, unit, ha="right", va="center", fontsize=FONT)
    if cell * H > 0.12:  # else it would leave the figure
        ax.text(-0.28 / cell, H / 2, "hidden unit", ha="right", va="center", rotation=90)
    title = f"Weights{which(read(run, 'summary'))}: white > 0, black < 0, largest {largest:.2g}"
    figure.suptitle(title, fontsize=8, y=1 - 0.07 / height, va="top")
    return figure


def _squares(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each value of a matrix, at most 1 in size: the corners (.., 4, 2) of a square of that area, and its sign."""
    rows, columns = np.nonzero(np.abs(matrix) > LEAST)
    values = matrix[rows, columns]
    half = np.sqrt(np.abs(values)) / 2 * 0.94  # so that two neighbours of full size do not touch
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    return np.stack([columns, rows], axis=-1)[:, None] + 0.5 + half[:, None, None] * corners, values > 0
