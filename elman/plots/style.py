"""The style of all figures: colours, sizes, rcParams; and a figure as a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from matplotlib import rc_context, rcParams, rcParamsDefault
from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#666666"
WIDTH = 3.5  # inches: one column
WIDE = 7.2  # inches: two columns and the space between
DPI = 200
SMALL = 6.5  # points, of notes, legends and marks
STYLE: dict[Any, Any] = {
    "figure.dpi": DPI,
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.titley": 1.0,  # given, so that matplotlib need not lay out the axes once more to find it
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.1,
    "pdf.fonttype": 42,  # TrueType, which printers ask for
    "svg.hashsalt": "elman",
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
}
# What a format's file would otherwise say of the moment at which it was made, so that the same figure is the same file.
_TIMELESS = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


@contextmanager
def style(width: float = WIDTH) -> Iterator[None]:
    """Draw in the figures' own style, whatever matplotlibrc or the caller has set; all is as before afterwards.

    Args:
        width: inches of a figure; its height does not depend on it.
    """
    defaults = {
        key: value
        for key, value in rcParamsDefault.items()
        if not key.startswith("backend") and rcParams[key] != value  # checking all of them would take a millisecond
    }
    with rc_context({**defaults, **STYLE, "figure.figsize": (width, width)}):
        yield


class StyledFigure(Figure):
    """A Figure that a notebook shows."""

    def _repr_png_(self) -> bytes:
        return render(self)


def render(figure: Figure, kind: str = "png") -> bytes:
    """A figure as a file of a kind that matplotlib writes, such as png, pdf or svg."""
    file = BytesIO()
    more: dict[str, Any] = {"pil_kwargs": {"compress_level": 1}} if kind == "png" else {"metadata": _TIMELESS.get(kind)}
    with style():
        figure.savefig(file, format=kind, dpi=DPI, **more)
    return file.getvalue()
