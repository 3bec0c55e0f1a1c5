"""Counts of what comes next after each context, compiled: a tree of contexts from the last symbol backwards.

A node is a context; its edges lead to contexts that go back one symbol further, and its entries count what came next.
Edges and entries are found in one open hash table each, by the key node * (S + 1) + symbol; the symbol S is the mark
of a context that was set back.
"""

import numpy as np

from elman.jit import jit, part

_FREE = -1


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
def count(symbols, resets, counted, S, longest):
    """Count what comes next after each context of up to `longest` symbols, marks included.

    Symbols (T,) are int32, from 0 to S - 1; `resets` (T - 1,) bool says where the context is set back before a symbol
    is read, and `counted` (T - 1,) bool which steps count. Returns edges (keys and nodes), the newest entry of each
    node, and entries: symbol, count, and the one of the same node before it, or -1.
    """
    edge_keys, edges, nodes = np.full(128, _FREE, np.int64), np.empty(128, np.int32), 1
    entry_keys, entries, used = np.full(128, _FREE, np.int64), np.empty(128, np.int32), 0
    newest = np.full(64, _FREE, np.int32)  # and so are the entries: at most half of a table's places are taken
    entry_symbol, entry_count, entry_before = newest.copy(), newest.copy(), newest.copy()
    for t in range(len(symbols) - 1):
        if not counted[t]:
            continue
        node, back, mark, over = 0, t, False, False
        for depth in range(longest + 1):
            key = node * (S + 1) + symbols[t + 1]
            place = _slot(entry_keys, key)
            if entry_keys[place] == _FREE:
                if used == len(entry_symbol):
                    entry_symbol, entry_count = _longer(entry_symbol), _longer(entry_count)
                    entry_before = _longer(entry_before)
                    entry_keys, entries = _doubled(entry_keys, entries)
                    place = _slot(entry_keys, key)
                entry_keys[place], entries[place] = key, used
                entry_symbol[used], entry_count[used], entry_before[used] = symbols[t + 1], 0, newest[node]
                newest[node], used = used, used + 1
            entry_count[entries[place]] += 1
            if depth == longest or over or (back < 0 and not mark):
                break
            key = node * (S + 1) + (S if mark else symbols[back])
            over = mark
            if not mark:
                mark, back = resets[back], back - 1
            place = _slot(edge_keys, key)
            if edge_keys[place] == _FREE:
                if nodes == len(newest):
                    newest = _longer(newest)
                    edge_keys, edges = _doubled(edge_keys, edges)
                    place = _slot(edge_keys, key)
                edge_keys[place], edges[place], nodes = key, nodes, nodes + 1
            node = edges[place]
    return edge_keys, edges, newest, entry_symbol, entry_count, entry_before


@part
def _errors(entries, newest, target, codes, one_hot, expected, bits):
    """Whether a node's relative frequencies are wrong about a symbol, their squared error, and the cosine."""
    symbols, counts, before = entries
    S, n = codes.shape
    total = share = most = squares = product = length = squared = wrong = 0.0
    best, entry = S, newest
    while entry >= 0:
        total += counts[entry]
        entry = before[entry]
    bits[:] = 0.0
    entry = newest
    while entry >= 0:
        p, symbol = counts[entry] / total, symbols[entry]
        if one_hot:
            squares += p * p
            share = p if symbol == target else share
            if p > most or (p == most and symbol < best):
                most, best = p, symbol
            if len(expected):
                product += p * expected[symbol]
        else:
            for bit in range(n):
                bits[bit] += p * codes[symbol, bit]
        entry = before[entry]
    if one_hot:
        for bit in range(len(expected)):
            length += expected[bit] ** 2
        return 1.0 if best != target else 0.0, squares - 2.0 * share + 1.0, product / np.sqrt(squares * length)
    for bit in range(n):
        squared += (bits[bit] - codes[target, bit]) ** 2
        if (bits[bit] > 0.5) != (codes[target, bit] == 1):
            wrong = 1.0
    return wrong, squared, 0.0


@jit
def evaluate(tree, symbols, resets, position, codes, one_hot, expected, longest, sums):
    """Predict each symbol from the longest context that was counted, and add up how wrong that is.

    Args:
        tree: as `count` returns it.
        symbols: (T,) int32.
        resets: (T - 1,) bool.
        position: (T - 1,): the position of each step, or -1 where it does not count.
        codes: (S, n) uint8: the bits of each symbol.
        one_hot: whether symbol s is bit s.
        expected: (T - 1, n): the best possible prediction, or (T - 1, 0) where cosines are not wanted.
        longest: the symbols of the longest context.
        sums: (longest + 1, P, 3), to which wrong steps, squared errors over all bits and cosines are added.
    """
    edge_keys, edges, newest, entry_symbol, entry_count, entry_before = tree
    entries = (entry_symbol, entry_count, entry_before)
    S, bits = len(codes), np.empty(codes.shape[1])
    for t in range(len(symbols) - 1):
        if position[t] < 0:
            continue
        node, back, mark, over, met = 0, t, False, False, True
        wrong = squared = cosine = 0.0
        for order in range(longest + 1):
            if met:  # a context that was not met leaves everything as for the one before
                wrong, squared, cosine = _errors(
                    entries, newest[node], symbols[t + 1], codes, one_hot, expected[t], bits
                )
            sums[order, position[t], 0] += wrong
            sums[order, position[t], 1] += squared
            sums[order, position[t], 2] += cosine
            met = met and order < longest and not over and (mark or back >= 0)
            if met:
                key = node * (S + 1) + (S if mark else symbols[back])
                over = mark
                if not mark:
                    mark, back = resets[back], back - 1
                place = _slot(edge_keys, key)
                met = edge_keys[place] == key
                node = edges[place] if met else node
