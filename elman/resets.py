"""Resets: the steps of a training stream before which the context is set back."""

import numpy as np


def of_training(
    steps: int, *, reset_context: str, starts: np.ndarray, span: list[int], rng: np.random.Generator
) -> np.ndarray | None:
    """The steps before which the context is set back, the same in each epoch.

    Args:
        steps: T, those of an epoch.
        reset_context: "epoch" (before the first step), "sequence" (before each start) or "never".
        starts: (T,) bool: whether a step reads the first element of a sequence.
        span: [] or [a, b]: also after a to b elements since it last was set back, each number equally likely; Elman
            (1993) limits the memory of his networks so. Each epoch then begins with a context that is set back.
        rng: source of these numbers.

    Returns:
        (T,) bool, or None where the context is always carried on.
    """
    if reset_context == "never" and not span:
        return None
    first = np.arange(steps) == 0
    resets = first | starts if reset_context == "sequence" else first
    return _divide(resets, span, rng) if span else resets


def _divide(resets: np.ndarray, span: list[int], rng: np.random.Generator) -> np.ndarray:
    """The resets, and further ones that divide what lies between them into spans."""
    low, high = span
    divided = resets.copy()
    firsts = np.flatnonzero(resets)
    for first, end in zip(firsts, [*firsts[1:], len(resets)], strict=True):
        lengths = rng.integers(low, high + 1, size=(end - first) // low)
        at = first + np.cumsum(lengths)
        divided[at[at < end]] = True
    return divided
