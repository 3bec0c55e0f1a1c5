"""What networks say to test items, symbol by symbol, and how that scores by condition.

Sizes: R networks, K items, N steps of all items together, S symbols of n bits, C conditions.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from elman.items import Alphabet, Items

_BLOCK = 4_000_000  # outputs and hidden activations held at once


class Scores(NamedTuple):
    """How R networks do on the items of C conditions; NaN where a measure does not apply."""

    surprisal: np.ndarray
    """(R, C): -log2 of the target's share of the output, mean over counted steps."""
    mse: np.ndarray
    """(R, C): squared error, mean over bits and counted steps."""
    accepted: np.ndarray
    """(R, C): share of items whose every counted target has an output above the threshold."""
    right: np.ndarray
    """(R, C): share of items whose every counted target has the largest share of the output."""
    preferred: np.ndarray
    """(R, C): share of items whose last symbol has a larger share than `instead`, among those that name one."""


class Steps(NamedTuple):
    """What R networks say at N steps."""

    output: np.ndarray
    """(R, N): the target's output, or with codes its share."""
    surprisal: np.ndarray
    """(R, N): -log2 of the target's share."""
    squared_error: np.ndarray
    """(R, N): mean over bits."""
    right: np.ndarray
    """(R, N) bool: whether the target has the largest share."""
    ahead: np.ndarray
    """(R, N) bool: whether the target has a larger share than what is held against it; meant for last steps alone."""


Predict = Callable[[slice, np.ndarray, np.ndarray], np.ndarray]
"""Outputs (.., N, n) of some networks for inputs (N, n), with the context set back before some steps (N,) bool."""


def read(items: Items, predict: Predict, *, networks: int, units: int) -> Steps:
    """Have networks read items.

    Args:
        items: K of them, of N steps.
        predict: reads steps; the first one of what it is given always has its context set back.
        networks: R.
        units: hidden and output units of each, for the size of the pieces.
    """
    pieces = list(_pieces(items, max(1, _BLOCK // units)))
    together = max(1, _BLOCK // (units * max(piece.stop - piece.start for piece in pieces)))
    found = []
    for r in range(0, networks, together):
        parts = []
        for piece in pieces:
            inputs, fresh = items.alphabet.codes[items.read[piece]], items.step[piece] == 0
            parts.append(measure(predict(slice(r, r + together), inputs, fresh), items, piece))
        found.append(Steps(*(np.concatenate(arrays, axis=1) for arrays in zip(*parts, strict=True))))
    return Steps(*(np.concatenate(arrays) for arrays in zip(*found, strict=True)))


def _pieces(items: Items, most: int) -> Iterator[slice]:
    """Steps of whole items, so many at a time that they are not more than `most`, unless an item alone is."""
    ends = np.cumsum(items.lengths)
    first = 0
    while first < ends[-1]:
        last = ends[max(np.searchsorted(ends, first + most, side="right") - 1, np.searchsorted(ends, first + 1))]
        yield slice(first, int(last))
        first = int(last)


def shares(outputs: np.ndarray, alphabet: Alphabet) -> np.ndarray:
    """(..., S): the share of each symbol in outputs (..., n); each row adds up to 1.

    With one bit a symbol, its output over the sum of all. With codes, the product over bits of y where the code has a 1
    and 1 - y where it has a 0, over the sum of these.
    """
    if alphabet.one_hot:
        return np.asarray(outputs / outputs.sum(axis=-1, keepdims=True))
    tiny = np.finfo(float).tiny  # an output may round to 0 or 1
    ones, zeros = np.log(np.maximum(outputs, tiny)), np.log(np.maximum(1 - outputs, tiny))
    codes = alphabet.codes.astype(bool)
    logs = np.stack([np.where(code, ones, zeros).sum(axis=-1) for code in codes], axis=-1)  # (..., S)
    powers = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def measure(outputs: np.ndarray, items: Items, steps: slice) -> Steps:
    """Hold outputs (R, N, n) at some steps against their targets."""
    target = items.target[steps]
    rows = np.arange(len(target))
    of_symbols = shares(outputs, items.alphabet)
    share = of_symbols[:, rows, target]
    instead = of_symbols[:, rows, items.against[items.item[steps]]]
    return Steps(
        output=outputs[:, rows, target] if items.alphabet.one_hot else share,
        surprisal=-np.log2(np.maximum(share, np.finfo(float).tiny)),  # an output may round to 0
        squared_error=((outputs - items.alphabet.codes[target]) ** 2).mean(axis=-1),
        right=of_symbols.argmax(axis=-1) == target,
        ahead=share > instead,
    )


def score(steps: Steps, items: Items, accept: float | None) -> Scores:
    """Average what R networks say at all N steps over the items of each condition."""
    counted = items.counted
    of_step = items.condition[items.item[counted]]
    n_steps = np.bincount(of_step, minlength=len(items.conditions))
    last = np.cumsum(items.lengths) - 1

    def mean(values: np.ndarray) -> np.ndarray:  # (R, N) -> (R, C), each network's sum in the order of its steps
        return np.stack([np.bincount(of_step, one[counted], len(n_steps)) for one in values]) / n_steps

    def share(which: np.ndarray, of: np.ndarray) -> np.ndarray:  # (R, K) bool among (K,) bool -> (R, C)
        totals = np.bincount(items.condition[of], minlength=len(items.conditions))
        found = np.stack([np.bincount(items.condition[of & one], minlength=len(totals)) for one in which])
        return np.where(totals > 0, found / np.maximum(totals, 1), np.nan)

    def throughout(which: np.ndarray) -> np.ndarray:  # (R, N) bool -> (R, K): at every counted step
        return np.logical_and.reduceat(which | ~counted, last - items.lengths + 1, axis=1)

    every = np.ones(len(items.items), dtype=bool)
    nowhere = np.full((len(steps.right), len(items.conditions)), np.nan)
    return Scores(
        surprisal=mean(steps.surprisal),
        mse=mean(steps.squared_error),
        accepted=nowhere if accept is None else share(throughout(steps.output > accept), every),
        right=share(throughout(steps.right), every),
        preferred=share(steps.ahead[:, last], items.against >= 0),
    )
