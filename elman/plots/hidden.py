"""The hidden states over time: unit by unit, and by their principal components."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from elman.plots.canvas import COLOURS, GREY, canvas, divided, has, lines_of, name_steps, settings, short, which
from elman.runs import read

STEPS = 24  # shown over time
TRAJECTORIES = 3
LONGEST = 12  # elements of a trajectory
COMPONENTS = 3
FONT = 6.5
UNITS = {"cv": "syllable", "words": "word", "sentences": "sentence"}  # of the stream of a task

Box = tuple[float, float, float, float]  # left, bottom, right, top


def hidden_units(run: Path) -> Figure | None:
    """The activation of each hidden unit of the first network over up to 24 test steps."""
    states = read(run, "hidden_states")
    one = states[(states["replicate"] == 0) & (states["step"] < STEPS)]
    if one.empty:
        return None
    wide = one.pivot(index="unit", columns="step", values="activation")
    inputs = one.drop_duplicates("step")["input"].tolist()
    lines = lines_of(inputs)
    figure, (ax,) = canvas(1.4 + 0.1 * lines + 0.06 * min(len(wide), 40), right=0.75, tick_lines=lines)
    image = ax.imshow(wide, cmap="cividis", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    figure.colorbar(image, cax=ax.inset_axes((1.03, 0, 0.05, 1)), label="activation")
    name_steps(ax, range(len(inputs)), inputs)
    every = next(every for every in (1, 5, 10, 50, 100, len(wide)) if len(wide) <= 8 * every)
    marked = [unit for unit in wide.index if unit % every == 0 or unit == 1]
    ax.set_yticks([unit - 1 for unit in marked], marked)
    ax.set(title=f"Hidden units over time{which(states)}", xlabel="element read", ylabel="hidden unit")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return figure


def principal_components(run: Path) -> Figure | None:
    """The first principal components of the hidden states of the first network, over up to 24 test steps."""
    found = _components(run)
    if found is None:
        return None
    steps, shares = found
    shown, columns = steps[:STEPS], range(1, len(shares) + 1)
    lines = lines_of(shown["input"].tolist())
    figure, axes = canvas(
        1.0 + 0.75 * len(shares) + 0.12 * lines, rows=len(shares), tick_lines=lines, left=0.8, between=0.12
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
    axes[0].set_title(f"Principal components{_which(run)}")
    marks = f"; a line before each {_unit(run)}" if shown["starts"].sum() > 1 else ""
    axes[-1].set_xlabel(f"element read{marks}")
    figure.align_ylabels(axes)
    return figure


def phase_portrait(run: Path) -> Figure | None:
    """The way of the hidden states of the first network through the plane of their first two principal components.

    Dots are recorded test steps, lines lead through the first units that differ (words, sentences).
    """
    found = _components(run)
    if found is None or len(found[1]) < 2:
        return None
    steps, shares = found
    units = list(_first_units(steps))
    figure, (ax,) = canvas(3.5 + 0.14 * bool(units), left=0.76, title_lines=1 + bool(units))
    classes = divided(read(run, "classes"), steps["input"].unique().tolist()) if has(run, "classes") else {}
    for colour, (name, members) in zip(COLOURS, (classes or {"": set(steps["input"])}).items(), strict=False):
        own = steps[steps["input"].isin(members)]
        ax.scatter(own[1], own[2], s=9, color=colour, alpha=0.45, linewidth=0, label=short(name))
    for number, unit in enumerate(units):
        grey = ("#000000", "#555555", "#888888")[number % 3]
        ends = unit[[1, 2]].to_numpy()
        for tail, head in pairwise(ends):
            style = {"arrowstyle": "-|>", "color": grey, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 1.5}
            ax.annotate("", head, tail, arrowprops={**style, "mutation_scale": 6})
        ax.plot(*ends.T, "o", color=grey, markersize=2.5)
    ax.margins(0.12)
    ax.locator_params(axis="x", nbins=5)
    ax.set(
        title=f"Phase portrait{_which(run)}{_arrows(run, units)}",
        xlabel=f"principal component 1 ({shares[0]:.0%} of variance)",
        ylabel=f"principal component 2 ({shares[1]:.0%})",
    )
    if classes:
        ax.legend(fontsize=6.5, loc="upper center", bbox_to_anchor=(0.5, 1.0), ncols=len(classes), borderaxespad=0)
        ax.set_ylim(None, ax.get_ylim()[1] + 0.08 * np.ptp(ax.get_ylim()))
    if units:
        _label(figure, ax, units)
    return figure


def _components(run: Path) -> tuple[pd.DataFrame, list[float]] | None:
    """The recorded steps of the first network with the principal components of its hidden states, and their shares.

    None for a stream of two symbols, and where fewer than three steps were recorded or nothing varies. Of the two
    directions of a component it takes the one in which the unit that weighs most is positive.
    """
    states = read(run, "hidden_states")
    one = states[states["replicate"] == 0]
    if not has(run, "hidden_means") or one["step"].nunique() < 3:
        return None
    wide = one.pivot(index="step", columns="unit", values="activation").to_numpy()
    left, sizes, axes = np.linalg.svd(wide - wide.mean(axis=0), full_matrices=False)
    if sizes[0] < 1e-9:
        return None
    count = min(COMPONENTS, wide.shape[1])
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
    steps = one.drop_duplicates("step").set_index("step")[["input", "position"]]
    steps[list(range(1, count + 1))] = (left * sizes * signs)[:, :count]
    before = steps["position"].shift()  # the position that was predicted a step before is that of the element read
    places = read(run, "position_errors")["position"].unique()
    steps["starts"] = before.isna() | ((before == places[0]) if len(places) > 1 else False)
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


def _unit(run: Path) -> str:
    """What a stream is made of, besides its elements."""
    return UNITS.get(settings(run)["task"]["name"], "unit")


def _arrows(run: Path, units: Sequence[pd.DataFrame]) -> str:
    """A second line of the title that says where the arrows lead."""
    if not units:
        return ""
    some = f"{len(units)} {_unit(run)}s, step by step" if len(units) > 1 else f"{len(units[0])} steps in turn"
    return f"\narrows: {some}"


def _label(figure: Figure, ax: Axes, units: Sequence[pd.DataFrame]) -> None:
    """Write each element beside its point, where it covers no other name and as little of the ways as can be."""
    figure.draw_without_rendering()  # fixes the limits of the axes
    ends = [ax.transData.transform(unit[[1, 2]].to_numpy()) for unit in units]
    ways = [np.linspace(a, b, 2 + int(np.hypot(*(b - a)) / 2)) for unit in ends for a, b in pairwise(unit)]
    pixels = np.concatenate(ways)  # every other one that the ways pass
    names = [short(name) for unit in units for name in unit["input"]]
    points = np.concatenate(ends)
    em = FONT / 72 * figure.dpi
    dots = [(x - em / 2, y - em / 2, x + em / 2, y + em / 2) for x, y in points]
    taken: list[Box] = []
    for (x, y), name in zip(points, names, strict=True):
        half = 0.33 * em * len(name)
        costs: list[tuple[float, Box]] = []
        for distance in (1.0, 1.5, 2.2, 3.0):
            for angle in np.arange(0, 2 * np.pi, np.pi / 6):
                middle = x + np.cos(angle) * (0.7 * distance * em + half), y + np.sin(angle) * distance * em
                box = (middle[0] - half, middle[1] - em / 2, middle[0] + half, middle[1] + em / 2)
                covered = sum(_shared(box, other) for other in taken) / em**2
                crossed = ((pixels > np.array(box[:2]) - 2) & (pixels < np.array(box[2:]) + 2)).all(axis=1).sum()
                close = sum(_shared(box, dot) for dot in dots) / em**2
                outside = not (ax.bbox.contains(box[0], box[1]) and ax.bbox.contains(box[2], box[3]))
                costs.append((100 * covered + 50 * outside + 0.5 * crossed + 5 * close + distance, box))
        box = min(costs)[1]
        taken.append(box)
        left, bottom = ax.transData.inverted().transform(box[:2])
        ax.text(left, bottom, name, fontsize=FONT, va="bottom")


def _shared(a: Box, b: Box) -> float:
    """The area that two boxes share."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def _which(run: Path) -> str:
    return which(read(run, "summary"))
