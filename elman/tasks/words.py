"""Letters in words: sentences without breaks between their words or letters (Elman 1990, pp. 191-194)."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from elman.errors import ConfigError
from elman.stream import Stream

ALPHABET = "abcdefghijklmnopqrstuvwxyz"
FEATURES = ("sixteens", "eights", "fours", "twos", "ones")
CODES = (np.arange(1, len(ALPHABET) + 1)[:, None] >> np.arange(4, -1, -1) & 1).astype(np.uint8)  # (26, 5): a = 00001
_LONGEST = 1000  # words of a sentence; the exact odds take memory with its square


def words(
    length: int, rng: np.random.Generator, *, lexicon: list[str], shortest: int, longest: int, opening: list[str],
    test: bool, separate: bool = False
) -> Stream:  # fmt: skip
    """The letters of random sentences, run together: manyyearsagoaboyandgirllivedbythesea ...

    A sentence has `shortest` to `longest` words, all lengths equally likely, and each word is any of the lexicon but
    the one before it in its sentence, all equally likely. The paper does not print its grammar; this one is ours.
    `expected` is exact, as `likelihoods` says.

    Args:
        length: letters in the stream, at least 2; the last word may be cut.
        rng: source of the sentences.
        lexicon: different words of the letters a to z, at least two.
        shortest: words of the shortest sentence, at least 1.
        longest: words of the longest sentence.
        opening: sentences with which the test stream begins.
        test: whether this is the test stream.
        separate: whether the context is set back before each sentence; no letter depends on it.

    Returns:
        A Stream of five bits a letter, its number in the alphabet, with the positions "letter 1", "letter 2" ...;
        a sequence is a sentence, and a unit a word.

    Raises:
        ConfigError: for a lexicon or an opening that breaks these rules.
    """
    _check(lexicon, shortest, longest, opening)
    first = [sentence.split() for sentence in opening] if test else []
    words, begins = _draw(length, rng, lexicon, shortest, longest)
    words = [word for sentence in first for word in sentence] + words
    begins = [j == 0 for sentence in first for j in range(len(sentence))] + begins
    text = "".join(words)[:length]
    place = np.array([j for word in words for j in range(len(word))][:length])  # (T,)
    starts = np.repeat(begins, [len(word) for word in words])[:length] & (place == 0)  # (T,)
    chances = likelihoods(text, lexicon, shortest, longest, starts if separate else None)  # (T, 26)
    return Stream(
        vectors=CODES[[ALPHABET.index(letter) for letter in text]],
        symbols=np.array(list(text)),
        positions=np.array([f"letter {j + 1}" for j in range(max(map(len, lexicon)))])[place],
        expected=np.stack([chances.T[bit == 1].sum(axis=0) for bit in CODES.T], axis=1),  # no BLAS: its sums vary
        features=FEATURES,
        starts=starts,
        sequence="sentence",
        units=place == 0,
        unit="word",
    )


def likelihoods(
    text: str, lexicon: Sequence[str], shortest: int, longest: int, starts: np.ndarray | None = None
) -> np.ndarray:
    """The probability of each letter of the alphabet at each place of a text, from all letters before it.

    The forward algorithm over every place in every word of a sentence at which the text can be.

    Args:
        text: T letters.
        lexicon: W words.
        shortest: words of the shortest sentence.
        longest: words of the longest sentence, K.
        starts: (T,) bool: where sentences begin, if they are separate: the algorithm starts again at each of them, and
            in between it knows that the sentence goes on. None: sentences follow each other unmarked.

    Returns:
        (T, 26): each row adds up to 1.
    """
    grammar = _grammar(lexicon, shortest, longest, separate=starts is not None)
    beginning = _Places({}, [(0, 1.0, np.zeros(longest))])  # as if a sentence were over
    places, rows = beginning, np.zeros((len(text), len(ALPHABET)))
    for t, letter in enumerate(text):
        if starts is not None and starts[t]:
            places = beginning
        for (v, read), (p, _) in places.inside.items():
            rows[t, ALPHABET.index(lexicon[v][read])] += p
        for before, p_over, going_on in places.ended:
            rows[t] += p_over * grammar.after_none + going_on.sum() * grammar.after[before]
        places = _read(letter, places, grammar)
    return rows / rows.sum(axis=1, keepdims=True)


class _Grammar(NamedTuple):
    """The sentences of W words, of at most K words each, as probabilities."""

    lexicon: Sequence[str]
    beginning: Mapping[str, list[int]]
    """The words that begin with each letter."""
    after_none: np.ndarray
    """(26,): of the first letter of a sentence."""
    after: np.ndarray
    """(W, 26): of the first letter of the word after each word of a sentence."""
    over: np.ndarray
    """(K,): that a sentence is over after its word k, from 1 on, if it has come so far."""
    separate: bool
    """Whether sentences are separate, so that none is over where another letter follows."""


class _Places(NamedTuple):
    """Where a text can be, with probabilities that add up to 1."""

    inside: dict[tuple[int, int], tuple[float, np.ndarray]]
    """By word and letters read of it: the probability, and, given that, (K,) that it is each word of its sentence."""
    ended: list[tuple[int, float, np.ndarray]]
    """After a word: the word, the probability that its sentence is over, and (K,) that it goes on with each word."""


def _grammar(lexicon: Sequence[str], shortest: int, longest: int, *, separate: bool) -> _Grammar:
    starting = np.array([[word[0] == letter for letter in ALPHABET] for word in lexicon], dtype=float)  # (W, 26)
    after = (starting.sum(axis=0) - starting) / (len(lexicon) - 1)  # (W, 26)
    over = np.array([1 / (longest - k + 1) if k >= shortest else 0.0 for k in range(1, longest + 1)])  # (K,)
    beginning = {letter: [v for v, word in enumerate(lexicon) if word[0] == letter] for letter in ALPHABET}
    return _Grammar(lexicon, beginning, starting.mean(axis=0), after, over, separate)


def _read(letter: str, places: _Places, grammar: _Grammar) -> _Places:
    """Where a text can be after one more letter."""
    lexicon, W, K = grammar.lexicon, len(grammar.lexicon), len(grammar.over)
    reached = {(v, read + 1): state for (v, read), state in places.inside.items() if lexicon[v][read] == letter}
    for v in grammar.beginning[letter] if places.ended else ():
        mass = sum(p_over for _, p_over, _ in places.ended) / W * np.eye(K)[0]  # (K,)
        for before, _, going_on in places.ended:
            if before != v:
                mass += going_on / (W - 1)
        if p := float(mass.sum()):
            reached[v, 1] = (p, mass / p)
    total = sum(p for p, _ in reached.values())
    after = _Places({}, [])
    for (v, read), (p, of_sentence) in reached.items():
        if read < len(lexicon[v]):
            after.inside[v, read] = (p / total, of_sentence)
        else:
            going_on = p / total * (1 - grammar.over) * of_sentence
            following = np.concatenate([[0.0], going_on[:-1]])  # the sentence is over after its longest's last word
            p_over = 0.0 if grammar.separate else p / total * float((grammar.over * of_sentence).sum())
            after.ended.append((v, p_over, following))
    return after


def _draw(
    length: int, rng: np.random.Generator, lexicon: Sequence[str], shortest: int, longest: int
) -> tuple[list[str], list[bool]]:
    """Draw enough words for a stream of so many letters, and whether each begins a sentence."""
    most = length // min(map(len, lexicon)) + 1
    ends = np.cumsum(rng.integers(shortest, longest + 1, size=most // shortest + 1))
    # A word is so many places on from the one before it, in a circle: never 0, but where a sentence begins.
    steps = rng.integers(1, len(lexicon), size=most)
    begins = np.concatenate([[0], ends[ends < most]])
    steps[begins] = rng.integers(len(lexicon), size=len(begins))
    words = [lexicon[word] for word in (np.cumsum(steps) % len(lexicon)).tolist()]
    return words, np.isin(np.arange(most), begins).tolist()


def _check(lexicon: Sequence[str], shortest: int, longest: int, opening: Sequence[str]) -> None:
    if len(lexicon) < 2 or len(set(lexicon)) < len(lexicon):
        raise ConfigError(f"task.lexicon must be different words, at least two, not {list(lexicon)}")
    for word in lexicon:
        if not word or set(word) - set(ALPHABET):
            raise ConfigError(f"task.lexicon must be words of the letters a to z, not {word!r}")
    if shortest < 1:
        raise ConfigError(f"task.shortest must be at least 1, not {shortest}")
    if longest < shortest:
        raise ConfigError(f"task.longest must be at least {shortest}, task.shortest, not {longest}")
    if longest > _LONGEST:
        raise ConfigError(f"task.longest must be at most {_LONGEST}, not {longest}")
    for sentence in opening:
        words = sentence.split()
        if unknown := [word for word in words if word not in lexicon]:
            raise ConfigError(f"task.opening must be sentences of words in task.lexicon, and {unknown[0]} is none")
        if not shortest <= len(words) <= longest:
            raise ConfigError(f"task.opening must be sentences of {shortest} to {longest} words, not {len(words)}")
        if any(one == other for one, other in pairwise(words)):
            raise ConfigError(f"task.opening must not have the same word twice in a row, as in {sentence!r}")
