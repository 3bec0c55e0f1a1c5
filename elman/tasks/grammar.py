"""Strings of a grammar of your own: probabilistic rules, regular or context-free, with exact odds of each symbol."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from elman.errors import ConfigError
from elman.rows import rows
from elman.stream import Stream
from elman.tasks.grammar_odds import machine

_MOST = 1_000_000  # random strings


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
        symbols=rows(own.symbols, symbol),
        positions=rows(own.nonterminals, nonterminal),
        expected=rows(walk.odds, walk.states),
        features=own.symbols,
        classes=own.classes,
        starts=walk.starts,
        sequence="string",
        separate=separate,
    )


def strings(test: Stream, rng: np.random.Generator, settings: Mapping[str, Any]) -> dict[str, list[str]]:
    """The whole strings of a test stream, and random ones that the grammar does not generate.

    Args:
        test: a stream of the grammar.
        rng: source of the random strings.
        settings: of the task. There are so many random strings as `foils` says, less those that the grammar happens to
            generate, or that go on where a string must end, since nothing is learned of what comes then. Each has the
            length and the first and last symbol of one of the whole strings, because the first is never predicted, and
            a string that only breaks off breaks no rule; all others are even over the alphabet.

    Returns:
        Texts by their conditions, "grammatical" and "random"; none if `foils` is 0.

    Raises:
        ConfigError: for too many random strings, or where no string of two symbols or more is whole in the stream.
    """
    if not 0 <= settings["foils"] <= _MOST:
        raise ConfigError(f"task.foils must be from 0 to {_MOST}, not {settings['foils']}")
    if not settings["foils"]:
        return {}
    begins = np.flatnonzero(test.starts)
    whole = [(a, b) for a, b in pairwise(begins.tolist()) if b - a > 1]
    if not whole:
        raise ConfigError(
            "task.foils must be 0 where no string of two symbols or more is whole in the test stream, not "
            f"{settings['foils']}; a longer task.test_length may have one"
        )
    a, b = np.array(whole)[rng.integers(len(whole), size=settings["foils"])].T
    lengths, symbol = b - a, test.vectors.argmax(axis=1)
    random = rng.integers(len(test.features), size=(len(lengths), lengths.max()))
    random[:, 0], random[np.arange(len(random)), lengths - 1] = symbol[a], symbol[b - 1]
    rules = machine(settings["rules"], settings["start"], tuple(settings["p"].items()), separate=True)
    foils = ~np.any(rules.judge(random, lengths), axis=0)
    between = "" if all(len(symbol) == 1 for symbol in test.features) else " "
    symbols, features = test.symbols.tolist(), np.array(test.features, dtype=object)
    return {
        "grammatical": [between.join(symbols[first:end]) for first, end in whole],
        "random": [
            between.join(features[row[:length]]) for row, length in zip(random[foils], lengths[foils], strict=True)
        ],
    }
