"""How wrong predictions are: by position and by bit, beside the best that is possible.

Only the counted steps of a stream enter. Every sum adds its steps in order and network by network, so the numbers of a
network do not depend on the others. Sizes: R networks, T steps, n bits a step, P positions.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from elman.stream import Stream


class Errors(NamedTuple):
    """The errors of R networks on one stream, averaged over the counted steps of each position."""

    bit_error_rate: np.ndarray
    """(R, P, n): share of steps at which the rounded output differs from the target in this bit."""
    bit_mse: np.ndarray
    """(R, P, n): mean squared error of this bit."""
    error_rate: np.ndarray
    """(R, P): share of steps at which the rounded output differs from the target in any bit; in a one-hot stream, at
    which the largest output is not the target."""

    @property
    def mse(self) -> np.ndarray:
        """(R, P): mean squared error, averaged over the bits."""
        return np.asarray(self.bit_mse.mean(axis=-1))


def errors(outputs: np.ndarray, stream: Stream) -> Errors:
    """Compare outputs (R, T, n) with the elements of the stream that they predict. An output above 0.5 rounds to 1."""
    return errors_of_pieces([outputs], stream)


def errors_of_pieces(pieces: Iterable[np.ndarray], stream: Stream) -> Errors:
    """As `errors`, in every bit, of outputs (R, .., n) that come in pieces, each with the next steps."""
    n_steps, done = stream.position_counts, 0
    wrong_bits = squared = wrong = np.zeros(())
    for outputs in pieces:
        steps = slice(done, done := done + outputs.shape[1])
        index, targets = stream.position_index[steps], stream.targets[steps]
        squared = _sums((outputs - targets) ** 2, index, len(n_steps), squared)
        wrong_bits = wrong_bits + _counts((outputs > 0.5) != targets, index, len(n_steps))
        wrong = wrong + _counts(~correct(outputs, stream, steps), index, len(n_steps))
    return Errors(wrong_bits / n_steps[:, None], squared / n_steps[:, None], wrong / n_steps)


def _sums(values: np.ndarray, index: np.ndarray, P: int, before: np.ndarray) -> np.ndarray:
    """Sums (R, P, n) of values (R, T, n) by the position of each step (T,), in the order of the steps.

    Args:
        values: to be summed.
        index: the number of the position of each step, or -1 for a step that is left out.
        P: how many positions there are.
        before: the sums over the steps before these (R, P, n), or an array without axes.
    """
    if (index < 0).any():
        values, index = values[:, index >= 0], index[index >= 0]
    R, _, n = values.shape
    bins = (index[:, None] * n + np.arange(n)).ravel()  # (T * n,)
    flat = values.reshape(R, -1)
    if before.ndim:
        bins = np.concatenate([np.arange(P * n), bins])
        flat = np.concatenate([before.reshape(R, -1), flat], axis=1)
    return np.stack([np.bincount(bins, of_one, P * n).reshape(P, n) for of_one in flat])


def _counts(which: np.ndarray, index: np.ndarray, P: int) -> np.ndarray:
    """(R, P, ...): how often it is true in (R, T, ...), by the position of each step (T,)."""
    return np.stack([np.count_nonzero(which[:, index == p], axis=1) for p in range(P)], axis=1)


def correct(outputs: np.ndarray, stream: Stream, steps: slice) -> np.ndarray:
    """(R, T) bool: whether each output (R, T, n) predicts its element, at T steps of the stream.

    In a one-hot stream its largest value must be the element's own; elsewhere it must round to the element in each bit.
    """
    targets = stream.targets[steps]
    if stream.one_hot:
        return np.asarray(outputs.argmax(axis=-1) == targets.argmax(axis=-1))
    return np.asarray(((outputs > 0.5) == targets).all(axis=-1))


def distances(outputs: np.ndarray, wanted: np.ndarray) -> dict[str, np.ndarray]:
    """How far outputs (R, T, n) are from wanted vectors (T, n), at each step: (R, T) by the name of the measure.

    "error norm" is the Euclidean length of the difference, "squared error" its square, "RMS per unit" the root of the
    squared error averaged over the n units; "cosine" is that of the angle between the two vectors.
    """
    squared = ((outputs - wanted) ** 2).sum(axis=-1)
    lengths = np.sqrt((outputs**2).sum(axis=-1) * (wanted**2).sum(axis=-1))
    return {
        "error norm": np.sqrt(squared),
        "squared error": squared,
        "RMS per unit": np.sqrt(squared / wanted.shape[-1]),
        "cosine": (outputs * wanted).sum(axis=-1) / lengths,
    }


def floor(stream: Stream) -> Errors:
    """What the best possible predictor would score on the same steps, with R = 1; NaN where it is not known.

    Its squared errors are those of `expected`. Where it is torn between several answers, it is right as often as one
    picked at random: between 0 and 1 (0.5) half the time.
    """
    best, n_steps = stream.target_expected, stream.position_counts
    if best is None:
        P, n = len(n_steps), stream.vectors.shape[1]
        return Errors(*(np.full(shape, np.nan) for shape in ((1, P, n), (1, P, n), (1, P))))
    bit_correct = np.where(best == 0.5, 0.5, (best > 0.5) == stream.targets)  # (T, n)
    if stream.one_hot:
        likeliest = best == best.max(axis=1, keepdims=True)  # (T, n)
        all_correct = (likeliest * stream.targets).sum(axis=1) / likeliest.sum(axis=1)  # (T,)
    else:
        all_correct = bit_correct.prod(axis=-1)

    def wrong(share_correct: np.ndarray) -> np.ndarray:  # (T, k) -> (1, P, k)
        return _sums(1.0 - share_correct[None], stream.position_index, len(n_steps), np.zeros(())) / n_steps[:, None]

    return errors(best[None], stream)._replace(
        error_rate=wrong(all_correct[:, None])[..., 0], bit_error_rate=wrong(bit_correct)
    )


def predictable(stream: Stream) -> np.ndarray:
    """(P,) bool: the positions that are known to be predictable without error, at counted steps."""
    return np.asarray(floor(stream).mse[0] == 0.0)


def predictable_error_rate(error_rate: np.ndarray, stream: Stream) -> np.ndarray:
    """(...): the share of errors at the predictable positions, from error rates (..., P); NaN if there are none."""
    n_steps = stream.position_counts * predictable(stream)  # (P,)
    wrong = np.rint(error_rate * n_steps).sum(axis=-1)
    return np.asarray(wrong / n_steps.sum()) if n_steps.any() else np.full(error_rate.shape[:-1], np.nan)


LOSS_NAMES = {
    "squared": "mean squared error",
    "cross_entropy": "cross-entropy (nats a bit)",
    "softmax": "cross-entropy (nats a step)",
}
"""What a loss is reported as, with its unit."""


def loss_baselines(training: Stream, loss: str) -> tuple[float, float]:
    """The losses on a training stream of the best constant predictor (chance), and of the best possible, or NaN.

    Args:
        training: of which the counted steps count.
        loss: a name in LOSS_NAMES, in whose unit they are.
    """
    targets = training.targets[training.counted]
    share = targets.sum(axis=0, dtype=np.int64) / len(targets)  # (n,): of ones
    expected = None if training.target_expected is None else training.target_expected[training.counted]
    if loss == "squared":
        chance = (share * (1.0 - share)).mean()
        best = np.nan if expected is None else ((expected - targets) ** 2).mean()
    else:
        chance = _entropy(share, share, loss).mean()
        best = np.nan if expected is None else _entropy(expected, targets, loss).mean()
    return float(chance), float(best)


def _entropy(expected: np.ndarray, targets: np.ndarray, loss: str) -> np.ndarray:
    """-t ln e, and for cross_entropy - (1 - t) ln(1 - e) averaged over the bits; 0 ln 0 is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        one = np.where(targets == 0, 0.0, -1.0 * targets * np.log(expected))
        if loss == "softmax":
            return np.asarray(one.sum(axis=-1))
        return np.asarray((one + np.where(targets == 1, 0.0, (targets - 1.0) * np.log1p(-expected))).mean(axis=-1))
