"""Calls of the kernel in `fused`: names as its numbers, and arrays laid out as it takes them."""

from collections.abc import Callable

import numba
import numpy as np

from elman.jit import jit
from elman.network import Rule, State, Weights
from elman.trainers import fused
from elman.trainers.layout import (
    ALONE,
    NETWORKS,
    SIDE_BY_SIDE,
    UNITS,
    Form,
    each_block,
    from_networks,
    smallest,
    together,
    zeros,
)
from elman.trainers.outputs import CROSS_ENTROPY, LOGISTIC, SOFTMAX, SQUARED, TANH, How
from elman.trainers.simd import SOURCE, in_a_row, in_vectors
from elman.trainers.views import (
    lay_outputs,
    lay_weights,
    outputs_alone,
    outputs_side_by_side,
    take_weights,
    velocities_alone,
    velocities_side_by_side,
    weights_alone,
    weights_side_by_side,
)

_ELMANS = Rule(0.1)
_NOTHING = -0.0  # a change that leaves every bit as it is, also of a weight of -0.0
LOSSES = {"squared": SQUARED, "cross_entropy": CROSS_ENTROPY, "softmax": SOFTMAX}
ACTIVATIONS = {"logistic": LOGISTIC, "tanh": TANH}


@numba.njit(error_model="numpy", inline="always")
def _units_alone(arrays):
    states, step, start, listed, masks = arrays
    return fused.Units(
        in_vectors(states, UNITS),
        in_a_row(states),
        in_vectors(step, UNITS),
        in_vectors(start, UNITS),
        listed,
        in_a_row(masks),
    )


@numba.njit(error_model="numpy", inline="always")
def _units_side_by_side(arrays):
    states, step, start, listed, masks = arrays
    of_all = in_vectors(states, NETWORKS)
    of_hidden, of_start = in_vectors(step, NETWORKS), in_vectors(start, NETWORKS)
    return fused.Units(of_all, of_all, of_hidden, of_start, listed, in_vectors(masks, NETWORKS))


@jit
def train_alone(streams, weights, velocities, units, outputs, losses, rule, source=SOURCE):
    """The kernel, for a network alone."""
    inputs, targets = streams
    fused.train(
        fused.Streams(inputs, in_vectors(targets, UNITS)),
        weights_alone(weights),
        velocities_alone(velocities),
        True,
        _units_alone(units),
        outputs_alone(outputs),
        in_a_row(losses),
        rule,
    )


@jit
def _train_side_by_side(streams, weights, velocities, units, outputs, losses, rule, source=SOURCE):
    inputs, targets = streams
    fused.train(
        fused.Streams(in_vectors(inputs, NETWORKS), in_vectors(targets, NETWORKS)),
        weights_side_by_side(weights),
        velocities_side_by_side(velocities),
        False,
        _units_side_by_side(units),
        outputs_side_by_side(outputs),
        in_vectors(losses, NETWORKS),
        rule,
    )


@jit
def _predict_alone(inputs, weights, units, laid, outputs, hiddens, recurrent, source=SOURCE):
    laid_outputs, laid_hiddens = laid
    fused.predict(inputs, weights_alone(weights), _units_alone(units), in_vectors(laid_outputs, UNITS),
                  in_vectors(laid_hiddens, UNITS), recurrent)  # fmt: skip
    for laid_units, units in ((laid_outputs, outputs), (laid_hiddens, hiddens)):
        for t in range(units.shape[1]):
            for u in range(units.shape[2]):
                units[0, t, u] = laid_units[u // UNITS, t, u % UNITS]


@jit
def _predict_side_by_side(inputs, weights, units, laid, outputs, hiddens, recurrent, source=SOURCE):
    laid_outputs, laid_hiddens = laid
    states, step, start, listed, masks = units
    of_all, of_hidden, of_start = in_vectors(states, NETWORKS), in_vectors(step, NETWORKS), in_vectors(start, NETWORKS)
    units_of_all = fused.Units(of_all, of_all, of_hidden, of_start, listed, in_a_row(masks))
    fused.predict(inputs, weights_side_by_side(weights), units_of_all, in_vectors(laid_outputs, NETWORKS),
                  in_vectors(laid_hiddens, NETWORKS), recurrent)  # fmt: skip
    for laid_units, units in ((laid_outputs, outputs), (laid_hiddens, hiddens)):
        for t in range(units.shape[1]):
            for u in range(units.shape[2]):
                for r in range(units.shape[0]):
                    units[r, t, u] = laid_units[u, t, r]


_TRAIN = {ALONE: train_alone, SIDE_BY_SIDE: _train_side_by_side}
_PREDICT = {ALONE: _predict_alone, SIDE_BY_SIDE: _predict_side_by_side}


def is_elmans(rule: Rule) -> bool:
    """Whether weights change by Elman's rule."""
    return rule.loss == "squared" and rule.activation == "logistic" and not rule.momentum


def _kernel_rule(rule: Rule, reset: bool) -> fused.Rule:
    how = None if is_elmans(rule) else How(LOSSES[rule.loss], ACTIVATIONS[rule.activation])
    return fused.Rule(-rule.learning_rate, rule.momentum, reset, rule.context == "hidden", how)


def train(
    state: State,
    inputs: np.ndarray,
    targets: np.ndarray,
    rule: Rule,
    *,
    epochs: int,
    reset: bool,
    tick: Callable[[float], None] = lambda share: None,
) -> tuple[State, np.ndarray]:
    """As `elman.trainers.compiled.train`, for one step back and a context that is set back by epoch or never."""
    weights, context = state.weights, state.context
    trained = Weights(*[np.empty_like(array) for array in weights])
    velocity = Weights(*[np.empty_like(array) for array in weights]) if rule.momentum else None
    end, losses = np.empty_like(context), np.zeros((len(context), epochs))
    kernel_rule = _kernel_rule(rule, reset)

    def one(form: Form, block: slice) -> None:
        stream = block if len(inputs) > 1 else slice(1)
        read = np.ascontiguousarray(inputs[stream][0]) if form is ALONE else form.lay(inputs[stream])
        own = Weights(*[array[block] for array in weights])
        laid, moved = lay_weights(form, own), None
        if velocity is not None and state.velocity is not None:
            moved = lay_weights(form, Weights(*[array[block] for array in state.velocity]))
        states, step, start = zeros((3, *laid[2].shape)), zeros(laid[2].shape), zeros(laid[2].shape)
        states[0] = form.lay(context[block])
        step[...], start[...] = _NOTHING, rule.initial_context
        listed, masks = np.zeros(inputs.shape[2], np.uintp), zeros((inputs.shape[2], form.networks))
        loss = losses[block].reshape(epochs, 1) if form is ALONE else zeros((epochs, form.networks))
        streams = (read, form.lay(targets[stream].swapaxes(1, 2)))
        packed = together(laid, moved or (), (states, step, start, listed, masks), lay_outputs(laid))
        laid, moved, units, layer = packed[0], packed[1] or None, packed[2], packed[3]
        _TRAIN[form](streams, laid, moved, units, layer, loss, kernel_rule)
        for array, result in zip(trained, take_weights(form, laid, own), strict=True):
            array[block] = result
        if velocity is not None and moved is not None:
            for array, result in zip(velocity, take_weights(form, moved, own), strict=True):
                array[block] = result
        end[block] = form.take(units[0][0], end[block])
        losses[block] = from_networks(loss, losses[block])

    inputs, targets = inputs.astype(np.uint8, copy=False), targets.astype(np.uint8, copy=False)
    each_block(weights, one, tick)
    return State(trained, velocity, end), losses


def predict(
    weights: Weights, inputs: np.ndarray, context: np.ndarray, rule: Rule
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `elman.trainers.compiled.predict`, for logistic units and a context that is not set back."""
    inputs = np.ascontiguousarray(inputs, np.uint8)
    recurrent = rule.context == "hidden"
    R, T, O, H = len(context), len(inputs), weights.b_o.shape[1], weights.b_h.shape[1]
    outputs, hiddens = np.empty((R, T, O)), np.empty((R, T, H))

    def one(form: Form, block: slice) -> None:
        laid = lay_weights(form, Weights(*[array[block] for array in weights]))
        b_h, b_o = laid[2], laid[4]
        states, step = zeros((3, *b_h.shape)), zeros(b_h.shape)
        states[0], step[...] = form.lay(context[block]), _NOTHING
        units = (states, step, step, np.zeros(inputs.shape[1], np.uintp), zeros((inputs.shape[1], 1)))
        rows = (zeros((len(b_o), T, b_o.shape[1])), zeros((len(b_h), T, b_h.shape[1])))
        _PREDICT[form](inputs, laid, units, rows, outputs[block], hiddens[block], recurrent)

    each_block(weights, one)
    return outputs, hiddens, hiddens[:, -1] if recurrent and T else context


def warm_up(networks: int | None = None, rule: Rule = _ELMANS) -> None:
    """Compile, or load what was compiled before, by training and testing the smallest networks for no time at all.

    Args:
        networks: how many are to be trained, where that is known: one will not lie side by side.
        rule: of the kind to be compiled for.
    """
    inputs = np.zeros((1, 1, 1), np.uint8)
    for state in smallest(networks, rule):
        train(state, inputs, inputs, rule, epochs=0, reset=False)
        predict(state.weights, inputs[0], state.context, rule)
