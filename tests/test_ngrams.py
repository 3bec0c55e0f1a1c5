from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import drawn, seeds

from elman import metrics
from elman.ngrams import LONGEST, ngrams
from elman.stream import Stream


def contexts(symbols, resets, t, longest):
    """The contexts of up to so many symbols before symbol t + 1, the shortest first; # is where it was set back."""
    found = [()]
    for back in range(t, -1, -1):
        found.append((symbols[back], *found[-1]))
        if resets[back]:
            found.append(("#", *found[-1]))
            break
    return found[: longest + 1]


def written_out(training, test, training_resets, test_resets):
    """The predictions (5, T - 1, n) of tables of 0 to 4 symbols, from dictionaries."""
    counts = defaultdict(Counter)
    codes = dict(zip(training.symbols.tolist(), training.vectors.astype(float), strict=True))
    symbols = training.symbols.tolist()
    for t in np.flatnonzero(training.counted):
        for context in contexts(symbols, training_resets, t, LONGEST):
            counts[context][symbols[t + 1]] += 1
    symbols, found = test.symbols.tolist(), []
    for order in range(LONGEST + 1):
        for t in range(len(symbols) - 1):
            after = next(counts[c] for c in reversed(contexts(symbols, test_resets, t, order)) if c in counts)
            found.append(sum(n * codes[symbol] for symbol, n in after.items()) / after.total())
    return np.array(found).reshape(LONGEST + 1, len(symbols) - 1, -1)


@given(st.sampled_from(["xor", "cv", "words", "sentences", "grammar"]), seeds, st.floats(0, 0.5))
def test_tables_predict_the_relative_frequencies_of_the_longest_context_met(name, seed, share):
    training, test = drawn(name, 150, seed), drawn(name, 90, seed + 1)
    draws = np.random.default_rng(seed)
    resets = draws.random(149) < share, draws.random(89) < share
    found = ngrams(training, test, training_resets=resets[0], test_resets=resets[1])
    wanted = metrics.errors(written_out(training, test, *resets), test)
    np.testing.assert_allclose(found.mse, wanted.mse, atol=1e-12)
    np.testing.assert_allclose(found.error_rate, wanted.error_rate, atol=1e-12)


def test_the_cosine_is_that_with_the_exact_odds():
    training, test = drawn("grammar", 300, 1), drawn("grammar", 200, 2)
    never = np.zeros(299, bool), np.zeros(199, bool)
    found = ngrams(training, test, training_resets=never[0], test_resets=never[1])
    predictions = written_out(training, test, *never)
    cosines = metrics.distances(predictions, test.target_expected)["cosine"]
    for p in range(len(test.position_names)):
        np.testing.assert_allclose(found.cosine[:, p], cosines[:, test.position_index == p].mean(axis=1))
    assert np.isnan(
        ngrams(
            *(drawn("cv", 50, seed) for seed in (1, 2)), training_resets=never[0][:49], test_resets=never[0][:49]
        ).cosine
    ).all()


@pytest.mark.parametrize("separate", [False, True])
def test_steps_between_separate_sequences_are_neither_counted_nor_predicted(separate):
    symbols = np.array(list("abcabdabc"))
    starts = np.isin(np.arange(9), [0, 3, 6])
    stream = Stream(symbols=symbols, starts=starts, separate=separate)
    resets = stream.resets if separate else np.zeros(8, bool)
    found = ngrams(stream, stream, training_resets=resets, test_resets=resets)
    # The commonest next symbol is b; after a comes b, after b mostly c; between sequences, a after c and after d.
    wrong = [3 / 6, 1 / 6] if separate else [5 / 8, 1 / 8]
    np.testing.assert_allclose(found.error_rate[:2, 0], wrong)
