"""Reads matplotlib figures: the texts that are seen, whether they overlap, and what is cut off."""

from itertools import combinations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from elman import plots


def draw(run, name):
    """A figure of a run on disk."""
    return plots.figure(plots.from_directory(run), name)


def notes(figure):
    """The lines below the title."""
    return [text.get_text() for text in figure.texts[1:]]  # the first is the title


def texts(figure):
    """Each text that is seen, with its box in pixels."""
    with plots.style():
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        ticks = [
            (tick, ax.axison and inside(tick.get_loc(), axis.get_view_interval()))
            for ax in figure.findobj(Axes)
            for axis in (ax.xaxis, ax.yaxis)
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())
        ]
        unseen = {text for tick, seen in ticks if not seen for text in tick.findobj(Text)}
        found = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
        return [(text, text.get_window_extent(renderer)) for text in found if text not in unseen]


def inside(value, interval):
    low, high = sorted(interval)
    rounding = 1e-9 * (high - low)
    return low - rounding <= value <= high + rounding


def overlapping(figure):
    """Pairs of texts whose boxes overlap by more than half a pixel."""
    return [
        (a.get_text(), b.get_text())
        for (a, x), (b, y) in combinations(texts(figure), 2)
        if min(x.x1, y.x1) - max(x.x0, y.x0) > 0.5 and min(x.y1, y.y1) - max(x.y0, y.y0) > 0.5
    ]


def outside(figure):
    """Texts that leave the figure."""
    width, height = figure.get_size_inches() * figure.dpi
    boxes = [(text.get_text(), box) for text, box in texts(figure)]
    return [name for name, box in boxes if min(box.x0, box.y0) < 0 or box.x1 > width or box.y1 > height]


def cut_off(figure):
    """Points of lines, dots and bands that lie outside their axes."""
    found = []
    for ax in figure.findobj(Axes):
        points = [line.get_xydata() for line in ax.lines if line.get_transform() == ax.transData]
        points += [np.array(dots.get_offsets()) for dots in ax.collections if len(dots.get_offsets()) > 1]
        for x, y in np.concatenate(points) if points else ():
            if np.isfinite(y) and not (inside(x, ax.get_xlim()) and inside(y, ax.get_ylim())):
                found.append((ax.get_ylabel(), x, y))
    return found


def band(collection, x):
    """The lower and the upper edge of a band at each x."""
    at, y = collection.get_paths()[0].vertices.T
    return np.array([(y[at == one].min(), y[at == one].max()) for one in x]).T
