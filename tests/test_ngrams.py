from collections import Counter, defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from strategies import drawn, seeds

from elman import metrics
from elman.ngrams import LONGEST, ngrams


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
