"""The figures of a run: its settings, tables and weights in, a matplotlib Figure out.

They are one column wide (89 mm), or two where a network is large, and use the Okabe-Ito colours, which colour-blind
readers tell apart. Where a run has several networks, lines are medians over the networks, bands are interquartile
ranges, and what cannot be averaged is shown of the first.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elman.errors import ConfigError, reason_of
from elman.plots import backend  # noqa: F401 - before all that imports matplotlib
from elman.plots.errors import error_by_letter, error_in_words, error_of_bits_1_and_4, error_over_12_steps
from elman.plots.hidden import hidden_units, phase_portrait, principal_components
from elman.plots.items import items_by_condition, surprisal_by_symbol
from elman.plots.learning import learning_curve, training_loss
from elman.plots.source import Source, from_directory, from_result
from elman.plots.style import COLOURS, DPI, GREY, STYLE, WIDE, WIDTH, render, style
from elman.plots.trees import clusters, occurrences
from elman.plots.weights import weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "COLOURS", "DPI", "GREY", "PLOTS", "STYLE", "WIDE", "WIDTH", "Source", "check_name", "draw", "figure",
    "from_directory", "from_result", "plot", "render", "show", "style",
]  # fmt: skip

PLOTS: dict[str, Callable[..., "Figure | None"]] = {
    "training_loss": training_loss,
    "learning_curve": learning_curve,
    "error_over_12_steps": error_over_12_steps,
    "error_by_letter": error_by_letter,
    "error_of_bits_1_and_4": error_of_bits_1_and_4,
    "error_in_words": error_in_words,
    "hidden_units": hidden_units,
    "principal_components": principal_components,
    "phase_portrait": phase_portrait,
    "clusters": clusters,
    "occurrences": occurrences,
    "items_by_condition": items_by_condition,
    "surprisal_by_symbol": surprisal_by_symbol,
    "weights": weights,
}


def check_name(name: str) -> None:
    """Raise a ConfigError for a name that is no key of PLOTS."""
    if name not in PLOTS:
        near = get_close_matches(name, PLOTS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(PLOTS)}"
        raise ConfigError(f"there is no figure {name}; {hint}")


def figure(source: Source, name: str, *, width: float = WIDTH, ax: "Axes | None" = None) -> "Figure | None":
    """Draw one of PLOTS; None, at once, where the run holds nothing that it could show.

    Args:
        source: the run.
        name: a key of PLOTS.
        width: inches; some heights do not depend on it.
        ax: axes to draw into, for a figure of one Axes.

    Raises:
        ConfigError: for a name that is no key of PLOTS, or axes for a figure of several.
    """
    check_name(name)
    into: dict[str, Any] = {} if ax is None else {"ax": ax}
    if into.keys() - signature(PLOTS[name]).parameters.keys():
        raise ConfigError(f"the figure {name} has several axes, so it cannot be drawn into one")
    with style(width):
        return PLOTS[name](source, **into)


def show(source: Source, name: str, ax: "Axes | None" = None) -> "Figure":
    """Draw one of PLOTS for a reader, who may change and save it in a style of their own.

    Args:
        source: the run.
        name: a key of PLOTS.
        ax: axes to draw into, for a figure of one Axes.

    Raises:
        ConfigError: as `figure`, and where the run holds nothing that it could show.
    """
    drawn = figure(source, name, ax=ax)
    if drawn is None:
        raise ConfigError(f"this run has nothing to show as {name}")
    if ax is None:
        with style():
            drawn.draw_without_rendering()  # ticks are made when first drawn, in the style of that moment
    return drawn


def plot(name: str, directory: str | Path, ax: "Axes | None" = None) -> "Figure":
    """Draw a figure of a finished run on disk.

    Args:
        name: a key of `elman.plots.PLOTS`, such as "training_loss".
        directory: of the run.
        ax: axes to draw into, for a figure of one Axes; by default it has a Figure of its own.

    Raises:
        FileNotFoundError: where no run is.
        ConfigError: for another name, axes for a figure of several, or a figure that does not apply to the run.
    """
    return show(from_directory(Path(directory)), name, ax)


def draw(
    source: Source, names: Iterable[str] = tuple(PLOTS), formats: Iterable[str] = ("png",), width: float = WIDTH
) -> Iterator[tuple[str, bytes]]:
    """Draw figures one by one; yields file name and content of each that the run can show.

    Warns:
        UserWarning: one for each reason why figures fail; the others are drawn all the same.
    """
    failed: dict[str, list[str]] = {}
    for name in names:
        try:
            drawn = figure(source, name, width=width)
            files = [(f"{name}.{kind}", render(drawn, kind)) for kind in formats] if drawn else []
        except Exception as error:
            failed.setdefault(reason_of(error), []).append(name)
        else:
            yield from files
    for reason, those in failed.items():
        what = f"figure {those[0]} was" if len(those) == 1 else f"figures {', '.join(those)} were"
        warnings.warn(f"the {what} not drawn: {reason}", stacklevel=2)
