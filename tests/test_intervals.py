import math

import numpy as np
import pytest
from scipy.stats import bootstrap

from elman.intervals import median_difference, newcombe, newcombe_paired, superiority, wilson


@pytest.mark.parametrize(
    ("successes", "networks", "low", "high"),
    [(0, 10, 0.0, 0.27753), (5, 10, 0.23659, 0.76341), (10, 10, 0.72247, 1.0), (56, 100, 0.46228, 0.65328)],
)
def test_the_interval_of_a_share_is_wilsons(successes, networks, low, high):
    # By hand, with z = 1.95996: (s + z^2/2 +- z sqrt(s (n - s) / n + z^2/4)) / (n + z^2).
    assert wilson(successes, networks) == pytest.approx((low, high), abs=1e-5)


@pytest.mark.parametrize(
    ("groups", "low", "high"),
    [
        # Newcombe (1998), Statistics in Medicine 17, p. 882, Table II, method 10.
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
    ],
)
def test_the_interval_of_a_difference_of_shares_is_newcombes(groups, low, high):
    first, n, second, m = groups
    assert newcombe(*groups) == pytest.approx((first / n - second / m, low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((14, 5, 0, 22), 0.011, 0.226),  # Altman et al. (2000), Statistics with confidence, p. 52
        ((1, 1, 7, 12), -0.507, -0.026),  # Fagerland, Lydersen and Laake (2014), Statistics in Medicine 33, p. 2850
        ((0, 0, 0, 10), -0.2775, 0.2775),  # none at all: as for independent shares
    ],
)
def test_the_interval_of_a_paired_difference_of_shares_is_newcombes(counts, low, high):
    both, first, second, neither = counts
    one, other = np.repeat([[True, True], [True, False], [False, True], [False, False]], counts, axis=0).T
    difference = (first - second) / (both + first + second + neither)
    assert newcombe_paired(one, other) == pytest.approx((difference, low, high), abs=6e-4)


@pytest.mark.parametrize(("n", "m"), [(3, 4), (10, 7), (101, 50)])
@pytest.mark.parametrize("paired", [False, True])
def test_the_interval_of_a_difference_of_medians_is_that_of_the_bootstrap(n, m, paired):
    rng = np.random.default_rng(n)
    values, others = rng.normal(size=n), rng.normal(size=n if paired else m)
    samples = (values - others,) if paired else (values, others)

    def statistic(*resampled, axis=-1):
        medians = [np.median(one, axis=axis) for one in resampled]
        return medians[0] if paired else medians[0] - medians[1]

    every = bootstrap(
        samples, statistic, n_resamples=9999, method="percentile", rng=rng, vectorized=True
    ).bootstrap_distribution
    found = median_difference(values, others, paired=paired)
    assert found.value == statistic(*samples)
    # Sampling: 9,999 resamples put a quantile of .025 within .0031 (two standard errors) of its place, and so do ours.
    for end, share in ((found.low, 0.025), (found.high, 0.975)):
        low, high = np.quantile(every, [share - 0.009, share + 0.009])
        assert low <= end <= high
    assert median_difference(values, others, paired=paired) == found


def test_a_single_network_has_no_interval():
    assert median_difference(np.array([3.0]), np.array([1.0]), paired=True)[0] == 2
    assert all(map(math.isnan, median_difference(np.array([3.0]), np.array([1.0, 2.0]), paired=False)[1:]))


@pytest.mark.parametrize("paired", [False, True])
def test_superiority_counts_all_pairs_of_networks_or_those_that_belong_together(paired):
    rng = np.random.default_rng(1)
    values, others = rng.integers(5, size=30) / 4, rng.integers(6, size=30 if paired else 17) / 4
    pairs = list(zip(values, others, strict=True)) if paired else [(a, b) for a in values for b in others]
    expected = sum(1 if a < b else 0.5 if a == b else 0 for a, b in pairs) / len(pairs)
    assert superiority(values, others, paired=paired) == pytest.approx(expected, abs=1e-12)  # rounding
