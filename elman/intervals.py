"""Intervals of shares and medians, and of the differences between two groups of networks; all of them at 95 %.

A difference is that of the first group less the second. Where networks are paired, the k-th of each group belong
together.
"""

import math
from functools import cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 9999
_SEED = 1990  # of the bootstrap


class Estimate(NamedTuple):
    """A difference with its interval; NaN where it is unknown."""

    value: float
    low: float
    high: float


UNKNOWN = Estimate(math.nan, math.nan, math.nan)


def wilson(successes: int, networks: int) -> tuple[float, float]:
    """The interval of a share by E. B. Wilson (1927), Journal of the American Statistical Association 22, p. 209."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    share, z2 = successes / networks, z * z / networks
    middle = (share + z2 / 2) / (1 + z2)
    half = z / (1 + z2) * math.sqrt(share * (1 - share) / networks + z2 / (4 * networks))
    return max(0.0, middle - half), min(1.0, middle + half)


def newcombe(successes: int, networks: int, other_successes: int, other_networks: int) -> Estimate:
    """The difference between shares of two independent groups.

    The interval is method 10 of R. G. Newcombe (1998), Statistics in Medicine 17, p. 876.
    """
    return _from_wilson(successes, networks, other_successes, other_networks, correlation=0.0)


def newcombe_paired(successes: np.ndarray, others: np.ndarray) -> Estimate:
    """The difference between the shares of successes of paired networks.

    The interval is method 10 of R. G. Newcombe (1998), Statistics in Medicine 17, pp. 2635-2650, whose correlation has
    a correction for continuity.

    Args:
        successes: (R,) bool, of the networks of the first group.
        others: (R,) bool, of those of the second one.
    """
    R, first, second = len(successes), int(successes.sum()), int(others.sum())
    both = int((successes & others).sum())
    product = both * (R - first - second + both) - (first - both) * (second - both)
    corrected = max(product - R / 2, 0.0) if product > 0 else float(product)
    margins = first * (R - first) * second * (R - second)
    correlation = corrected / math.sqrt(margins) if margins else 0.0
    return _from_wilson(first, R, second, R, correlation)


def _from_wilson(successes: int, networks: int, others: int, other_networks: int, correlation: float) -> Estimate:
    """A difference whose interval comes from those of the two shares, squared and added."""
    share, other = successes / networks, others / other_networks
    low, high = wilson(successes, networks)
    other_low, other_high = wilson(others, other_networks)

    def distance(a: float, b: float) -> float:
        return math.sqrt(max(0.0, a * a - 2 * correlation * a * b + b * b))

    below, above = distance(share - low, other_high - other), distance(high - share, other - other_low)
    return Estimate(share - other, share - other - below, share - other + above)


def median_difference(values: np.ndarray, others: np.ndarray, *, paired: bool) -> Estimate:
    """The difference between the medians of two groups; of paired networks, the median of their differences.

    The interval is that of the percentile bootstrap with 9,999 resamples of networks, which are the same ones whenever
    it is computed.

    Args:
        values: (R,) of the first group, R > 1 for an interval.
        others: (S,) of the second one; S = R where paired.
        paired: whether networks are paired.
    """
    if np.isnan(values).any() or np.isnan(others).any():
        return UNKNOWN
    if paired:
        values, others = values - others, np.zeros(1)
    difference = float(np.median(values) - np.median(others))
    if len(values) < 2 or (len(others) < 2 and not paired):
        return Estimate(difference, math.nan, math.nan)
    medians = _resampled_medians(values, 0) - (0 if paired else _resampled_medians(others, 1))
    low, high = np.quantile(medians, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(difference, float(low), float(high))


def _resampled_medians(values: np.ndarray, stream: int) -> np.ndarray:
    """(RESAMPLES,): the median of each resample."""
    ordered = np.sort(values)
    lower, upper = _middle_ranks(len(values), stream)
    return (ordered[lower] + ordered[upper]) / 2


@cache
def _middle_ranks(n: int, stream: int) -> tuple[np.ndarray, np.ndarray]:
    """(RESAMPLES,) each: the ranks, among n values, of the two in the middle of each resample; for an odd n the same.

    A resample takes value i where a uniform number is in [i, i + 1) / n, so what stands in its middle follows from the
    middle ones of n uniform numbers, which can be drawn directly: the k-th smallest has a beta distribution, and the
    next one is the smallest of n - k numbers above it.
    """
    rng = np.random.default_rng([_SEED, stream])
    k = (n + 1) // 2
    lower = rng.beta(k, n - k + 1, RESAMPLES)
    upper = lower if n % 2 else lower + (1 - lower) * (1 - rng.random(RESAMPLES) ** (1 / (n - k)))
    below, above = (np.minimum((n * numbers).astype(int), n - 1) for numbers in (lower, upper))
    return below, above


def superiority(values: np.ndarray, others: np.ndarray, *, paired: bool) -> float:
    """The probability that a value is below one of the other group, where equal ones count half.

    Args:
        values: (R,) of the first group.
        others: (S,) of the second one; S = R where paired, and then only the pairs are compared.
        paired: whether networks are paired.
    """
    if np.isnan(values).any() or np.isnan(others).any():
        return math.nan
    if paired:
        return float(((values < others) + 0.5 * (values == others)).mean())
    ordered = np.sort(others)
    not_above = np.searchsorted(ordered, values, side="right")
    below = np.searchsorted(ordered, values, side="left")
    return float(1 - (not_above + below).mean() / (2 * len(others)))
