"""Differences between two measurements of the same networks."""

from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.95
_RESAMPLES = 9999


class Difference(NamedTuple):
    """The difference between two measurements, over R networks."""

    median: float
    low: float
    """The lower end of the 95 % bootstrap interval of the median; NaN for a single network."""
    high: float
    """Its upper end."""
    same_sign: float
    """The share of networks whose difference has the sign of the median."""


def paired(values: np.ndarray, others: np.ndarray, *, seed: int) -> Difference:
    """Compare two measurements (R,) of the same R networks: the first less the second.

    Args:
        values: of R networks.
        others: of the same networks, in the same order.
        seed: of the bootstrap, which draws networks (percentile method, 9,999 resamples).
    """
    from scipy.stats import bootstrap

    differences = values - others
    median = float(np.median(differences))
    same = float((np.sign(differences) == np.sign(median)).mean())
    if len(differences) < 2:
        return Difference(median, np.nan, np.nan, same)
    found = bootstrap(
        (differences,),
        np.median,
        n_resamples=_RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Difference(median, float(found.low), float(found.high), same)
