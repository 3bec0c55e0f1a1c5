import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman import resets

STARTS = np.array([1, 0, 0, 0, 0, 1, 0, 1, 0, 0], dtype=bool)


def of_training(reset_context, span=(), seed=0, starts=STARTS):
    rng = np.random.default_rng(seed)
    return resets.of_training(len(starts), reset_context=reset_context, starts=starts, span=list(span), rng=rng)


def test_a_context_is_set_back_by_epoch_by_sequence_or_never():
    assert of_training("epoch").tolist() == [True] + [False] * 9
    np.testing.assert_array_equal(of_training("sequence"), STARTS)
    assert of_training("never") is None


@pytest.mark.parametrize("reset_context", ["epoch", "sequence", "never"])
@given(low=st.integers(1, 5), more=st.integers(0, 4), seed=st.integers(0, 99), steps=st.integers(1, 60))
def test_no_context_reaches_further_than_its_span(reset_context, low, more, seed, steps):
    starts = np.random.default_rng(seed).random(steps) < 0.2
    starts[0] = True
    found = of_training(reset_context, (low, low + more), seed, starts)
    before = of_training(reset_context, (), seed, starts)
    kept = np.arange(steps) == 0 if before is None else before
    assert found[kept].all()
    at = [*np.flatnonzero(found), steps]
    spans = np.diff(at)
    assert spans.max() <= low + more
    cut_short = [end == steps or kept[end] for end in at[1:]]
    assert all(cut or span >= low for span, cut in zip(spans, cut_short, strict=True))


def test_spans_are_drawn_evenly():
    starts = np.arange(60_000) == 0
    spans = np.diff(np.flatnonzero(of_training("epoch", (3, 5), starts=starts)))
    # 15,000 spans, so a standard error of .004 for each share: four of them make .016
    np.testing.assert_allclose(np.bincount(spans)[3:] / len(spans), 1 / 3, atol=0.016)
