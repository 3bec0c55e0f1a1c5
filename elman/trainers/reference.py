"""The training loop in numpy: the readable reference for every other trainer."""

import numpy as np

from elman import network
from elman.network import Weights

predict = network.predict


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
