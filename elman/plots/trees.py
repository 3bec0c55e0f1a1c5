"""Trees of the hidden states, after the paper's Figures 7, 8 and 9."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from elman.plots.canvas import COLOURS, GREY, canvas, divided, has, settings, short, which, width
from elman.runs import read

MOST_LEAVES = 60
ROW = 0.115  # inches between two leaves, and between two lines below
FONT = 6.5


def clusters(run: Path) -> Figure | None:
    """The tree of the mean hidden states by symbol of the first network, trained and untrained, after Figures 7 and 8.

    Symbols have the colours of their classes, and a word in the place of another stands out; below stands how well the
    tree agrees with the classes. Of more than 60 symbols only the most frequent are shown.
    """
    if not has(run, "hidden_means"):
        return None
    means = read(run, "hidden_means")
    first = means[means["replicate"] == 0]
    symbols = first["symbol"].unique().tolist()
    shown = min(len(symbols), MOST_LEAVES)
    if shown < len(symbols):
        frequent = first.drop_duplicates("symbol").nlargest(shown, "n")["symbol"]
        first = first[first["symbol"].isin(frequent)]
    classes = divided(read(run, "classes"), symbols) if has(run, "classes") else {}
    colour_of = {symbol: colour for colour, group in zip(COLOURS, classes.values(), strict=False) for symbol in group}
    unknown = settings(run)["task"].get("replace", [])[1::2]
    columns = first["network"].nunique()
    names = [short(symbol) for symbol in first["symbol"].unique()]
    figure, axes = _canvas(names, lines=len(classes), columns=columns, weight="bold" if unknown else "normal")
    for ax, (network, one) in zip(axes, first.groupby("network", sort=False), strict=True):
        merges = _merges(run, str(network), "symbols") if shown == len(symbols) else _clustered(run, one)
        leaves, colours = one["symbol"].tolist(), [colour_of.get(symbol, "black") for symbol in one["symbol"]]
        _tree(ax, merges, [short(leaf) for leaf in leaves], colours, bold=[leaf in unknown for leaf in leaves])
        agreement = _agreement(run, str(network), "symbols") if classes else {}
        _lines(
            ax,
            [(f"{short(name)} {agreement[name]:.2f}", colour) for name, colour in zip(classes, COLOURS, strict=False)],
        )
        ax.set_title(network if columns > 1 else "")
    of = "Hidden states by symbol"
    if shown < len(symbols):
        of = f"States by symbol: {shown} most frequent of {len(symbols)}"
    _head(figure, f"{of}{which(means)}")
    return figure


def occurrences(run: Path) -> Figure | None:
    """The tree of the hidden states at single occurrences, of the first network after training, after Figure 9.

    Each is named by its context and, in brackets, the symbol that was read; its colour is that of its position, where
    positions are classes.
    """
    every = read(run, "occurrences").fillna({"context": ""}) if has(run, "occurrences") else pd.DataFrame()
    if not has(run, "cluster_agreement") or len(every) < 3:
        return None
    one = every[(every["replicate"] == 0) & (every["network"] == "trained")]
    names = [
        " ".join([*(short(word, 10) for word in row.context.split()), f"[{short(row.symbol)}]"])
        for row in one.itertuples()
    ]
    trained, untrained = (_agreement(run, network, "occurrences") for network in ("trained", "untrained"))
    explained = sorted(set(one["input_position"]) & trained.keys())  # a colour that no line names would tell nothing
    colour_of = dict(zip(explained, COLOURS, strict=False))
    beside = {name: f" (untrained {value:.2f})" for name, value in untrained.items()}
    figure, (ax,) = _canvas(names, lines=len(trained))
    _tree(ax, _merges(run, "trained", "occurrences"), names, [colour_of.get(p, "black") for p in one["input_position"]])
    texts = {name: f"{short(name)} {value:.2f}{beside.get(name, '')}" for name, value in trained.items()}
    _lines(ax, [(text, colour_of.get(name, "black")) for name, text in texts.items()])
    _head(figure, f"Single [occurrences] in their contexts{which(every)}")
    return figure


def _canvas(
    leaves: Sequence[str], *, lines: int, columns: int = 1, weight: str = "normal"
) -> tuple[Figure, Sequence[Axes]]:
    """Axes with room for the names of the leaves on their right and for lines of text below."""
    names = 0.16 + max(width(leaf, FONT, weight) for leaf in leaves)
    height = 0.81 + 0.15 * (columns > 1) + ROW * (max(len(leaves), 8) + (lines + 1 if lines else 0))
    figure, axes = canvas(height, columns=columns, title_lines=columns, left=0.1, right=names, between=names + 0.12)
    figure.subplots_adjust(bottom=(0.46 + ROW * (lines + 1 if lines else 0)) / height)
    return figure, np.ravel(axes).tolist()


def _head(figure: Figure, text: str) -> None:
    figure.suptitle(text, fontsize=8, y=1 - 0.07 / figure.get_figheight(), va="top")


def _first(frame: pd.DataFrame, network: str, tree: str) -> pd.DataFrame:
    return frame[(frame["replicate"] == 0) & (frame["network"] == network) & (frame["tree"] == tree)]


def _merges(run: Path, network: str, tree: str) -> np.ndarray:
    rows = _first(read(run, "clusters"), network, tree)
    return rows[["left", "right", "distance", "size"]].to_numpy(float)


def _agreement(run: Path, network: str, tree: str) -> dict[str, float]:
    """The Jaccard index of each class and its best branch, in the tree of the first network."""
    rows = _first(read(run, "cluster_agreement"), network, tree)
    return dict(zip(rows["class"], rows["jaccard"], strict=True))


def _clustered(run: Path, means: pd.DataFrame) -> np.ndarray:
    from scipy.cluster.hierarchy import linkage

    chosen = settings(run)
    return linkage(means.filter(like="unit_"), chosen["cluster_method"], chosen["cluster_metric"])


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
            fontsize=FONT,
            color=colours[leaf],
            weight="bold" if bold and bold[leaf] else "normal",
        )
    longest = max(merges[:, 2].max(), 1e-12)
    ax.set(xlim=(1.04 * longest, 0), ylim=(len(names) - 0.4, -0.6), xlabel="distance", yticks=[])
    ax.tick_params(axis="x", labelsize=FONT)
    ax.spines["left"].set_visible(False)


def _lines(ax: Axes, lines: Iterable[tuple[str, str]]) -> None:
    """Write how well the tree agrees with each class below the axes."""
    below = [("agreement with classes", GREY), *lines]
    for number, (text, colour) in enumerate(below if len(below) > 1 else []):
        at = (0, -33 - 72 * ROW * number)
        ax.annotate(text, (0, 0), at, "axes fraction", textcoords="offset points", fontsize=FONT, color=colour)
