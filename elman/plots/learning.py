"""How the networks learned: the loss and the errors over the epochs."""

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from elman.metrics import LOSS_NAMES
from elman.plots.canvas import band, canvas, line_name, spread
from elman.plots.names import short
from elman.plots.source import Source
from elman.plots.style import COLOURS, GREY, SMALL

BESIDE = 4  # positions; the legend of more stands beside the axes


def training_loss(source: Source, ax: Axes | None = None) -> Figure | None:
    """The loss of each epoch, between chance and the best that is possible, where this is known."""
    losses, summary = source.rows("losses"), source.rows("summary")
    if losses.empty:
        return None
    head = [source.caption, *spread(source)]
    figure, (ax,) = canvas(2.04, right=0.85, title="Training loss", notes=head, ax=ax)
    loss = source.settings.get("loss", "squared")
    wide = losses.pivot(index="epoch", columns="replicate", values="loss")
    band(ax, wide, COLOURS[0], line_name(source), marker="o" if len(wide) == 1 else None)
    chance, best = summary["chance_loss"].mean(), summary["floor_loss"].mean()
    levels = {"chance": chance, "best possible": best}
    levels |= {textwrap.fill(name, 15): level for name, level in source.levels.items()} if loss == "squared" else {}
    levels = {name: level for name, level in levels.items() if pd.notna(level)}
    for level in levels.values():
        ax.axhline(level, color=GREY, linestyle="--", linewidth=0.7)
    low, high = ax.get_ylim()
    lowest = min(*levels.values(), losses["loss"].min())
    ax.set_ylim(min(low, lowest - 0.08 * (high - lowest)), high)
    _name_levels(ax, levels)
    if pd.isna(best):  # at that end of the margin from which the level of chance is far
        up = chance < (low + high) / 2
        at, va = (1.02, 1 if up else 0), "top" if up else "bottom"
        ax.annotate("best possible:\nunknown", at, xycoords="axes fraction", va=va, fontsize=SMALL, color=GREY)
    ax.locator_params(axis="x", integer=True, min_n_ticks=1)
    ax.set(xlabel="epoch", ylabel=LOSS_NAMES[loss])
    return figure


def learning_curve(source: Source) -> Figure | None:
    """Error rate and squared error on the test stream over the epochs, one line a position; none without training."""
    curve, errors = source.rows("learning_curve"), source.rows("position_errors")
    if curve["epoch"].max() == 0:
        return None
    floor = errors.groupby("position")["floor_mse"].first()
    positions, known = curve["position"].unique(), floor.notna().all()
    beside = len(positions) > BESIDE
    figure, (above, below) = canvas(
        3.34,
        rows=2,
        right=0.8 if beside else 0.1,
        title="Test errors by position",
        notes=[source.caption, *spread(source)],
    )
    for ax, measure in ((above, "error_rate"), (below, "mse")):
        for number, position in enumerate(positions):
            colour, is_again = COLOURS[number % len(COLOURS)], number >= len(COLOURS)
            wide = curve[curve["position"] == position].pivot(index="epoch", columns="replicate", values=measure)
            marker = "os"[is_again] if len(wide) == 1 else None  # a single point would not show as a line
            band(ax, wide, colour, short(position), linestyle="--" if is_again else "-", marker=marker)
            if ax is below and known:
                ax.axhline(floor[position], color=colour, linestyle=":", linewidth=0.8)
        top = ax.get_ylim()[1]
        ax.set_ylim(-0.02 * top, 1.04 * top)
        ax.locator_params(axis="x", integer=True, min_n_ticks=1)
    above.tick_params(labelbottom=False)
    place = {"loc": "upper left", "bbox_to_anchor": (1, 1), "title": "predicted"} if beside else {}
    sizes = {"fontsize": SMALL, "title_fontsize": SMALL}
    above.legend(**{"title": "predicted element", "ncols": 1 + (not beside), **place}, **sizes)
    above.set_ylabel("share of steps wrong")
    below.set(xlabel="epoch", ylabel="mean squared error")
    best = "best possible" if known else "best possible: unknown"
    below.plot([], [], color=GREY, linestyle=":" if known else "", linewidth=0.8, label=best)
    below.legend(*(handles[-1:] for handles in below.get_legend_handles_labels()), fontsize=SMALL)
    return figure


def _name_levels(ax: Axes, levels: Mapping[str, float]) -> None:
    """Name levels of the loss beside the axes, where no curve runs through the names; one moves up from another."""
    (_, low), (_, high) = ax.transAxes.transform([(0, 0), (1, 1)]) / ax.figure.dpi * 72
    bottom, top = ax.get_ylim()
    end = -np.inf  # points, of the name below
    for name, level in sorted(levels.items(), key=lambda one: one[1]):
        at = low + (level - bottom) / (top - bottom) * (high - low)
        half = 0.62 * SMALL * (2 + name.count("\n"))
        middle = max(at, end + half)
        end = middle + half
        ax.annotate(
            f"{name}\n{level:.4f}",
            (1.02, level),
            (0, middle - at),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            annotation_clip=False,
            fontsize=SMALL,
            color=GREY,
        )
