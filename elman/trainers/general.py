"""The kernel for every learning rule: a new loss, activation or context is a branch here.

`fused` is faster where an error goes back through one step. One source is compiled twice, as explained there: what lies
side by side in a vector, and the order of each sum, are the same, so that a network is bit-identical alone and among
others.

Steps are kept in slots, one after the other, and the last k move to the front when these are full: which inputs were 1,
the context, the hidden activations, and whether the context was carried on into the step. Changes of units are minus
the learning rate times their error signals.
"""

from typing import NamedTuple

import numba
import numpy as np

from elman.trainers.outputs import Tally, answer, find_values, mean_loss, tally
from elman.trainers.passes import FEW, Pending, add_changes, change_hidden, flush, read, send_back
from elman.trainers.simd import any_lane, fma, mask, masked, truth, where

HIDDEN, OUTPUT, NONE = range(3)
EMPTY = 4  # slots before the first step, of steps whose changes are 0


class Streams(NamedTuple):
    """What a block of networks reads and predicts, and how each step counts."""

    inputs: np.ndarray
    """(T, I) bits."""
    targets: np.ndarray
    """(O, T) bits, in vectors."""
    resets: np.ndarray
    """(T,) bits: whether the context is set back before a step."""
    counted: np.ndarray
    """(T,) bits: whether a step is learned from and counted."""
    n_counted: np.ndarray
    """(1,): how many are, as a number."""


class Slots(NamedTuple):
    """The last k steps and the next, as arrays of vectors and, as `each_...`, one by one."""

    contexts: np.ndarray
    each_context: np.ndarray
    hiddens: np.ndarray
    each_hidden: np.ndarray
    changes: np.ndarray
    """(k + 4,): of the hidden units at the newest step, the one before, ..., for the error of the newest."""
    each_change: np.ndarray
    masks: np.ndarray
    """(slots, I): for which networks each input was 1."""
    listed: np.ndarray
    """(slots, I): the inputs that were 1 for any network, and how many these are in the column after the last."""
    carried: np.ndarray
    """(slots,): 1 where the context was carried on into the step, 0 where it was set back."""
    start: np.ndarray
    """(C,): the context that is set back."""
    real: np.ndarray
    """(1,): a mask of the hidden units that there are in the last vector."""


class Rule(NamedTuple):
    """A rule of learning, as compiled code takes it."""

    down: float
    """Minus the learning rate."""
    momentum: float
    steps: int
    loss: int
    activation: int
    context: int
    decay: float


@numba.njit(error_model="numpy", inline="always")
def _begin(inputs, resets, t, slots, slot):
    """Begin a step in its slot: set the context back where it must be, and find the inputs that are 1."""
    fresh = truth(resets[t])
    slots.carried[slot] = where(fresh, 0.0, masked(slots.carried[slot], 0.0) + 1.0)
    if any_lane(fresh):
        for c in range(slots.contexts.shape[1]):
            slots.contexts[slot, c] = where(fresh, slots.start[c], slots.contexts[slot, c])
    n, I = 0, inputs.shape[1]
    for i in range(I):
        one = truth(inputs[t, i])
        slots.masks[slot, i] = mask(one)
        if I <= FEW or any_lane(one):
            slots.listed[slot, n] = i
            n += 1
    slots.listed[slot, I] = n


@numba.njit(error_model="numpy", inline="always")
def _to_front(slots, slot, k):
    """Move the last k steps to the front, behind the empty slots there; the new slot of the last."""
    for j in range(k):
        to, at = EMPTY + j, slot - k + 1 + j
        slots.carried[to] = slots.carried[at]
        for c in range(slots.contexts.shape[1]):
            slots.contexts[to, c] = slots.contexts[at, c]
        for h in range(slots.hiddens.shape[1]):
            slots.hiddens[to, h] = slots.hiddens[at, h]
        for i in range(slots.masks.shape[1]):
            slots.masks[to, i] = slots.masks[at, i]
        for i in range(slots.listed.shape[1]):
            slots.listed[to, i] = slots.listed[at, i]
    return EMPTY + k - 1


@numba.njit(error_model="numpy", inline="always")
def _copy(slots, slot, following, outputs, rule):
    """Copy to the context units of the step that follows."""
    for c in range(slots.contexts.shape[1]):
        context = slots.contexts[slot, c]
        copied = context
        if rule.context == HIDDEN:
            copied = slots.hiddens[slot, c]
        elif rule.context == OUTPUT:
            copied = outputs.value[c]
        if rule.decay != 0.0 and rule.context != NONE:
            copied = fma(rule.decay, context, (1.0 - rule.decay) * copied)
        slots.contexts[following, c] = copied


@numba.njit(error_model="numpy", inline="always")
def train(streams, weights, velocities, both_orders, slots, outputs, losses, rule, filled):
    """Train in place, after `filled` steps; the next goes to slot EMPTY + filled, with the context that is there.

    Without momentum, each of `velocities` is None. Losses come as zeros.

    Returns:
        The slot of the next step, and how many steps before it are kept, at most steps - 1.
    """
    inputs, targets, resets, counts, n_counted = streams
    T, O, k = len(inputs), weights.W_oh.shape[1], rule.steps
    one = masked(losses[0], 0.0) + 1.0
    slot, momentum = EMPTY + filled, rule.momentum * one
    pending = Pending(0, one, masked(one, 0.0))
    for epoch in range(len(losses)):
        so_far = Tally(losses[epoch], one, 0)
        for t in range(T):
            counts_now = truth(counts[t])
            counted = mask(counts_now)
            _begin(inputs, resets, t, slots, slot)
            read(weights, velocities.W_hh, slots, slot, pending, rule)
            m = where(counts_now, momentum, one)
            answer(rule, targets, t, weights.W_ho, weights.b_o, velocities.b_o, slot, slots.each_hidden, outputs, O,
                   rule.down, m, counted)  # fmt: skip
            filled = min(filled + 1, k)
            if any_lane(counts_now):
                so_far = tally(rule, so_far, outputs, O, counts_now)
                send_back(weights, velocities, slots, slot, outputs, rule, filled, m, counted)
                change_hidden(weights, velocities, slots, slot, filled, m, counted)
                if both_orders:
                    add_changes(weights, velocities, slots, slot, outputs, filled, m, counted)
                pending = Pending(filled, m, counted)
            else:
                pending = Pending(0, one, counted)
                for h in range(len(weights.b_h)):
                    slots.changes[0, h] = -1.0 * masked(slots.changes[0, h], 0.0)
            if slot + 1 == len(slots.contexts):
                slot = _to_front(slots, slot, k)
            _copy(slots, slot, slot + 1, outputs, rule)
            slot += 1
        losses[epoch] = mean_loss(rule, so_far, n_counted[0], O)
    flush(weights.W_hh, velocities.W_hh, slots, slot, pending)
    return slot, min(filled, k - 1)


@numba.njit(error_model="numpy", inline="always")
def predict(inputs, resets, weights, slots, outputs, values, hiddens, rule):
    """Read a stream from the context in slot EMPTY, without learning."""
    one = masked(slots.carried[EMPTY], 0.0) + 1.0
    pending = Pending(0, one, one)
    for t in range(len(inputs)):
        _begin(inputs, resets, t, slots, EMPTY)
        read(weights, None, slots, EMPTY, pending, rule)
        find_values(rule, weights.W_ho, weights.b_o, EMPTY, slots.each_hidden, outputs, weights.W_oh.shape[1])
        for o in range(len(outputs.value)):
            values[o, t] = outputs.value[o]
        for h in range(slots.hiddens.shape[1]):
            hiddens[h, t] = slots.hiddens[EMPTY, h]
        _copy(slots, EMPTY, EMPTY, outputs, rule)
