"""The hidden states over time: unit by unit, and by their principal components."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Affine2D, Bbox

from elman.plots.canvas import canvas, first_of
from elman.plots.classes import divide
from elman.plots.names import lines_of, name_steps, short, width
from elman.plots.source import Source
from elman.plots.style import COLOURS, GREY, SMALL

STEPS = 24  # shown over time
TRAJECTORIES = 3
LONGEST = 12  # elements of a trajectory
COMPONENTS = 3
ROW, HIGHEST = 0.03, 6  # inches that a unit takes where there are many, and all of them at most


def hidden_units(source: Source, ax: Axes | None = None) -> Figure | None:
    """The activation of each hidden unit of the first network over up to 24 test steps."""
    states = source.rows("hidden_states")
    one = states[(states["replicate"] == 0) & (states["step"] < STEPS)]
    if one.empty:
        return None
    wide = one.pivot(index="unit", columns="step", values="activation")
    inputs = one.drop_duplicates("step")["input"].tolist()
    lines = lines_of(inputs)
    title = f"Hidden units over time{first_of(source)}"
    height = 1.14 + 0.1 * lines + min(max(0.06 * min(len(wide), 40), ROW * len(wide)), HIGHEST)
    figure, (ax,) = canvas(height, right=0.75, tick_lines=lines, title=title, notes=[source.caption], ax=ax)
    lowest = min(0, np.floor(wide.min(axis=None)))  # -1 with tanh units
    image = ax.imshow(wide, cmap="cividis", vmin=lowest, vmax=1, aspect="auto", interpolation="nearest")
    inch = ax.figure.dpi / ax.bbox.width  # as a share of the axes
    figure.colorbar(image, cax=ax.inset_axes((1 + 0.06 * inch, 0, 0.1 * inch, 1)), label="activation")
    name_steps(ax, range(len(inputs)), inputs)
    every = next(every for every in (1, 5, 10, 50, 100, len(wide)) if len(wide) <= 16 * every)
    marked = [unit for unit in wide.index if unit % every == 0 or unit == 1]
    ax.set_yticks([unit - 1 for unit in marked], marked)
    ax.set(xlabel="element read", ylabel="hidden unit")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return figure


def principal_components(source: Source) -> Figure | None:
    """The first principal components of the hidden states of the first network, over up to 24 test steps."""
    found = _components(source)
    if found is None:
        return None
    steps, shares = found
    shown, columns = steps[:STEPS], range(1, len(shares) + 1)
    lines = lines_of(shown["input"].tolist())
    title = f"Principal components{first_of(source)}"
    height = 0.74 + 0.75 * len(shares) + 0.12 * lines
    figure, axes = canvas(
        height, rows=len(shares), tick_lines=lines, left=0.8, between=0.12, title=title, notes=[source.caption]
    )
    for ax, component in zip(axes, columns, strict=True):
        for start in shown.index[shown["starts"]][1:]:  # the first would lie on the axis
            ax.axvline(start - 0.5, color=GREY, linewidth=0.4)
        ax.plot(shown.index, shown[component], color=COLOURS[component - 1], marker="o", markersize=3)
        ax.set_ylabel(f"PC {component} ({shares[component - 1]:.0%})")
        ax.set_xlim(shown.index[0] - 0.7, shown.index[-1] + 0.7)
        ax.tick_params(labelbottom=ax is axes[-1])
        ax.locator_params(axis="y", nbins=4, min_n_ticks=3)
        name_steps(ax, shown.index, shown["input"].tolist())
    marks = (
        f"; a line before each {source.unit or source.rows('position_errors')['position'].iloc[0]}"
        if shown["starts"].sum() > 1
        else ""
    )
    axes[-1].set_xlabel(f"element read{marks}")
    figure.align_ylabels(axes)
    return figure


def phase_portrait(source: Source, ax: Axes | None = None) -> Figure | None:
    """The way of the hidden states of the first network through the plane of their first two principal components.

    Dots are recorded test steps, arrows lead through the first units that differ (words, sentences).
    """
    found = _components(source)
    if found is None or len(found[1]) < 2:
        return None
    steps, shares = found
    units = list(_first_units(steps))
    title, notes = f"Phase portrait{first_of(source)}", [source.caption, _marks(source, units)]
    figure, (ax,) = canvas(min(rcParams["figure.figsize"][0], 5) - 0.26, left=0.76, title=title, notes=notes, ax=ax)
    classes = divide(source.table("classes"), steps["input"].unique().tolist())
    for colour, (name, members) in zip(COLOURS, (classes or {"": set(steps["input"])}).items(), strict=False):
        own = steps[steps["input"].isin(members)]
        ax.scatter(own[1], own[2], s=9, color=colour, alpha=0.45, linewidth=0, label=short(name))
    ax.margins(0.12)
    ax.locator_params(axis="x", nbins=5)
    ax.set(
        xlabel=f"principal component 1 ({shares[0]:.0%} of variance)",
        ylabel=f"principal component 2 ({shares[1]:.0%})",
    )
    if classes:
        ax.legend(fontsize=SMALL, loc="upper center", bbox_to_anchor=(0.5, 1.0), ncols=len(classes), borderaxespad=0)
        ax.set_ylim(None, ax.get_ylim()[1] + 0.08 * np.ptp(ax.get_ylim()))
    for number, unit in enumerate(units):
        _draw_way(ax, unit[[1, 2]].to_numpy(), ("#000000", "#555555", "#888888")[number % 3])
    _label(ax, units, below=10 if classes else 0)
    return figure


def _components(source: Source) -> tuple[pd.DataFrame, list[float]] | None:
    """The recorded steps of the first network with the principal components of its hidden states, and their shares.

    None for a stream of two symbols, and where fewer than three steps were recorded or nothing varies. Of the two
    directions of a component it takes the one in which the unit that weighs most is positive.
    """
    states = source.rows("hidden_states")
    one = states[states["replicate"] == 0]
    if source.table("hidden_means") is None or one["step"].nunique() < 3:
        return None
    wide = one.pivot(index="step", columns="unit", values="activation").to_numpy()
    left, sizes, axes = np.linalg.svd(wide - wide.mean(axis=0), full_matrices=False)
    if sizes[0] < 1e-9:
        return None
    count = min(COMPONENTS, wide.shape[1])
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
    steps = one.drop_duplicates("step").set_index("step")[["input", "position"]]
    steps[list(range(1, count + 1))] = (left * sizes * signs)[:, :count]
    units = source.table("units")
    steps["starts"] = (steps.index == 0) if units is None else steps.index.isin(units["step"])
    return steps, list((sizes**2 / (sizes**2).sum())[:count])


def _first_units(steps: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The first units that share no element with those before, each up to where the next begins, or cut if too long."""
    seen: set[str] = set()
    found = 0
    for _, whole in steps.groupby(steps["starts"].cumsum()):
        unit = whole[:LONGEST]
        if found < TRAJECTORIES and len(unit) > 1 and not seen & set(unit["input"]):
            seen |= set(unit["input"])
            found += 1
            yield unit


def _marks(source: Source, units: Sequence[pd.DataFrame]) -> str:
    """The note that says what dots and arrows are."""
    if not units:
        return "dots: test steps"
    some = f"{len(units)} {source.unit}s, step by step" if len(units) > 1 else f"{len(units[0])} steps in turn"
    return f"dots: test steps; arrows: {some}"


def _draw_way(ax: Axes, points: np.ndarray, grey: str) -> None:
    """Draw arrows through points (S, 2)."""
    for tail, head in pairwise(points):
        style = {"arrowstyle": "-|>", "color": grey, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 1.5}
        ax.annotate("", head, tail, arrowprops={**style, "mutation_scale": 6})
    ax.plot(*points.T, "o", color=grey, markersize=2.5)


def _label(ax: Axes, units: Sequence[pd.DataFrame], below: float) -> None:
    """Write each element beside its point: away from its neighbours, or the nearest where there is room for its name.

    Args:
        ax: the axes, with all that fixes their limits.
        units: with their first two principal components.
        below: points at the upper end of the axes that are to be left free.
    """
    ax.autoscale_view()
    to_points = ax.transData + ax.figure.dpi_scale_trans.inverted() + Affine2D().scale(72)
    (left, bottom), (right, top) = ax.transAxes.transform([(0, 0), (1, 1)]) / ax.figure.dpi * 72
    taken: list[Bbox] = []
    for unit in units:
        points = to_points.transform(unit[[1, 2]].to_numpy())
        for i, name in enumerate(map(short, unit["input"])):
            away = points[i] - points[max(0, i - 1) : i + 2].mean(axis=0)
            size = np.array((75 * width(name, SMALL) + 2, 1.2 * SMALL))  # points; with a margin
            boxes = [
                box
                for box in _boxes_around(points[i], size, np.arctan2(*away[::-1]))
                if left < box.x0 and box.x1 < right and bottom < box.y0 and box.y1 < top - below
            ]
            box = next((box for box in boxes if not any(map(box.overlaps, taken))), None)
            if box is None:
                continue
            taken.append(box)
            x, y = np.mean([box.min, box.max], axis=0) - points[i]
            ax.annotate(
                name,
                unit[[1, 2]].iloc[i].tolist(),
                (x, y),
                textcoords="offset points",
                ha="center",
                va="center",
                fontsize=SMALL,
            )


def _boxes_around(point: np.ndarray, size: np.ndarray, angle: float) -> Iterator[Bbox]:
    """Boxes beside a point: in a direction, then ever further from it to both sides, then further away."""
    for distance in (4, 9, 14, 20, 28):
        for turn in range(16):
            direction = angle + np.pi / 8 * ((turn + 1) // 2) * (-1) ** turn
            middle = point + (distance + size / 2) * (np.cos(direction), np.sin(direction))
            yield Bbox((middle - size / 2, middle + size / 2))
