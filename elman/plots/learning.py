"""How the networks learned: the loss and the errors over the epochs."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from elman.plots.canvas import COLOURS, GREY, band, canvas, lines_and_bands, networks, settings
from elman.runs import read

# The mean squared error of answering, at every step, the exclusive-or of the last two bits: on two of three steps it is
# right half the time, for which 1/3 is the best output, and on the third always (Elman 1990, pp. 186-187).
XOR_OF_LAST_TWO = 2 / 9


def training_loss(run: Path) -> Figure | None:
    """The loss of each epoch, between chance and the best that is possible, where this is known."""
    losses, summary = read(run, "losses"), read(run, "summary")
    if losses.empty:
        return None
    title = f"Training loss{lines_and_bands(summary)}"
    several = title.count("\n")
    figure, (ax,) = canvas(2.3 + 0.14 * several, right=0.85, title_lines=1 + several)
    wide = losses.pivot(index="epoch", columns="replicate", values="loss")
    band(ax, wide, COLOURS[0], networks(summary), marker=_marker(wide))
    chance, best = summary["chance_loss"].mean(), summary["floor_loss"].mean()
    _level(ax, chance, "chance")
    if pd.notna(best):
        _level(ax, best, "best possible")
    if settings(run)["task"]["name"] == "xor":
        _level(ax, XOR_OF_LAST_TWO, "xor of the last\ntwo bits at\nevery step")
    low, high = ax.get_ylim()
    lowest = min(level for level in (chance, best, losses["loss"].min()) if pd.notna(level))
    ax.set_ylim(min(low, lowest - 0.08 * (high - lowest)), high)
    if pd.isna(best):  # at that end of the margin from which the level of chance is far
        up = chance < (low + high) / 2
        at, va = (1.02, 1 if up else 0), "top" if up else "bottom"
        ax.annotate("best possible:\nunknown", at, xycoords="axes fraction", va=va, fontsize=6.5, color=GREY)
    ax.locator_params(axis="x", integer=True, min_n_ticks=1)
    ax.set(title=title, xlabel="epoch", ylabel="mean squared error")
    return figure


def learning_curve(run: Path) -> Figure | None:
    """Error rate and squared error on the test stream over the epochs, one line a position; none without training."""
    curve, errors = read(run, "learning_curve"), read(run, "position_errors")
    if curve["epoch"].max() == 0:
        return None
    floor = errors.groupby("position")["floor_mse"].first()
    positions, known = curve["position"].unique(), floor.notna().all()
    beside = len(positions) > 4
    title = f"Test errors by position{lines_and_bands(curve)}"
    several = title.count("\n")
    figure, (above, below) = canvas(3.6 + 0.14 * several, rows=2, right=0.8 if beside else 0.1, title_lines=1 + several)
    for ax, measure in ((above, "error_rate"), (below, "mse")):
        for number, position in enumerate(positions):
            colour, line = COLOURS[number % len(COLOURS)], "-" if number < len(COLOURS) else "--"
            wide = curve[curve["position"] == position].pivot(index="epoch", columns="replicate", values=measure)
            band(ax, wide, colour, position, linestyle=line, marker=_marker(wide))
            if ax is below and known:
                ax.axhline(floor[position], color=colour, linestyle=":", linewidth=0.8)
        ax.set_ylim(0)
        ax.locator_params(axis="x", integer=True, min_n_ticks=1)
    above.tick_params(labelbottom=False)
    place = {"loc": "upper left", "bbox_to_anchor": (1, 1), "title": "predicted"} if beside else {}
    above.legend(**{"title": "predicted element", "ncols": 1 + (not beside), **place}, fontsize=6.5, title_fontsize=6.5)
    above.set(title=title, ylabel="share of steps wrong")
    below.set(xlabel="epoch", ylabel="mean squared error")
    best = "best possible" if known else "best possible: unknown"
    below.plot([], [], color=GREY, linestyle=":" if known else "", linewidth=0.8, label=best)
    below.legend(*(handles[-1:] for handles in below.get_legend_handles_labels()), fontsize=6.5)
    return figure


def _marker(wide: pd.DataFrame) -> str | None:
    return "o" if len(wide) == 1 else None  # a single point would not show as a line


def _level(ax: Axes, level: float, name: str) -> None:
    """Draw a level of the loss, and name it beside the axes, where no curve runs through its name."""
    ax.axhline(level, color=GREY, linestyle="--", linewidth=0.7)
    ax.annotate(
        f"{name}\n{level:.4f}",
        (1.02, level),
        xycoords=("axes fraction", "data"),
        va="center",
        annotation_clip=False,
        fontsize=6.5,
        color=GREY,
    )
