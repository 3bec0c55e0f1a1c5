"""The figures of a run: its settings, tables and weights in, a matplotlib Figure out.

They are one column wide (89 mm), or two where a network is large, and use the Okabe-Ito colours, which colour-blind
readers tell apart. Where a run has several networks, lines are medians over the networks, bands are interquartile
ranges, and what cannot be averaged is shown of the first.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any

from elman.plots import backend  # noqa: F401 - before all that imports matplotlib
from elman.plots.canvas import COLOURS, DPI, GREY, STYLE, WIDE, WIDTH, style
from elman.plots.errors import error_by_letter, error_in_words, error_of_bits_1_and_4, error_over_12_steps
from elman.plots.hidden import hidden_units, phase_portrait, principal_components
from elman.plots.learning import learning_curve, training_loss
from elman.plots.source import Source, from_directory, from_result
from elman.plots.trees import clusters, occurrences
from elman.plots.weights import weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "COLOURS", "DPI", "GREY", "PLOTS", "STYLE", "WIDE", "WIDTH", "Source", "draw", "figure", "from_directory",
    "from_result", "render", "style",
]  # fmt: skip

PLOTS: dict[str, Callable[[Source], "Figure | None"]] = {
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
    "weights": weights,
}
# What a format's file would otherwise say of the moment at which it was made, so that the same figure is the same file.
_TIMELESS = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


def figure(source: Source, name: str) -> "Figure | None":
    """Draw one of PLOTS; None, at once, where the run holds nothing that it could show."""
    with style():
        return PLOTS[name](source)


def render(figure: "Figure", kind: str = "png") -> bytes:
    """A figure as a file of a kind that matplotlib writes, such as png, pdf or svg."""
    file = BytesIO()
    more: dict[str, Any] = {"pil_kwargs": {"compress_level": 1}} if kind == "png" else {"metadata": _TIMELESS.get(kind)}
    with style():
        figure.savefig(file, format=kind, dpi=DPI, **more)
    return file.getvalue()


def draw(
    source: Source, names: Iterable[str] = tuple(PLOTS), formats: Iterable[str] = ("png",)
) -> Iterator[tuple[str, bytes]]:
    """Draw figures one by one; yields file name and content of each that the run can show.

    Warns:
        UserWarning: one for each figure that fails; the others are drawn all the same.
    """
    for name in names:
        try:
            drawn = figure(source, name)
            files = [(f"{name}.{kind}", render(drawn, kind)) for kind in formats] if drawn else []
        except Exception as error:
            reason = str(error).partition("\n")[0]
            warnings.warn(f"the figure {name} was not drawn: {type(error).__name__}: {reason}", stacklevel=2)
        else:
            yield from files
