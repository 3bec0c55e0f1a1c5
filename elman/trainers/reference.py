"""The training loop in numpy: the readable reference for every other trainer."""

from collections.abc import Callable

import numpy as np

from elman import network
from elman.network import Rule, State

predict = network.predict


def train(
    state: State,
    inputs: np.ndarray,
    targets: np.ndarray,
    rule: Rule,
    *,
    epochs: int,
    resets: np.ndarray | None = None,
    counted: np.ndarray | None = None,
    tick: Callable[[float], None] = lambda share: None,
) -> tuple[State, np.ndarray]:
    """Train R networks; the readable reference for every other trainer.

    Training for some epochs and then, from the state that was returned, for some more is the same as training in one
    piece.

    Args:
        state: of R networks, with a leading axis, as `network.begin` makes it.
        inputs: (R, T, I), or (1, T, I) where all networks train on the same stream.
        targets: (R, T, O), or (1, T, O): the elements to be predicted.
        rule: how to learn.
        epochs: E, passes through the stream.
        resets: (R, T) or (1, T) bool: steps before which the context is set back to rule.initial_context; the first is
            the start of each epoch. None: the context is always carried on.
        counted: (R, T) or (1, T) bool: steps that are learned from and whose loss counts, at least one; the others are
            only read. None: all.
        tick: called now and then with the share of the work that is done.

    Returns:
        The state after the last step, and the losses (R, E): each before its change, averaged over the counted steps.
    """
    inputs, targets = inputs.astype(float), targets.astype(float)
    T = inputs.shape[1]
    losses = np.empty((len(state.context), epochs))
    n_counted = T if counted is None else counted.sum(axis=1)
    for epoch in range(epochs):
        total = np.zeros(len(losses))  # (R,)
        for t in range(T):
            fresh = None if resets is None else resets[:, t]
            learned = None if counted is None else counted[:, t]
            state, loss = network.learn(state, inputs[:, t], targets[:, t], rule, fresh=fresh, counted=learned)
            total += loss if learned is None else np.where(learned, loss, 0.0)
        losses[:, epoch] = total / n_counted
        tick((epoch + 1) / epochs)
    return state, losses
