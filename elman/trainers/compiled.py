"""The recurrence of `network` and `train` compiled by numba, with the processor's vector units in explicit use.

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

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numba
import numpy as np

from elman.network import Rule, State, Weights
from elman.trainers.simd import SOURCE, any_lane, fma, held, in_a_row, in_vectors, mask, masked, scaled, truth, where

_UNITS = 8  # of one network in a vector
_NETWORKS = 16  # in a vector
_LARGE = 5000  # weights of a network, of which a block no longer stays in the memory next to the processor
_FEW = 8  # inputs that are all read at every step, which is quicker than to look for those that are 1
_NOTHING = -0.0  # a change that leaves every bit as it is, also of a weight of -0.0
_ALIGNMENT = 128  # bytes of the longest vector, and of the longest cache line of today's processors


def _jit(function: Callable[..., None]) -> Callable[..., None]:
    """Compile once per machine, or, where there is no place to keep the result, once per process."""
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba finds no directory that it may write to
        return numba.njit(**options)(function)


@numba.njit(error_model="numpy", forceinline=True)
def _exp(x):
    """The exponential of x from -500 to 500, to 4 units in the last place, to 20 to 2: 2**k exp(x - k ln 2)."""
    shifted = fma(x, 1.4426950408889634, 6755399441055744.0)  # 1 / ln 2; adding 1.5 * 2**52 rounds to a whole number
    k = shifted - 6755399441055744.0
    r = fma(k, -0.6931471805599453, x)
    exact = fma(k, -2.3190468138462996e-17, r)  # the rest of ln 2, which q need not wait for
    # exp(r) = 1 + r + r**2 q(r); q interpolates at the ten Chebyshev nodes of -ln 2 / 2 to ln 2 / 2.
    r2 = r * r
    r4 = r2 * r2
    q01 = fma(r, 0.16666666666666669, 0.5000000000000001)
    q23 = fma(r, 0.008333333333330062, 0.04166666666662413)
    q45 = fma(r, 0.00019841269863053618, 0.0013888888917213717)
    q67 = fma(r, 2.7557268459997064e-06, 2.4801521295954376e-05)
    q89 = fma(r, 2.510038549551032e-08, 2.7620088445409746e-07)
    q = fma(fma(r4, q89, fma(r2, q67, q45)), r4, fma(r2, q23, q01))
    return scaled(fma(q, exact * exact, exact + 1.0), shifted)


@numba.njit(error_model="numpy", forceinline=True)
def _logistic(z):
    return 1.0 / (_exp(held(-1.0 * z, 500.0)) + 1.0)


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
        states[hidden, h] = _logistic(z + odd)


@numba.njit(error_model="numpy", inline="always")
def _output(o, W_ho, b_o, hidden, each_state):
    z = b_o[o]
    odd, H = masked(z, 0.0), W_ho.shape[1]
    for h in range(1, H, 2):
        z = fma(W_ho[o, h - 1], each_state[hidden, h - 1], z)
        odd = fma(W_ho[o, h], each_state[hidden, h], odd)
    if H % 2:
        z = fma(W_ho[o, H - 1], each_state[hidden, H - 1], z)
    return _logistic(z + odd)


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
    for h in range(len(b_h)):
        for c in range(H):
            W_hh[h, c] = fma(step[h], each_state[before, c], W_hh[h, c])
    for h in range(len(b_h)):
        states[0, h] = states[context, h]


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


@_jit
def _train_alone(streams, weights, units, losses, start, rule, source=SOURCE):
    inputs, targets = streams
    W_ih, W_hh, b_h, W_ho, b_o, W_oh = weights
    states, errors, changes, step, listed, masks = units
    _train(
        _Streams(inputs, in_vectors(targets, _UNITS)),
        _Laid(
            in_vectors(W_ih, _UNITS),
            in_vectors(W_hh, _UNITS),
            in_vectors(b_h, _UNITS),
            in_vectors(W_ho, _UNITS),
            in_vectors(b_o, _UNITS),
            in_vectors(W_oh, _UNITS),
        ),
        True,
        _Units(
            in_vectors(states, _UNITS),
            in_a_row(states),
            in_vectors(errors, _UNITS),
            in_a_row(errors),
            in_vectors(changes, _UNITS),
            in_a_row(changes),
            in_vectors(step, _UNITS),
            listed,
            in_a_row(masks),
        ),
        in_a_row(losses),
        in_vectors(start, _UNITS),
        rule,
    )


@_jit
def _train_side_by_side(streams, weights, units, losses, start, rule, source=SOURCE):
    inputs, targets = streams
    W_ih, W_hh, b_h, W_ho, b_o = weights
    states, errors, changes, step, listed, masks = units
    W_of_all, states_of_all = in_vectors(W_ho, _NETWORKS), in_vectors(states, _NETWORKS)
    errors_of_all, changes_of_all = in_vectors(errors, _NETWORKS), in_vectors(changes, _NETWORKS)
    _train(
        _Streams(in_vectors(inputs, _NETWORKS), in_vectors(targets, _NETWORKS)),
        _Laid(
            in_vectors(W_ih, _NETWORKS),
            in_vectors(W_hh, _NETWORKS),
            in_vectors(b_h, _NETWORKS),
            W_of_all,
            in_vectors(b_o, _NETWORKS),
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
            in_vectors(step, _NETWORKS),
            listed,
            in_vectors(masks, _NETWORKS),
        ),
        in_vectors(losses, _NETWORKS),
        in_vectors(start, _NETWORKS),
        rule,
    )


@_jit
def _predict_alone(inputs, weights, states, step, listed, masks, laid, outputs, hiddens, recurrent, source=SOURCE):
    W_ih, W_hh, b_h, W_ho, b_o, _ = weights
    laid_outputs, laid_hiddens = laid
    _predict(inputs, in_vectors(W_ih, _UNITS), in_vectors(W_hh, _UNITS), in_vectors(b_h, _UNITS),
             in_vectors(W_ho, _UNITS), in_vectors(b_o, _UNITS), in_vectors(states, _UNITS), in_a_row(states),
             in_vectors(step, _UNITS), listed, in_a_row(masks), in_vectors(laid_outputs, _UNITS),
             in_vectors(laid_hiddens, _UNITS), recurrent)  # fmt: skip
    for laid_units, units in ((laid_outputs, outputs), (laid_hiddens, hiddens)):
        for t in range(units.shape[1]):
            for u in range(units.shape[2]):
                units[0, t, u] = laid_units[u // _UNITS, t, u % _UNITS]


@_jit
def _predict_side_by_side(inputs, weights, states, step, listed, masks, laid, outputs, hiddens, recurrent,
                          source=SOURCE):  # fmt: skip
    W_ih, W_hh, b_h, W_ho, b_o = weights
    laid_outputs, laid_hiddens = laid
    states_of_all = in_vectors(states, _NETWORKS)
    _predict(inputs, in_vectors(W_ih, _NETWORKS), in_vectors(W_hh, _NETWORKS), in_vectors(b_h, _NETWORKS),
             in_vectors(W_ho, _NETWORKS), in_vectors(b_o, _NETWORKS), states_of_all, states_of_all,
             in_vectors(step, _NETWORKS), listed, in_a_row(masks), in_vectors(laid_outputs, _NETWORKS),
             in_vectors(laid_hiddens, _NETWORKS), recurrent)  # fmt: skip
    for laid_units, units in ((laid_outputs, outputs), (laid_hiddens, hiddens)):
        for t in range(units.shape[1]):
            for u in range(units.shape[2]):
                for r in range(units.shape[0]):
                    units[r, t, u] = laid_units[u, t, r]


def _zeros(shape: tuple[int, ...], dtype: Any = float) -> np.ndarray:
    """Zeros that start where a cache line does, so that no vector lies across two, and no two threads write to one."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.zeros(size + 2 * _ALIGNMENT, np.uint8)
    first = -memory.ctypes.data % _ALIGNMENT
    return memory[first : first + size].view(dtype).reshape(shape)


def _in_units(array: np.ndarray) -> np.ndarray:
    """The n units (1, n, ...) of one network in vectors (n/8, ..., 8)."""
    n, *rest = array.shape[1:]
    laid = _zeros((-(-n // _UNITS), *rest, _UNITS), array.dtype)
    for u in range(min(n, _UNITS)):
        units = array[0, u::_UNITS]
        laid[: len(units), ..., u] = units
    return laid


def _from_units(laid: np.ndarray, like: np.ndarray) -> np.ndarray:
    array = np.empty_like(like)
    for u in range(min(like.shape[1], _UNITS)):
        units = array[0, u::_UNITS]
        units[...] = laid[: len(units), ..., u]
    return array


def _in_networks(array: np.ndarray) -> np.ndarray:
    """The units (r, ...) of up to 16 networks in vectors (..., 16)."""
    laid = _zeros((*array.shape[1:], _NETWORKS), array.dtype)
    laid[..., : len(array)] = array.transpose(*range(1, array.ndim), 0)
    laid[..., len(array) :] = laid[..., :1]
    return laid


def _from_networks(laid: np.ndarray, like: np.ndarray) -> np.ndarray:
    return laid.transpose(-1, *range(laid.ndim - 1))[: len(like)]


class _Form(NamedTuple):
    """One of the two ways to lie in vectors."""

    networks: int
    """In a block, at most."""
    laid: Callable[[np.ndarray], np.ndarray]
    """Vectors from an array with a leading axis of networks."""
    back: Callable[[np.ndarray, np.ndarray], np.ndarray]
    """The inverse, into the shape of a second array."""
    train: Callable[..., None]
    predict: Callable[..., None]

    def weights(self, weights: Weights) -> tuple[np.ndarray, ...]:
        """The five arrays of weights in vectors, and W_oh where it is another array than W_ho."""
        turned = [weights.W_ho.swapaxes(1, 2)] if self.networks == 1 else []
        return tuple([self.laid(array) for array in (*weights, *turned)])


_ALONE = _Form(1, _in_units, _from_units, _train_alone, _predict_alone)
_SIDE_BY_SIDE = _Form(_NETWORKS, _in_networks, _from_networks, _train_side_by_side, _predict_side_by_side)


def _quicker_alone(R: int, weights: int, threads: int) -> bool:
    """Whether R networks of so many weights train faster one by one than in blocks, each on its thread."""
    as_long = min(2 + weights / 70, 12)  # networks alone take as long as a block; measured, like _LARGE
    blocks = math.ceil(R / _NETWORKS)
    return weights > _LARGE or math.ceil(R / threads) <= as_long * math.ceil(blocks / threads)


def _each_block(weights: Weights, one: Callable[[_Form, slice], None]) -> None:
    """Call `one` for each block of networks, on as many threads as NUMBA_NUM_THREADS allows."""
    R, threads = len(weights.b_h), numba.config.NUMBA_NUM_THREADS
    size = 1 if _quicker_alone(R, sum(array[0].size for array in weights), threads) else _NETWORKS
    blocks = [slice(r, min(r + size, R)) for r in range(0, R, size)]
    forms = [_ALONE if block.stop - block.start == 1 else _SIDE_BY_SIDE for block in blocks]
    if threads == 1 or len(blocks) == 1:
        for form, block in zip(forms, blocks, strict=True):
            one(form, block)
    else:
        with ThreadPoolExecutor(min(threads, len(blocks))) as pool:
            list(pool.map(one, forms, blocks))


def train(
    state: State,
    inputs: np.ndarray,
    targets: np.ndarray,
    rule: Rule,
    *,
    epochs: int,
    resets: np.ndarray | None = None,
    counted: np.ndarray | None = None,
) -> tuple[State, np.ndarray]:
    """As `elman.trainers.reference.train`, for inputs and targets of bits; equal to it but for rounding."""
    weights, context = state.weights, state.context
    trained = Weights(*[np.empty_like(array) for array in weights])
    end, losses = np.empty_like(context), np.empty((len(context), epochs))
    kernel_rule = _Rule(-rule.learning_rate, resets is not None, rule.context == "hidden")

    def one(form: _Form, block: slice) -> None:
        stream = block if len(inputs) > 1 else slice(1)
        read = np.ascontiguousarray(inputs[stream][0]) if form is _ALONE else form.laid(inputs[stream])
        laid = form.weights(Weights(*[array[block] for array in weights]))
        b_h, b_o = laid[2], laid[4]
        states, step, start = _zeros((3, *b_h.shape)), _zeros(b_h.shape), _zeros(b_h.shape)
        states[0] = form.laid(context[block])
        step[...], start[...] = _NOTHING, rule.initial_context
        errors, changes, listed = _zeros(b_o.shape), _zeros(b_o.shape), np.zeros(inputs.shape[2], np.intp)
        masks = _zeros((len(listed), form.networks))
        loss = _zeros((epochs, form.networks))
        streams = (read, form.laid(targets[stream].swapaxes(1, 2)))
        form.train(streams, laid, (states, errors, changes, step, listed, masks), loss, start, kernel_rule)
        for array, result in zip(trained, laid, strict=False):
            array[block] = form.back(result, array[block])
        end[block] = form.back(states[0], end[block])
        losses[block] = _from_networks(loss, losses[block])

    inputs, targets = inputs.astype(np.uint8, copy=False), targets.astype(np.uint8, copy=False)
    _each_block(weights, one)
    return State(trained, None, end), losses


def predict(
    weights: Weights, inputs: np.ndarray, context: np.ndarray, rule: Rule, *, resets: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `elman.network.predict` for R networks, with inputs of bits; equal to it but for rounding."""
    inputs = np.ascontiguousarray(inputs, np.uint8)
    recurrent = rule.context == "hidden"
    R, T, O, H = len(context), len(inputs), weights.b_o.shape[1], weights.b_h.shape[1]
    outputs, hiddens = np.empty((R, T, O)), np.empty((R, T, H))

    def one(form: _Form, block: slice) -> None:
        given = form.weights(Weights(*[array[block] for array in weights]))
        b_h, b_o = given[2], given[4]
        states, step = _zeros((3, *b_h.shape)), _zeros(b_h.shape)
        states[0], step[...] = form.laid(context[block]), _NOTHING
        listed, masks = np.zeros(inputs.shape[1], np.intp), _zeros((inputs.shape[1], 1))
        laid = (_zeros((len(b_o), T, b_o.shape[1])), _zeros((len(b_h), T, b_h.shape[1])))
        form.predict(inputs, given, states, step, listed, masks, laid, outputs[block], hiddens[block], recurrent)

    _each_block(weights, one)
    return outputs, hiddens, hiddens[:, -1] if recurrent and T else context


def warm_up() -> None:
    """Compile, or load what was compiled before, by training and testing the smallest networks for no time at all."""
    inputs = np.zeros((1, 1, 1), np.uint8)
    for R in (1, 3 * numba.config.NUMBA_NUM_THREADS):
        tiny = Weights(*(np.zeros((R, *[1] * dimensions)) for dimensions in (2, 2, 1, 2, 1)))
        train(State(tiny, None, np.zeros((R, 1))), inputs, inputs, Rule(0.1), epochs=0)
        predict(tiny, inputs[0], np.zeros((R, 1)), Rule(0.1))
