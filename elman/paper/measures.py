"""What several papers measure of runs with test items, and the figures and tables that show it over many runs."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from elman.condition_names import format_value
from elman.paper.claims import Run, table_of
from elman.paper.html import share
from elman.plots import COLOURS


def item_scores(run: Path, column: str, *conditions: str) -> pd.DataFrame:
    """One score of the items by network (rows) and condition, after training; LeftOut if there are none."""
    scores = table_of(run, "item_summary", "condition", *conditions)
    last = scores[scores["epoch"] == scores["epoch"].max()]
    return last.pivot(index="replicate", columns="condition", values=column)[
        list(conditions) or scores["condition"].unique()
    ]


def of_items(column: str, condition: str) -> Callable[[Path], pd.Series]:
    """A score of the items of one condition, after training."""
    return lambda run: item_scores(run, column, condition)[condition]


def all_items(column: str) -> Callable[[Path], pd.Series]:
    """A score of all items, after training."""

    def values(run: Path) -> pd.Series:
        scores = table_of(run, "item_summary")
        last = scores[scores["epoch"] == scores["epoch"].max()]
        weighted = last[column] * last["items"]
        return weighted.groupby(last["replicate"]).sum() / last["items"].groupby(last["replicate"]).sum()

    return values


def cosine(run: Path) -> pd.Series:
    """The mean cosine of the outputs with the exact odds of the next symbol, over all test steps."""
    errors = table_of(run, "likelihood", "against", "likelihood")
    chosen = errors[(errors["against"] == "likelihood") & (errors["measure"] == "cosine")]
    return chosen.set_index("replicate")["mean"]


def lines(
    runs: Sequence[Run],
    scores: Callable[[Run], pd.DataFrame],
    *,
    name: Callable[[Run], str],
    xlabel: str,
    ylabel: str,
) -> Figure:
    """A line for each run, the median over its networks with an interquartile range, over the columns of scores."""
    figure = Figure(figsize=(3.9, 2.8), layout="constrained")
    ax = figure.subplots()
    for number, run in enumerate(runs):
        frame = scores(run)
        colour, dash = COLOURS[number % len(COLOURS)], "-" if number < len(COLOURS) else "--"
        ax.plot(range(frame.shape[1]), frame.median(), dash, marker="o", markersize=3, color=colour, label=name(run))
        if len(frame) > 1:
            low, high = frame.quantile(0.25), frame.quantile(0.75)
            ax.fill_between(range(frame.shape[1]), low, high, color=colour, alpha=0.15, linewidth=0)
    ax.set_xticks(range(frame.shape[1]), [str(column) for column in frame])
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.legend(fontsize=6.5)
    return figure


def over_setting(
    runs: Sequence[Run], key: str, scores: Callable[[Path], pd.DataFrame], *, xlabel: str, ylabel: str
) -> Figure:
    """A dot a network and a line through the medians for each column of scores, over the values of a setting."""
    figure = Figure(figsize=(3.9, 2.8), layout="constrained")
    ax = figure.subplots()
    frames = [scores(run.directory) for run in runs]
    for number, column in enumerate(frames[0]):
        colour, shift = COLOURS[number % len(COLOURS)], 0.06 * number
        ax.plot(
            np.arange(len(runs)) + shift,
            [f[column].median() for f in frames],
            "-",
            color=colour,
            label=f"{column}, median",
        )
        for place, frame in enumerate(frames):
            ax.plot(np.full(len(frame), place + shift), frame[column], "o", color=colour, markersize=3, alpha=0.5)
    ax.set_xticks(range(len(runs)), [format_value(run.row.get(key, "")) for run in runs])
    ax.set(xlabel=xlabel, ylabel=ylabel, ylim=(-0.05, 1.05))
    ax.legend(fontsize=6.5)
    return figure


def medians(**columns: Callable[[Path], pd.Series]) -> Callable[[Sequence[Run]], pd.DataFrame]:
    """A table of medians (lowest to highest), a row a run."""

    def rows(runs: Sequence[Run]) -> pd.DataFrame:
        return pd.DataFrame(
            {
                **{key: format_value(value) for key, value in run.row.items()},
                **{name.replace("_", " "): _spread(values(run.directory)) for name, values in columns.items()},
            }
            for run in runs
        )

    return rows


def _spread(values: pd.Series) -> str:
    return f"{share(values.median())} ({share(values.min())} to {share(values.max())})"
