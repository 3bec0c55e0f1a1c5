"""Consonants and vowels: each consonant is followed by its own vowel, one to three times (Elman 1990, pp. 187-191)."""

import numpy as np

from elman.errors import ConfigError
from elman.stream import Stream

FEATURES = ("consonant", "vowel", "interrupted", "high", "back", "voiced")
LETTERS = {
    "b": (1, 0, 1, 0, 0, 1),
    "d": (1, 0, 1, 1, 0, 1),
    "g": (1, 0, 1, 0, 1, 1),
    "a": (0, 1, 0, 0, 1, 1),
    "i": (0, 1, 0, 1, 0, 1),
    "u": (0, 1, 0, 1, 1, 1),
}
UNITS = ("ba", "dii", "guuu")
CLASSES = {"consonant": frozenset("bdg"), "vowel": frozenset("aiu")}


def cv(length: int, rng: np.random.Generator) -> Stream:
    """Random consonants b, d, g, each with its vowels: diibaguuubadii ... (p. 188).

    Which consonant comes next cannot be known; that one comes can, and every vowel can.

    Args:
        length: letters in the stream, at least 4; the last syllable may be cut.
        rng: source of the random consonants.

    Returns:
        A Stream of six features a letter (p. 188, Table 1), with the positions "consonant" and "vowel 1" to "vowel 3";
        a sequence is a syllable: a consonant with its vowels.

    Raises:
        ConfigError: for a stream that might not hold a whole syllable.
    """
    if length < (longest := max(map(len, UNITS))):
        raise ConfigError(f"task.length must be at least {longest}, the longest unit of cv, not {length}")
    drawn = rng.integers(len(UNITS), size=length // 2 + 1)  # no unit is shorter than two letters
    text = "".join(UNITS[unit] for unit in drawn)[:length]
    place = np.concatenate([np.arange(len(UNITS[unit])) for unit in drawn])[:length]
    vectors = np.array([LETTERS[letter] for letter in text], dtype=np.uint8)  # (T, 6)
    any_consonant = np.mean([LETTERS[unit[0]] for unit in UNITS], axis=0)  # (6,)
    return Stream(
        vectors=vectors,
        symbols=np.array(list(text)),
        positions=np.array(["consonant", "vowel 1", "vowel 2", "vowel 3"])[place],
        expected=np.where(place[:, None] == 0, any_consonant, vectors),
        features=FEATURES,
        classes=CLASSES,
        starts=place == 0,
        sequence="syllable",
    )
