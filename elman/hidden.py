"""Hidden states averaged by symbol and taken one by one, and the trees that they are clustered into.

After Elman (1990), pp. 198-206: the states are those after a symbol was *read*, clustered by how far they lie apart.
Sizes: R networks, T steps, H hidden units, S symbols, K single occurrences.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from elman.stream import Stream

OCCURRENCES = 20
"""The most occurrences of one symbol that are looked at singly."""
METHODS = ("ward", "average", "complete", "single", "weighted", "centroid", "median")
METRICS = ("euclidean", "cityblock", "cosine")
EUCLIDEAN_ONLY = ("ward", "centroid", "median")
"""The methods that measure how far a branch's centre lies, which has a meaning in Euclidean space alone."""
LEAVES = 3
"""The fewest leaves of a tree: two make one tree only."""


class HiddenStates(NamedTuple):
    """The hidden states of R networks on one stream, as trained and, if they were not read from a run, as untrained.

    The untrained networks are the control of the paper's footnote 6: averages can form groups without any learning.
    """

    networks: tuple[str, ...]
    """N names: "trained", "untrained"."""
    means: np.ndarray
    """(N, R, S, H): averaged over all steps that read a symbol; in the order of `symbols`."""
    single: np.ndarray
    """(N, R, K, H): at the steps of `occurrences`."""


class Tree(NamedTuple):
    """The tree of one network."""

    replicate: int
    network: str
    """One of `HiddenStates.networks`."""
    leaves: str
    """What its leaves are: "symbols", as in `HiddenStates.means`, or "occurrences", as in `HiddenStates.single`."""
    merges: np.ndarray
    """(S - 1, 4): as `tree` returns them."""
    classes: Mapping[str, np.ndarray]
    """(S,) bool by name: the leaves that belong to each known class which has some of them, but not all."""


def symbols(stream: Stream) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The S symbols that are read, in alphabetical order; how often each is (S,); and at each step its number (T,).

    Steps that do not count in errors are here as well: a symbol was read there as everywhere.
    """
    read = stream.input_symbols.tolist()
    names = sorted(set(read))
    number = {name: i for i, name in enumerate(names)}
    index = np.array([number[name] for name in read])
    return np.array(names, dtype=object), np.bincount(index), index


def means(hiddens: np.ndarray, stream: Stream) -> np.ndarray:
    """(R, S, H): the hidden states (R, T, H), averaged over the steps that read each symbol."""
    _, counts, index = symbols(stream)
    order, first = np.argsort(index, kind="stable"), np.cumsum(counts) - counts
    # Network by network, each sum in the order of its steps, so that no number depends on the other networks.
    return np.stack([np.add.reduceat(one[order], first, axis=0) / counts[:, None] for one in hiddens])


def occurrences(stream: Stream, chosen: Iterable[str]) -> np.ndarray:
    """(K,): the steps that read the chosen symbols, the first 20 of each, symbol by symbol."""
    steps = [np.flatnonzero(stream.input_symbols == symbol)[:OCCURRENCES] for symbol in chosen]
    return np.concatenate([np.empty(0, int), *steps])


def trees(states: HiddenStates, stream: Stream, chosen: Iterable[str], *, method: str, metric: str) -> Iterator[Tree]:
    """Cluster the hidden states of each network by symbol, and those at the single occurrences.

    Args:
        states: those of R networks on the stream.
        stream: what was read. Its classes are those of symbols; occurrences are classed by symbol and by position.
        chosen: symbols, as for `occurrences`.
        method: one of METHODS.
        metric: one of METRICS.

    Yields:
        The trees of each replicate and network that have at least three leaves.
    """
    names, single = symbols(stream)[0], occurrences(stream, chosen)
    groups = {
        "symbols": {name: np.isin(names, sorted(members)) for name, members in stream.classes.items()},
        "occurrences": _groups(stream.input_symbols[single], stream.positions[single]),
    }
    vectors = {"symbols": states.means, "occurrences": states.single}  # (N, R, leaves, H) each
    for replicate in range(states.means.shape[1]):
        for number, network in enumerate(states.networks):
            for leaves, each in vectors.items():
                if each.shape[2] < LEAVES:
                    continue
                merges = tree(each[number, replicate], method=method, metric=metric)
                classes = {name: of for name, of in groups[leaves].items() if of.any() and not of.all()}
                yield Tree(replicate, network, leaves, merges, classes)


def _groups(read: np.ndarray, places: np.ndarray) -> dict[str, np.ndarray]:
    """Which of K occurrences are of each symbol, and which are in each position."""
    return {str(name): column == name for column in (read, places) for name in dict.fromkeys(column)}


def tree(vectors: np.ndarray, *, method: str, metric: str) -> np.ndarray:
    """Cluster vectors (S, H), S >= 2, from the closest pair to one tree of S - 1 merges.

    Returns:
        (S - 1, 4): the two branches that merge, their distance, and the number of leaves below, as
        `scipy.cluster.hierarchy.linkage` returns them: leaves are 0 to S - 1, the branch of merge k is S + k, k from 0.
    """
    from scipy.cluster.hierarchy import linkage  # here, because tasks of two symbols need none of it

    if metric == "cosine":  # it does not depend on the length, but the square of a very small length would be 0
        vectors = vectors / vectors.max(axis=1, keepdims=True)
    return np.asarray(linkage(vectors, method=method, metric=metric))


def agreement(merges: np.ndarray, members: np.ndarray) -> float:
    """How well a tree agrees with a class: the Jaccard index of the branch that is most like it.

    Args:
        merges: (S - 1, 4), as `tree` returns them.
        members: (S,) bool: the leaves that belong to the class, at least one of them.

    Returns:
        Above 0 and up to 1, the share of leaves in both branch and class among those in either: 1 means that the class
        is exactly one branch.
    """
    inside, sizes = list(members.astype(int)), [1] * len(members)
    for left, right in merges[:, :2].astype(int):
        inside.append(inside[left] + inside[right])
        sizes.append(sizes[left] + sizes[right])
    both, size = np.array(inside), np.array(sizes)
    return float((both / (size + members.sum() - both)).max())
