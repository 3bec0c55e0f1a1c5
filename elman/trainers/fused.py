"""Elman's rule compiled by numba, with the processor's vector units in explicit use, and at full speed.

One source, `_train`, is compiled twice. It sees arrays of vectors; what lies side by side in a vector is

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

from elman.jit import jit
from elman.network import Rule, State, Weights
from elman.trainers.layout import ALONE, NETWORKS, SIDE_BY_SIDE, UNITS, Form, each_block, from_networks, zeros
from elman.trainers.simd import SOURCE, any_lane, fma, in_a_row, in_vectors, logistic, mask, masked, truth, where

_FEW = 8  # inputs that are all read at every step, which is quicker than to look for those that are 1
_NOTHING = -0.0  # a change that leaves every bit as it is, also of a weight of -0.0


@numba.njit(error_model="numpy", inline="always")
def _list_inputs(inputs, t, listed, masks):
    """List the inputs that may be 1 at step t, with a mask that says for which networks they are; and count them."""
    n, I = 0, len(listed)
    for i in range(I):
        one = truth(inputs[t, i])
        if I <= _FEW or any_lane(one):
            listed[n] = i
            masks[n] = mask(one)
            n += 1
    return n


@numba.njit(error_model="numpy", inline="always")
def _changed(W_hh, h, c, change, activation):
    W_hh[h, c] = weight = fma(change, activation, W_hh[h, c])
    return weight


@numba.njit(error_model="numpy", inline="always")
def _hidden(listed, masks, n, W_ih, W_hh, b_h, step, before, context, hidden, states, each_state):
    """The hidden layer of one step, and, as the weights pass by, the change of W_hh that the step before asks for.

    In `states`, row `before` is the context of the step before, `context` that of this step, `hidden` is to be filled.
    """
    for h in range(len(b_h)):
        z = b_h[h]
        for j in range(n):
            z = z + masked(W_ih[h, listed[j]], masks[j])
        change, odd, H = step[h], masked(z, 0.0), W_hh.shape[1]
        for c in range(1, H, 2):
            z = fma(_changed(W_hh, h, c - 1, change, each_state[before, c - 1]), each_state[context, c - 1], z)
            odd = fma(_changed(W_hh, h, c, change, each_state[before, c]), each_state[context, c], odd)
        if H % 2:
            z = fma(_changed(W_hh, h, H - 1, change, each_state[before, H - 1]), each_state[context, H - 1], z)
        states[hidden, h] = logistic(z + odd)


@numba.njit(error_model="numpy", inline="always")
def _output(o, W_ho, b_o, hidden, each_state):
    z = b_o[o]
    odd, H = masked(z, 0.0), W_ho.shape[1]
    for h in range(1, H, 2):
        z = fma(W_ho[o, h - 1], each_state[hidden, h - 1], z)
        odd = fma(W_ho[o, h], each_state[hidden, h], odd)
    if H % 2:
        z = fma(W_ho[o, H - 1], each_state[hidden, H - 1], z)
    return logistic(z + odd)


class _Streams(NamedTuple):
    """What a block of networks reads and predicts."""

    inputs: np.ndarray
    targets: np.ndarray


class _Laid(NamedTuple):
    """Weights in vectors; side by side, W_oh is the transpose of W_ho."""

    W_ih: np.ndarray
    W_hh: np.ndarray
    b_h: np.ndarray
    W_ho: np.ndarray
    b_o: np.ndarray
    W_oh: np.ndarray


class _Units(NamedTuple):
    """Activations, errors and changes of the units, as arrays of vectors and, as `each_...`, one by one."""

    states: np.ndarray
    each_state: np.ndarray
    errors: np.ndarray
    each_error: np.ndarray
    changes: np.ndarray
    """Of the output units, as b_o: minus the learning rate times the error signal."""
    each_change: np.ndarray
    step: np.ndarray
    """The changes of the hidden units, as b_h."""
    listed: np.ndarray
    """Inputs that may be 1 at this step."""
    masks: np.ndarray
    """For which networks they are."""


class _Rule(NamedTuple):
    """How the weights change, as compiled code takes it."""

    down: float
    """Minus the learning rate."""
    reset: bool
    """At the start of each epoch."""
    recurrent: bool


@numba.njit(error_model="numpy", inline="always")
def _finish(W_hh, step, states, each_state, before, context):
    """Make the change of W_hh that the last step asks for, and put the context where the next call looks for it."""
    for h in range(len(step)):
        for c in range(W_hh.shape[1]):
            W_hh[h, c] = fma(step[h], each_state[before, c], W_hh[h, c])
    for h in range(len(step)):
        states[0, h] = states[context, h]


@numba.njit(error_model="numpy", inline="always")
def _train(streams, weights, both_orders, units, losses, start, rule):
    """Train in place, from context states[0] to states[0]; losses come as zeros."""
    inputs, targets = streams
    W_ih, W_hh, b_h, W_ho, b_o, W_oh = weights
    states, each_state, errors, each_error, changes, each_change, step, listed, masks = units
    down, reset, recurrent = rule
    T, H, O = len(inputs), W_hh.shape[1], W_oh.shape[1]
    context, hidden, before = 0, 1, 2 if recurrent else 0
    for epoch in range(len(losses)):
        if reset:
            for h in range(len(b_h)):
                states[context, h] = start[h]
        total = losses[epoch]
        for t in range(T):
            # Forward.
            n = _list_inputs(inputs, t, listed, masks)
            _hidden(listed, masks, n, W_ih, W_hh, b_h, step, before, context, hidden, states, each_state)
            for o in range(len(b_o)):
                output = _output(o, W_ho, b_o, hidden, each_state)
                error = where(truth(targets[o, t]), output - 1.0, output)
                errors[o] = error
                changes[o] = down * (error * (output * (1.0 - output)))
                b_o[o] = b_o[o] + changes[o]
            for o in range(O):
                total = fma(each_error[o], each_error[o], total)
            # Backward: from the output weights, which change as they pass by, to the change of each hidden unit.
            for h in range(len(b_h)):
                activation = states[hidden, h]
                back = W_oh[h, 0] * each_change[0]
                W_oh[h, 0] = fma(each_change[0], activation, W_oh[h, 0])
                for o in range(1, O):
                    weight = W_oh[h, o]
                    back = fma(weight, each_change[o], back)
                    W_oh[h, o] = fma(each_change[o], activation, weight)
                change = back * (activation * (1.0 - activation))
                step[h] = change
                b_h[h] = b_h[h] + change
                for j in range(n):  # subtracting 0 leaves a weight of -0 as it is; adding 0 would not
                    W_ih[h, listed[j]] = W_ih[h, listed[j]] - masked(-1.0 * change, masks[j])
            if both_orders:
                for o in range(len(b_o)):
                    change = changes[o]
                    for h in range(H):
                        W_ho[o, h] = fma(change, each_state[hidden, h], W_ho[o, h])
            # The copy.
            if recurrent:
                before, context, hidden = context, hidden, before
        losses[epoch] = total / float(T * O)
    _finish(W_hh, step, states, each_state, before, context)


@numba.njit(error_model="numpy", inline="always")
def _predict(inputs, W_ih, W_hh, b_h, W_ho, b_o, states, each_state, step, listed, masks, outputs, hiddens, recurrent):
    """Read a stream from context states[0], without learning."""
    context, hidden = 0, 1
    for t in range(len(inputs)):
        n = _list_inputs(inputs, t, listed, masks)
        _hidden(listed, masks, n, W_ih, W_hh, b_h, step, 2, context, hidden, states, each_state)
        for o in range(len(b_o)):
            outputs[o, t] = _output(o, W_ho, b_o, hidden, each_state)
        for h in range(len(b_h)):
            hiddens[h, t] = states[hidden, h]
        if recurrent:
            context, hidden = hidden, context


@jit
def _train_alone(streams, weights, units, losses, start, rule, source=SOURCE):
    inputs, targets = streams
    W_ih, W_hh, b_h, W_ho, b_o, W_oh = weights
    states, errors, changes, step, listed, masks = units
    _train(
        _Streams(inputs, in_vectors(targets, UNITS)),
        _Laid(
            in_vectors(W_ih, UNITS),
            in_vectors(W_hh, UNITS),
            in_vectors(b_h, UNITS),
            in_vectors(W_ho, UNITS),
            in_vectors(b_o, UNITS),
            in_vectors(W_oh, UNITS),
        ),
        True,
        _Units(
            in_vectors(states, UNITS),
            in_a_row(states),
            in_vectors(errors, UNITS),
            in_a_row(errors),
            in_vectors(changes, UNITS),
            in_a_row(changes),
            in_vectors(step, UNITS),
            listed,
            in_a_row(masks),
        ),
        in_a_row(losses),
        in_vectors(start, UNITS),
        rule,
    )


@jit
def _train_side_by_side(streams, weights, units, losses, start, rule, source=SOURCE):
    inputs, targets = streams
    W_ih, W_hh, b_h, W_ho, b_o = weights
    states, errors, changes, step, listed, masks = units
    W_of_all, states_of_all = in_vectors(W_ho, NETWORKS), in_vectors(states, NETWORKS)
    errors_of_all, changes_of_all = in_vectors(errors, NETWORKS), in_vectors(changes, NETWORKS)
    _train(
        _Streams(in_vectors(inputs, NETWORKS), in_vectors(targets, NETWORKS)),
        _Laid(
            in_vectors(W_ih, NETWORKS),
            in_vectors(W_hh, NETWORKS),
            in_vectors(b_h, NETWORKS),
            W_of_all,
            in_vectors(b_o, NETWORKS),
            W_of_all.T,
        ),
        False,
        _Units(
            states_of_all,
            states_of_all,
            errors_of_all,
            errors_of_all,
            changes_of_all,
            changes_of_all,
            in_vectors(step, NETWORKS),
            listed,
            in_vectors(masks, NETWORKS),
        ),
        in_vectors(losses, NETWORKS),
        in_vectors(start, NETWORKS),
        rule,
    )


@jit
def _predict_alone(inputs, weights, states, step, listed, masks, laid, outputs, hiddens, recurrent, source=SOURCE):
    W_ih, W_hh, b_h, W_ho, b_o, _ = weights
    laid_outputs, laid_hiddens = laid
    _predict(inputs, in_vectors(W_ih, UNITS), in_vectors(W_hh, UNITS), in_vectors(b_h, UNITS),
             in_vectors(W_ho, UNITS), in_vectors(b_o, UNITS), in_vectors(states, UNITS), in_a_row(states),
             in_vectors(step, UNITS), listed, in_a_row(masks), in_vectors(laid_outputs, UNITS),
             in_vectors(laid_hiddens, UNITS), recurrent)  # fmt: skip
    for laid_units, units in ((laid_outputs, outputs), (laid_hiddens, hiddens)):
        for t in range(units.shape[1]):
            for u in range(units.shape[2]):
                units[0, t, u] = laid_units[u // UNITS, t, u % UNITS]


@jit
def _predict_side_by_side(inputs, weights, states, step, listed, masks, laid, outputs, hiddens, recurrent,
                          source=SOURCE):  # fmt: skip
    W_ih, W_hh, b_h, W_ho, b_o = weights
    laid_outputs, laid_hiddens = laid
    states_of_all = in_vectors(states, NETWORKS)
    _predict(inputs, in_vectors(W_ih, NETWORKS), in_vectors(W_hh, NETWORKS), in_vectors(b_h, NETWORKS),
             in_vectors(W_ho, NETWORKS), in_vectors(b_o, NETWORKS), states_of_all, states_of_all,
             in_vectors(step, NETWORKS), listed, in_a_row(masks), in_vectors(laid_outputs, NETWORKS),
             in_vectors(laid_hiddens, NETWORKS), recurrent)  # fmt: skip
    for laid_units, units in ((laid_outputs, outputs), (laid_hiddens, hiddens)):
        for t in range(units.shape[1]):
            for u in range(units.shape[2]):
                for r in range(units.shape[0]):
                    units[r, t, u] = laid_units[u, t, r]


_TRAIN = {ALONE: _train_alone, SIDE_BY_SIDE: _train_side_by_side}
_PREDICT = {ALONE: _predict_alone, SIDE_BY_SIDE: _predict_side_by_side}


def _lay_weights(form: Form, weights: Weights) -> tuple[np.ndarray, ...]:
    """The five arrays of weights in vectors, and W_oh where it is another array than W_ho."""
    turned = [weights.W_ho.swapaxes(1, 2)] if form is ALONE else []
    return tuple([form.lay(array) for array in (*weights, *turned)])


def train(
    state: State,
    inputs: np.ndarray,
    targets: np.ndarray,
    rule: Rule,
    *,
    epochs: int,
    reset: bool,
) -> tuple[State, np.ndarray]:
    """As `elman.trainers.compiled.train`, for Elman's rule, with a context that is set back by epoch or never."""
    weights, context = state.weights, state.context
    trained = Weights(*[np.empty_like(array) for array in weights])
    end, losses = np.empty_like(context), np.empty((len(context), epochs))
    kernel_rule = _Rule(-rule.learning_rate, reset, rule.context == "hidden")

    def one(form: Form, block: slice) -> None:
        stream = block if len(inputs) > 1 else slice(1)
        read = np.ascontiguousarray(inputs[stream][0]) if form is ALONE else form.lay(inputs[stream])
        laid = _lay_weights(form, Weights(*[array[block] for array in weights]))
        b_h, b_o = laid[2], laid[4]
        states, step, start = zeros((3, *b_h.shape)), zeros(b_h.shape), zeros(b_h.shape)
        states[0] = form.lay(context[block])
        step[...], start[...] = _NOTHING, rule.initial_context
        errors, changes, listed = zeros(b_o.shape), zeros(b_o.shape), np.zeros(inputs.shape[2], np.intp)
        masks = zeros((len(listed), form.networks))
        loss = zeros((epochs, form.networks))
        streams = (read, form.lay(targets[stream].swapaxes(1, 2)))
        _TRAIN[form](streams, laid, (states, errors, changes, step, listed, masks), loss, start, kernel_rule)
        for array, result in zip(trained, laid, strict=False):
            array[block] = form.take(result, array[block])
        end[block] = form.take(states[0], end[block])
        losses[block] = from_networks(loss, losses[block])

    inputs, targets = inputs.astype(np.uint8, copy=False), targets.astype(np.uint8, copy=False)
    each_block(weights, one)
    return State(trained, None, end), losses


def predict(
    weights: Weights, inputs: np.ndarray, context: np.ndarray, rule: Rule
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `elman.trainers.compiled.predict`, for logistic units and a context that is not set back."""
    inputs = np.ascontiguousarray(inputs, np.uint8)
    recurrent = rule.context == "hidden"
    R, T, O, H = len(context), len(inputs), weights.b_o.shape[1], weights.b_h.shape[1]
    outputs, hiddens = np.empty((R, T, O)), np.empty((R, T, H))

    def one(form: Form, block: slice) -> None:
        given = _lay_weights(form, Weights(*[array[block] for array in weights]))
        b_h, b_o = given[2], given[4]
        states, step = zeros((3, *b_h.shape)), zeros(b_h.shape)
        states[0], step[...] = form.lay(context[block]), _NOTHING
        listed, masks = np.zeros(inputs.shape[1], np.intp), zeros((inputs.shape[1], 1))
        laid = (zeros((len(b_o), T, b_o.shape[1])), zeros((len(b_h), T, b_h.shape[1])))
        _PREDICT[form](inputs, given, states, step, listed, masks, laid, outputs[block], hiddens[block], recurrent)

    each_block(weights, one)
    return outputs, hiddens, hiddens[:, -1] if recurrent and T else context


def warm_up(networks: int | None = None) -> None:
    """Compile, or load what was compiled before, by training and testing the smallest networks for no time at all.

    Args:
        networks: how many are to be trained, where that is known: one will not lie side by side.
    """
    inputs = np.zeros((1, 1, 1), np.uint8)
    for R in (1,) if networks == 1 else (1, 3 * numba.config.NUMBA_NUM_THREADS):
        tiny = Weights(*(np.zeros((R, *[1] * dimensions)) for dimensions in (2, 2, 1, 2, 1)))
        train(State(tiny, None, np.zeros((R, 1))), inputs, inputs, Rule(0.1), epochs=0, reset=False)
        predict(tiny, inputs[0], np.zeros((R, 1)), Rule(0.1))
