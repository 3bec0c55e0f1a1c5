import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import drawn, seeds, streams

from elman.tasks import LONGEST_UNIT, TASKS

# Elman (1990), p. 188: consonant, vowel, interrupted, high, back, voiced.
TABLE_1 = {"b": "101001", "d": "101101", "g": "101011", "a": "010011", "i": "010101", "u": "010111"}


@given(st.integers(3, 300), seeds)
def test_every_third_bit_is_the_exclusive_or_of_the_two_before(length, seed):
    stream = TASKS["xor"](length, np.random.default_rng(seed))
    first, second, third = stream.vectors[:, 0].reshape(-1, 3).T
    np.testing.assert_array_equal(third, first ^ second)
    assert len(stream.vectors) == length // 3 * 3
    assert stream.positions.tolist() == ["bit 1", "bit 2", "xor"] * (length // 3)
    assert stream.symbols.tolist() == [str(bit) for bit in stream.vectors[:, 0]]
    np.testing.assert_array_equal(stream.expected[:, 0].reshape(-1, 3)[:, 2], third)
    np.testing.assert_array_equal(stream.expected[:, 0].reshape(-1, 3)[:, :2], 0.5)


@given(st.integers(4, 300), seeds)
def test_each_consonant_is_followed_by_its_own_vowels(length, seed):
    stream = TASKS["cv"](length, np.random.default_rng(seed))
    text = "".join(stream.symbols)
    assert len(text) == length
    assert re.fullmatch("(ba|dii|guuu)*(b|d|di|g|gu|guu)?", text)
    assert ["".join(map(str, row)) for row in stream.vectors] == [TABLE_1[letter] for letter in text]
    vowels = 0
    for letter, position in zip(text, stream.positions, strict=True):
        vowels = 0 if letter in "bdg" else vowels + 1
        assert position == (f"vowel {vowels}" if vowels else "consonant")


@given(streams("cv"))
def test_a_vowel_is_expected_with_certainty_and_a_consonant_as_any_of_the_three(stream):
    consonant = stream.positions == "consonant"
    np.testing.assert_array_equal(stream.expected[~consonant], stream.vectors[~consonant])
    np.testing.assert_allclose(stream.expected[consonant], [[1, 0, 1, 1 / 3, 1 / 3, 1]] * consonant.sum())


@pytest.mark.parametrize("name", TASKS)
def test_no_element_is_more_often_1_than_expected(name):
    stream = drawn(name, 30_000, seed=1)
    # Whether a sentence goes on is not known beforehand, so its expectations hold over all positions together.
    groups = ["all"] * len(stream.positions) if name == "sentences" else stream.positions
    for group in set(groups):
        rows = np.array(groups) == group
        spread = np.sqrt((stream.expected[rows] * (1 - stream.expected[rows])).sum(axis=0)) / rows.sum()
        gap = np.abs(stream.vectors[rows].mean(axis=0) - stream.expected[rows].mean(axis=0))
        assert (gap <= 5 * spread + 1e-12).all()  # five standard errors: one false alarm in a million


@pytest.mark.parametrize("name", LONGEST_UNIT)
def test_the_shortest_stream_holds_a_whole_unit(name):
    for seed in range(20):
        stream = drawn(name, LONGEST_UNIT[name], seed)
        assert len(stream.vectors) == LONGEST_UNIT[name]


@pytest.mark.parametrize("name", TASKS)
def test_the_members_of_a_class_are_symbols_of_the_stream(name):
    stream = drawn(name, 3_000, seed=1)
    for members in stream.classes.values():
        assert set() < members < set(stream.symbols)


def test_the_classes_of_letters_are_the_bits_that_say_so():
    stream = TASKS["cv"](100, np.random.default_rng(1))
    for name in ("consonant", "vowel"):
        bit = stream.vectors[:, stream.features.index(name)].astype(bool)
        assert set(stream.symbols[bit]) == stream.classes[name]


@pytest.mark.parametrize("name", TASKS)
def test_a_stream_is_fixed_by_its_seed(name):
    one, same, other = (drawn(name, 300, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.vectors, same.vectors)
    assert (one.vectors != other.vectors).any()
