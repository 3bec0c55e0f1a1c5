"""One epoch after another: the trainers, by the name of their backend."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from elman import network
from elman.network import Weights


class Backend(NamedTuple):
    """Two functions that train and test R networks."""

    train: Callable[..., tuple[Weights, np.ndarray, np.ndarray]]
    """As `train_numpy`."""
    predict: Callable[..., tuple[np.ndarray, np.ndarray]]
    """As `network.predict`, for R networks."""


def train_numpy(
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
    """Train R networks; the readable reference for every other trainer.

    Training for some epochs and then, from what was returned, for some more is the same as training in one piece.

    Args:
        weights: of R networks, with a leading axis.
        context: (R, H): activation of the context units before the first step.
        inputs: (R, T, I), or (1, T, I) where all networks practise on the same stream.
        targets: (R, T, O), or (1, T, O): the elements to be predicted.
        epochs: E, passes through the stream.
        learning_rate: step of the gradient descent, on half the sum of squared errors of one step.
        reset_to: activation of the context units at the start of every epoch, or None to carry them on.
        recurrent: False keeps the context as it is.

    Returns:
        The weights, the context (R, H) after the last step, and the losses (R, E): the squared error before each
        change, averaged over output units and steps.
    """
    inputs, targets = inputs.astype(float), targets.astype(float)
    losses = np.empty((len(context), epochs))
    for epoch in range(epochs):
        if reset_to is not None:
            context = np.full_like(context, reset_to)
        total = np.zeros(len(context))  # (R,)
        for t in range(inputs.shape[1]):
            x, target = inputs[:, t], targets[:, t]
            hidden, output = network.forward(weights, x, context)
            slope = network.gradient(weights, x, context, hidden, output, target)
            weights = network.update(weights, slope, learning_rate)
            if recurrent:
                context = hidden
            total += np.mean((output - target) ** 2, axis=-1)
        losses[:, epoch] = total / inputs.shape[1]
    return weights, context, losses


def _numpy() -> Backend:
    return Backend(train_numpy, network.predict)


def _numba() -> Backend:
    with _interrupts_put_off():
        from elman import compiled  # numba takes its time to import, and the numpy backend does not need it

        compiled.warm_up()
    return Backend(compiled.train, compiled.predict)


@contextmanager
def _interrupts_put_off() -> Iterator[None]:
    """Hold Ctrl-C back until the end of the block; numba would lose it, or make an error of its own of it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: caught.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if caught:
        raise KeyboardInterrupt


TRAINERS: dict[str, Callable[[], Backend]] = {"numba": _numba, "numpy": _numpy}
