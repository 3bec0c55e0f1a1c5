"""Counts of what comes next after each context, compiled: a tree of contexts from the last symbol backwards.

A node is a context; its edges lead to contexts that go back one symbol further, and its entries count what came next.
Edges and entries are found in one open hash table each, by the key node * (S + 1) + symbol; the symbol S is the mark
of a context that was set back.
"""

from typing import NamedTuple

import numpy as np

from elman.jit import jit, part

_FREE = -1


class _Tree(NamedTuple):
    """Contexts and what came next after them."""

    edge_keys: np.ndarray
    edges: np.ndarray
    """The node of each key."""
    newest: np.ndarray
    """(nodes,): the newest entry of each node."""
    entry_keys: np.ndarray
    entries: np.ndarray
    """The entry of each key."""
    symbol: np.ndarray
    """(entries,): which symbol came next."""
    times: np.ndarray
    """(entries,): how often."""
    before: np.ndarray
    """(entries,): the entry of the same node before it, or -1."""


@part
def _slot(keys, key):
    """The place of a key in a table of 2**k keys, or the free place where it belongs."""
    mask = len(keys) - 1
    place = (key * 0x9E3779B97F4A7C >> 20) & mask  # multiplied by the golden ratio, neighbours lie far apart
    while keys[place] != _FREE and keys[place] != key:
        place = (place + 1) & mask
    return place


@jit
def _doubled(keys, values):
    """The table with twice as many places."""
    more_keys, more_values = np.full(2 * len(keys), _FREE, np.int64), np.empty(2 * len(keys), np.int32)
    for i in range(len(keys)):
        if keys[i] != _FREE:
            place = _slot(more_keys, keys[i])
            more_keys[place], more_values[place] = keys[i], values[i]
    return more_keys, more_values


@jit
def _longer(array):
    return np.concatenate((array, np.full(len(array), _FREE, array.dtype)))


@jit
def _count_from(t, symbols, resets, counted, S, longest, tree, used):
    """Count from step t on while the tree has room; returns the step that was reached.

    `used` holds how many nodes and entries there are. Arrays that never grow stay in registers, which is five times
    as fast.
    """
    nodes, entries = used[0], used[1]
    while t < len(symbols) - 1 and nodes + longest <= len(tree.newest) and entries + longest < len(tree.symbol):
        node, back, mark, over = 0, t, False, False
        for depth in range(longest + 1 if counted[t] else 0):
            key = node * (S + 1) + symbols[t + 1]
            place = _slot(tree.entry_keys, key)
            if tree.entry_keys[place] == _FREE:
                tree.entry_keys[place], tree.entries[place] = key, entries
                tree.symbol[entries], tree.times[entries] = symbols[t + 1], 0
                tree.before[entries], tree.newest[node] = tree.newest[node], entries
                entries += 1
            tree.times[tree.entries[place]] += 1
            if depth == longest or over or (back < 0 and not mark):
                break
            key = node * (S + 1) + (S if mark else symbols[back])
            over = mark
            if not mark:
                mark, back = resets[back], back - 1
            place = _slot(tree.edge_keys, key)
            if tree.edge_keys[place] == _FREE:
                tree.edge_keys[place], tree.edges[place] = key, nodes
                nodes += 1
            node = tree.edges[place]
        t += 1
    used[0], used[1] = nodes, entries
    return t


@jit
def count(symbols, resets, counted, S, longest):
    """Count what comes next after each context of up to `longest` symbols, marks included.

    Symbols (T,) are int32, from 0 to S - 1; `resets` (T - 1,) bool says where the context is set back before a symbol
    is read, and `counted` (T - 1,) bool which steps count. Returns a tree.
    """
    keys, values, free = np.full(128, _FREE, np.int64), np.empty(128, np.int32), np.full(64, _FREE, np.int32)
    tree = _Tree(keys, values, free, keys.copy(), values.copy(), free.copy(), free.copy(), free.copy())
    used = np.array([1, 0])
    t = _count_from(0, symbols, resets, counted, S, longest, tree, used)
    while t < len(symbols) - 1:  # nodes and entries take at most half of a table's places
        edge_keys, edges, newest, entry_keys, entries, symbol, times, before = tree
        if used[0] + longest > len(newest):
            newest = _longer(newest)
            edge_keys, edges = _doubled(edge_keys, edges)
        else:
            symbol, times, before = _longer(symbol), _longer(times), _longer(before)
            entry_keys, entries = _doubled(entry_keys, entries)
        tree = _Tree(edge_keys, edges, newest, entry_keys, entries, symbol, times, before)
        t = _count_from(t, symbols, resets, counted, S, longest, tree, used)
    edge_keys, edges, newest, entry_keys, entries, symbol, times, before = tree
    return _Tree(edge_keys, edges, newest[: used[0]], entry_keys, entries, symbol[: used[1]], times, before)


@part
def _predict_bits(tree, node, total, codes, bits):
    """Fill in the relative frequency of each bit after a context."""
    bits[:] = 0.0
    entry = tree.newest[node]
    while entry >= 0:
        p = tree.times[entry] / total
        for bit in range(len(bits)):
            bits[bit] += p * codes[tree.symbol[entry], bit]
        entry = tree.before[entry]


@part
def _error_of_bits(bits, code):
    """Whether a prediction of bits is wrong about a code, and its squared error."""
    wrong = squared = 0.0
    for bit in range(len(bits)):
        squared += (bits[bit] - code[bit]) ** 2
        if (bits[bit] > 0.5) != (code[bit] == 1):
            wrong = 1.0
    return wrong, squared


@part
def _product(tree, node, total, expected):
    """The sum over symbols of relative frequency times expected probability."""
    product = 0.0
    entry = tree.newest[node]
    while entry >= 0:
        product += tree.times[entry] / total * expected[tree.symbol[entry]]
        entry = tree.before[entry]
    return product


@part
def _summed_up(tree, S):
    """Of each node: how often it was met, the likeliest symbol, the first of several, and the sum of squared shares."""
    totals, squares = np.zeros(len(tree.newest)), np.zeros(len(tree.newest))
    best = np.full(len(tree.newest), S, np.int32)
    for node in range(len(tree.newest)):
        entry = tree.newest[node]
        while entry >= 0:
            totals[node] += tree.times[entry]
            entry = tree.before[entry]
        most, entry = 0.0, tree.newest[node]
        while entry >= 0:
            p, symbol = tree.times[entry] / totals[node], tree.symbol[entry]
            squares[node] += p * p
            if p > most or (p == most and symbol < best[node]):
                most, best[node] = p, symbol
            entry = tree.before[entry]
    return totals, best, squares


@part
def _errors_of_entries(tree, totals, codes, bits):
    """Of each entry: whether its node's prediction of bits is wrong about its symbol, and the squared error."""
    wrong, squared = np.empty(len(tree.symbol)), np.empty(len(tree.symbol))
    for node in range(len(tree.newest)):
        _predict_bits(tree, node, totals[node], codes, bits)
        entry = tree.newest[node]
        while entry >= 0:
            wrong[entry], squared[entry] = _error_of_bits(bits, codes[tree.symbol[entry]])
            entry = tree.before[entry]
    return wrong, squared


@jit
def evaluate(tree, symbols, resets, position, codes, one_hot, expected, longest, sums):
    """Predict each symbol from the longest context that was counted, and add up how wrong that is.

    Symbols are (T,) int32, `resets` (T - 1,) bool; `position` (T - 1,) is that of each step, or -1 where it does not
    count. `codes` (S, n) uint8 are the bits of each symbol: with `one_hot`, symbol s is bit s. `expected` (T - 1, n) is
    the best possible prediction, or (T - 1, 0) where cosines are not wanted. Wrong steps, squared errors over all bits
    and cosines are added to `sums` (longest + 1, P, 3).
    """
    S, bits = len(codes), np.empty(codes.shape[1])
    totals, best, squares = _summed_up(tree, S)
    wrong_of = squared_of = totals
    if not one_hot:
        wrong_of, squared_of = _errors_of_entries(tree, totals, codes, bits)
    for t in range(len(symbols) - 1):
        if position[t] < 0:
            continue
        node, back, mark, over, met = 0, t, False, False, True
        wrong = squared = cosine = length = 0.0
        for bit in range(expected.shape[1]):
            length += expected[t, bit] ** 2
        for order in range(longest + 1):
            if met:  # a context that was not met leaves everything as for the one before
                key = node * (S + 1) + symbols[t + 1]
                place = _slot(tree.entry_keys, key)
                is_known, entry = tree.entry_keys[place] == key, tree.entries[place]
                if one_hot:
                    share = tree.times[entry] / totals[node] if is_known else 0.0
                    wrong = 1.0 if best[node] != symbols[t + 1] else 0.0
                    squared = squares[node] - 2.0 * share + 1.0
                    if expected.shape[1]:
                        cosine = _product(tree, node, totals[node], expected[t]) / np.sqrt(squares[node] * length)
                elif is_known:
                    wrong, squared = wrong_of[entry], squared_of[entry]
                else:
                    _predict_bits(tree, node, totals[node], codes, bits)
                    wrong, squared = _error_of_bits(bits, codes[symbols[t + 1]])
            sums[order, position[t], 0] += wrong
            sums[order, position[t], 1] += squared
            sums[order, position[t], 2] += cosine
            met = met and order < longest and not over and (mark or back >= 0)
            if met:
                key = node * (S + 1) + (S if mark else symbols[back])
                over = mark
                if not mark:
                    mark, back = resets[back], back - 1
                place = _slot(tree.edge_keys, key)
                met = tree.edge_keys[place] == key
                node = tree.edges[place] if met else node
