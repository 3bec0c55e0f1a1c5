"""How wrong predictions are: by position and by bit, beside the best that is possible.

Sizes: R networks, T steps, n bits a step, P positions. Every sum adds its steps in order and network by network, so a
network's figures do not depend on the others.
"""

from typing import NamedTuple

import numpy as np

from elman.stream import Stream


class Errors(NamedTuple):
    """The errors of R networks on one stream, averaged over the steps of each position."""

    bit_error_rate: np.ndarray
    """(R, P, n): share of steps at which the rounded output differs from the target in this bit."""
    bit_mse: np.ndarray
    """(R, P, n): mean squared error of this bit."""
    error_rate: np.ndarray
    """(R, P): share of steps at which the rounded output differs from the target in any bit."""

    @property
    def mse(self) -> np.ndarray:
        """(R, P): mean squared error, averaged over the bits."""
        return np.asarray(self.bit_mse.mean(axis=-1))


def errors(outputs: np.ndarray, stream: Stream) -> Errors:
    """Compare outputs (R, T, n) with the elements of the stream that they predict. An output above 0.5 rounds to 1."""
    R, _, n = outputs.shape
    index, n_steps = stream.position_index, stream.position_counts
    P = len(n_steps)
    wrong = (outputs > 0.5) != stream.targets.astype(bool)  # (R, T, n)
    squared = (outputs - stream.targets) ** 2  # (R, T, n)
    step_bins = np.arange(R)[:, None] * P + index  # (R, T)
    bit_bins = (step_bins[:, :, None] * n + np.arange(n)).ravel()
    return Errors(
        bit_error_rate=np.bincount(bit_bins, wrong.ravel(), R * P * n).reshape(R, P, n) / n_steps[:, None],
        bit_mse=np.bincount(bit_bins, squared.ravel(), R * P * n).reshape(R, P, n) / n_steps[:, None],
        error_rate=np.bincount(step_bins.ravel(), wrong.any(axis=-1).ravel(), R * P).reshape(R, P) / n_steps,
    )


def floor(stream: Stream) -> Errors:
    """What the best possible predictor would score on the same steps, with R = 1.

    Its squared errors are those of `expected`. Where it is torn between 0 and 1 (0.5), rounding is right half the time.
    """
    scored = errors(stream.target_expected[None], stream)
    torn = stream.target_expected == 0.5  # (T, n)
    bit_right = np.where(torn, 0.5, (stream.target_expected > 0.5) == stream.targets)  # (T, n)
    index, n_steps = stream.position_index, stream.position_counts
    return scored._replace(
        error_rate=np.bincount(index, 1.0 - bit_right.prod(axis=-1), len(n_steps))[None] / n_steps,
        bit_error_rate=np.stack(
            [np.bincount(index, 1.0 - right, len(n_steps)) / n_steps for right in bit_right.T], axis=-1
        )[None],
    )


def predictable(stream: Stream) -> np.ndarray:
    """(P,) bool: the positions that can be predicted without error."""
    return np.asarray(floor(stream).mse[0] == 0.0)


def predictable_error_rate(error_rate: np.ndarray, stream: Stream) -> np.ndarray:
    """(...): the share of errors at the predictable positions, from error rates (..., P); NaN if there are none."""
    n_steps = stream.position_counts * predictable(stream)  # (P,)
    wrong = np.rint(error_rate * n_steps).sum(axis=-1)
    return np.asarray(wrong / n_steps.sum()) if n_steps.any() else np.full(error_rate.shape[:-1], np.nan)


def loss_levels(practice: Stream) -> tuple[float, float]:
    """The losses on a practice stream of two predictors: chance (the best constant one), and the best possible."""
    chance = float(practice.targets.var(axis=0).mean())
    best = float(((practice.target_expected - practice.targets) ** 2).mean())
    return chance, best
