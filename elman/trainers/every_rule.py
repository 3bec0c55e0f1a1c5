"""Calls of the kernel in `general`: names as its numbers, and arrays laid out as it takes them."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from elman.jit import jit
from elman.network import Rule, State, Step, Weights
from elman.trainers import general
from elman.trainers.fused_calls import ACTIVATIONS, LOSSES
from elman.trainers.layout import (
    ALONE,
    LARGE,
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
_MORE = 16  # slots, so that steps move to the front at times only
_CONTEXTS = {"hidden": general.HIDDEN, "output": general.OUTPUT, "none": general.NONE}


@numba.njit(error_model="numpy", inline="always")
def _slots_alone(arrays):
    contexts, hiddens, changes, masks, listed, carried, start, real = arrays
    return general.Slots(
        in_vectors(contexts, UNITS),
        in_a_row(contexts),
        in_vectors(hiddens, UNITS),
        in_a_row(hiddens),
        in_vectors(changes, UNITS),
        in_a_row(changes),
        in_a_row(masks),
        listed,
        in_a_row(carried),
        in_vectors(start, UNITS),
        in_vectors(real, UNITS),
    )


@numba.njit(error_model="numpy", inline="always")
def _slots_side_by_side(arrays):
    contexts, hiddens, changes, masks, listed, carried, start, real = arrays
    of_contexts, of_hiddens = in_vectors(contexts, NETWORKS), in_vectors(hiddens, NETWORKS)
    of_changes, of_masks = in_vectors(changes, NETWORKS), in_vectors(masks, NETWORKS)
    return general.Slots(
        of_contexts,
        of_contexts,
        of_hiddens,
        of_hiddens,
        of_changes,
        of_changes,
        of_masks,
        listed,
        in_vectors(carried, NETWORKS),
        in_vectors(start, NETWORKS),
        in_vectors(real, NETWORKS),
    )


@jit
def train_alone(streams, weights, velocities, slots, outputs, losses, rule, filled, source=SOURCE):
    """The kernel, for a network alone."""
    inputs, targets, resets, counted, n_counted = streams
    return general.train(
        general.Streams(inputs, in_vectors(targets, UNITS), resets, counted, in_a_row(n_counted)),
        weights_alone(weights),
        velocities_alone(velocities),
        True,
        _slots_alone(slots),
        outputs_alone(outputs),
        in_a_row(losses),
        rule,
        filled,
    )


@jit
def _train_side_by_side(streams, weights, velocities, slots, outputs, losses, rule, filled, source=SOURCE):
    inputs, targets, resets, counted, n_counted = streams
    return general.train(
        general.Streams(
            in_vectors(inputs, NETWORKS),
            in_vectors(targets, NETWORKS),
            in_vectors(resets, NETWORKS),
            in_vectors(counted, NETWORKS),
            in_vectors(n_counted, NETWORKS),
        ),
        weights_side_by_side(weights),
        velocities_side_by_side(velocities),
        False,
        _slots_side_by_side(slots),
        outputs_side_by_side(outputs),
        in_vectors(losses, NETWORKS),
        rule,
        filled,
    )


@jit
def _predict_alone(inputs, resets, weights, slots, outputs, values, hiddens, rule, source=SOURCE):
    general.predict(
        inputs,
        resets,
        weights_alone(weights),
        _slots_alone(slots),
        outputs_alone(outputs),
        in_vectors(values, UNITS),
        in_vectors(hiddens, UNITS),
        rule,
    )


@jit
def _predict_side_by_side(inputs, resets, weights, slots, outputs, values, hiddens, rule, source=SOURCE):
    general.predict(
        in_vectors(inputs, NETWORKS),
        in_vectors(resets, NETWORKS),
        weights_side_by_side(weights),
        _slots_side_by_side(slots),
        outputs_side_by_side(outputs),
        in_vectors(values, NETWORKS),
        in_vectors(hiddens, NETWORKS),
        rule,
    )


_TRAIN = {ALONE: train_alone, SIDE_BY_SIDE: _train_side_by_side}
_PREDICT = {ALONE: _predict_alone, SIDE_BY_SIDE: _predict_side_by_side}


def _lay_bits(form: Form, rows: np.ndarray) -> np.ndarray:
    """Bits of one network (1, T, ...) as they are, of several side by side."""
    return np.ascontiguousarray(rows[0], np.uint8) if form is ALONE else form.lay(rows.astype(np.uint8))


def _kernel_rule(rule: Rule) -> general.Rule:
    return general.Rule(
        down=-rule.learning_rate,
        momentum=rule.momentum,
        steps=rule.bptt_steps,
        loss=LOSSES[rule.loss],
        activation=ACTIVATIONS[rule.activation],
        context=_CONTEXTS[rule.context],
        decay=rule.context_decay,
    )


def _slots(
    form: Form, weights: Weights, rule: Rule, context: np.ndarray, steps: tuple[Step, ...]
) -> tuple[np.ndarray, ...]:
    """The slots of a block of networks: the last steps from slot EMPTY on, then that of the next, with its context."""
    k, (H, C), I = rule.bptt_steps, weights.W_hh.shape[1:], weights.W_ih.shape[2]
    of_context, of_hidden = form.lay(np.zeros((1, C))).shape, form.lay(np.zeros((1, H))).shape
    n = general.EMPTY + k + _MORE
    contexts, hiddens = zeros((n, *of_context)), zeros((n, *of_hidden))
    changes = zeros((k + 4, *of_hidden))
    changes[...] = -0.0  # leaves a weight of -0.0 as it is
    masks, carried = zeros((n, I, form.networks)), zeros((n, form.networks))
    listed = np.zeros((n, I + 1), np.uintp)
    for slot, step in enumerate(steps, general.EMPTY):
        contexts[slot], hiddens[slot] = form.lay(step.context), form.lay(step.hidden)
        ones = step.x != 0
        masks[slot] = _masks(ones, form)
        carried[slot] = (_masks(~step.fresh, form).view(np.int64) != 0) * 1.0
        found = np.flatnonzero(ones.any(axis=0))
        listed[slot, : len(found)], listed[slot, I] = found, len(found)
    contexts[general.EMPTY + len(steps)] = form.lay(context)
    start = zeros(of_context)
    start[...] = rule.initial_context
    real = form.lay(np.full((1, H), -1, np.int64)).view(np.float64)[-1:]
    return contexts, hiddens, changes, masks, listed, carried, start, real


def _masks(condition: np.ndarray, form: Form) -> np.ndarray:
    """Masks as the kernel makes them, (..., networks): all bits set where a condition (r, ...) holds."""
    laid = np.zeros((*condition.shape[1:], form.networks), np.int64)
    laid[..., : len(condition)] = -np.moveaxis(condition.astype(np.int64), 0, -1)
    laid[..., len(condition) :] = laid[..., :1]
    return laid.view(np.float64)


def train(
    state: State,
    inputs: np.ndarray,
    targets: np.ndarray,
    rule: Rule,
    *,
    epochs: int,
    resets: np.ndarray,
    counted: np.ndarray,
    tick: Callable[[float], None] = lambda share: None,
) -> tuple[State, np.ndarray]:
    """As `elman.trainers.compiled.train`, by any rule."""
    weights, R, T = state.weights, len(state.context), inputs.shape[1]
    trained = Weights(*[np.empty_like(array) for array in weights])
    velocity = Weights(*[np.empty_like(array) for array in weights]) if rule.momentum else None
    context, losses = np.empty_like(state.context), np.zeros((R, epochs))
    kept_steps = min(len(state.steps) + epochs * T, rule.bptt_steps - 1)
    steps = tuple(
        Step(np.empty((R, inputs.shape[2])), np.empty_like(context), np.empty(weights.b_h.shape), np.empty(R, bool))
        for _ in range(kept_steps)
    )
    both_orders = rule.bptt_steps > 1 and sum(array[0].size for array in weights) <= LARGE

    def one(form: Form, block: slice) -> None:
        own = Weights(*[array[block] for array in weights])
        laid, moved = lay_weights(form, own, both_orders=both_orders), None
        if velocity is not None and state.velocity is not None:
            moved = lay_weights(form, Weights(*[array[block] for array in state.velocity]), both_orders=both_orders)
        before = tuple(Step(*[array[block] for array in step]) for step in state.steps)
        slots = _slots(form, own, rule, state.context[block], before)
        loss = losses[block].reshape(epochs, 1) if form is ALONE else zeros((epochs, form.networks))
        streams = _lay_streams(form, *(_rows(block, array) for array in (inputs, targets, resets, counted)))
        packed = together(laid, moved or (), slots, lay_outputs(laid))
        laid, moved, slots, layer = packed[0], packed[1] or None, packed[2], packed[3]
        end, kept = _TRAIN[form](streams, laid, moved, slots, layer, loss, _kernel_rule(rule), len(before))
        for array, result in zip(trained, take_weights(form, laid, own), strict=True):
            array[block] = result
        if velocity is not None and moved is not None:
            for array, result in zip(velocity, take_weights(form, moved, own), strict=True):
                array[block] = result
        context[block] = form.take(slots[0][end], context[block])
        losses[block] = from_networks(loss, losses[block])
        _take_steps(form, slots, end, kept, steps, block, inputs.shape[2])

    each_block(weights, one, tick)
    return State(trained, velocity, context, steps), losses


def _lay_streams(
    form: Form, inputs: np.ndarray, targets: np.ndarray, resets: np.ndarray, counted: np.ndarray
) -> tuple[np.ndarray, ...]:
    """The streams of a block, and how many steps of each network's count."""
    n_counted, counts = zeros((1, form.networks)), counted.sum(axis=1)
    n_counted[0, : len(counts)], n_counted[0, len(counts) :] = counts, counts[0]
    targets_laid = form.lay(np.ascontiguousarray(targets).swapaxes(1, 2))
    return _lay_bits(form, inputs), targets_laid, _lay_bits(form, resets), _lay_bits(form, counted), n_counted


def _rows(block: slice, array: np.ndarray) -> np.ndarray:
    """The rows of a block of networks, of an array with a row for each network or one for all."""
    some = array[block] if len(array) > 1 else array
    return np.broadcast_to(some, (block.stop - block.start, *some.shape[1:]))


def _take_steps(
    form: Form, slots: tuple[np.ndarray, ...], end: int, kept: int, steps: tuple[Step, ...], block: slice, I: int
) -> None:
    """Fill in the last steps of a block of networks, the newest last, from the slots before that of the next step."""
    contexts, hiddens, _, masks, _, carried, *_ = slots
    r = block.stop - block.start
    for back, step in enumerate(reversed(steps[:kept]), 1):
        slot = end - back
        step.context[block] = form.take(contexts[slot], step.context[block])
        step.hidden[block] = form.take(hiddens[slot], step.hidden[block])
        step.x[block] = (masks[slot].view(np.int64) != 0)[:, :r].T
        step.fresh[block] = carried[slot][:r] == 0


def predict(
    weights: Weights, inputs: np.ndarray, context: np.ndarray, rule: Rule, *, resets: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `elman.trainers.compiled.predict`, by any rule."""
    R, T, O, H = len(context), len(inputs), weights.b_o.shape[1], weights.b_h.shape[1]
    outputs, hiddens, end = np.empty((R, T, O)), np.empty((R, T, H)), np.empty_like(context)
    rule = rule._replace(bptt_steps=1)

    def one(form: Form, block: slice) -> None:
        own = Weights(*[array[block] for array in weights])
        laid = lay_weights(form, own)
        slots = _slots(form, own, rule, context[block], ())
        r = block.stop - block.start
        read = np.broadcast_to(inputs, (r, *inputs.shape))
        set_back = np.broadcast_to(resets, (r, T))
        values, states = zeros((len(laid[4]), T, laid[4].shape[1])), zeros((len(laid[2]), T, laid[2].shape[1]))
        bits = _lay_bits(form, read), _lay_bits(form, set_back)
        _PREDICT[form](*bits, laid, slots, lay_outputs(laid), values, states, _kernel_rule(rule))
        outputs[block] = form.take(values, np.empty((r, O, T))).swapaxes(1, 2)
        hiddens[block] = form.take(states, np.empty((r, H, T))).swapaxes(1, 2)
        end[block] = form.take(slots[0][general.EMPTY], end[block])

    each_block(weights, one)
    return outputs, hiddens, end


def warm_up(networks: int | None, moving: bool) -> None:
    """As `fused_calls.warm_up`, for training with or without velocities."""
    rule, inputs = Rule(0.1, 0.5 if moving else 0.0), np.zeros((1, 1, 1), np.uint8)
    flags: Any = np.ones((1, 1), bool)
    for state in smallest(networks, rule):
        train(state, inputs, inputs, rule, epochs=0, resets=flags, counted=flags)


def warm_up_predict(networks: int | None) -> None:
    """The same, for reading without learning."""
    flags: Any = np.ones(1, bool)
    for state in smallest(networks, _ELMANS):
        predict(state.weights, np.zeros((1, 1), np.uint8), state.context, _ELMANS, resets=flags)
