"""The recurrence of `network` and `train` compiled by numba, with the processor's vector units in explicit use.

One source, `_train`, is compiled twice. It sees arrays of vectors, and what lies side by side in one is

    alone           8 units of one network: W_hh[c, h] leads from context unit c to hidden units 8h, ..., 8h + 7
    side by side    one unit of 16 networks: W_hh[c, h] leads from context unit c to hidden unit h in each of them

                    alone                        side by side
    W_ih            (I, H/8, 8)                  (I, H, 16)    the unit that a weight leads *from* is the first axis,
    W_hh            (H, H/8, 8)                  (H, H, 16)
    W_ho            (O, H/8, 8)                  (O, H, 16)    but not here, as the errors go back
    W_oh            (H, O/8, 8)                  W_ho.T        a network alone has the same weights in the other order
    b_h, b_o        (H/8, 8) and (O/8, 8)        (H, 16) and (O, 16)
    inputs          (T, I)                       (T, I, 16)    bits; each network reads a stream of its own
    targets         (T, O/8, 8)                  (T, O, 16)
    states          (3, H/8, 8)                  (3, H, 16)    activations; which row is the context goes round

A sum over units takes them one by one, from a second view of the same memory: `each_state` is (3, H), of numbers in a
network alone and of vectors side by side. So in either form every sum adds the same terms in the same order (bias,
inputs, contexts), and a network has the same bits alone and among others. Vectors are filled up with units that lead
nowhere, a block of 16 with copies of one of its networks; nobody reads what becomes of those.

Blocks (16 networks, or one) go to the threads in turn. A network is trained alone if there are few of them, or if 16 of
them are too large for the memory next to the processor.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numba
import numpy as np

from elman.lanes import SOURCE, any_lane, fma, held, in_a_row, in_vectors, scaled, truth, where
from elman.network import Weights

_UNITS = 8  # of one network in a vector
_NETWORKS = 16  # in a vector
_LARGE = 2**21  # bytes of weights in a block of networks beyond which they are faster one by one
_FEW = 8  # inputs that are all read at every step, which is quicker than to look for those that are 1
_FEW_NETWORKS = 2  # a thread: so many are trained alone, which is quicker than a block that is mostly copies
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
    """The exponential of -708 to 708, to a unit in the last place: x = k ln 2 + r, and a polynomial in r."""
    shifted = fma(x, 1.4426950408889634, 6755399441055744.0)  # 1 / ln 2; adding 1.5 * 2**52 rounds to a whole number
    k = shifted - 6755399441055744.0
    r = fma(k, -1.90821492927058770002e-10, fma(k, -6.93147180369123816490e-01, x))  # ln 2 in two parts
    # exp(r) = 1 + r + r**2 q(r); q interpolates at the ten Chebyshev nodes of -ln 2 / 2 to ln 2 / 2.
    r2 = r * r
    r4 = r2 * r2
    q01 = fma(r, 0.16666666666666669, 0.5000000000000001)
    q23 = fma(r, 0.008333333333330062, 0.04166666666662413)
    q45 = fma(r, 0.00019841269863053618, 0.0013888888917213717)
    q67 = fma(r, 2.7557268459997064e-06, 2.4801521295954376e-05)
    q89 = fma(r, 2.510038549551032e-08, 2.7620088445409746e-07)
    q = fma(fma(r4, q89, fma(r2, q67, q45)), r4, fma(r2, q23, q01))
    return scaled(fma(q, r2, r) + 1.0, shifted)


@numba.njit(error_model="numpy", forceinline=True)
def _logistic(z):
    return 1.0 / (_exp(-1.0 * held(z, 500.0)) + 1.0)


@numba.njit(error_model="numpy", forceinline=True)
def _list_inputs(inputs, t, listed):
    """List the inputs that may be 1 at step t, and count them; `listed` comes with all of them."""
    I = len(listed)
    if I <= _FEW:
        return I
    n = 0
    for i in range(I):
        if any_lane(truth(inputs[t, i])):
            listed[n] = i
            n += 1
    return n


@numba.njit(error_model="numpy", forceinline=True)
def _hidden(inputs, t, listed, n, W_ih, W_hh, b_h, step, before, context, hidden, states, each_state):
    """The hidden layer of one step, and, as the weights pass by, the change of W_hh that the step before asks for.

    In `states`, row `before` is the context of the step before, `context` that of this step, `hidden` is to be filled.
    """
    for h in range(len(b_h)):
        z = b_h[h]
        for j in range(n):
            i = listed[j]
            z = where(truth(inputs[t, i]), z + W_ih[i, h], z)
        for c in range(len(W_hh)):
            weight = fma(step[h], each_state[before, c], W_hh[c, h])
            W_hh[c, h] = weight
            z = fma(weight, each_state[context, c], z)
        states[hidden, h] = _logistic(z)


@numba.njit(error_model="numpy", forceinline=True)
def _output(o, W_oh, b_o, hidden, each_state):
    z = b_o[o]
    for h in range(len(W_oh)):
        z = fma(W_oh[h, o], each_state[hidden, h], z)
    return _logistic(z)


@numba.njit(error_model="numpy", forceinline=True)
def _train(inputs, targets, W_ih, W_hh, b_h, W_ho, b_o, W_oh, both_orders, states, each_state, errors, each_error,
           slopes, each_slope, step, listed, losses, start, down, reset, recurrent):  # fmt: skip
    """Train in place, from context states[0] to states[0]; losses come as zeros, `down` is minus the learning rate."""
    T, H, O = len(inputs), len(W_hh), len(W_ho)
    context, hidden, before = 0, 1, 2 if recurrent else 0
    for epoch in range(len(losses)):
        if reset:
            for h in range(len(b_h)):
                states[context, h] = start[h]
        total = losses[epoch]
        for t in range(T):
            # Forward.
            n = _list_inputs(inputs, t, listed)
            _hidden(inputs, t, listed, n, W_ih, W_hh, b_h, step, before, context, hidden, states, each_state)
            for o in range(len(b_o)):
                output = _output(o, W_oh, b_o, hidden, each_state)
                error = where(truth(targets[t, o]), output - 1.0, output)
                slope = error * output * (1.0 - output)
                errors[o] = error
                slopes[o] = slope
                b_o[o] = fma(down, slope, b_o[o])
            for o in range(O):
                total = fma(each_error[o], each_error[o], total)
            # What the errors say about each hidden unit, and the change of the output weights that it led to them by.
            for h in range(len(b_h)):
                activation = states[hidden, h]
                back = W_ho[0, h] * each_slope[0]
                W_ho[0, h] = fma(down * each_slope[0], activation, W_ho[0, h])
                for o in range(1, O):
                    back = fma(W_ho[o, h], each_slope[o], back)
                    W_ho[o, h] = fma(down * each_slope[o], activation, W_ho[o, h])
                step[h] = down * (back * activation * (1.0 - activation))
                b_h[h] = b_h[h] + step[h]
                for j in range(n):
                    i = listed[j]
                    W_ih[i, h] = where(truth(inputs[t, i]), W_ih[i, h] + step[h], W_ih[i, h])
            if both_orders:
                for h in range(H):
                    for o in range(len(b_o)):
                        W_oh[h, o] = fma(down * slopes[o], each_state[hidden, h], W_oh[h, o])
            # The copy.
            if recurrent:
                before, context, hidden = context, hidden, before
        losses[epoch] = total / float(T * O)
    for h in range(len(b_h)):
        for c in range(H):
            W_hh[c, h] = fma(step[h], each_state[before, c], W_hh[c, h])
    for h in range(len(b_h)):
        states[0, h] = states[context, h]


@numba.njit(error_model="numpy", forceinline=True)
def _predict(inputs, W_ih, W_hh, b_h, b_o, W_oh, states, each_state, step, listed, outputs, hiddens, recurrent):
    """Read a stream from context states[0], without learning."""
    context, hidden = 0, 1
    for t in range(len(inputs)):
        n = _list_inputs(inputs, t, listed)
        _hidden(inputs, t, listed, n, W_ih, W_hh, b_h, step, 2, context, hidden, states, each_state)
        for o in range(len(b_o)):
            outputs[t, o] = _output(o, W_oh, b_o, hidden, each_state)
        for h in range(len(b_h)):
            hiddens[t, h] = states[hidden, h]
        if recurrent:
            context, hidden = hidden, context


@_jit
def _train_alone(inputs, targets, weights, states, errors, slopes, step, listed, losses, start, down, reset,
                 recurrent, source=SOURCE):  # fmt: skip
    W_ih, W_hh, b_h, W_ho, b_o, W_oh = weights
    _train(inputs, in_vectors(targets, _UNITS), in_vectors(W_ih, _UNITS), in_vectors(W_hh, _UNITS),
           in_vectors(b_h, _UNITS), in_vectors(W_ho, _UNITS), in_vectors(b_o, _UNITS), in_vectors(W_oh, _UNITS), True,
           in_vectors(states, _UNITS), in_a_row(states), in_vectors(errors, _UNITS), in_a_row(errors),
           in_vectors(slopes, _UNITS), in_a_row(slopes), in_vectors(step, _UNITS), listed, in_a_row(losses),
           in_vectors(start, _UNITS), down, reset, recurrent)  # fmt: skip


@_jit
def _train_side_by_side(inputs, targets, weights, states, errors, slopes, step, listed, losses, start, down, reset,
                       recurrent, source=SOURCE):  # fmt: skip
    W_ih, W_hh, b_h, W_ho, b_o = weights
    all_W_ho, all_states = in_vectors(W_ho, _NETWORKS), in_vectors(states, _NETWORKS)
    all_errors, all_slopes = in_vectors(errors, _NETWORKS), in_vectors(slopes, _NETWORKS)
    _train(in_vectors(inputs, _NETWORKS), in_vectors(targets, _NETWORKS), in_vectors(W_ih, _NETWORKS),
           in_vectors(W_hh, _NETWORKS), in_vectors(b_h, _NETWORKS), all_W_ho, in_vectors(b_o, _NETWORKS), all_W_ho.T,
           False, all_states, all_states, all_errors, all_errors, all_slopes, all_slopes, in_vectors(step, _NETWORKS),
           listed, in_vectors(losses, _NETWORKS), in_vectors(start, _NETWORKS), down, reset, recurrent)  # fmt: skip


@_jit
def _predict_alone(inputs, weights, states, step, listed, outputs, hiddens, recurrent, source=SOURCE):
    W_ih, W_hh, b_h, _, b_o, W_oh = weights
    _predict(inputs, in_vectors(W_ih, _UNITS), in_vectors(W_hh, _UNITS), in_vectors(b_h, _UNITS),
             in_vectors(b_o, _UNITS), in_vectors(W_oh, _UNITS), in_vectors(states, _UNITS), in_a_row(states),
             in_vectors(step, _UNITS), listed, in_vectors(outputs, _UNITS), in_vectors(hiddens, _UNITS),
             recurrent)  # fmt: skip


@_jit
def _predict_side_by_side(inputs, weights, states, step, listed, outputs, hiddens, recurrent, source=SOURCE):
    W_ih, W_hh, b_h, W_ho, b_o = weights
    all_states = in_vectors(states, _NETWORKS)
    _predict(inputs, in_vectors(W_ih, _NETWORKS), in_vectors(W_hh, _NETWORKS), in_vectors(b_h, _NETWORKS),
             in_vectors(b_o, _NETWORKS), in_vectors(W_ho, _NETWORKS).T, all_states, all_states,
             in_vectors(step, _NETWORKS), listed, in_vectors(outputs, _NETWORKS), in_vectors(hiddens, _NETWORKS),
             recurrent)  # fmt: skip


def _zeros(shape: tuple[int, ...], dtype: Any = float) -> np.ndarray:
    """Zeros that start where a cache line does, so that no vector lies across two, and no two threads write to one."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.zeros(size + 2 * _ALIGNMENT, np.uint8)
    first = -memory.ctypes.data % _ALIGNMENT
    return memory[first : first + size].view(dtype).reshape(shape)


def _in_units(array: np.ndarray) -> np.ndarray:
    """The units (1, ..., n) of one network in vectors (..., n/8, 8)."""
    *shape, n = array.shape[1:]
    laid = _zeros((*shape, -(-n // _UNITS), _UNITS), array.dtype)
    laid.reshape(*shape, laid.shape[-2] * laid.shape[-1])[..., :n] = array[0]
    return laid


def _from_units(laid: np.ndarray, like: np.ndarray) -> np.ndarray:
    return laid.reshape(1, *laid.shape[:-2], laid.shape[-2] * laid.shape[-1])[..., : like.shape[-1]]


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


def _from_first(weights: Weights) -> Weights:
    """Views in which W_ih and W_hh have the units that they lead from first, or, of those, views as it was before."""
    W_ih, W_hh, *rest = weights
    return Weights(W_ih.swapaxes(1, 2), W_hh.swapaxes(1, 2), *rest)


def _each_block(weights: Weights, one: Callable[[_Form, slice], None]) -> None:
    """Call `one` for each block of networks, on as many threads as NUMBA_NUM_THREADS allows."""
    R, threads = len(weights.b_h), numba.config.NUMBA_NUM_THREADS
    large = _NETWORKS * sum(array[0].nbytes for array in weights) > _LARGE
    size = 1 if large or _FEW_NETWORKS * threads >= R else _NETWORKS
    blocks = [slice(r, min(r + size, R)) for r in range(0, R, size)]
    forms = [_ALONE if block.stop - block.start == 1 else _SIDE_BY_SIDE for block in blocks]
    if threads == 1 or len(blocks) == 1:
        for form, block in zip(forms, blocks, strict=True):
            one(form, block)
    else:
        with ThreadPoolExecutor(min(threads, len(blocks))) as pool:
            list(pool.map(one, forms, blocks))


def train(
    weights: Weights,
    context: np.ndarray,
    inputs: np.ndarray,
    targets: np.ndarray,
    *,
    epochs: int,
    learning_rate: float,
    reset_to: float | None,
    recurrent: bool,
) -> tuple[Weights, np.ndarray, np.ndarray]:
    """As `elman.train.train_numpy`, for inputs and targets of bits; equal to it but for rounding."""
    given = _from_first(weights)
    trained = Weights(*[np.empty_like(array) for array in given])
    end, losses = np.empty_like(context), np.empty((len(context), epochs))
    options = (-learning_rate, reset_to is not None, recurrent)

    def one(form: _Form, block: slice) -> None:
        stream = block if len(inputs) > 1 else slice(1)
        read = inputs[stream][0] if form is _ALONE else form.laid(inputs[stream])
        laid = form.weights(Weights(*[array[block] for array in given]))
        b_h, b_o = laid[2], laid[4]
        states, step, start = _zeros((3, *b_h.shape)), _zeros(b_h.shape), _zeros(b_h.shape)
        states[0] = form.laid(context[block])
        step[...], start[...] = _NOTHING, reset_to or 0.0
        errors, slopes, listed = _zeros(b_o.shape), _zeros(b_o.shape), np.arange(inputs.shape[2])
        loss = _zeros((epochs, form.networks))
        form.train(read, form.laid(targets[stream]), laid, states, errors, slopes, step, listed, loss, start, *options)
        for array, result in zip(trained, laid, strict=False):
            array[block] = form.back(result, array[block])
        end[block] = form.back(states[0], end[block])
        losses[block] = _from_networks(loss, losses[block])

    inputs, targets = np.ascontiguousarray(inputs, np.uint8), np.ascontiguousarray(targets, np.uint8)
    _each_block(weights, one)
    return _from_first(trained), end, losses


def predict(
    weights: Weights, inputs: np.ndarray, context: np.ndarray, *, recurrent: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """As `elman.network.predict` for R networks, with inputs of bits; equal to it but for rounding."""
    given, inputs = _from_first(weights), np.ascontiguousarray(inputs, np.uint8)
    outputs = np.empty((len(context), len(inputs), weights.b_o.shape[-1]))  # (R, T, O)
    hiddens = np.empty((len(context), len(inputs), weights.b_h.shape[-1]))  # (R, T, H)

    def one(form: _Form, block: slice) -> None:
        laid = form.weights(Weights(*[array[block] for array in given]))
        b_h, b_o = laid[2], laid[4]
        states, step = _zeros((3, *b_h.shape)), _zeros(b_h.shape)
        states[0], step[...] = form.laid(context[block]), _NOTHING
        listed = np.arange(inputs.shape[1])
        out, hidden = _zeros((len(inputs), *b_o.shape)), _zeros((len(inputs), *b_h.shape))
        form.predict(inputs, laid, states, step, listed, out, hidden, recurrent)
        outputs[block], hiddens[block] = form.back(out, outputs[block]), form.back(hidden, hiddens[block])

    _each_block(weights, one)
    return outputs, hiddens


def warm_up() -> None:
    """Compile, or load what was compiled before, by training and testing the smallest networks for no time at all."""
    inputs = np.zeros((1, 1, 1), np.uint8)
    for R in (1, _FEW_NETWORKS * numba.config.NUMBA_NUM_THREADS + 2):
        tiny = Weights(*(np.zeros((R, *[1] * dimensions)) for dimensions in (2, 2, 1, 2, 1)))
        train(tiny, np.zeros((R, 1)), inputs, inputs, epochs=0, learning_rate=0.1, reset_to=None, recurrent=True)
        predict(tiny, inputs[0], np.zeros((R, 1)))
