"""The kernel for every learning rule: a new loss, activation or context is a branch here.

`fused` trains by Elman's rule alone, and faster, because there a weight changes as the next step reads it. Here each
step reads, sends its error back, and changes the weights. One source is compiled twice, as explained there: what lies
side by side in a vector, and the order of each sum, are the same, so that a network is bit-identical alone and among
others.

The last k steps are kept in k slots in turn: which inputs were 1, the context, the hidden activations, and whether the
context was carried on into the step. Changes of units are minus the learning rate times their error signals.
"""

from typing import NamedTuple

import numba
import numpy as np

from elman.trainers.simd import (
    any_lane,
    exponential,
    fma,
    held,
    larger,
    logarithm,
    logistic,
    mask,
    masked,
    truth,
    where,
)

SQUARED, CROSS_ENTROPY, SOFTMAX = range(3)
LOGISTIC, TANH = range(2)
HIDDEN, OUTPUT, NONE = range(3)
_BITS = 500  # that a product of probabilities may lose before its logarithm is taken


class Streams(NamedTuple):
    """What a block of networks reads and predicts, and how each step counts."""

    inputs: np.ndarray
    """(T, I) bits."""
    targets: np.ndarray
    """(O, T) bits, in vectors."""
    kept: np.ndarray
    """(T,) bits: whether the context is carried on into a step, and not set back before it."""
    counted: np.ndarray
    """(T,) bits: whether a step is learned from and counted."""
    n_counted: np.ndarray
    """(1,): how many are, as a number."""


class Laid(NamedTuple):
    """Weights in vectors, or their velocities; side by side, W_oh and W_ch are transposes of W_ho and W_hh."""

    W_ih: np.ndarray
    W_hh: np.ndarray
    b_h: np.ndarray
    W_ho: np.ndarray
    b_o: np.ndarray
    W_oh: np.ndarray
    W_ch: np.ndarray


class Slots(NamedTuple):
    """The last k steps, as arrays of vectors and, as `each_...`, one by one."""

    contexts: np.ndarray
    each_context: np.ndarray
    hiddens: np.ndarray
    each_hidden: np.ndarray
    changes: np.ndarray
    """Of the hidden units at the newest step, the one before, ..., for the error of the newest."""
    each_change: np.ndarray
    masks: np.ndarray
    """(k, I): for which networks each input was 1."""
    listed: np.ndarray
    """(k, I): the inputs that were 1 for any network, and how many these are in the column after the last."""
    carried: np.ndarray
    """(k,): for which networks the context was carried on into the step."""
    start: np.ndarray
    """(C,): the context that is set back."""


class Outputs(NamedTuple):
    """Numbers of the output units at one step, as arrays of vectors and one by one."""

    net: np.ndarray
    each_net: np.ndarray
    value: np.ndarray
    each_value: np.ndarray
    change: np.ndarray
    each_change: np.ndarray
    term: np.ndarray
    """What a unit adds to the loss ..."""
    each_term: np.ndarray
    factor: np.ndarray
    """... and minus the logarithm of what it adds as well."""
    each_factor: np.ndarray


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
def _begin(inputs, kept, t, slots, slot):
    """Begin a step in its slot: set the context back where it must be, and find the inputs that are 1."""
    carried = truth(kept[t])
    for c in range(slots.contexts.shape[1]):
        slots.contexts[slot, c] = where(carried, slots.contexts[slot, c], slots.start[c])
    slots.carried[slot] = mask(carried)
    n, I = 0, inputs.shape[1]
    for i in range(I):
        one = truth(inputs[t, i])
        slots.masks[slot, i] = mask(one)
        if any_lane(one):
            slots.listed[slot, n] = i
            n += 1
    slots.listed[slot, I] = n


@numba.njit(error_model="numpy", inline="always")
def _read(weights, slots, slot, activation):
    """The hidden activations of a step."""
    I, C = weights.W_ih.shape[1], weights.W_hh.shape[1]
    for h in range(len(weights.b_h)):
        z = weights.b_h[h]
        for n in range(slots.listed[slot, I]):
            i = slots.listed[slot, n]
            z = z + masked(weights.W_ih[h, i], slots.masks[slot, i])
        odd = masked(z, 0.0)
        for c in range(1, C, 2):
            z = fma(weights.W_hh[h, c - 1], slots.each_context[slot, c - 1], z)
            odd = fma(weights.W_hh[h, c], slots.each_context[slot, c], odd)
        if C % 2:
            z = fma(weights.W_hh[h, C - 1], slots.each_context[slot, C - 1], z)
        z = z + odd
        if activation == TANH:
            slots.hiddens[slot, h] = fma(2.0, logistic(2.0 * z), -1.0)
        else:
            slots.hiddens[slot, h] = logistic(z)


@numba.njit(error_model="numpy", inline="always")
def _answer(weights, slots, slot, outputs, loss):
    """The net inputs and the values of the output units at a step."""
    H, O = weights.W_ho.shape[1], weights.W_oh.shape[1]
    for o in range(len(weights.b_o)):
        z = weights.b_o[o]
        odd = masked(z, 0.0)
        for h in range(1, H, 2):
            z = fma(weights.W_ho[o, h - 1], slots.each_hidden[slot, h - 1], z)
            odd = fma(weights.W_ho[o, h], slots.each_hidden[slot, h], odd)
        if H % 2:
            z = fma(weights.W_ho[o, H - 1], slots.each_hidden[slot, H - 1], z)
        z = z + odd
        outputs.net[o] = z
        outputs.value[o] = logistic(z)
    if loss == SOFTMAX:
        most = outputs.each_net[0]
        for o in range(1, O):
            most = larger(most, outputs.each_net[o])
        for o in range(len(weights.b_o)):
            outputs.net[o] = held(outputs.net[o] - most, 500.0)
            outputs.value[o] = exponential(outputs.net[o])
        total = outputs.each_value[0]
        for o in range(1, O):
            total = total + outputs.each_value[o]
        share = 1.0 / total
        for o in range(len(weights.b_o)):
            outputs.value[o] = outputs.value[o] * share
            outputs.factor[o] = masked(outputs.factor[o], 0.0) + share


@numba.njit(error_model="numpy", inline="always")
def _judge(targets, t, outputs, rule, counted):
    """The change of each output unit at a step, and what it adds to the loss; nothing where the step is not counted."""
    for o in range(len(outputs.net)):
        y, z, target = outputs.value[o], outputs.net[o], truth(targets[o, t])
        error = where(target, y - 1.0, y)
        if rule.loss == SQUARED:
            outputs.term[o] = masked(error * error, counted)
            error = error * (y * (1.0 - y))
        elif rule.loss == CROSS_ENTROPY:
            outputs.term[o] = masked(where(target, larger(-1.0 * z, 0.0), larger(z, 0.0)), counted)
            outputs.factor[o] = larger(y, 1.0 - y)
        else:
            outputs.term[o] = masked(where(target, -1.0 * z, masked(z, 0.0)), counted)
        outputs.change[o] = masked(rule.down * error, counted)


@numba.njit(error_model="numpy", inline="always")
def _slope(y, activation):
    return (1.0 + y) * (1.0 - y) if activation == TANH else y * (1.0 - y)


@numba.njit(error_model="numpy", inline="always")
def _send_back(weights, slots, slot, outputs, rule, filled):
    """The change of each hidden unit at the last steps, for the error of the newest."""
    H, O = weights.W_ho.shape[1], weights.W_oh.shape[1]
    for h in range(len(weights.b_h)):
        back = weights.W_oh[h, 0] * outputs.each_change[0]
        for o in range(1, O):
            back = fma(weights.W_oh[h, o], outputs.each_change[o], back)
        slots.changes[0, h] = back * _slope(slots.hiddens[slot, h], rule.activation)
    later = slot
    for j in range(1, filled):
        at = (slot - j) % rule.steps
        for h in range(len(weights.b_h)):
            back = weights.W_ch[h, 0] * slots.each_change[j - 1, 0]
            for u in range(1, H):
                back = fma(weights.W_ch[h, u], slots.each_change[j - 1, u], back)
            slots.changes[j, h] = masked(back, slots.carried[later]) * _slope(slots.hiddens[at, h], rule.activation)
        later = at


@numba.njit(error_model="numpy", inline="always")
def _add_changes(into, both_orders, slots, slot, outputs, rule, filled):
    """Add the changes of the units, times what each weight carried, to the weights or to their velocities."""
    W_ih, W_hh, b_h, W_ho, b_o, W_oh, W_ch = into
    H, C, I, O, k = W_ho.shape[1], W_hh.shape[1], W_ih.shape[1], W_oh.shape[1], rule.steps
    for h in range(len(b_h)):
        for j in range(filled):
            at, change = (slot - j) % k, slots.changes[j, h]
            b_h[h] = b_h[h] + change
            for n in range(slots.listed[at, I]):
                i = slots.listed[at, n]
                W_ih[h, i] = W_ih[h, i] + masked(change, slots.masks[at, i])
            for c in range(C):
                W_hh[h, c] = fma(change, slots.each_context[at, c], W_hh[h, c])
        y = slots.hiddens[slot, h]
        for o in range(O):
            W_oh[h, o] = fma(y, outputs.each_change[o], W_oh[h, o])
    for o in range(len(b_o)):
        b_o[o] = b_o[o] + outputs.change[o]
        if both_orders:
            for h in range(H):
                W_ho[o, h] = fma(outputs.change[o], slots.each_hidden[slot, h], W_ho[o, h])
    if both_orders and k > 1:
        for c in range(len(W_ch)):
            for j in range(filled):
                context = slots.contexts[(slot - j) % k, c]
                for h in range(H):
                    W_ch[c, h] = fma(context, slots.each_change[j, h], W_ch[c, h])


@numba.njit(error_model="numpy", inline="always")
def _scale_one(velocity, momentum):
    for a in range(velocity.shape[0]):
        for b in range(velocity.shape[1]):
            velocity[a, b] = momentum * velocity[a, b]


@numba.njit(error_model="numpy", inline="always")
def _add_one(weight, velocity, counted):
    for a in range(weight.shape[0]):
        for b in range(weight.shape[1]):
            weight[a, b] = weight[a, b] + masked(velocity[a, b], counted)


@numba.njit(error_model="numpy", inline="always")
def _scale(velocities, both_orders, momentum, steps):
    """Multiply the velocities by the momentum; by 1 for networks for which the step is not counted."""
    _scale_one(velocities.W_ih, momentum)
    _scale_one(velocities.W_hh, momentum)
    _scale_one(velocities.W_ho, momentum)
    if both_orders:
        _scale_one(velocities.W_oh, momentum)
        if steps > 1:
            _scale_one(velocities.W_ch, momentum)
    for h in range(len(velocities.b_h)):
        velocities.b_h[h] = momentum * velocities.b_h[h]
    for o in range(len(velocities.b_o)):
        velocities.b_o[o] = momentum * velocities.b_o[o]


@numba.njit(error_model="numpy", inline="always")
def _add(weights, velocities, both_orders, counted, steps):
    """Add the velocities to the weights of the networks for which the step is counted."""
    _add_one(weights.W_ih, velocities.W_ih, counted)
    _add_one(weights.W_hh, velocities.W_hh, counted)
    _add_one(weights.W_ho, velocities.W_ho, counted)
    if both_orders:
        _add_one(weights.W_oh, velocities.W_oh, counted)
        if steps > 1:
            _add_one(weights.W_ch, velocities.W_ch, counted)
    for h in range(len(weights.b_h)):
        weights.b_h[h] = weights.b_h[h] + masked(velocities.b_h[h], counted)
    for o in range(len(weights.b_o)):
        weights.b_o[o] = weights.b_o[o] + masked(velocities.b_o[o], counted)


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
    """Train in place; the next step goes to slot `filled`, with the context that is there.

    Without momentum, `velocities` are the weights. Losses come as zeros.

    Returns:
        The slot of the next step, and how many steps before it are kept, at most steps - 1.
    """
    inputs, targets, kept, counts, n_counted = streams
    T, O, k = len(inputs), weights.W_oh.shape[1], rule.steps
    slot, one = filled % k, masked(losses[0], 0.0) + 1.0
    each = 31 if rule.loss == SOFTMAX else 1  # bits that a factor may lose
    for epoch in range(len(losses)):
        total, product, bits = losses[epoch], one, 0
        for t in range(T):
            counts_now = truth(counts[t])
            counted = mask(counts_now)
            _begin(inputs, kept, t, slots, slot)
            _read(weights, slots, slot, rule.activation)
            _answer(weights, slots, slot, outputs, rule.loss)
            filled = min(filled + 1, k)
            if any_lane(counts_now):
                _judge(targets, t, outputs, rule, counted)
                for o in range(O):
                    total = total + outputs.each_term[o]
                if rule.loss != SQUARED:
                    for o in range(1 if rule.loss == SOFTMAX else O):
                        product = product * where(counts_now, outputs.each_factor[o], one)
                        bits += each
                        if bits + each > _BITS:
                            total = total - logarithm(product)
                            product, bits = one, 0
                _send_back(weights, slots, slot, outputs, rule, filled)
                if rule.momentum != 0.0:
                    _scale(velocities, both_orders, where(counts_now, rule.momentum * one, one), k)
                _add_changes(velocities, both_orders, slots, slot, outputs, rule, filled)
                if rule.momentum != 0.0:
                    _add(weights, velocities, both_orders, counted, k)
            following = (slot + 1) % k
            _copy(slots, slot, following, outputs, rule)
            slot = following
        total = total - logarithm(product)
        losses[epoch] = total / (n_counted[0] if rule.loss == SOFTMAX else n_counted[0] * float(O))
    return slot, min(filled, k - 1)


@numba.njit(error_model="numpy", inline="always")
def predict(inputs, kept, weights, slots, outputs, values, hiddens, rule):
    """Read a stream from the context in the only slot, without learning."""
    for t in range(len(inputs)):
        _begin(inputs, kept, t, slots, 0)
        _read(weights, slots, 0, rule.activation)
        _answer(weights, slots, 0, outputs, rule.loss)
        for o in range(len(outputs.value)):
            values[o, t] = outputs.value[o]
        for h in range(slots.hiddens.shape[1]):
            hiddens[h, t] = slots.hiddens[0, h]
        _copy(slots, 0, 0, outputs, rule)
