"""Strings of a grammar of your own: probabilistic rules, regular or context-free, with exact odds of each symbol."""

import numpy as np

from elman.stream import Stream
from elman.tasks.grammar_odds import machine


def grammar(
    length: int, rng: np.random.Generator, *, rules: str, start: str, p: dict[str, float], foils: int, separate: bool
) -> Stream:
    """Random strings of a probabilistic grammar, one after the other, without a mark between them.

    `expected` is exact: the probability of each next symbol given all symbols so far, summed over every derivation that
    these may have, and, in an unbroken stream, over every place where strings may begin. With `separate` it is given
    where strings begin, and that the string goes on.

    Args:
        length: symbols in the stream, at least 2; the last string may be cut. Empty strings leave no trace.
        rng: source of the strings; one draw decides a symbol, whatever `separate` is.
        rules: the grammar, as `grammar_rules.read` takes it.
        start: the nonterminal that a whole string is made of.
        p: probabilities by the names that rules have for them.
        foils: how many random strings test items are to be beside the grammatical ones; the stream does not use it.
        separate: whether the network is told where strings begin.

    Returns:
        A Stream of one bit a symbol, in the order of first mention. The position of a symbol is the nonterminal
        directly above it in the derivation that made it; classes are the nonterminals whose rules, at least two,
        are all single symbols. A sequence is a string.

    Raises:
        ConfigError: for rules that cannot be used.
    """
    states = machine(rules, start, tuple(p.items()), separate=separate)
    walk, own = states.walk(rng.random(length)), states.grammar
    symbol, nonterminal = np.array(own.leaves)[walk.leaves].T  # (T,) each
    return Stream(
        vectors=np.eye(len(own.symbols), dtype=np.uint8)[symbol],
        symbols=np.array(own.symbols)[symbol],
        positions=np.array(own.nonterminals)[nonterminal],
        expected=walk.odds[walk.states],
        features=own.symbols,
        classes=own.classes,
        starts=walk.starts | (np.arange(length) == 0),
        sequence="string",
    )
