"""Simple recurrent networks: their weights, what one step computes and how it changes them (Elman 1990, pp. 182-184).

Sizes: I input units, H hidden units, C context units, O output units. Everything here is written for one network; a
leading axis R on weights, contexts and activations makes it R networks, and each computes the same bits as alone.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

Array = np.ndarray


class Weights(NamedTuple):
    """The trained weights. The copy to the context units has weight 1 and is not trained, so not here."""

    W_ih: Array
    """(..., H, I): input to hidden."""
    W_hh: Array
    """(..., H, C): context to hidden."""
    b_h: Array
    """(..., H): bias of the hidden units."""
    W_ho: Array
    """(..., O, H): hidden to output."""
    b_o: Array
    """(..., O): bias of the output units."""


class Rule(NamedTuple):
    """How a network learns and what its context units hold. The defaults are those of Elman (1990)."""

    learning_rate: float
    """Above 0: the step of the gradient descent."""
    momentum: float = 0.0
    """From 0 to below 1: the share of the last change that is added to the next."""
    bptt_steps: int = 1
    """k, at least 1: the steps that the error of each step goes back through; 1 is Elman's rule."""
    loss: str = "squared"
    """A name in LOSSES."""
    activation: str = "logistic"
    """Of the hidden units: a name in ACTIVATIONS."""
    context: str = "hidden"
    """What is copied to the context units after each step: a name in CONTEXTS."""
    context_decay: float = 0.0
    """From 0 to below 1: the share of the old context that stays."""
    initial_context: float = 0.0
    """The activation that context units are set back to."""


class Step(NamedTuple):
    """What one step read and computed: all that an error needs on its way back through it."""

    x: Array
    """(..., I): the element read."""
    context: Array
    """(..., C): the context read."""
    hidden: Array
    """(..., H): the hidden activations."""
    fresh: Array
    """(...) bool: whether the context had just been set back, so that no error goes back beyond this step."""


class State(NamedTuple):
    """All that a step of training hands to the next."""

    weights: Weights
    velocity: Weights | None
    """The last change of each weight; None without momentum."""
    context: Array
    """(..., C): activation of the context units."""
    steps: tuple[Step, ...] = ()
    """The last bptt_steps - 1 steps, the newest last; fewer where there were fewer."""


# Weights at the start.

DISTRIBUTIONS: dict[str, Callable[[np.random.Generator, float, tuple[int, ...]], Array]] = {
    "normal": lambda rng, scale, shape: scale * rng.standard_normal(shape),
    "uniform": lambda rng, scale, shape: rng.uniform(-scale, scale, shape),
}


def init(
    rng: np.random.Generator,
    *,
    inputs: int,
    hidden: int,
    outputs: int,
    scale: float,
    context: int | None = None,
    distribution: str = "normal",
) -> Weights:
    """Draw the initial weights of one network around 0; biases start at 0. The paper states neither form nor scale.

    Args:
        rng: source of the draw.
        inputs: I, input units.
        hidden: H, hidden units.
        outputs: O, output units.
        scale: standard deviation of the normal distribution, or half the width of the uniform one.
        context: C, context units; H if not given.
        distribution: a name in DISTRIBUTIONS.
    """
    draw = DISTRIBUTIONS[distribution]
    return Weights(
        W_ih=draw(rng, scale, (hidden, inputs)),
        W_hh=draw(rng, scale, (hidden, hidden if context is None else context)),
        b_h=np.zeros(hidden),
        W_ho=draw(rng, scale, (outputs, hidden)),
        b_o=np.zeros(outputs),
    )


def stack(networks: Sequence[Weights]) -> Weights:
    """Put R networks of the same shape behind a leading axis."""
    return Weights(*(np.stack(arrays) for arrays in zip(*networks, strict=True)))


def begin(weights: Weights, rule: Rule) -> State:
    """The state before the first step: a context of initial_context, velocities of 0 (with momentum), no last steps."""
    velocity = Weights(*(np.zeros_like(array) for array in weights)) if rule.momentum else None
    context = np.full((*weights.W_hh.shape[:-2], weights.W_hh.shape[-1]), float(rule.initial_context))  # (..., C)
    return State(weights, velocity, context)


# Activations of the hidden units, each with the error at the net input that an error at the activation y makes.


def logistic(z: Array) -> Array:
    """Compute y = 1 / (1 + exp(-z)), with the net input z held between -500 and 500."""
    return 1.0 / (1.0 + np.exp(-np.clip(z, -500.0, 500.0)))


def through_logistic(error: Array, y: Array) -> Array:
    """Multiply an error at y by dy/dz = y (1 - y)."""
    return error * y * (1.0 - y)


def through_tanh(error: Array, y: Array) -> Array:
    """Multiply an error at y by dy/dz = 1 - y^2."""
    return error * (1.0 + y) * (1.0 - y)


class Activation(NamedTuple):
    """A function of the net input, and the error at the net input that an error at its value makes."""

    of: Callable[[Array], Array]
    through: Callable[[Array, Array], Array]


ACTIVATIONS = {"logistic": Activation(logistic, through_logistic), "tanh": Activation(np.tanh, through_tanh)}


# Losses: outputs y from net inputs z, the error signal at z, and what is reported of one step.


class Loss(NamedTuple):
    """Outputs from net inputs; the error signal at the net inputs; and the loss of one step, which is reported."""

    output: Callable[[Array], Array]
    """y (..., O) from z (..., O)."""
    signal: Callable[[Array, Array], Array]
    """The gradient (..., O) with respect to z, from y and the target."""
    of: Callable[[Array, Array], Array]
    """The loss (...) from z and the target."""


def softmax(z: Array) -> Array:
    """y_o = exp(z_o) / sum over p of exp(z_p)."""
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def squared(z: Array, target: Array) -> Array:
    """The mean over output units of (y - t)^2; the signal is the gradient of half the sum.

    (Rumelhart, Hinton & Williams 1986.)
    """
    return np.asarray(np.mean((logistic(z) - target) ** 2, axis=-1))


def cross_entropy(z: Array, target: Array) -> Array:
    """The mean over output units of -t ln y - (1 - t) ln(1 - y), in nats; the signal is the gradient of the sum.

    Computed from the net inputs, as max(z, 0) - t z + ln(1 + exp(-|z|)), so that it is finite for saturated units.
    """
    z = np.clip(z, -500.0, 500.0)
    return np.asarray(np.mean(np.maximum(z, 0.0) - target * z + np.log1p(np.exp(-np.abs(z))), axis=-1))


def surprise(z: Array, target: Array) -> Array:
    """-ln y of the output unit o that the target names, in nats: ln of the sum over p of exp(z_p), minus z_o."""
    above = z - z.max(axis=-1, keepdims=True)
    return np.asarray(np.log(np.exp(above).sum(axis=-1)) - (target * above).sum(axis=-1))


LOSSES = {
    "squared": Loss(logistic, lambda y, target: through_logistic(y - target, y), squared),
    "cross_entropy": Loss(logistic, lambda y, target: y - target, cross_entropy),
    "softmax": Loss(softmax, lambda y, target: y - target, surprise),
}


# What the context units hold.

CONTEXTS: dict[str, Callable[[Array, Array, Array], Array]] = {
    "hidden": lambda context, hidden, output: hidden,  # Elman (1990)
    "output": lambda context, hidden, output: output,  # Jordan (1986)
    "none": lambda context, hidden, output: context,  # the feed-forward control
}


def context_units(context: str, *, hidden: int, outputs: int) -> int:
    """C: as many as there are units to copy."""
    return outputs if context == "output" else hidden


def next_context(rule: Rule, context: Array, hidden: Array, output: Array) -> Array:
    """c(t+1) = d c(t) + (1 - d) copied(t), where d is the decay: 0 in Elman (1990), above 0 in Jordan (1986)."""
    copied = CONTEXTS[rule.context](context, hidden, output)
    d = rule.context_decay
    return copied if d == 0.0 or copied is context else d * context + (1.0 - d) * copied


# One step.


def forward(weights: Weights, x: Array, context: Array, rule: Rule) -> tuple[Array, Array]:
    """Read one element.

    Args:
        weights: of one network, or of R.
        x: (I,), or (R, I): the element read.
        context: (..., C): activation of the context units.
        rule: of which the activation counts.

    Returns:
        The hidden activations (..., H) and the net inputs of the output units (..., O).
    """
    net = np.matvec(weights.W_ih, x) + np.matvec(weights.W_hh, context) + weights.b_h  # (..., H)
    hidden = ACTIVATIONS[rule.activation].of(net)
    return hidden, np.matvec(weights.W_ho, hidden) + weights.b_o  # (..., O)


def gradient(weights: Weights, steps: Sequence[Step], signal: Array, rule: Rule) -> Weights:
    """The gradient of the loss of the last step, with respect to each weight.

    The error goes back through the given steps, at the activations that they had and with the weights of today; the
    context of the first counts as input. One step is Elman's rule (p. 184); k steps are backpropagation through time,
    cut off after k (Williams & Peng 1990).

    Args:
        weights: those that `forward` used in the last step.
        steps: the last k, the newest last. An error does not go back beyond a step whose context was set back.
        signal: (..., O): the error signal of the last step at the net inputs of the output units.
        rule: of which the activation counts.

    Returns:
        Weights whose arrays are the derivatives.
    """
    through = ACTIVATIONS[rule.activation].through
    delta_h = through(np.vecmat(signal, weights.W_ho), steps[-1].hidden)  # (..., H)
    of_hidden = _of_step(delta_h, steps[-1])
    for later, step in pairwise(reversed(steps)):
        back = np.where(later.fresh[..., None], 0.0, np.vecmat(delta_h, weights.W_hh))  # (..., H)
        delta_h = through(back, step.hidden)
        of_hidden = tuple(total + more for total, more in zip(of_hidden, _of_step(delta_h, step), strict=True))
    W_ih, W_hh, b_h = of_hidden
    return Weights(W_ih, W_hh, b_h, _outer(signal, steps[-1].hidden), signal)


def _of_step(delta_h: Array, step: Step) -> tuple[Array, ...]:
    """The derivatives of W_ih, W_hh and b_h through one step, from its error at the net inputs of the hidden units."""
    return _outer(delta_h, step.x), _outer(delta_h, step.context), delta_h


def _outer(a: Array, b: Array) -> Array:
    return np.asarray(a[..., :, None] * b[..., None, :])


def descend(weights: Weights, velocity: Weights | None, slope: Weights, rule: Rule) -> tuple[Weights, Weights | None]:
    """Change all weights at once, down the gradient g: w - r g; with momentum v = m v - r g, and then w + v.

    (Rumelhart, Hinton & Williams 1986; r is the learning rate, m the momentum.)
    """
    r, m = rule.learning_rate, rule.momentum
    if velocity is None:
        return Weights(*(w - r * g for w, g in zip(weights, slope, strict=True))), None
    velocity = Weights(*(m * v - r * g for v, g in zip(velocity, slope, strict=True)))
    return Weights(*(w + v for w, v in zip(weights, velocity, strict=True))), velocity


def learn(
    state: State, x: Array, target: Array, rule: Rule, *, fresh: Array | None = None, counted: Array | None = None
) -> tuple[State, Array]:
    """Read one element, predict the next, and change the weights.

    Args:
        state: after the step before.
        x: (I,), or (R, I): the element read.
        target: (O,), or (R, O): the next element.
        rule: how to learn.
        fresh: (...) bool: whether the context is set back first; None: it is not.
        counted: (...) bool: whether the step is learned from; None: it is. If not, it is read alone.

    Returns:
        The state after this step, and its loss (...) before the change.
    """
    loss = LOSSES[rule.loss]
    fresh = np.zeros(x.shape[:-1], dtype=bool) if fresh is None else fresh
    context = np.where(fresh[..., None], rule.initial_context, state.context)  # (..., C)
    hidden, net = forward(state.weights, x, context, rule)
    output = loss.output(net)
    steps = (*state.steps, Step(x, context, hidden, fresh))
    slope = gradient(state.weights, steps, loss.signal(output, target), rule)
    weights, velocity = descend(state.weights, state.velocity, slope, rule)
    if counted is not None:
        weights = _where(counted, weights, state.weights)
        velocity = None if velocity is None or state.velocity is None else _where(counted, velocity, state.velocity)
    last = steps[1:] if len(steps) == rule.bptt_steps else steps
    return State(weights, velocity, next_context(rule, context, hidden, output), last), loss.of(net, target)


def _where(which: Array, a: Weights, b: Weights) -> Weights:
    """For each network the arrays of `a` where `which` (...) holds, else those of `b`."""

    def choose(new: Array, old: Array) -> Array:
        return np.where(which.reshape(which.shape + (1,) * (new.ndim - which.ndim)), new, old)

    return Weights(*(choose(new, old) for new, old in zip(a, b, strict=True)))


def predict(
    weights: Weights, inputs: Array, context: Array, rule: Rule, *, resets: Array | None = None
) -> tuple[Array, Array, Array]:
    """Read a sequence without learning.

    Args:
        weights: of one network, or of R.
        inputs: (T, I): the elements read, the same for all networks.
        context: (..., C): activation of the context units before the first step.
        rule: of which loss, activation and context count.
        resets: (T,) bool: steps before which the context is set back; None: there are none.

    Returns:
        outputs (..., T, O), hiddens (..., T, H) and the context (..., C) after the last step.
    """
    outputs = np.empty((*weights.b_o.shape[:-1], len(inputs), weights.b_o.shape[-1]))  # (..., T, O)
    hiddens = np.empty((*weights.b_h.shape[:-1], len(inputs), weights.b_h.shape[-1]))  # (..., T, H)
    for t, x in enumerate(inputs.astype(float)):
        if resets is not None and resets[t]:
            context = np.full_like(context, rule.initial_context)
        hiddens[..., t, :], net = hidden, _ = forward(weights, x, context, rule)
        outputs[..., t, :] = output = LOSSES[rule.loss].output(net)
        context = next_context(rule, context, hidden, output)
    return outputs, hiddens, context
