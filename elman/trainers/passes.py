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

from elman.trainers.changes import INLINE, added, is_still, moved, moved_by_four
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
    return changes[j, h], changes[j + 1, h], changes[j + 2, h], changes[j + 3, h]


@numba.njit(error_model="numpy", inline="always")
def _take_four(W, V, h, j, slots, slot, momentum, counted):
    """Let the weights from all context units to hidden unit h take the changes of steps j, ..., j + 3."""
    x, changes = slots.each_context, _four(slots.changes, j, h)
    a, b, c, d = back(slot, j + 1)
    for u in range(W.shape[1]):
        moved_by_four(W, V, (h, u), changes, (x[a, u], x[b, u], x[c, u], x[d, u]), momentum, counted)


@numba.njit(error_model="numpy", inline="always")
def _take_one_and_sum(W, V, h, slots, slot, pending, z, odd):
    """Let the weights to hidden unit h take the change of one step, and sum what they carry now, from z and odd on."""
    x, change, m, counted = slots.each_context, slots.changes[0, h], pending.momentum, pending.counted
    a = slot - 1
    for pair in range(W.shape[1] // 2):
        u, v = np.uintp(2 * pair), np.uintp(2 * pair + 1)  # numba takes no negative indices into account
        z = fma(moved(W, V, (h, u), change, x[a, u], m, counted), x[slot, u], z)
        odd = fma(moved(W, V, (h, v), change, x[a, v], m, counted), x[slot, v], odd)
    if W.shape[1] % 2:
        u = np.uintp(W.shape[1] - 1)
        z = fma(moved(W, V, (h, u), change, x[a, u], m, counted), x[slot, u], z)
    return z, odd


@numba.njit(error_model="numpy", inline="always")
def _take_four_and_sum(W, V, h, j, slots, slot, pending, m, z, odd):
    """The same with the changes of steps j, ..., j + 3, the last that wait."""
    x, changes, counted = slots.each_context, _four(slots.changes, j, h), pending.counted
    a, b, c, d = back(slot, j + 1)
    for pair in range(W.shape[1] // 2):
        u, v = np.uintp(2 * pair), np.uintp(2 * pair + 1)
        weight = moved_by_four(W, V, (h, u), changes, (x[a, u], x[b, u], x[c, u], x[d, u]), m, counted)
        z = fma(weight, x[slot, u], z)
        weight = moved_by_four(W, V, (h, v), changes, (x[a, v], x[b, v], x[c, v], x[d, v]), m, counted)
        odd = fma(weight, x[slot, v], odd)
    if W.shape[1] % 2:
        u = np.uintp(W.shape[1] - 1)
        weight = moved_by_four(W, V, (h, u), changes, (x[a, u], x[b, u], x[c, u], x[d, u]), m, counted)
        z = fma(weight, x[slot, u], z)
    return z, odd


@numba.njit(error_model="numpy", inline="always")
def read(weights, V, slots, slot, pending, rule):
    """The hidden activations of a step; as the weights from the context units pass by, they take what waits."""
    I, W = weights.W_ih.shape[1], weights.W_hh
    for h in range(len(weights.b_h)):
        z = weights.b_h[h]
        for n in range(slots.listed[slot, I]):
            i = slots.listed[slot, n]
            z = z + masked(weights.W_ih[h, i], slots.masks[slot, i])
        odd, m = masked(z, 0.0), pending.momentum
        if rule.steps == 1:
            z, odd = _take_one_and_sum(W, V, h, slots, slot, pending, z, odd)
        else:
            j = 0
            while pending.n - j > 4:
                _take_four(W, V, h, j, slots, slot, m, masked(pending.counted, 0.0))
                j, m = j + 4, masked(m, 0.0) + 1.0
            z, odd = _take_four_and_sum(W, V, h, j, slots, slot, pending, m, z, odd)
        slots.hiddens[slot, h] = activation(rule, z + odd)


@numba.njit(error_model="numpy", inline="always")
def _sum_of_inputs(h, i, slots, slot, filled):
    """The change of the weights from an input, for all steps that the error went back through."""
    total = masked(slots.changes[0, h], slots.masks[slot, i])
    for j in range(1, filled, 4):
        p, q, r, s = _four(slots.changes, j, h)
        a, b, c, d = back(slot, j)
        first = masked(p, slots.masks[a, i]) + masked(q, slots.masks[b, i])
        total = total + (first + (masked(r, slots.masks[c, i]) + masked(s, slots.masks[d, i])))
    return total


@numba.njit(error_model="numpy", inline="always")
def change_hidden(weights, velocities, slots, slot, filled, momentum, counted):
    """Change the biases of the hidden units and the weights to them from the inputs.

    Where there are no velocities and many inputs, only weights from the inputs that were read.
    """
    W, I = weights.W_ih, weights.W_ih.shape[1]
    for h in range(len(weights.b_h)):
        total = slots.changes[0, h]
        for j in range(1, filled, 4):
            p, q, r, s = _four(slots.changes, j, h)
            total = total + ((p + q) + (r + s))
        added(weights.b_h, velocities.b_h, h, total, momentum, counted)
        if is_still(velocities.W_ih) and I > FEW:
            for j in range(filled):
                at, change = slot - j, slots.changes[j, h]
                for n in range(slots.listed[at, I]):
                    i = slots.listed[at, n]
                    W[h, i] = W[h, i] + masked(change, slots.masks[at, i])
        else:
            for i in range(I):
                total = _sum_of_inputs(h, i, slots, slot, filled)
                added(W, velocities.W_ih, (h, i), total, momentum, counted)


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
def _error(weights, h, each_change):
    """The errors of hidden units at the step before, from the changes at a step."""
    W, H = weights.W_ch, weights.W_ch.shape[1]
    error = W[h, 0] * each_change[0]
    odd = masked(error, 0.0)
    for pair in range((H - 1) // 2):
        u, v = np.uintp(2 * pair + 1), np.uintp(2 * pair + 2)
        odd = fma(W[h, u], each_change[u], odd)
        error = fma(W[h, v], each_change[v], error)
    if H % 2 == 0:
        odd = fma(W[h, H - 1], each_change[H - 1], odd)
    return error + odd


@numba.njit(error_model="numpy", inline="always")
def send_back(weights, velocities, slots, slot, outputs, rule, filled, momentum, counted):
    """The change of each hidden unit at the last steps, for the error of the newest; W_oh changes."""
    _send_to_hidden(weights, velocities, slots, slot, outputs, rule, momentum, counted)
    for j in range(1, filled):
        at, carried, changes = slot - j, slots.carried[slot - j + 1], slots.changes[j - 1]
        if len(weights.W_ch):
            for h in range(len(weights.b_h)):
                error = _error(weights, h, slots.each_change[j - 1])
                slots.changes[j, h] = (error * carried) * slope(rule, slots.hiddens[at, h])
        else:
            for h in range(len(weights.b_h)):
                error = _sum_over_lanes(weights.W_hh, h, changes, slots.each_change, slots.real[0])
                slots.changes[j, h] = (error * carried) * slope(rule, slots.hiddens[at, h])


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
                moved_by_four(W, V, (c, h), _four(slots.each_change, j, h), carried, m, last)
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
