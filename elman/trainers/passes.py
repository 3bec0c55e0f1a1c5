"""Passes through the weights of the general kernel: forwards, backwards through the last steps, and their changes.

The changes of hidden units for a step wait in rows of `changes`, a row for each step that its error goes back through.
W_hh takes them as the next step reads it, or in `flush`; it takes them four at a time, and rows of steps that there
were not hold zeros. All other weights change at once.
"""

from typing import NamedTuple

import numba
import numpy as np
from numba import types
from numba.extending import overload

from elman.trainers.changes import INLINE, added_by_four, is_still, moved, moved_by_all
from elman.trainers.outputs import activation, slope
from elman.trainers.simd import fma, lane_sums, masked

FEW = 8  # inputs that are all changed at every step


class Pending(NamedTuple):
    """How W_hh takes the changes that wait, which are those of the step before."""

    n: int
    """How many steps they are of; 0 at first."""
    momentum: float
    """What velocities are multiplied by first, for each network; 1 where the step was not counted."""
    counted: float
    """A mask: for which networks it was."""


@numba.njit(error_model="numpy", inline="always")
def back(slot, j):
    """The slots of j, ..., j + 3 steps before."""
    return np.uintp(slot - j), np.uintp(slot - j - 1), np.uintp(slot - j - 2), np.uintp(slot - j - 3)


@numba.njit(error_model="numpy", inline="always")
def _four(changes, j, h):
    a, b, c, d = np.uintp(j), np.uintp(j + 1), np.uintp(j + 2), np.uintp(j + 3)  # no negative indices
    return changes[a, h], changes[b, h], changes[c, h], changes[d, h]


def _column(x, slots, u):
    """What a context unit held in 1, 2 or 4 slots."""


@overload(_column, **INLINE)
def _columns(x, slots, u):
    def one(x, slots, u):
        return (x[slots[0], u],)

    def two(x, slots, u):
        return x[slots[0], u], x[slots[1], u]

    def four(x, slots, u):
        return x[slots[0], u], x[slots[1], u], x[slots[2], u], x[slots[3], u]

    return {1: one, 2: two, 4: four}[len(slots)]


@numba.njit(error_model="numpy", inline="always")
def _take_four(W, V, h, j, slots, slot, momentum, counted):
    """Let the weights from all context units to hidden unit h take the changes of steps j, ..., j + 3."""
    x, changes, before = slots.each_context, _four(slots.changes, j, h), back(slot, j + 1)
    for u in range(W.shape[1]):
        moved_by_all(W, V, (h, u), changes, _column(x, before, u), momentum, counted)


def _take_and_sum(W, V, h, changes, before, x, slot, z, odd, momentum, counted):
    """Let the weights to hidden unit h take changes, and sum what they carry now, from z and odd on."""


@overload(_take_and_sum, **INLINE)
def _taken_and_summed(W, V, h, changes, before, x, slot, z, odd, momentum, counted):
    def take(W, V, h, changes, before, x, slot, z, odd, momentum, counted):
        for pair in range(W.shape[1] // 2):
            u, v = np.uintp(2 * pair), np.uintp(2 * pair + 1)  # numba takes no negative indices into account
            weight = moved_by_all(W, V, (h, u), changes, _column(x, before, u), momentum, counted)
            z = fma(weight, x[slot, u], z)
            weight = moved_by_all(W, V, (h, v), changes, _column(x, before, v), momentum, counted)
            odd = fma(weight, x[slot, v], odd)
        if W.shape[1] % 2:
            u = np.uintp(W.shape[1] - 1)
            weight = moved_by_all(W, V, (h, u), changes, _column(x, before, u), momentum, counted)
            z = fma(weight, x[slot, u], z)
        return z + odd

    return take


@numba.njit(error_model="numpy", inline="always")
def read(weights, V, slots, slot, pending, rule):
    """The hidden activations of a step; as the weights from the context units pass by, they take what waits."""
    I, W, x = weights.W_ih.shape[1], weights.W_hh, slots.each_context
    for h in range(len(weights.b_h)):
        z = weights.b_h[h]
        for n in range(slots.listed[slot, I]):
            i = slots.listed[slot, n]
            z = z + masked(weights.W_ih[h, i], slots.masks[slot, i])
        odd, m, counted, j = masked(z, 0.0), pending.momentum, pending.counted, 0
        while pending.n - j > 4:
            _take_four(W, V, h, j, slots, slot, m, masked(counted, 0.0))
            j, m = j + 4, masked(m, 0.0) + 1.0
        p, q, r, s = _four(slots.changes, j, h)
        a, b, c, d = back(slot, j + 1)
        if pending.n - j < 2:
            z = _take_and_sum(W, V, h, (p,), (a,), x, slot, z, odd, m, counted)
        elif pending.n - j == 2:
            z = _take_and_sum(W, V, h, (p, q), (a, b), x, slot, z, odd, m, counted)
        else:
            z = _take_and_sum(W, V, h, (p, q, r, s), (a, b, c, d), x, slot, z, odd, m, counted)
        slots.hiddens[slot, h] = activation(rule, z)


@numba.njit(error_model="numpy", inline="always")
def change_hidden(weights, velocities, slots, slot, filled, momentum, counted):
    """Change the biases of the hidden units and the weights to them from the inputs.

    Where there are no velocities and many inputs, only weights from the inputs that were read.
    """
    W, V, I, x = weights.W_ih, velocities.W_ih, weights.W_ih.shape[1], slots.masks
    is_short = is_still(V) and I > FEW
    for h in range(len(weights.b_h)):
        m = momentum
        for j in range(0, filled, 4):
            last = counted if j + 4 >= filled else masked(counted, 0.0)
            p, q, r, s = _four(slots.changes, j, h)
            a, b, c, d = back(slot, j)
            added_by_four(weights.b_h, velocities.b_h, h, (p, q, r, s), m, last)
            for i in range(0 if is_short else I):
                read_by = masked(p, x[a, i]), masked(q, x[b, i]), masked(r, x[c, i]), masked(s, x[d, i])
                added_by_four(W, V, (h, i), read_by, m, last)
            m = masked(m, 0.0) + 1.0
        for j in range(filled if is_short else 0):
            at, change = np.uintp(slot - j), -1.0 * slots.changes[j, h]
            for n in range(slots.listed[at, I]):  # subtracting 0 leaves a weight of -0 as it is; adding 0 would not
                i = slots.listed[at, n]
                W[h, i] = W[h, i] - masked(change, x[at, i])


@numba.njit(error_model="numpy", inline="always")
def _send_to_hidden(weights, velocities, slots, slot, outputs, rule, momentum, counted):
    """The change of each hidden unit at the newest step; W_oh changes as it passes by."""
    for h in range(len(weights.b_h)):
        y = slots.hiddens[slot, h]
        error = weights.W_oh[h, 0] * outputs.each_change[0]
        moved(weights.W_oh, velocities.W_oh, (h, 0), outputs.each_change[0], y, momentum, counted)
        for o in range(1, weights.W_oh.shape[1]):
            error = fma(weights.W_oh[h, o], outputs.each_change[o], error)
            moved(weights.W_oh, velocities.W_oh, (h, o), outputs.each_change[o], y, momentum, counted)
        slots.changes[0, h] = error * slope(rule, y)


def _sum_over_lanes(W, h, changes, each_change, real):
    """The errors of 8 context units, from W_hh itself; for networks alone."""


@overload(_sum_over_lanes, **INLINE)
def _sums_over_lanes(W, h, changes, each_change, real):
    def alone(W, h, changes, each_change, real):
        u, most, last = 8 * h, W.shape[1] - 1, len(W) - 1
        u0, u1, u2, u3 = min(u, most), min(u + 1, most), min(u + 2, most), min(u + 3, most)
        u4, u5, u6, u7 = min(u + 4, most), min(u + 5, most), min(u + 6, most), min(u + 7, most)
        change = masked(changes[last], real)  # units that fill up the last vector have changes, too
        a, b, c, d = W[last, u0] * change, W[last, u1] * change, W[last, u2] * change, W[last, u3] * change
        e, f, g, i = W[last, u4] * change, W[last, u5] * change, W[last, u6] * change, W[last, u7] * change
        for later in range(last):
            change = changes[later]
            a, b = fma(W[later, u0], change, a), fma(W[later, u1], change, b)
            c, d = fma(W[later, u2], change, c), fma(W[later, u3], change, d)
            e, f = fma(W[later, u4], change, e), fma(W[later, u5], change, f)
            g, i = fma(W[later, u6], change, g), fma(W[later, u7], change, i)
        return lane_sums(a, b, c, d, e, f, g, i)

    def side_by_side(W, h, changes, each_change, real):
        return changes[h]

    return alone if each_change.dtype == types.float64 else side_by_side


@numba.njit(error_model="numpy", inline="always")
def _error(W, h, each_change):
    """The error of hidden units at the step before, from the changes at a step."""
    error = W[h, 0] * each_change[0]
    for u in range(1, W.shape[1]):
        error = fma(W[h, u], each_change[u], error)
    return error


@numba.njit(error_model="numpy", inline="always")
def _three_errors(W, h, each_change):
    """The same for h, h + 1 and h + 2, in one pass."""
    x, i, j = each_change, h + 1, h + 2
    a, b, c = W[h, 0] * x[0], W[i, 0] * x[0], W[j, 0] * x[0]
    for u in range(1, W.shape[1]):
        a, b, c = fma(W[h, u], x[u], a), fma(W[i, u], x[u], b), fma(W[j, u], x[u], c)
    return a, b, c


@numba.njit(error_model="numpy", inline="always")
def send_back(weights, velocities, slots, slot, outputs, rule, filled, momentum, counted):
    """The change of each hidden unit at the last steps, for the error of the newest; W_oh changes."""
    _send_to_hidden(weights, velocities, slots, slot, outputs, rule, momentum, counted)
    n = len(weights.b_h)
    for j in range(1, filled):
        carried, y, changes = slots.carried[slot - j + 1], slots.hiddens[slot - j], slots.changes[j - 1]
        if len(weights.W_ch):
            for h in range(0, n - 2, 3):
                a, b, c = _three_errors(weights.W_ch, h, slots.each_change[j - 1])
                slots.changes[j, h] = a * (carried * slope(rule, y[h]))
                slots.changes[j, h + 1] = b * (carried * slope(rule, y[h + 1]))
                slots.changes[j, h + 2] = c * (carried * slope(rule, y[h + 2]))
            for h in range(n - n % 3, n):
                error = _error(weights.W_ch, h, slots.each_change[j - 1])
                slots.changes[j, h] = error * (carried * slope(rule, y[h]))
        else:
            for h in range(n):
                error = _sum_over_lanes(weights.W_hh, h, changes, slots.each_change, slots.real[0])
                slots.changes[j, h] = error * (carried * slope(rule, y[h]))


@numba.njit(error_model="numpy", inline="always")
def add_changes(weights, velocities, slots, slot, outputs, filled, momentum, counted):
    """Add the changes of the units, times what each weight carried, to W_ho and W_ch, for a network alone."""
    H = weights.W_ho.shape[1]
    for o in range(len(weights.b_o)):
        change = outputs.change[o]
        for h in range(H):
            moved(weights.W_ho, velocities.W_ho, (o, h), change, slots.each_hidden[slot, h], momentum, counted)
    W, V, x = weights.W_ch, velocities.W_ch, slots.contexts
    for c in range(len(W)):
        m = momentum
        for j in range(0, filled, 4):
            p, q, r, s = back(slot, j)
            carried = (x[p, c], x[q, c], x[r, c], x[s, c])
            last = counted if j + 4 >= filled else masked(counted, 0.0)
            for h in range(H):
                moved_by_all(W, V, (c, h), _four(slots.each_change, j, h), carried, m, last)
            m = masked(m, 0.0) + 1.0


@numba.njit(error_model="numpy", inline="always")
def flush(W, V, slots, slot, pending):
    """Let W_hh take what waits, before the step in a slot."""
    for h in range(len(W)):
        m = pending.momentum
        for j in range(0, pending.n, 4):
            last = pending.counted if j + 4 >= pending.n else masked(pending.counted, 0.0)
            _take_four(W, V, h, j, slots, slot, m, last)
            m = masked(m, 0.0) + 1.0
