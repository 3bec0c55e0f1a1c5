"""Errors step by step, after the paper's Figures 3 to 6."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from elman.plots.canvas import band, canvas, line_name, spread
from elman.plots.source import Source
from elman.plots.style import COLOURS, GREY, SMALL

STEPS = 20  # of Figures 4 and 5
ROW = 30  # letters in a row of Figure 6
# How the entries of a legend of three stand in one line within axes of a column's width.
_CLOSE: dict[str, Any] = {
    "fontsize": SMALL, "borderaxespad": 0, "columnspacing": 0.8, "handletextpad": 0.4, "handlelength": 1.1,
}  # fmt: skip
CONTRAST = ("consonant", "high")  # the features of Figures 5 a and b


def error_over_12_steps(source: Source, ax: Axes | None = None) -> Figure | None:
    """The squared error at 12 consecutive steps, averaged over the test stream, after the paper's Figure 3."""
    cycle = source.table("cycle_errors")
    if cycle is None:
        return None
    wide = cycle.pivot(index="step", columns="replicate", values="mse")
    first = cycle.drop_duplicates("step").set_index("step")
    places, cycles = first[["position", "floor_mse"]], first["n"].iloc[0]
    title = f"Error over 12 consecutive steps, averaged\nover {cycles} cycles of the test stream"
    figure, (ax,) = canvas(2.24, tick_lines=2, title=title, notes=[source.caption, *spread(source)], ax=ax)
    band(ax, wide, COLOURS[0], line_name(source), marker="o")
    ax.plot(first["floor_mse"], color=GREY, linestyle=":", marker="_", markersize=7, label="best possible")
    _table_level(ax, source, 1)
    ax.set_ylim(-0.01, max(0.36, wide.max(axis=None) * 1.1))
    ax.legend(loc="upper center", ncols=3, **_CLOSE)
    named = [f"{step}\n{position}" if floor == 0 else step for step, position, floor in places.itertuples()]
    ax.set_xticks(first.index, named)
    ax.set(xlabel="step (named where the element can be predicted)", ylabel="mean squared error")
    return figure


def error_by_letter(source: Source, ax: Axes | None = None) -> Figure | None:
    """The root mean squared error at 20 steps, labelled with the predicted letters, after the paper's Figure 4."""
    predictions = _first_steps(source)
    if predictions is None:
        return None
    rmse = predictions.groupby(["step", "replicate"])["squared_error"].mean().pow(0.5).unstack()
    head = [source.caption, *spread(source)]
    figure, (ax,) = canvas(2.04, title="Error by predicted letter", notes=head, ax=ax)
    _table_level(ax, source, 0.5)
    _letters(ax, source, rmse, predictions, _floor(source.rows("position_errors")))
    ax.set(xlabel="predicted letter", ylabel="root mean squared error")
    return figure


def error_of_bits_1_and_4(source: Source) -> Figure | None:
    """The error at 20 steps in bit 1 (consonant) and bit 4 (high), after the paper's Figures 5 a and b."""
    predictions = _first_steps(source)
    if predictions is None:
        return None
    bit_errors, bits = source.rows("bit_errors"), [1 + source.features.index(feature) for feature in CONTRAST]
    title = f"Errors in bits {' and '.join(map(str, bits))}"
    figure, axes = canvas(3.5, rows=2, title=title, notes=[source.caption, *spread(source), ""])
    for ax, bit, feature in zip(axes, bits, CONTRAST, strict=True):
        of_bit = predictions[predictions["bit"] == bit]
        error = of_bit.pivot(index="step", columns="replicate", values="squared_error").pow(0.5)
        _letters(ax, source, error, of_bit, _floor(bit_errors[bit_errors["bit"] == bit]))
        ax.set(title=f"bit {bit}, {feature}", ylabel="absolute error")
    axes[-1].set_xlabel("predicted letter")
    return figure


def error_in_words(source: Source) -> Figure | None:
    """The root mean squared error at the first letters of the test stream, two rows of 30, after the paper's Figure 6.

    For a stream of words without breaks, whose positions are "letter 1", "letter 2", ...
    """
    positions = source.rows("position_errors")
    of_letters = positions["position"].str.fullmatch(r"letter \d+").all()
    predictions = source.rows("predictions") if of_letters else positions[:0]
    if predictions.empty:
        return None
    rmse = predictions.groupby(["step", "replicate"])["squared_error"].mean().pow(0.5).unstack()
    first = predictions.drop_duplicates("step").set_index("step")
    rows = [steps for low in (0, ROW) if len(steps := rmse.index[low : low + ROW]) > 1]
    if not rows:
        return None
    figure, axes = canvas(
        0.88 + 1.15 * len(rows),
        rows=len(rows),
        title="Error by predicted letter",
        notes=[source.caption, *spread(source), "", ""],  # the legend stands in the last lines
        between=0.35,
    )
    for ax, steps in zip(axes, rows, strict=True):
        of_row = predictions[predictions["step"].isin(steps)]
        _table_level(ax, source, 0.5)
        _letters(ax, source, rmse.loc[steps], of_row, _floor(positions))
        _mark_words(ax, rmse.loc[steps], first.loc[steps, "position"] == "letter 1")
        ax.set_ylabel("RMS error")
        ax.get_legend().remove()  # one for all rows stands above them
    handles, _ = axes[0].get_legend_handles_labels()
    above = {"loc": "lower right", "bbox_to_anchor": (1.02, 1), "borderaxespad": 0}
    axes[0].legend(handles=handles, ncols=2, fontsize=SMALL, columnspacing=1, handletextpad=0.5, **above)
    axes[-1].set_xlabel("predicted letter")
    return figure


def _mark_words(ax: Axes, rmse: pd.DataFrame, begins: pd.Series) -> None:
    """Draw a line before each step at which a word begins, and a dot on it."""
    starts = rmse.index[begins]
    for start in starts:
        ax.axvline(start - 0.5, color=GREY, linewidth=0.4)
    dots: dict[str, Any] = {
        "markeredgecolor": "black",
        "markeredgewidth": 0.5,
        "markersize": 4.5,
        "label": "begins a word",
    }
    ax.plot(starts, rmse.loc[starts].median(axis=1), "o", color=COLOURS[4], **dots)
    ax.set_xlim(rmse.index[0] - 0.7, rmse.index[0] + ROW - 0.3)


def _first_steps(source: Source) -> pd.DataFrame | None:
    """The first predictions of a run on consonants and vowels; None for others, and where none were recorded."""
    if not set(CONTRAST) <= set(source.features):
        return None
    predictions = source.rows("predictions")
    return predictions[predictions["step"] < STEPS] if len(predictions) else None


def _floor(errors: pd.DataFrame) -> pd.Series:
    """The root of the best possible mean squared error, by position."""
    return errors.groupby("position")["floor_mse"].first().pow(0.5)


def _letters(ax: Axes, source: Source, wide: pd.DataFrame, predictions: pd.DataFrame, floor: pd.Series) -> None:
    """Draw the errors over steps, each step named by its letter, with the best possible for its position."""
    band(ax, wide, COLOURS[0], line_name(source), marker="o")
    first = predictions.drop_duplicates("step").set_index("step")
    ax.plot(first.index, first["position"].map(floor), "_", color=COLOURS[1], markersize=7, label="best on average")
    ax.set_xticks(first.index, first["target"])
    ax.set_ylim(-0.03, max(0.5, wide.max(axis=None)) * 1.25)
    ax.legend(loc="upper center", ncols=3, **_CLOSE)


def _table_level(ax: Axes, source: Source, power: float) -> None:
    """Draw the squared error, to some power, of the best table of n-grams over all steps; older runs have none."""
    ngrams = source.table("ngrams")
    if ngrams is None:
        return
    overall = ngrams[(ngrams["position"] == "all") & ngrams["order"].notna()]
    medians = overall.groupby("order")["mse"].median()
    best = int(medians.idxmin())
    label = f"{best}-symbol table"
    ax.axhline(medians[best] ** power, color=COLOURS[2], linestyle="-.", linewidth=0.7, label=label)
