"""Elman's simple recurrent network: its weights, and what one step does with them (Elman 1990, pp. 182-184).

Sizes: I input units, H hidden and so H context units, O output units. Everything here is written for one network; a
leading axis R on weights, contexts and hidden units makes it R networks, and each computes the same bits as alone.
"""

from typing import NamedTuple

import numpy as np


class Weights(NamedTuple):
    """The trained weights. The copy from hidden to context units has weight 1 and is not trained, so not here."""

    W_ih: np.ndarray
    """(..., H, I): input to hidden."""
    W_hh: np.ndarray
    """(..., H, H): context to hidden."""
    b_h: np.ndarray
    """(..., H): bias of the hidden units."""
    W_ho: np.ndarray
    """(..., O, H): hidden to output."""
    b_o: np.ndarray
    """(..., O): bias of the output units."""


def init(rng: np.random.Generator, *, inputs: int, hidden: int, outputs: int, scale: float) -> Weights:
    """Draw the initial weights of one network from a normal distribution around 0; biases start at 0.

    Args:
        rng: source of the draw.
        inputs: I, input units.
        hidden: H, hidden units.
        outputs: O, output units.
        scale: standard deviation of the draw; the paper does not state its own.
    """
    return Weights(
        W_ih=scale * rng.standard_normal((hidden, inputs)),
        W_hh=scale * rng.standard_normal((hidden, hidden)),
        b_h=np.zeros(hidden),
        W_ho=scale * rng.standard_normal((outputs, hidden)),
        b_o=np.zeros(outputs),
    )


def stack(networks: list[Weights]) -> Weights:
    """Put R networks of the same shape behind a leading axis."""
    return Weights(*(np.stack(arrays) for arrays in zip(*networks, strict=True)))


def logistic(z: np.ndarray) -> np.ndarray:
    """The activation of a unit with net input z: 1 / (1 + exp(-z)), with z held between -500 and 500."""
    return 1.0 / (1.0 + np.exp(-np.clip(z, -500.0, 500.0)))


def forward(weights: Weights, x: np.ndarray, context: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read one element.

    Args:
        weights: of one network, or of R.
        x: (I,), or (R, I): the element read.
        context: (..., H): the hidden activations of the step before.

    Returns:
        hidden (..., H) and output (..., O), each between 0 and 1.
    """
    hidden = logistic(np.matvec(weights.W_ih, x) + np.matvec(weights.W_hh, context) + weights.b_h)  # (..., H)
    output = logistic(np.matvec(weights.W_ho, hidden) + weights.b_o)  # (..., O)
    return hidden, output


def gradient(
    weights: Weights,
    x: np.ndarray,
    context: np.ndarray,
    hidden: np.ndarray,
    output: np.ndarray,
    target: np.ndarray,
) -> Weights:
    """The gradient of half the sum of squared errors of this step, with respect to each weight.

    The error goes back through this step only: the context counts as input (p. 184). It must be the context from
    *before* the step.

    Args:
        weights: those that `forward` used.
        x: (I,), or (R, I): the element read.
        context: (..., H): the context that `forward` used.
        hidden: (..., H): what `forward` returned.
        output: (..., O): what `forward` returned.
        target: (O,), or (R, O): the next element.

    Returns:
        Weights whose arrays are the derivatives.
    """
    delta_o = (output - target) * output * (1.0 - output)  # (..., O)
    delta_h = np.vecmat(delta_o, weights.W_ho) * hidden * (1.0 - hidden)  # (..., H)
    return Weights(
        W_ih=delta_h[..., :, None] * x[..., None, :],
        W_hh=delta_h[..., :, None] * context[..., None, :],
        b_h=delta_h,
        W_ho=delta_o[..., :, None] * hidden[..., None, :],
        b_o=delta_o,
    )


def update(weights: Weights, slope: Weights, learning_rate: float) -> Weights:
    """Change all weights at once, down the gradient."""
    return Weights(*(w - learning_rate * g for w, g in zip(weights, slope, strict=True)))


def predict(
    weights: Weights, inputs: np.ndarray, context: np.ndarray, *, recurrent: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Read a sequence without learning.

    Args:
        weights: of one network, or of R.
        inputs: (T, I): the elements read, the same for all networks.
        context: (..., H): activation of the context units before the first step.
        recurrent: False keeps the context as it is.

    Returns:
        outputs (..., T, O) and hiddens (..., T, H).
    """
    outputs = np.empty((*weights.b_o.shape[:-1], len(inputs), weights.b_o.shape[-1]))  # (..., T, O)
    hiddens = np.empty((*weights.b_h.shape[:-1], len(inputs), weights.b_h.shape[-1]))  # (..., T, H)
    for t, x in enumerate(inputs.astype(float)):
        hiddens[..., t, :], outputs[..., t, :] = hidden, _ = forward(weights, x, context)
        if recurrent:
            context = hidden
    return outputs, hiddens
