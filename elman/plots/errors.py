"""Errors step by step, after the paper's Figures 3 to 6."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from elman.plots.canvas import COLOURS, GREY, band, canvas, has, networks, of_networks, settings
from elman.runs import read

LETTERS = 30  # in a row of Figure 6


def error_over_12_steps(run: Path) -> Figure | None:
    """The squared error at 12 consecutive steps, averaged over the test stream, after the paper's Figure 3."""
    if not has(run, "cycle_errors"):
        return None
    cycle = read(run, "cycle_errors")
    wide = cycle.pivot(index="step", columns="replicate", values="mse")
    first = cycle.drop_duplicates("step").set_index("step")
    places, cycles = first[["position", "floor_mse"]], first["n"].iloc[0]
    figure, (ax,) = canvas(2.6, title_lines=2, tick_lines=2)
    band(ax, wide, COLOURS[0], networks(cycle), marker="o")
    ax.plot(first["floor_mse"], color=GREY, linestyle=":", marker="_", markersize=7, label="best possible")
    ax.set_ylim(-0.01, max(0.36, wide.max(axis=None) * 1.1))
    ax.legend(loc="upper center", ncols=2, borderaxespad=0)
    named = [f"{step}\n{position}" if floor == 0 else step for step, position, floor in places.itertuples()]
    ax.set_xticks(first.index, named)
    ax.set(
        title=f"Error over 12 consecutive steps, averaged\nover {cycles} cycles of the test stream{of_networks(cycle)}",
        xlabel="step (named where the element can be predicted)",
        ylabel="mean squared error",
    )
    return figure


def error_by_letter(run: Path) -> Figure | None:
    """The root mean squared error at 20 steps, labelled with the predicted letters, after the paper's Figure 4."""
    predictions = _first_steps(run, 20)
    if predictions is None:
        return None
    rmse = predictions.groupby(["step", "replicate"])["squared_error"].mean().pow(0.5).unstack()
    figure, (ax,) = canvas(2.3)
    _letters(ax, rmse, predictions, read(run, "position_errors").groupby("position")["floor_mse"].first().pow(0.5))
    ax.set(
        title=f"Error by predicted letter{of_networks(predictions)}",
        xlabel="predicted letter",
        ylabel="root mean squared error",
    )
    return figure


def error_of_bits_1_and_4(run: Path) -> Figure | None:
    """The error at 20 steps in bit 1 (consonant) and bit 4 (high), after the paper's Figures 5 a and b."""
    predictions = _first_steps(run, 20)
    if predictions is None:
        return None
    bit_errors = read(run, "bit_errors")
    figure, axes = canvas(3.6, rows=2)
    for ax, bit in zip(axes, (1, 4), strict=True):
        of_bit = predictions[predictions["bit"] == bit]
        floor = bit_errors[bit_errors["bit"] == bit].groupby("position")["floor_mse"].first().pow(0.5)
        _letters(ax, of_bit.pivot(index="step", columns="replicate", values="squared_error").pow(0.5), of_bit, floor)
        ax.set(
            title=f"Error in bit {bit}, {of_bit['feature'].iloc[0]}{of_networks(predictions)}", ylabel="absolute error"
        )
    axes[-1].set_xlabel("predicted letter")
    return figure


def error_in_words(run: Path) -> Figure | None:
    """The root mean squared error at the first letters of the test stream, two rows of 30, after the paper's Figure 6.

    For a stream of words without breaks, whose positions are "letter 1", "letter 2", ...
    """
    positions = read(run, "position_errors")
    predictions = (
        read(run, "predictions") if positions["position"].str.fullmatch(r"letter \d+").all() else positions[:0]
    )
    if predictions.empty:
        return None
    rmse = predictions.groupby(["step", "replicate"])["squared_error"].mean().pow(0.5).unstack()
    first = predictions.drop_duplicates("step").set_index("step")
    rows = [steps for low in (0, LETTERS) if len(steps := rmse.index[low : low + LETTERS]) > 1]
    if not rows:
        return None
    figure, axes = canvas(1.25 + 1.15 * len(rows), rows=len(rows), title_lines=2, between=0.35)
    floor = positions.groupby("position")["floor_mse"].first().pow(0.5)
    for ax, steps in zip(axes, rows, strict=True):
        _letters(ax, rmse.loc[steps], predictions[predictions["step"].isin(steps)], floor)
        starts = steps[first.loc[steps, "position"] == "letter 1"]
        for start in starts:
            ax.axvline(start - 0.5, color=GREY, linewidth=0.4)
        middle = rmse.loc[starts].median(axis=1)
        dots = {"markeredgecolor": "black", "markeredgewidth": 0.5, "markersize": 4.5, "label": "begins a word"}
        ax.plot(starts, middle, "o", color=COLOURS[4], **dots)
        ax.set_xlim(steps[0] - 0.7, steps[0] + LETTERS - 0.3)
        ax.set_ylabel("RMS error")
        ax.get_legend().remove()  # one for all rows stands above them
    handles, _ = axes[0].get_legend_handles_labels()
    above = {"loc": "lower right", "bbox_to_anchor": (1.02, 1), "borderaxespad": 0}
    axes[0].legend(handles=handles, ncols=3, fontsize=6.5, columnspacing=1, handletextpad=0.5, **above)
    axes[0].set_title(f"Error by letter{of_networks(predictions)}", pad=15)
    axes[-1].set_xlabel("predicted letter")
    return figure


def _first_steps(run: Path, steps: int) -> pd.DataFrame | None:
    """The first predictions of a run on consonants and vowels; None for other tasks, and where none were recorded."""
    if settings(run)["task"]["name"] != "cv":
        return None
    predictions = read(run, "predictions")
    return predictions[predictions["step"] < steps] if len(predictions) else None


def _letters(ax: Axes, wide: pd.DataFrame, predictions: pd.DataFrame, floor: pd.Series) -> None:
    """Draw the errors over steps, each step named by its letter, with the best possible for its position."""
    band(ax, wide, COLOURS[0], networks(predictions), marker="o")
    first = predictions.drop_duplicates("step").set_index("step")
    ax.plot(first.index, first["position"].map(floor), "_", color=COLOURS[1], markersize=7, label="best on average")
    ax.set_xticks(first.index, first["target"])
    ax.set_ylim(-0.03, max(0.5, wide.max(axis=None)) * 1.25)
    ax.legend(loc="upper center", ncols=2, fontsize=6.5, borderaxespad=0)
