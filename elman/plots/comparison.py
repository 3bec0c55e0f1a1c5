"""The figure of a comparison: one set of panels a task, in one colour a setting."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator, NullLocator

from elman.comparison import Comparison
from elman.condition_names import Names, format_value
from elman.groups import Group
from elman.plots.conditions import Colours, are_numbers, colours, drawable, is_logarithmic, notes
from elman.plots.names import width
from elman.plots.style import GREY, SMALL, WIDE, StyledFigure, style

_BANDS = 6  # so many bands can be told apart where they overlap
_BOTTOM = 0.66  # inches below the axes
_SCALE = 0.72  # inches for a scale of colours on the right
_LONGEST_TITLE = 90
_BESIDE = 0.012  # lines at the same place stand beside each other, by this share of the axis


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
    names = drawable(comparison.names)
    heights = [2.7 if key else max(4.0, 0.6 + 0.19 * len(members)) for members in tasks.values()]
    whole = StyledFigure(figsize=(WIDE, sum(heights)))
    parts = np.atleast_1d(np.array(whole.subfigures(len(tasks), 1, height_ratios=heights)))
    for part, height, (task, members) in zip(parts, heights, tasks.items(), strict=True):
        groups, rows = [group for group, _ in members], pd.DataFrame([row for _, row in members])
        title = f"{task}: {_counted([len(group.summary) for group in groups])}"
        if key:
            _over(part, height, groups, rows, key, names)
        else:
            title += format_value(f" by {', '.join(keys)}", _LONGEST_TITLE) if (keys := _named(groups)) else ""
            _side_by_side(part, height, groups, rows, keys, names)
        part.suptitle(title, x=0.01, ha="left", fontsize=8.5)
    return whole


def _counted(networks: list[int]) -> str:
    """How many networks there are, in all or, where they are as many for each setting, for each."""
    if len(networks) > 1 and networks[0] > 1 and len(set(networks)) == 1:
        return f"{len(networks)} × {networks[0]} networks"
    return f"{sum(networks)} network{'s' if sum(networks) > 1 else ''}"


def _side_by_side(
    part: SubFigure, height: float, groups: list[Group], rows: pd.DataFrame, keys: list[str], names: Names
) -> None:
    """How many networks succeed, how they learn, and what they err on; the names on the left are the legend."""
    chosen = colours([{key: group.values[key] for key in keys} for group in groups])
    shown = [names.name(group, keys) or "all" for group in groups]
    left = 0.38 + max(width(name, rcParams["font.size"], "bold") for name in shown)
    share = max(0.95, 2.66 - left)
    overview = _axes(part, height, left, share, _BOTTOM, height - _BOTTOM - 0.45)
    _overview(overview, rows, chosen, shown)
    overview.set_ylabel(format_value(", ".join(keys), 40) or "networks")
    right = WIDE - (_SCALE if chosen.scale else 0)
    _panels(part, height, left + share + 0.65, right, groups, chosen.of)
    if chosen.scale:
        numbers = {group.values[keys[0]]: name for group, name in zip(groups, shown, strict=True)}
        _draw_scale(part, height, chosen.scale, keys[0], dict(sorted(numbers.items())))
    several = rows["networks"].max() > 1
    what = "bands and bars" if len(groups) <= _BANDS else "bars"
    spread = [f"curves and dots: medians of the networks; {what}: interquartile ranges"] if several else []
    part.text(0.99, 0.05 / height, "\n".join([*notes(names), *spread]), ha="right", fontsize=SMALL, color=GREY)


def _panels(part: SubFigure, height: float, left: float, right: float, groups: list[Group], chosen: list[Any]) -> None:
    """Curves over epochs, where the runs have them, and errors by position, in two rows."""
    losses, rates = [group.losses for group in groups], [group.rates for group in groups]
    drawn = (["loss"] if all(map(len, losses)) else []) + (["rates", "learned"] if all(map(len, rates)) else [])
    columns = (len(drawn) + 2) // 2
    wide, high = (right - left - 0.1 - 0.6 * (columns - 1)) / columns, (height - _BOTTOM - 1.05) / 2
    places = product((_BOTTOM + high + 0.6, _BOTTOM), range(columns))
    axes = {
        name: _axes(part, height, left + column * (wide + 0.6), wide, y, high)
        for name, (y, column) in zip([*drawn, "position"], places, strict=False)
    }
    if "loss" in axes:
        _curves(axes["loss"], losses, chosen)
        axes["loss"].set(title="Training loss", xlabel="epoch", ylabel="mean loss of a step")
    if "rates" in axes:
        _curves(axes["rates"], rates, chosen)
        axes["rates"].set_ylim(bottom=0)
        axes["rates"].set(title="Predictable steps", xlabel="epoch", ylabel="share wrong")
        _learned(axes["learned"], groups, chosen)
    _by_position(axes["position"], groups, chosen)
    for name in drawn[1:]:
        axes[name].set_xlim(axes[drawn[0]].get_xlim())


def _draw_scale(part: SubFigure, height: float, scale: ScalarMappable, key: str, names: Mapping[float, str]) -> None:
    """Draw the scale of colours that stand for numbers of a setting, which have names."""
    high = height - _BOTTOM - 0.45
    cax = _axes(part, height, WIDE - _SCALE + 0.05, 0.1, _BOTTOM, high)
    bar = part.colorbar(scale, cax=cax, label=key)
    bar.minorticks_off()
    ticks = _spaced(
        names, lambda number: float(np.asarray(scale.norm(np.array(number)))) * high, dict.fromkeys(names, 0.13)
    )
    bar.set_ticks(ticks, labels=[names[number] for number in ticks], fontsize=SMALL)


def _spaced(numbers: Iterable[float], place: Callable[[float], float], room: Mapping[float, float]) -> list[float]:
    """Those of rising numbers whose names do not overlap, from their places and the room that names take, in inches."""
    shown: list[float] = []
    end = -np.inf
    for number in numbers:
        if place(number) - room[number] / 2 > end:
            shown.append(number)
            end = place(number) + room[number] / 2
    return shown


def _axes(part: SubFigure, height: float, left: float, width: float, bottom: float, high: float) -> Axes:
    """Axes at a place in inches."""
    return part.add_axes((left / WIDE, bottom / height, width / WIDE, high / height))


def _shown(group: Group) -> dict[str, Any]:
    """The settings of a group but for its task, which is the title."""
    return {key: value for key, value in group.values.items() if key != "task.name"}


def _named(groups: list[Group]) -> list[str]:
    """The settings that name the groups of a task; beside other tasks, only those in which its own groups differ."""
    own = [key for key in _shown(groups[0]) if any(group.values[key] is not None for group in groups)]
    unlike = [key for key in own if len({format_value(group.values[key]) for group in groups}) > 1]
    return (unlike if "task.name" in groups[0].values else own) or own


def _overview(ax: Axes, rows: pd.DataFrame, chosen: Colours, names: list[str]) -> None:
    """The share of networks that succeeded, or where that is unknown, the test error."""
    known = rows["success_rate"].notna().all()
    name, low, high = ("success_rate", "_low", "_high") if known else ("test_mse", "_q25", "_q75")
    for y, (colour, (_, row)) in enumerate(zip(chosen.of, rows.iterrows(), strict=True)):
        ax.plot([row[name + low], row[name + high]], [y, y], color=colour, linewidth=2, alpha=0.45)
        ax.plot(row[name], y, "o", color=colour, markersize=4.5, clip_on=False)
        if not known:
            ax.plot(row["test_floor_mse"], y, "|", color=GREY, markersize=8)
    ax.set_yticks(range(len(rows)), names)
    if not chosen.scale:
        for label, colour in zip(ax.get_yticklabels(), chosen.of, strict=True):
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


def _curves(ax: Axes, frames: list[pd.DataFrame], chosen: list[Any]) -> None:
    """The median over the networks of each setting, and where they are few, the band of their interquartile range."""
    for frame, colour, end in _longest_first(frames, chosen):
        ax.plot(frame.index, frame.median(axis=1), color=colour, **end)
        if frame.shape[1] > 1 and len(frames) <= _BANDS:
            low, high = frame.quantile(0.25, axis=1), frame.quantile(0.75, axis=1)
            ax.fill_between(frame.index, low, high, color=colour, alpha=0.18, linewidth=0)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))


def _learned(ax: Axes, groups: list[Group], chosen: list[Any]) -> None:
    """The share of networks that have been successful at least once, up to each epoch."""
    shares = [
        pd.Series({epoch: (group.success_epochs <= epoch).mean() for epoch in group.rates.index}) for group in groups
    ]
    for share, colour, end in _longest_first(shares, chosen):
        ax.step(share.index, share, where="post", color=colour, **end)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
    ax.set_ylim(-0.03, 1.03)
    ax.set(title="Learned it by then", xlabel="epoch", ylabel="share of networks")


def _longest_first(
    curves: Sequence[pd.DataFrame | pd.Series], chosen: list[Any]
) -> Iterator[tuple[Any, Any, dict[str, Any]]]:
    """Curves with their colours, so that a short one lies over a long one, and a dot at its end if it needs one."""
    ends = [curve.index.max() for curve in curves]
    for i in sorted(range(len(curves)), key=lambda i: -ends[i]):
        dot = len(curves[i]) == 1 or len(set(ends)) > 1  # a single point would not show as a line
        yield (
            curves[i],
            chosen[i],
            {"marker": "o", "markersize": 3, "markevery": [-1], "clip_on": False} if dot else {},
        )


def _by_position(ax: Axes, groups: list[Group], chosen: list[Any]) -> None:
    """The squared error of each setting at each position: median and quartiles, above the best possible."""
    positions = list(dict.fromkeys(position for group in groups for position in group.mse.index))
    offsets = np.linspace(-0.26, 0.26, len(groups)) if len(groups) > 1 else [0.0]
    for group, colour, offset in zip(groups, chosen, offsets, strict=True):
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


_OF_SUCCESS = [
    ("success_rate", "_low", "_high", "Networks that learned it", "share, with 95 % interval"),
    ("predictable_error_rate", "_q25", "_q75", "Predictable steps wrong", "share, median and quartiles"),
    ("success_epoch", "_q25", "_q75", "First learned", "epoch, where half of them did"),
]
_OF_ERROR = [
    ("test_mse", "_q25", "_q75", "Test error", "mean squared error"),
    ("final_loss", "_q25", "_q75", "Training loss", "last epoch"),
    ("takeoff_epoch", "_q25", "_q75", "Takeoff", "epoch"),
]


def _over(part: SubFigure, height: float, groups: list[Group], rows: pd.DataFrame, key: str, names: Names) -> None:
    """One setting on the horizontal axis; the combinations of the others are the colours."""
    measures = _OF_SUCCESS if rows["success_rate"].notna().all() else _OF_ERROR
    measures = [measure for measure in measures if rows[measure[0]].notna().any()]
    others = [other for other in _shown(groups[0]) if other != key]
    lines: dict[str, list[int]] = {}  # which groups are on each
    for i, group in enumerate(groups):
        lines.setdefault(names.name(group, others, with_keys=True), []).append(i)
    chosen = colours([{other: groups[own[0]].values[other] for other in others} for own in lines.values()])
    values = [group.values[key] for group in groups]
    x, log = _places(values), is_logarithmic(values)
    ticks = dict(sorted(zip(x, (names.name(group, [key]) for group in groups), strict=True)))
    left, right = 0.6, WIDE - 0.1 - (_SCALE if chosen.scale else 0)
    wide = (right - left - 0.6 * (len(measures) - 1)) / len(measures)
    for column, (name, low, high, title, label) in enumerate(measures):
        ax = _axes(part, height, left + column * (wide + 0.6), wide, 0.5, height - 0.95)
        for number, (line, own) in enumerate(lines.items()):
            beside = _BESIDE * (number - (len(lines) - 1) / 2)
            own = sorted(own, key=lambda i: x[i])
            at = [x[i] * (max(x) / min(x)) ** beside if log else x[i] + (max(x) - min(x)) * beside for i in own]
            some, colour = rows.iloc[own], chosen.of[number]
            ax.vlines(at, some[name + low], some[name + high], color=colour, alpha=0.45, linewidth=2)
            ax.plot(at, some[name], "o-", color=colour, markersize=3.5, label=line, clip_on=False)
        if log:
            ax.set_xscale("log")
        ax.xaxis.set_minor_locator(NullLocator())
        _name_values(ax, ticks, wide)
        top = 1 if name == "success_rate" else ax.get_ylim()[1]
        ax.set_ylim(-0.02 * top, 1.03 * top)
        ax.set(title=title, xlabel=key, ylabel=label)
    if chosen.scale:
        numbers = {group.values[others[0]]: names.name(group, others) for group in groups}
        _draw_scale(part, height, chosen.scale, others[0], dict(sorted(numbers.items())))
    elif len(lines) > 1:
        handles, labels = ax.get_legend_handles_labels()
        part.legend(handles, labels, loc="upper right", ncols=min(len(lines), 4), fontsize=SMALL)
    part.text(0.99, 0.03 / height, "\n".join(notes(names)), ha="right", fontsize=SMALL, color=GREY)


def _name_values(ax: Axes, names: Mapping[float, str], wide: float) -> None:
    """Name the values on the horizontal axis of so many inches; where they would overlap, only some of them."""
    size = np.log if ax.get_xscale() == "log" else float
    low, high = map(size, ax.get_xlim())
    room = {at: width(name, rcParams["font.size"]) + 0.04 for at, name in names.items()}
    shown = _spaced(names, lambda at: (size(at) - low) / (high - low) * wide, room)
    ax.set_xticks(shown, [names[at] for at in shown])


def _places(values: list[Any]) -> list[float]:
    """Where values stand on an axis: numbers at their size, anything else in the order in which it comes."""
    if are_numbers(values):
        return [float(value) for value in values]
    order = list(dict.fromkeys(map(format_value, values)))
    return [float(order.index(format_value(value))) for value in values]
