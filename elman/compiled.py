"""The recurrence of `network` and `train` in scalars, compiled by numba; the networks are spread over threads.

The matrices lie here with the unit they lead *to* in the last axis: W_ih as (R, I, H), W_hh as (R, H, H), while W_ho is
(R, O, H) as everywhere. So every inner loop runs along the hidden units, side by side in memory: the processor's vector
units take several at once, and the sum of each unit still adds its terms in one fixed order (bias, inputs, contexts).
Each network is trained by one thread in the same loop, so its bits depend neither on the others nor on the threads.
"""

import math
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np

from elman.network import Weights

_CACHE_LINE = 16  # numbers of 8 bytes; 128 bytes are the longest line of today's processors


def _jit(function: Callable[..., None]) -> Callable[..., None]:
    """Compile once per machine, or, where there is no place to keep the result, once per process."""
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba finds no directory that it may write to
        return numba.njit(**options)(function)


@numba.njit(error_model="numpy")
def _logistic(z):
    return 1.0 / (1.0 + math.exp(-min(max(z, -500.0), 500.0)))


@numba.njit(error_model="numpy", inline="always")
def _hidden(inputs, t, context, W_ih, W_hh, b_h, hidden):
    H = len(hidden)
    for h in range(H):
        hidden[h] = b_h[h]
    for i in range(inputs.shape[1]):
        if inputs[t, i]:  # an input is a bit: 1 adds the weight, 0 nothing
            for h in range(H):
                hidden[h] += W_ih[i, h]
    for c in range(H):
        activation = context[c]
        for h in range(H):
            hidden[h] += W_hh[c, h] * activation
    for h in range(H):
        hidden[h] = _logistic(hidden[h])


@numba.njit(error_model="numpy", inline="always")
def _output(o, hidden, W_ho, b_o):
    z = b_o[o]
    for h in range(len(hidden)):
        z += W_ho[o, h] * hidden[h]
    return _logistic(z)


@_jit
def _train_one(inputs, targets, W_ih, W_hh, b_h, W_ho, b_o, context, losses, rate, reset, reset_to, recurrent):
    """Train one network in place: inputs (T, I), targets (T, O), context (H,), losses (E,)."""
    (T, I), H, O = inputs.shape, len(b_h), len(b_o)
    hidden, step = np.empty(H), np.empty(H)
    for epoch in range(len(losses)):
        if reset:
            for h in range(H):
                context[h] = reset_to
        total = 0.0
        for t in range(T):
            # Forward.
            _hidden(inputs, t, context, W_ih, W_hh, b_h, hidden)
            # The output layer: its error, what that says about the hidden units, and its own change.
            for h in range(H):
                step[h] = 0.0
            for o in range(O):
                output = _output(o, hidden, W_ho, b_o)
                error = output - targets[t, o]
                total += error * error
                delta_o = error * output * (1.0 - output)
                change = rate * delta_o
                for h in range(H):
                    step[h] += W_ho[o, h] * delta_o
                    W_ho[o, h] -= change * hidden[h]
                b_o[o] -= change
            # The hidden layer, with the context from before the step.
            for h in range(H):
                step[h] = rate * (step[h] * hidden[h] * (1.0 - hidden[h]))
                b_h[h] -= step[h]
            for i in range(I):
                if inputs[t, i]:
                    for h in range(H):
                        W_ih[i, h] -= step[h]
            for c in range(H):
                activation = context[c]
                for h in range(H):
                    W_hh[c, h] -= step[h] * activation
            # The copy.
            if recurrent:
                for h in range(H):
                    context[h] = hidden[h]
        losses[epoch] = total / (T * O)


@_jit
def _predict_one(inputs, W_ih, W_hh, b_h, W_ho, b_o, context, recurrent, outputs, hiddens):
    """Run one network over inputs (T, I), into outputs (T, O) and hiddens (T, H), with its context (H,) in place."""
    hidden = np.empty(len(context))
    for t in range(len(inputs)):
        _hidden(inputs, t, context, W_ih, W_hh, b_h, hidden)
        for o in range(len(b_o)):
            outputs[t, o] = _output(o, hidden, W_ho, b_o)
        for h in range(len(hidden)):
            hiddens[t, h] = hidden[h]
            if recurrent:
                context[h] = hidden[h]


def _laid_out(weights: Weights, context: np.ndarray) -> list[list[np.ndarray]]:
    """For each network, copies of its weights and context that the compiled loops may change.

    They lie side by side in memory of the network's own: two threads that wrote to the same cache line would slow each
    other down.
    """
    W_ih, W_hh, b_h, W_ho, b_o = weights
    arrays = [W_ih.swapaxes(-1, -2), W_hh.swapaxes(-1, -2), b_h, W_ho, b_o, context]
    ends = np.cumsum([array[0].size for array in arrays])
    memory = np.empty((len(context), ends[-1] + _CACHE_LINE))
    networks = []
    for r in range(len(context)):
        parts = np.split(memory[r], ends)
        networks.append([part.reshape(array.shape[1:]) for part, array in zip(parts, arrays, strict=False)])
        for copy, array in zip(networks[r], arrays, strict=True):
            copy[...] = array[r]
    return networks


def _on_all_threads(one: Callable[[int], None], networks: Iterable[int]) -> None:
    """Call `one` for each network, on as many threads as NUMBA_NUM_THREADS allows; the compiled loops free the GIL."""
    threads = min(numba.config.NUMBA_NUM_THREADS, len(networks := list(networks)))
    if threads == 1:
        for network in networks:
            one(network)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, networks))


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
    networks, losses = _laid_out(weights, context), np.empty((len(context), epochs))
    inputs, targets = np.ascontiguousarray(inputs, np.uint8), np.ascontiguousarray(targets, np.uint8)
    options = (learning_rate, reset_to is not None, reset_to or 0.0, recurrent)

    def one(r: int) -> None:
        s = r if len(inputs) > 1 else 0
        _train_one(inputs[s], targets[s], *networks[r], losses[r], *options)

    _on_all_threads(one, range(len(context)))
    W_ih, W_hh, b_h, W_ho, b_o, context = (np.stack(arrays) for arrays in zip(*networks, strict=True))
    return Weights(W_ih.swapaxes(-1, -2), W_hh.swapaxes(-1, -2), b_h, W_ho, b_o), context, losses


def warm_up() -> None:
    """Compile, or load what was compiled before, by training and testing the smallest network for no time at all."""
    tiny = Weights(*(np.zeros((1, *[1] * dimensions)) for dimensions in (2, 2, 1, 2, 1)))
    inputs = np.zeros((1, 1, 1), np.uint8)
    train(tiny, np.zeros((1, 1)), inputs, inputs, epochs=0, learning_rate=0.1, reset_to=None, recurrent=True)
    predict(tiny, inputs[0], np.zeros((1, 1)))


def predict(
    weights: Weights, inputs: np.ndarray, context: np.ndarray, *, recurrent: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """As `elman.network.predict` for R networks, with inputs of bits; equal to it but for rounding."""
    networks, inputs = _laid_out(weights, context), np.ascontiguousarray(inputs, np.uint8)
    outputs = np.empty((len(context), len(inputs), weights.b_o.shape[-1]))  # (R, T, O)
    hiddens = np.empty((len(context), len(inputs), weights.b_h.shape[-1]))  # (R, T, H)

    def one(r: int) -> None:
        _predict_one(inputs, *networks[r], recurrent, outputs[r], hiddens[r])

    _on_all_threads(one, range(len(context)))
    return outputs, hiddens
