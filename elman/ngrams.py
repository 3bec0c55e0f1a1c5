"""Tables of n-grams beside the network: what the last symbols alone tell of the next.

Relative frequencies of the longest context, of at most so many symbols, that was met in a network's own training
stream; without smoothing. A context stops where the network's was set back, and that counts as a symbol.
"""

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from elman.stream import Stream

LONGEST = 4
"""The symbols of the longest context."""


_FEW = 12  # bits of a code that is looked up in a table of all codes


class NGrams(NamedTuple):
    """The errors of tables of 0 to 4 symbols on one stream, averaged over the counted steps of each position."""

    error_rate: np.ndarray
    """(..., 5, P): as in `metrics.Errors`."""
    mse: np.ndarray
    """(..., 5, P): squared error, mean over bits."""
    cosine: np.ndarray
    """(..., 5, P): between prediction and best possible prediction; NaN where that is unknown, or a symbol is not one
    bit."""


def ngrams(
    training: Stream, test: Stream, *, training_resets: np.ndarray, test_resets: np.ndarray, longest: int = LONGEST
) -> NGrams:
    """Count contexts in a training stream and predict a test stream from them.

    Args:
        training: of T elements.
        test: of another stream of the same task.
        training_resets: (T - 1,) bool: the steps before which the context is set back.
        test_resets: the same of the test stream.
        longest: symbols of the longest context.
    """
    from elman.ngrams_compiled import count, evaluate

    symbols, codes = _numbered(training, test)
    of_training, of_test = symbols[: len(training.vectors)], symbols[len(training.vectors) :]
    tree = count(of_training, training_resets, training.counted, len(codes), longest)
    has_cosine = test.one_hot and test.target_expected is not None
    expected = test.target_expected if has_cosine else np.zeros((len(test.inputs), 0))
    n_steps = test.position_counts
    sums = np.zeros((longest + 1, len(n_steps), 3))
    evaluate(tree, of_test, test_resets, test.position_index, codes, test.one_hot, expected, longest, sums)
    wrong, squared, cosine = np.moveaxis(sums / n_steps[:, None], -1, 0)
    return NGrams(wrong, squared / codes.shape[1], cosine if has_cosine else np.full_like(cosine, np.nan))


def _numbered(training: Stream, test: Stream) -> tuple[np.ndarray, np.ndarray]:
    """The symbols of both streams, one after the other, as numbers (T,), and the code (S, n) of each number."""
    vectors = np.concatenate([training.vectors, test.vectors])
    n = vectors.shape[1]
    if test.one_hot:
        return vectors.argmax(axis=1).astype(np.int32), np.eye(n, dtype=np.uint8)
    if n <= _FEW:
        values = vectors @ (1 << np.arange(n, dtype=np.uint16))
        met = np.flatnonzero(np.bincount(values))
        number = np.zeros(1 << n, dtype=np.int32)
        number[met] = np.arange(len(met))
        return number[values], (met[:, None] >> np.arange(n) & 1).astype(np.uint8)
    packed = np.packbits(vectors, axis=1)
    _, first, index = np.unique(packed.view(f"V{packed.shape[1]}").ravel(), return_index=True, return_inverse=True)
    return index.astype(np.int32), vectors[first]


def ngrams_of_networks(
    training: Iterable[tuple[Stream, np.ndarray | None]], test: Stream, test_resets: np.ndarray | None
) -> NGrams:
    """As `ngrams`, for R networks: (R, 5, P).

    Args:
        training: the training stream of each network, and its resets, or None where its context is never set back.
            They are asked for one by one.
        test: the test stream of all.
        test_resets: the resets of the test, or None.
    """
    from elman.jit import threads

    never = np.zeros(len(test.vectors) - 1, dtype=bool)
    waiting: list[Future[NGrams]] = []
    with ThreadPoolExecutor(threads()) as pool:
        for stream, resets in training:
            resets = np.zeros(len(stream.vectors) - 1, dtype=bool) if resets is None else resets
            at_test = never if test_resets is None else test_resets
            waiting.append(pool.submit(ngrams, stream, test, training_resets=resets, test_resets=at_test))
            if len(waiting) > 2 * threads():  # more streams would only fill the memory
                waiting[-2 * threads()].result()
        return NGrams(*(np.stack(arrays) for arrays in zip(*(future.result() for future in waiting), strict=True)))
