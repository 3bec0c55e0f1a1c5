"""The figure of a comparison: one set of panels a task, in one colour a setting."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps, rcParams
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator, NullLocator

from elman.comparison import Comparison, Group
from elman.comparison import format_value as text
from elman.plots.canvas import COLOURS, GREY, SMALL, WIDE, style
from elman.plots.names import in_glyphs, width, without_mathematics

_BANDS = 6  # so many bands can be told apart where they overlap
_BOTTOM = 0.66  # inches below the axes
_LONGEST = 40  # letters of a name, as in the table
_LONGEST_TITLE = 90
_BESIDE = 0.012  # lines at the same place stand beside each other, by this share of the axis
_LOG_FROM = 8  # a setting whose largest value is so many times its smallest has a logarithmic axis


@style()
def figure(comparison: Comparison, key: str | None = None) -> Figure:
    """Draw a comparison.

    Args:
        comparison: with a group for each combination of settings.
        key: the setting on the horizontal axis; by default time and position are, and the settings are colours.
    """
    tasks: dict[str, list[tuple[Group, pd.Series]]] = {}
    for group, (_, row) in zip(comparison.groups, comparison.table.iterrows(), strict=True):
        tasks.setdefault(group.task, []).append((group, row))
    heights = [2.7 if key else max(4.0, 0.6 + 0.19 * len(members)) for members in tasks.values()]
    whole = Figure(figsize=(WIDE, sum(heights)))
    parts = np.atleast_1d(np.array(whole.subfigures(len(tasks), 1, height_ratios=heights)))
    for part, height, (task, members) in zip(parts, heights, tasks.items(), strict=True):
        groups, rows = [group for group, _ in members], pd.DataFrame([row for _, row in members])
        title = f"{task}: {_counted([len(group.summary) for group in groups])}"
        if key:
            _over(part, height, groups, rows, key)
        else:
            title += text(f" by {', '.join(keys)}", _LONGEST_TITLE) if (keys := _named(groups)) else ""
            _side_by_side(part, height, groups, rows, keys)
        part.suptitle(title, x=0.01, ha="left", fontsize=8.5)
    return whole


def _counted(networks: list[int]) -> str:
    """How many networks there are, in all or, where they are as many for each setting, for each."""
    if len(networks) > 1 and networks[0] > 1 and len(set(networks)) == 1:
        return f"{len(networks)} × {networks[0]} networks"
    return f"{sum(networks)} network{'s' if sum(networks) > 1 else ''}"


def _side_by_side(part: SubFigure, height: float, groups: list[Group], rows: pd.DataFrame, keys: list[str]) -> None:
    """How many networks succeed, how they learn, and what they err on; the names on the left are the legend."""
    colours = _colours(groups)
    names = [_name([text(group.values[key]) for key in keys]) for group in groups]
    left = 0.38 + max(width(name, rcParams["font.size"], "bold") for name in names)
    share = max(0.95, 2.66 - left)
    overview = _axes(part, height, left, share, _BOTTOM, height - _BOTTOM - 0.45)
    _overview(overview, rows, colours, names)
    overview.set_ylabel(text(", ".join(keys), _LONGEST) or "networks")
    predictable = all(len(group.rates) for group in groups)
    first, columns = left + share + 0.65, 2 if predictable else 1
    wide, high = (WIDE - first - 0.1 - 0.6 * (columns - 1)) / columns, (height - _BOTTOM - 1.05) / 2
    axes = [
        _axes(part, height, first + column * (wide + 0.6), wide, y, high)
        for y in (_BOTTOM + high + 0.6, _BOTTOM)
        for column in range(columns)
    ]
    _curves(axes[0], [group.losses for group in groups], colours)
    axes[0].set(title="Training loss", xlabel="epoch", ylabel="mean squared error")
    _by_position(axes[-1], groups, colours)
    if predictable:
        _curves(axes[1], [group.rates for group in groups], colours)
        axes[1].set_ylim(bottom=0)
        axes[1].set(title="Predictable steps", xlabel="epoch", ylabel="share wrong")
        _learned(axes[2], groups, colours)
        for ax in axes[1:3]:
            ax.set_xlim(axes[0].get_xlim())
    if rows["networks"].max() > 1:
        what = "bands and bars" if len(groups) <= _BANDS else "bars"
        note = f"curves and dots: medians of the networks; {what}: interquartile ranges"
        part.text(0.99, 0.05 / height, note, ha="right", fontsize=SMALL, color=GREY)


def _axes(part: SubFigure, height: float, left: float, width: float, bottom: float, high: float) -> Axes:
    """Axes at a place in inches."""
    return part.add_axes((left / WIDE, bottom / height, width / WIDE, high / height))


def _colours(groups: list[Group]) -> list[Any]:
    """One colour a setting: a few that colour-blind readers tell apart, else shades in the order of the settings.

    Where the settings are combinations, the first of them has a hue each, and the others its shades.
    """
    n = len(groups)
    if n <= len(COLOURS):
        return list(COLOURS[:n])
    firsts = [text(next(iter(_shown(group).values()))) for group in groups]
    if 1 < len(set(firsts)) < min(n, len(COLOURS)):
        shades = [
            np.linspace(0.45, -0.45, firsts.count(first))[firsts[:i].count(first)] for i, first in enumerate(firsts)
        ]
        hues = dict(zip(dict.fromkeys(firsts), COLOURS, strict=False))
        return [_shade(hues[first], shade) for first, shade in zip(firsts, shades, strict=True)]
    return [colormaps["viridis"](x) for x in np.linspace(0, 0.93, n)]


def _shade(colour: str, by: float) -> Any:
    """A colour made lighter (by up to 1) or darker (by down to -1)."""
    rgb = np.array(to_rgb(colour))
    return tuple(rgb + by * (1 - rgb) if by > 0 else rgb * (1 + by))


def _name(values: list[str], of_none: str = "all") -> str:
    """The name of a group in a figure."""
    return without_mathematics(text(in_glyphs(", ".join(values)), _LONGEST)) or of_none


def _shown(group: Group) -> dict[str, Any]:
    """The settings of a group but for its task, which is the title."""
    return {key: value for key, value in group.values.items() if key != "task.name"}


def _named(groups: list[Group]) -> list[str]:
    """The settings that name the groups of a task; beside other tasks, only those in which its own groups differ."""
    own = [key for key in _shown(groups[0]) if any(group.values[key] is not None for group in groups)]
    unlike = [key for key in own if len({text(group.values[key]) for group in groups}) > 1]
    return (unlike if "task.name" in groups[0].values else own) or own


def _overview(ax: Axes, rows: pd.DataFrame, colours: list[Any], names: list[str]) -> None:
    known = rows["success_rate"].notna().all()
    name, low, high = ("success_rate", "_low", "_high") if known else ("test_mse", "_q25", "_q75")
    for y, (colour, (_, row)) in enumerate(zip(colours, rows.iterrows(), strict=True)):
        ax.plot([row[name + low], row[name + high]], [y, y], color=colour, linewidth=2, alpha=0.45)
        ax.plot(row[name], y, "o", color=colour, markersize=4.5, clip_on=False)
        if not known:
            ax.plot(row["test_floor_mse"], y, "|", color=GREY, markersize=8)
    ax.set_yticks(range(len(rows)), names)
    for label, colour in zip(ax.get_yticklabels(), colours, strict=True):
        label.set(color=colour, fontweight="bold")
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.grid(axis="x", linewidth=0.4, alpha=0.4)
    if known:
        ax.set_xlim(-0.03, 1.03)
        ax.set(title="Learned it", xlabel="share of networks,\n95 % interval")
    else:
        best = "; | best possible" if rows["test_floor_mse"].notna().any() else ""
        ax.set(title="Test error", xlabel=f"mean squared error,\nquartiles{best}")
        ax.xaxis.set_major_locator(MaxNLocator(3))


def _curves(ax: Axes, frames: list[pd.DataFrame], colours: list[Any]) -> None:
    """The median over the networks of each setting, and where they are few, the band of their interquartile range."""
    for frame, colour, end in _longest_first(frames, colours):
        ax.plot(frame.index, frame.median(axis=1), color=colour, **end)
        if frame.shape[1] > 1 and len(frames) <= _BANDS:
            low, high = frame.quantile(0.25, axis=1), frame.quantile(0.75, axis=1)
            ax.fill_between(frame.index, low, high, color=colour, alpha=0.18, linewidth=0)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))


def _learned(ax: Axes, groups: list[Group], colours: list[Any]) -> None:
    """The share of networks that have been successful at least once, up to each epoch."""
    shares = [
        pd.Series({epoch: (group.success_epochs <= epoch).mean() for epoch in group.rates.index}) for group in groups
    ]
    for share, colour, end in _longest_first(shares, colours):
        ax.step(share.index, share, where="post", color=colour, **end)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    ax.set_ylim(-0.03, 1.03)
    ax.set(title="Learned it by then", xlabel="epoch", ylabel="share of networks")


def _longest_first(
    curves: Sequence[pd.DataFrame | pd.Series], colours: list[Any]
) -> Iterator[tuple[Any, Any, dict[str, Any]]]:
    """Curves with their colours, so that a short one lies over a long one, and a dot at its end if it needs one."""
    ends = [curve.index.max() for curve in curves]
    for i in sorted(range(len(curves)), key=lambda i: -ends[i]):
        dot = len(curves[i]) == 1 or len(set(ends)) > 1  # a single point would not show as a line
        yield (
            curves[i],
            colours[i],
            {"marker": "o", "markersize": 3, "markevery": [-1], "clip_on": False} if dot else {},
        )


def _by_position(ax: Axes, groups: list[Group], colours: list[Any]) -> None:
    """The squared error of each setting at each position: median and quartiles, above the best possible."""
    positions = list(dict.fromkeys(position for group in groups for position in group.mse.index))
    offsets = np.linspace(-0.26, 0.26, len(groups)) if len(groups) > 1 else [0.0]
    for group, colour, offset in zip(groups, colours, offsets, strict=True):
        at = [positions.index(position) + offset for position in group.mse.index]
        low, middle, high = (group.mse.quantile(q, axis=1) for q in (0.25, 0.5, 0.75))
        ax.vlines(at, low, high, color=colour, linewidth=2, alpha=0.45)
        ax.plot(at, middle, "o", color=colour, markersize=3)
        ax.hlines(group.floor, [x - 0.04 for x in at], [x + 0.04 for x in at], color=GREY, linewidth=1)
    if any(group.floor.notna().any() for group in groups):
        ax.plot([], [], "_", color=GREY, label="best possible")
        ax.legend(fontsize=SMALL, loc="best")
    units = {position.rpartition(" ")[0] for position in positions}
    unit = units.pop() if len(units) == 1 else ""
    many = len(positions) > 3  # "vowel 1" takes two lines
    names = [p.removeprefix(f"{unit} ") if unit else p.replace(" ", "\n" if many else " ") for p in positions]
    ax.set_xticks(range(len(positions)), names, fontsize=SMALL if many and not unit else None)
    top = ax.get_ylim()[1]
    ax.set_ylim(-0.02 * top, 1.04 * top)
    ax.set(title="Test error by position", xlabel=f"predicted {unit or 'element'}", ylabel="mean squared error")


def _over(part: SubFigure, height: float, groups: list[Group], rows: pd.DataFrame, key: str) -> None:
    """One setting on the horizontal axis; the combinations of the others are the colours."""
    if rows["success_rate"].notna().all():
        measures = [
            ("success_rate", "_low", "_high", "Networks that learned it", "share, with 95 % interval"),
            ("predictable_error_rate", "_q25", "_q75", "Predictable steps wrong", "share, median and quartiles"),
            ("success_epoch", "_q25", "_q75", "First learned", "epoch, where half of them did"),
        ]
    else:
        measures = [
            ("test_mse", "_q25", "_q75", "Test error", "mean squared error"),
            ("final_loss", "_q25", "_q75", "Training loss", "last epoch"),
            ("takeoff_epoch", "_q25", "_q75", "Takeoff", "epoch"),
        ]
    measures = [measure for measure in measures if rows[measure[0]].notna().any()]
    values = rows[key].tolist()
    x, log = _places(values), _is_logarithmic(values)
    others = [_name([f"{k}={text(v)}" for k, v in _shown(group).items() if k != key], "") for group in groups]
    lines = list(dict.fromkeys(others))
    colours = dict(zip(lines, _colours([groups[others.index(line)] for line in lines]), strict=True))
    wide = (WIDE - 0.6 * len(measures) - 0.1) / len(measures)
    for column, (name, low, high, title, label) in enumerate(measures):
        ax = _axes(part, height, 0.6 + column * (wide + 0.6), wide, 0.5, height - 0.95)
        for number, line in enumerate(lines):
            beside = _BESIDE * (number - (len(lines) - 1) / 2)
            own = sorted((i for i, other in enumerate(others) if other == line), key=lambda i: x[i])
            at = [x[i] * (max(x) / min(x)) ** beside if log else x[i] + (max(x) - min(x)) * beside for i in own]
            some = rows.iloc[own]
            ax.vlines(at, some[name + low], some[name + high], color=colours[line], alpha=0.45, linewidth=2)
            ax.plot(at, some[name], "o-", color=colours[line], markersize=3.5, label=line, clip_on=False)
        if log:
            ax.set_xscale("log")
        ax.xaxis.set_minor_locator(NullLocator())
        places = dict(sorted(zip(x, (_name([text(value)]) for value in values), strict=True)))
        ax.set_xticks(list(places), list(places.values()))
        top = 1 if name == "success_rate" else ax.get_ylim()[1]
        ax.set_ylim(-0.02 * top, 1.03 * top)
        ax.set(title=title, xlabel=key, ylabel=label)
    if lines != [""]:
        handles, labels = ax.get_legend_handles_labels()
        part.legend(handles, labels, loc="upper right", ncols=min(len(lines), 4), fontsize=SMALL)


def _places(values: list[Any]) -> list[float]:
    """Where values stand on an axis: numbers at their size, anything else in the order in which it comes."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return [float(value) for value in values]
    order = list(dict.fromkeys(map(text, values)))
    return [float(order.index(text(value))) for value in values]


def _is_logarithmic(values: list[Any]) -> bool:
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v)]
    return len(numbers) == len(values) and min(numbers) > 0 and max(numbers) >= _LOG_FROM * min(numbers)
