"""Test items: how each condition scores, and the surprisal symbol by symbol."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from elman.item_tables import SHARES
from elman.plots.canvas import band, canvas, line_name, spread
from elman.plots.names import lines_of, name_steps, short
from elman.plots.source import Source
from elman.plots.style import COLOURS, GREY, SMALL

ITEMS = 4
"""Items whose symbols are drawn one by one: the first of each of so many conditions."""


def items_by_condition(source: Source) -> Figure | None:
    """The surprisal of each condition, and a share of items: a dot a network, their median and interquartile range."""
    summary = source.table("item_summary")
    if summary is None:
        return None
    last = summary[summary["epoch"] == summary["epoch"].max()]
    conditions = list(dict.fromkeys(last["condition"]))
    share = next((name for name in SHARES if last[name].notna().any()), None)
    measures = ["surprisal", *([share] if share else [])]
    room = (rcParams["figure.figsize"][0] - 0.8) / len(conditions)
    lines = lines_of(conditions, room)
    figure, axes = canvas(
        0.5 + 1.3 * len(measures) + 0.12 * lines,
        rows=len(measures),
        tick_lines=lines,
        title="Test items by condition",
        notes=[source.caption, *_dots(source)],
        between=0.2,
    )
    for ax, measure in zip(axes, measures, strict=True):
        _dots_by_condition(ax, last, conditions, measure)
        ax.set_xlim(-0.6, len(conditions) - 0.4)
        ax.set_xticks(range(len(conditions)))
        ax.tick_params(labelbottom=ax is axes[-1])
    axes[0].set_ylabel("surprisal (bits)")
    axes[0].set_ylim(0, 1.1 * last["surprisal"].max())
    if share:
        axes[1].set_ylabel(SHARES[share])
        axes[1].set_ylim(-0.05, 1.05)
    name_steps(axes[-1], range(len(conditions)), conditions, room)
    return figure


def surprisal_by_symbol(source: Source) -> Figure | None:
    """The surprisal of each symbol of some test items: the first of each condition, of up to four conditions."""
    items = source.table("items")
    if items is None:
        return None
    chosen = items.drop_duplicates("condition").head(ITEMS)["item"].tolist()
    named = [_symbols(items[items["item"] == item]) for item in chosen]
    longest = max(map(len, named))
    room = (rcParams["figure.figsize"][0] - 0.8) / longest
    lines = max(lines_of(symbols, room) for symbols in named)
    figure, axes = canvas(
        0.3 + (0.85 + 0.12 * lines) * len(chosen),
        rows=len(chosen),
        tick_lines=lines,
        title="Surprisal along test items",
        notes=[source.caption, *spread(source), "grey: symbols that do not count"],
        between=0.25 + 0.12 * lines,
    )
    highest = items[items["item"].isin(chosen)]["surprisal"].max()
    for ax, item, symbols in zip(axes, chosen, named, strict=True):
        rows = items[items["item"] == item]
        wide = rows.pivot(index="step", columns="replicate", values="surprisal")
        band(ax, wide, COLOURS[0], line_name(source), marker="o")
        counted = rows.drop_duplicates("step").set_index("step")["counted"].astype(bool)
        skipped = wide.index[~counted.loc[wide.index]]
        ax.plot(skipped, wide.loc[skipped].median(axis=1), "o", color=GREY, markersize=3, zorder=3)
        ax.set_ylim(0, 1.35 * highest)  # with room for the condition
        ax.set_ylabel("bits")
        ax.set_xlim(-1.3, longest - 1.7)
        name_steps(ax, range(-1, len(symbols) - 1), symbols, room)
        ax.annotate(
            short(rows["condition"].iloc[0], 30), (1, 1), xycoords="axes fraction", ha="right", va="top", fontsize=SMALL
        )
    axes[-1].set_xlabel("symbol")
    return figure


def _symbols(rows: pd.DataFrame) -> list[str]:
    """The symbols of an item, the first of which is only read."""
    first = rows.drop_duplicates("step")
    return [first["input"].iloc[0], *first["target"]]


def _dots(source: Source) -> list[str]:
    n = source.networks
    return [f"dots: {n} networks; bars: median and interquartile range"] if n > 1 else []


def _dots_by_condition(ax: Axes, last: pd.DataFrame, conditions: Sequence[str], measure: str) -> None:
    """A dot for each network, spread sideways in the order of networks, and a bar at their median."""
    for place, condition in enumerate(conditions):
        values = last.loc[last["condition"] == condition, measure].to_numpy(float)
        if np.isnan(values).all():
            continue
        sideways = np.linspace(-0.2, 0.2, len(values)) if len(values) > 1 else np.zeros(1)
        ax.plot(place + sideways, values, "o", color=COLOURS[0], markersize=2.5, alpha=0.6, markeredgewidth=0)
        if len(values) > 1:
            low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
            ax.errorbar(
                place, middle, [[middle - low], [high - middle]], fmt="_", color="black", markersize=9, linewidth=1
            )
