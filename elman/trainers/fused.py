"""Learning from the error of each step alone, with the processor's vector units in explicit use, and at full speed.

One source, `train`, is compiled for Elman's rule, for other losses and activations, and for velocities; each twice. It
sees arrays of vectors; what lies side by side in a vector is

    alone           8 units of one network: W_hh[h, c] leads from context unit c to hidden units 8h, ..., 8h + 7
    side by side    one unit of 16 networks: W_hh[h, c] leads from context unit c to hidden unit h in each of them

                    alone                        side by side
    W_ih            (H/8, I, 8)                  (H, I, 16)
    W_hh            (H/8, H, 8)                  (H, H, 16)
    W_ho            (O/8, H, 8)                  (O, H, 16)    for the sums of the output units
    W_oh            (H/8, O, 8)                  W_ho.T        the same weights, for the errors on their way back
    b_h, b_o        (H/8, 8) and (O/8, 8)        (H, 16) and (O, 16)
    inputs          (T, I)                       (T, I, 16)    bits; each network reads a stream of its own
    targets         (O/8, T, 8)                  (O, T, 16)
    states          (3, H/8, 8)                  (3, H, 16)    activations; which row is the context goes round

A sum over units takes them one by one, from a second view of the same memory: `each_state` is (3, H), of numbers in a
network alone and of vectors side by side. So in either form every sum adds the same terms in the same order, and a
network has the same bits alone and among others. The order is: bias, inputs, and contexts 0, 2, ...; beside them, as an
addition must wait for the one before it, contexts 1, 3, ...; then the two together. Vectors are filled up with units
that lead nowhere, a block of 16 with copies of one of its networks; nobody reads what becomes of those.

Blocks (16 networks, or one) go to the threads in turn. Networks are trained alone where that is quicker: if they are
few, or large.
"""

from typing import NamedTuple

import numba
import numpy as np
from numba import types
from numba.extending import overload

from elman.trainers.changes import INLINE, added, is_still, moved
from elman.trainers.outputs import How, Tally, activation, answer, mean_loss, net, slope, tally
from elman.trainers.simd import any_lane, fma, logistic, mask, masked, truth

_FEW = 8  # inputs that are all read at every step, which is quicker than to look for those that are 1


class Streams(NamedTuple):
    """What a block of networks reads and predicts."""

    inputs: np.ndarray
    targets: np.ndarray


class Units(NamedTuple):
    """Activations and changes of the units, as arrays of vectors and, as `each_...`, one by one."""

    states: np.ndarray
    each_state: np.ndarray
    step: np.ndarray
    """The changes of the hidden units, as b_h."""
    start: np.ndarray
    """The context that is set back."""
    listed: np.ndarray
    """Inputs that may be 1 at this step."""
    masks: np.ndarray
    """For which networks each input is 1; with velocities of all inputs."""


class Rule(NamedTuple):
    """How the weights change, as compiled code takes it."""

    down: float
    """Minus the learning rate."""
    momentum: float
    reset: bool
    """At the start of each epoch."""
    recurrent: bool
    how: How | None
    """None: Elman's rule."""


class _Pending(NamedTuple):
    """How W_hh takes the change that waits: with what momentum, and a mask, empty where there is none to take."""

    momentum: float
    mask: float


@numba.njit(error_model="numpy", inline="always")
def _list_inputs(inputs, t, units, V):
    """List the inputs that may be 1 at step t, with a mask that says for which networks they are; and count them."""
    listed, masks = units.listed, units.masks
    n, I = 0, len(listed)
    for i in range(I):
        one = truth(inputs[t, i])
        if I > _FEW and not is_still(V):
            masks[i] = mask(one)
        if I <= _FEW or any_lane(one):
            listed[n] = i
            masks[i] = mask(one)
            n += 1
    return n


@numba.njit(error_model="numpy", inline="always")
def _hidden(n, weights, V, units, how, pending, before, context, hidden):
    """The hidden layer of one step, and, as the weights pass by, the change of W_hh that the step before asks for.

    In `states`, row `before` is the context of the step before, `context` that of this step, `hidden` is to be filled.
    """
    W_ih, W_hh, b_h, x = weights.W_ih, weights.W_hh, weights.b_h, units.each_state
    m, ready = pending
    for h in range(len(b_h)):
        z = b_h[h]
        for j in range(n):
            z = z + masked(W_ih[h, units.listed[j]], units.masks[units.listed[j]])
        change, odd, H = units.step[h], masked(z, 0.0), W_hh.shape[1]
        for pair in range(H // 2):
            c, d = np.uintp(2 * pair), np.uintp(2 * pair + 1)  # numba takes no negative indices into account
            z = fma(moved(W_hh, V, (h, c), change, x[before, c], m, ready), x[context, c], z)
            odd = fma(moved(W_hh, V, (h, d), change, x[before, d], m, ready), x[context, d], odd)
        if H % 2:
            z = fma(moved(W_hh, V, (h, H - 1), change, x[before, H - 1], m, ready), x[context, H - 1], z)
        units.states[hidden, h] = activation(how, z + odd)


def _change_inputs(W, V, h, change, n, units, momentum):
    """Change the weights from the inputs to hidden units."""


@overload(_change_inputs, **INLINE)
def _changes_of_inputs(W, V, h, change, n, units, momentum):
    def still(W, V, h, change, n, units, momentum):
        for j in range(n):  # subtracting 0 leaves a weight of -0 as it is; adding 0 would not
            i = units.listed[j]
            W[h, i] = W[h, i] - masked(-1.0 * change, units.masks[i])

    def moving(W, V, h, change, n, units, momentum):
        for i in range(W.shape[1]):
            added(W, V, (h, i), masked(change, units.masks[i]), momentum, mask(True))

    return still if isinstance(V, types.NoneType) else moving


@numba.njit(error_model="numpy", inline="always")
def _backward(n, weights, V, both_orders, units, outputs, rule, hidden):
    """Backward: from the output weights, which change as they pass by, to the change of each hidden unit."""
    W_ho, W_oh, b_h = weights.W_ho, weights.W_oh, weights.b_h
    m, all_of_them, H, O = rule.momentum, mask(True), W_ho.shape[1], W_oh.shape[1]
    for h in range(len(b_h)):
        y = units.states[hidden, h]
        back = W_oh[h, 0] * outputs.each_change[0]
        moved(W_oh, V.W_oh, (h, 0), outputs.each_change[0], y, m, all_of_them)
        for o in range(1, O):
            back = fma(W_oh[h, o], outputs.each_change[o], back)
            moved(W_oh, V.W_oh, (h, o), outputs.each_change[o], y, m, all_of_them)
        change = back * slope(rule.how, y)
        units.step[h] = change
        added(b_h, V.b_h, h, change, m, all_of_them)
        _change_inputs(weights.W_ih, V.W_ih, h, change, n, units, m)
    if both_orders:
        for o in range(len(weights.b_o)):
            change = outputs.change[o]
            for h in range(H):
                moved(W_ho, V.W_ho, (o, h), change, units.each_state[hidden, h], m, all_of_them)


@numba.njit(error_model="numpy", inline="always")
def _finish(W, V, units, pending, before, context):
    """Make the change of W_hh that the last step asks for, and put the context where the next call looks for it."""
    for h in range(len(units.step)):
        for c in range(W.shape[1]):
            moved(W, V, (h, c), units.step[h], units.each_state[before, c], pending.momentum, pending.mask)
    for h in range(len(units.step)):
        units.states[0, h] = units.states[context, h]


@numba.njit(error_model="numpy", inline="always")
def train(streams, weights, velocities, both_orders, units, outputs, losses, rule):
    """Train in place, from context states[0] to states[0]; losses come as zeros. `step` waits to change W_hh."""
    inputs, targets = streams
    T, O, all_of_them = len(inputs), weights.W_oh.shape[1], mask(True)
    one = masked(losses[0], 0.0) + 1.0
    context, hidden, before, pending = 0, 1, 2, _Pending(1.0, mask(False))
    for epoch in range(len(losses)):
        if rule.reset:
            for h in range(len(weights.b_h)):
                units.states[context, h] = units.start[h]
        so_far = Tally(losses[epoch], one, 0)
        for t in range(T):
            n = _list_inputs(inputs, t, units, velocities.W_ih)
            _hidden(n, weights, velocities.W_hh, units, rule.how, pending, before, context, hidden)
            answer(rule.how, targets, t, weights.W_ho, weights.b_o, velocities.b_o, hidden, units.each_state, outputs,
                   O, rule.down, rule.momentum, all_of_them)  # fmt: skip
            so_far = tally(rule.how, so_far, outputs, O, True)
            _backward(n, weights, velocities, both_orders, units, outputs, rule, hidden)
            pending = _Pending(rule.momentum, all_of_them)
            # The copy.
            if rule.recurrent:
                before, context, hidden = context, hidden, before
            else:
                before = context
        losses[epoch] = mean_loss(rule.how, so_far, float(T), O)
    _finish(weights.W_hh, velocities.W_hh, units, pending, before, context)


@numba.njit(error_model="numpy", inline="always")
def predict(inputs, weights, units, values, hiddens, recurrent):
    """Read a stream from context states[0], without learning."""
    context, hidden, nothing = 0, 1, _Pending(1.0, mask(False))
    for t in range(len(inputs)):
        n = _list_inputs(inputs, t, units, None)
        _hidden(n, weights, None, units, None, nothing, 2, context, hidden)
        for o in range(len(weights.b_o)):
            values[o, t] = logistic(net(o, weights.W_ho, weights.b_o, hidden, units.each_state))
        for h in range(len(weights.b_h)):
            hiddens[h, t] = units.states[hidden, h]
        if recurrent:
            context, hidden = hidden, context
