"""The figures of a run, drawn from its CSV files and run.json alone: a run's directory in, a matplotlib Figure out.

They are one column wide (89 mm) and use the Okabe-Ito colours, which colour-blind readers tell apart. Where a run has
several networks, lines are medians over the networks and bands hold the middle half of them.
"""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#666666"
WIDTH = 3.5  # inches
DPI = 200
STYLE: dict[Any, Any] = {
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.1,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
}

# The mean squared error of answering, at every step, the exclusive-or of the last two bits: on two of three steps it is
# right half the time, for which 1/3 is the best output, and on the third always (Elman 1990, pp. 186-187).
XOR_OF_LAST_TWO = 2 / 9


def training_loss(run: Path) -> Figure:
    """The loss of each epoch, between chance and the best that is possible."""
    losses, summary = _read(run, "losses"), _read(run, "summary")
    figure, (ax,) = _figure(2.3, right=0.85)
    _band(ax, losses.pivot(index="epoch", columns="replicate", values="loss"), COLOURS[0], _networks(summary))
    chance, best = summary["chance_loss"].mean(), summary["floor_loss"].mean()
    _level(ax, chance, "chance")
    if np.isnan(best):
        ax.annotate("best possible:\nunknown", (1.02, 0), xycoords="axes fraction", fontsize=6.5, color=GREY)
    else:
        _level(ax, best, "best possible")
    if _settings(run)["task"]["name"] == "xor":
        _level(ax, XOR_OF_LAST_TWO, "xor of the last\ntwo bits at\nevery step")
    if not np.isnan(best):
        ax.set_ylim(min(best - 0.08 * (chance - best), losses["loss"].min()), None)
    ax.set(title=f"Training loss{_of(summary)}", xlabel="epoch", ylabel="mean squared error")
    return figure


def learning_curve(run: Path) -> Figure:
    """Error rate and squared error on the test stream over the epochs, one line a position."""
    curve, errors = _read(run, "learning_curve"), _read(run, "position_errors")
    floor = errors.groupby("position")["floor_mse"].first()
    figure, (above, below) = _figure(3.6, rows=2)
    for ax, measure in ((above, "error_rate"), (below, "mse")):
        for colour, position in zip(COLOURS, curve["position"].unique(), strict=False):
            wide = curve[curve["position"] == position].pivot(index="epoch", columns="replicate", values=measure)
            _band(ax, wide, colour, position)
            if ax is below:
                ax.axhline(floor[position], color=colour, linestyle=":", linewidth=0.8)
        ax.set_ylim(0)
    above.tick_params(labelbottom=False)
    above.legend(title="predicted element", ncols=2, fontsize=6.5, title_fontsize=6.5)
    above.set(title=f"Test errors by position{_of(curve)}", ylabel="share of steps wrong")
    below.set(xlabel="epoch", ylabel="mean squared error")
    below.plot([], [], color=GREY, linestyle=":", linewidth=0.8, label="best possible")
    below.legend(*(handles[-1:] for handles in below.get_legend_handles_labels()), fontsize=6.5)
    return figure


def error_over_12_steps(run: Path) -> Figure | None:
    """The squared error at 12 consecutive steps, averaged over the test stream, after the paper's Figure 3."""
    if not (run / "cycle_errors.csv").exists():
        return None
    cycle = _read(run, "cycle_errors")
    wide = cycle.pivot(index="step", columns="replicate", values="mse")
    first = cycle.drop_duplicates("step").set_index("step")
    places, cycles = first[["position", "floor_mse"]], first["n"].iloc[0]
    figure, (ax,) = _figure(2.6, title_lines=2, tick_lines=2)
    _band(ax, wide, COLOURS[0], _networks(cycle), marker="o")
    ax.plot(first["floor_mse"], color=GREY, linestyle=":", marker="_", markersize=7, label="best possible")
    ax.set_ylim(-0.01, max(0.36, wide.max(axis=None) * 1.1))
    ax.legend(loc="upper center", ncols=2, borderaxespad=0)
    named = [f"{step}\n{position}" if floor == 0 else step for step, position, floor in places.itertuples()]
    ax.set_xticks(first.index, named)
    ax.set(
        title=f"Error over 12 consecutive steps, averaged\nover {cycles} cycles of the test stream{_of(cycle)}",
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
    figure, (ax,) = _figure(2.3)
    _letters(ax, rmse, predictions, _read(run, "position_errors").groupby("position")["floor_mse"].first().pow(0.5))
    ax.set(
        title=f"Error by predicted letter{_of(predictions)}",
        xlabel="predicted letter",
        ylabel="root mean squared error",
    )
    return figure


def error_of_bits_1_and_4(run: Path) -> Figure | None:
    """The error at 20 steps in bit 1 (consonant) and bit 4 (high), after the paper's Figures 5 a and b."""
    predictions = _first_steps(run, 20)
    if predictions is None:
        return None
    bit_errors = _read(run, "bit_errors")
    figure, axes = _figure(3.6, rows=2)
    for ax, bit in zip(axes, (1, 4), strict=True):
        of_bit = predictions[predictions["bit"] == bit]
        floor = bit_errors[bit_errors["bit"] == bit].groupby("position")["floor_mse"].first().pow(0.5)
        _letters(ax, of_bit.pivot(index="step", columns="replicate", values="squared_error").pow(0.5), of_bit, floor)
        ax.set(title=f"Error in bit {bit}, {of_bit['feature'].iloc[0]}{_of(predictions)}", ylabel="absolute error")
    axes[-1].set_xlabel("predicted letter")
    return figure


def hidden_units(run: Path) -> Figure | None:
    """The activation of each hidden unit of the first network over up to 24 test steps."""
    states = _read(run, "hidden_states")
    one = states[(states["replicate"] == 0) & (states["step"] < 24)]
    if one.empty:
        return None
    wide = one.pivot(index="unit", columns="step", values="activation")
    figure, (ax,) = _figure(1.5 + 0.06 * min(len(wide), 40), right=0.75)
    image = ax.imshow(wide, cmap="cividis", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    figure.colorbar(image, cax=ax.inset_axes((1.03, 0, 0.05, 1)), label="activation")
    inputs = one.drop_duplicates("step")["input"]
    ax.set_xticks(range(len(inputs)), inputs)
    every = next(every for every in (1, 5, 10, 50, 100, len(wide)) if len(wide) <= 8 * every)
    marked = [unit for unit in wide.index if unit % every == 0 or unit == 1]
    ax.set_yticks([unit - 1 for unit in marked], marked)
    which = "" if states["replicate"].max() == 0 else f" (network 0 of {states['replicate'].max() + 1})"
    ax.set(title=f"Hidden units over time{which}", xlabel="element read", ylabel="hidden unit")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return figure


PLOTS: dict[str, Callable[[Path], Figure | None]] = {
    "training_loss": training_loss,
    "learning_curve": learning_curve,
    "error_over_12_steps": error_over_12_steps,
    "error_by_letter": error_by_letter,
    "error_of_bits_1_and_4": error_of_bits_1_and_4,
    "hidden_units": hidden_units,
}


def drawn(run: Path) -> dict[str, bytes]:
    """Each figure that the run's CSVs can show, as a PNG, by file name."""
    images = {}
    with rc_context(STYLE):
        for name, plot in PLOTS.items():
            if figure := plot(run):
                file = BytesIO()
                figure.savefig(file, format="png", dpi=DPI, pil_kwargs={"compress_level": 1})
                images[f"{name}.png"] = file.getvalue()
    return images


def _read(run: Path, table: str) -> pd.DataFrame:
    texts = ("input", "target", "position", "feature")
    return pd.read_csv(run / f"{table}.csv", dtype=dict.fromkeys(texts, str), keep_default_na=False, na_values=[""])


def _settings(run: Path) -> dict[str, dict[str, object]]:
    return json.loads((run / "run.json").read_text())["settings"]


def _figure(
    height: float, rows: int = 1, *, title_lines: int = 1, tick_lines: int = 1, right: float = 0.1
) -> tuple[Figure, np.ndarray]:
    """A figure with rows of axes inside fixed margins, in inches; an automatic layout would draw everything twice."""
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.subplots(rows, squeeze=False)[:, 0]
    top, bottom, left, between = 0.12 + 0.14 * title_lines, 0.28 + 0.12 * tick_lines, 0.55, 0.5
    axes_height = (height - top - bottom - between * (rows - 1)) / rows
    figure.subplots_adjust(
        left=left / WIDTH,
        right=1 - right / WIDTH,
        bottom=bottom / height,
        top=1 - top / height,
        hspace=between / axes_height,
    )
    return figure, axes


def _of(frame: pd.DataFrame) -> str:
    """The end of a title that says over how many networks a line is the median."""
    return f" ({n} networks)" if (n := frame["replicate"].nunique()) > 1 else ""


def _networks(frame: pd.DataFrame) -> str:
    return "median network" if frame["replicate"].nunique() > 1 else "network"


def _band(ax: Axes, wide: pd.DataFrame, colour: str, label: str, marker: str | None = None) -> None:
    """Draw the median over the columns, and a band from the lower to the upper quartile."""
    ax.plot(wide.index, wide.median(axis=1), color=colour, label=label, marker=marker, markersize=3)
    if wide.shape[1] > 1:
        low, high = wide.quantile(0.25, axis=1), wide.quantile(0.75, axis=1)
        ax.fill_between(wide.index, low, high, color=colour, alpha=0.25, linewidth=0)


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


def _first_steps(run: Path, steps: int) -> pd.DataFrame | None:
    """The first predictions of a run on consonants and vowels; None for other tasks, and where none were recorded."""
    if _settings(run)["task"]["name"] != "cv":
        return None
    predictions = _read(run, "predictions")
    return predictions[predictions["step"] < steps] if len(predictions) else None


def _letters(ax: Axes, wide: pd.DataFrame, predictions: pd.DataFrame, floor: pd.Series) -> None:
    """Draw the errors over steps, each step named by its letter, with the best possible for its position."""
    _band(ax, wide, COLOURS[0], _networks(predictions), marker="o")
    first = predictions.drop_duplicates("step").set_index("step")
    ax.plot(first.index, first["position"].map(floor), "_", color=COLOURS[1], markersize=7, label="best on average")
    ax.set_xticks(first.index, first["target"])
    ax.set_ylim(-0.03, max(0.5, wide.max(axis=None)) * 1.25)
    ax.legend(loc="upper center", ncols=2, fontsize=6.5, borderaxespad=0)
