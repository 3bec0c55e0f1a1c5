"""The weights of a network as a Hinton diagram."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from elman.plots.canvas import WIDE, WIDTH, lines_of, name_steps, which
from elman.runs import read

MOST_NAMED = 45  # columns; the names of more would overlap
MOST_CELL, LEFT, GAP = 0.2, 0.45, 0.12  # inches
LEAST = 1e-3  # of the largest weight; less would be smaller than a dot
GROUND = "#A0A0A0"


def weights(run: Path) -> Figure:
    """All weights of the first network after training: white if positive, black if negative, the area is the size.

    A row is a hidden unit. Its columns are what it receives, from the inputs, the context and its bias, and on the
    right what it sends to the outputs, whose biases are the row below.
    """
    with np.load(run / "weights.npz") as file:
        W_ih, W_hh, b_h, W_ho, b_o = (file[name][0] for name in ("W_ih", "W_hh", "b_h", "W_ho", "b_o"))
    H, I = W_ih.shape
    largest = max(np.abs(array).max() for array in (W_ih, W_hh, b_h, W_ho, b_o)) or 1.0
    features = read(run, "bit_errors").drop_duplicates("bit")["feature"].tolist()
    columns = H + 1 + 2 * I
    named = columns <= MOST_NAMED
    width = WIDTH if columns <= 2 * MOST_NAMED else WIDE
    cell = min(MOST_CELL, (width - LEFT - 3 * GAP - 0.1) / columns)
    every = next(every for every in (1, 2, 5, 10, 25, 50, 100, H) if cell * every >= 0.13)
    units = [str(unit) if unit % every == 0 else "" for unit in range(1, H + 1)]
    blocks = [
        ("input", W_ih, features),
        ("context", W_hh, units),
        ("bias", b_h[:, None], [""]),
        ("output", np.vstack([W_ho.T, b_o]), features),
    ]
    top, bottom = 0.44, 0.1 + 0.12 * (lines_of(features) if named else 1)
    figure = Figure(figsize=(width, height := top + cell * (H + 1) + bottom))
    x = LEFT + (width - LEFT - 0.1 - cell * columns - 3 * GAP) / 2
    for name, matrix, labels in blocks:
        rows, across = matrix.shape
        ax = figure.add_axes((x / width, 1 - (top + cell * rows) / height, cell * across / width, cell * rows / height))
        _squares(ax, matrix / largest)
        ax.set_title(name, fontsize=7, pad=3)
        if named:
            name_steps(ax, range(across), labels)
        else:
            ax.set_xticks([(across - 1) / 2], [f"{across} units" if across > 1 else ""], fontsize=6.5)
        x += cell * across + GAP
    left = figure.axes[0]
    left.set_yticks(range(H), units)
    left.set_ylabel("hidden unit")
    title = f"Weights{which(read(run, 'summary'))}: white > 0, black < 0, largest {largest:.2g}"
    figure.suptitle(title, fontsize=8, y=1 - 0.07 / height, va="top")
    return figure


def _squares(ax: Axes, matrix: np.ndarray) -> None:
    """Draw each value of a matrix, at most 1 in size, as a square of that area."""
    rows, columns = np.nonzero(np.abs(matrix) > LEAST)
    values = matrix[rows, columns]
    half = np.sqrt(np.abs(values)) / 2 * 0.94  # so that two neighbours of full size do not touch
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    squares = np.stack([columns, rows], axis=-1)[:, None] + half[:, None, None] * corners
    colours = np.where(values > 0, "white", "black")
    ax.add_collection(PolyCollection(squares, facecolors=colours.tolist(), linewidths=0))
    ax.set(xlim=(-0.5, matrix.shape[1] - 0.5), ylim=(matrix.shape[0] - 0.5, -0.5), facecolor=GROUND, yticks=[])
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
