"""Trees of the hidden states, after the paper's Figures 7, 8 and 9."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from elman import hidden
from elman.plots.canvas import canvas, first_of
from elman.plots.classes import divide
from elman.plots.names import short, width
from elman.plots.source import Source
from elman.plots.style import COLOURS, GREY, SMALL

MOST_LEAVES = 60
ROW = 0.115  # inches between two leaves, and between two lines below


def clusters(source: Source) -> Figure | None:
    """The tree of the mean hidden states by symbol of the first network, trained and untrained, after Figures 7 and 8.

    Symbols have the colours of their classes, and a word in the place of another stands out; below stands how well the
    tree agrees with the classes. Of more than 60 symbols only the most frequent are shown.
    """
    means = source.table("hidden_means")
    if means is None:
        return None
    first = means[means["replicate"] == 0]
    symbols = first["symbol"].unique().tolist()
    few = len(symbols) > MOST_LEAVES
    if few:
        frequent = first.drop_duplicates("symbol").nlargest(MOST_LEAVES, "n")["symbol"]
        first = first[first["symbol"].isin(frequent)]
    classes = divide(source.table("classes"), symbols)
    colour_of = {symbol: colour for colour, group in zip(COLOURS, classes.values(), strict=False) for symbol in group}
    unknown = source.settings["task"].get("replace", [])[1::2]
    title = f"States by symbol: {MOST_LEAVES} most frequent of {len(symbols)}" if few else "Hidden states by symbol"
    figure, axes = _canvas(
        [short(symbol) for symbol in first["symbol"].unique()],
        title=title + first_of(source),
        notes=[source.caption],
        lines=len(classes),
        columns=first["network"].nunique(),
        weight="bold" if unknown else "normal",
    )
    for ax, (network, one) in zip(axes, first.groupby("network", sort=False), strict=True):
        merges = _clustered(source, one) if few else _merges(source, str(network), "symbols")
        leaves, colours = one["symbol"].tolist(), [colour_of.get(symbol, "black") for symbol in one["symbol"]]
        _tree(ax, merges, [short(leaf) for leaf in leaves], colours, bold=[leaf in unknown for leaf in leaves])
        agreement = _agreement(source, str(network), "symbols") if classes else {}
        below = [
            (f"{short(name)} {agreement[name]:.2f}", colour) for name, colour in zip(classes, COLOURS, strict=False)
        ]
        _lines(ax, below)
        ax.set_title(network if len(axes) > 1 else "")
    return figure


def occurrences(source: Source, ax: Axes | None = None) -> Figure | None:
    """The tree of the hidden states at single occurrences, of the first network after training, after Figure 9.

    Each is named by its context and, in brackets, the symbol that was read; its colour is that of its position, where
    positions are classes.
    """
    every = source.table("occurrences")
    if every is None or source.table("cluster_agreement") is None or len(every) < 3:
        return None
    one = every[(every["replicate"] == 0) & (every["network"] == "trained")].fillna({"context": ""})
    names = [
        " ".join([*(short(word, 10) for word in row.context.split()), f"[{short(row.symbol)}]"])
        for row in one.itertuples()
    ]
    trained, untrained = (_agreement(source, network, "occurrences") for network in ("trained", "untrained"))
    explained = sorted(set(one["input_position"]) & trained.keys())  # a colour that no line names would tell nothing
    colour_of = dict(zip(explained, COLOURS, strict=False))
    beside = {name: f" (untrained {value:.2f})" for name, value in untrained.items()}
    title = f"Single [occurrences] in their contexts{first_of(source)}"
    figure, (ax,) = _canvas(names, title=title, notes=[source.caption], lines=len(trained), ax=ax)
    colours = [colour_of.get(position, "black") for position in one["input_position"]]
    _tree(ax, _merges(source, "trained", "occurrences"), names, colours)
    texts = {name: f"{short(name)} {value:.2f}{beside.get(name, '')}" for name, value in trained.items()}
    _lines(ax, [(text, colour_of.get(name, "black")) for name, text in texts.items()])
    return figure


def _canvas(
    leaves: Sequence[str],
    *,
    title: str,
    notes: Sequence[str],
    lines: int,
    columns: int = 1,
    weight: str = "normal",
    ax: Axes | None = None,
) -> tuple[Figure, Sequence[Axes]]:
    """Axes with room for the names of the leaves on their right and for lines of text below."""
    names = 0.16 + 1.03 * max(width(leaf, SMALL, weight) for leaf in leaves)
    below = 0.46 + ROW * (lines + 1 if lines else 0)
    height = 0.1 + ROW * max(len(leaves), 8) + below
    head = [*notes, ""] if columns > 1 else notes  # a line for the names of the networks
    figure, axes = canvas(
        height, columns=columns, title=title, notes=head, left=0.1, right=names, between=names + 0.12, ax=ax
    )
    if ax is None:
        figure.subplots_adjust(bottom=below / figure.get_figheight())
    return figure, np.ravel(axes).tolist()


def _first(frame: pd.DataFrame, network: str, tree: str) -> pd.DataFrame:
    return frame[(frame["replicate"] == 0) & (frame["network"] == network) & (frame["tree"] == tree)]


def _merges(source: Source, network: str, tree: str) -> np.ndarray:
    rows = _first(source.rows("clusters"), network, tree)
    return rows[["left", "right", "distance", "size"]].to_numpy(float)


def _agreement(source: Source, network: str, tree: str) -> dict[str, float]:
    """The Jaccard index of each class and its best branch, in the tree of the first network."""
    rows = _first(source.rows("cluster_agreement"), network, tree)
    return dict(zip(rows["class"], rows["jaccard"], strict=True))


def _clustered(source: Source, means: pd.DataFrame) -> np.ndarray:
    method, metric = source.settings["cluster_method"], source.settings["cluster_metric"]
    return hidden.tree(means.filter(like="unit_").to_numpy(), method=method, metric=metric)


def _tree(
    ax: Axes, merges: np.ndarray, names: Sequence[str], colours: Sequence[str], bold: Sequence[bool] = ()
) -> None:
    """Draw a tree whose root is on the left and whose leaves are named on the right."""
    from scipy.cluster.hierarchy import dendrogram

    shape = dendrogram(merges, no_plot=True, distance_sort="ascending")
    rows = (np.array(shape["icoord"]) - 5) / 10  # the leaves are 10 apart and start at 5
    lines = np.stack([shape["dcoord"], rows], axis=-1)  # (S - 1, 4, 2)
    ax.add_collection(LineCollection(list(lines), colors="black", linewidths=0.7))
    for row, leaf in enumerate(shape["leaves"]):
        ax.annotate(
            names[leaf],
            (0, row),
            (3, 0),
            textcoords="offset points",
            va="center",
            annotation_clip=False,
            fontsize=SMALL,
            color=colours[leaf],
            weight="bold" if bold and bold[leaf] else "normal",
        )
    longest = max(merges[:, 2].max(), 1e-12)
    ax.set(xlim=(1.04 * longest, 0), ylim=(len(names) - 0.4, -0.6), xlabel="distance", yticks=[])
    ax.tick_params(axis="x", labelsize=SMALL)
    ax.spines["left"].set_visible(False)


def _lines(ax: Axes, lines: Iterable[tuple[str, str]]) -> None:
    """Write how well the tree agrees with each class below the axes."""
    below = [("agreement with classes", GREY), *lines]
    for number, (text, colour) in enumerate(below if len(below) > 1 else []):
        at = (0, -33 - 72 * ROW * number)
        ax.annotate(text, (0, 0), at, "axes fraction", textcoords="offset points", fontsize=SMALL, color=colour)
