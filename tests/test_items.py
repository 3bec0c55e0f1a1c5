import numpy as np
import pytest

from elman.errors import ConfigError
from elman.item_scores import measure, score, shares
from elman.items import ALL, Alphabet, Item, coded, parse

LETTERS = Alphabet(("a", "b", "c"), np.eye(3, dtype=np.uint8), True)
CODES = Alphabet(("x", "y", "z"), np.array([[0, 1], [1, 0], [1, 1]], dtype=np.uint8), False)


def scores(items, outputs, accept=None):
    return score(measure(np.array(outputs, dtype=float), items, slice(None)), items, accept)


def test_a_symbols_share_is_its_part_of_all_outputs():
    np.testing.assert_allclose(shares(np.array([0.2, 0.2, 0.1]), LETTERS), [0.4, 0.4, 0.2])


def test_with_codes_a_share_is_the_product_over_bits():
    x, y, z = 0.2 * 0.7, 0.8 * 0.3, 0.8 * 0.7
    wanted = np.array([x, y, z]) / (x + y + z)
    np.testing.assert_allclose(shares(np.array([0.8, 0.7]), CODES), wanted)
    assert np.isfinite(shares(np.array([1.0, 0.0]), CODES)).all()


def test_scores_are_those_worked_out_by_hand():
    items = coded(
        [
            Item("abc", "long", instead="a"),
            Item("ab", "short", instead="c"),
            Item("acb", "long", first=3),
        ],
        LETTERS,
    )
    one = [
        [0.1, 0.8, 0.1],  # abc: b has .8 of all
        [0.2, 0.3, 0.5],  # c has .5, against .2 of a
        [0.2, 0.4, 0.4],  # ab: b has .4, as much as c
        [0.8, 0.1, 0.1],  # acb: c does not count
        [0.1, 0.2, 0.1],  # b has .2 of .4
    ]
    other = np.full((5, 3), 0.25)
    found = scores(items, [one, other], accept=0.3)
    assert items.conditions == ("long", "short")
    np.testing.assert_allclose(found.surprisal[0], [(-np.log2(0.8) - np.log2(0.5) - np.log2(0.5)) / 3, -np.log2(0.4)])
    np.testing.assert_allclose(found.surprisal[1], np.log2(3))
    squares = [0.01 + 0.04 + 0.01, 0.04 + 0.09 + 0.25, 0.01 + 0.64 + 0.01]
    np.testing.assert_allclose(found.mse[0], [sum(squares) / 9, (0.04 + 0.36 + 0.16) / 3])
    np.testing.assert_array_equal(found.accepted, [[0.5, 1.0], [0.0, 0.0]])
    np.testing.assert_array_equal(found.right, [[1.0, 1.0], [0.0, 0.0]])  # the first of the largest counts as it
    np.testing.assert_array_equal(found.preferred, [[1.0, 0.0], [0.0, 0.0]])  # as much is not more


def test_measures_that_do_not_apply_are_not_a_number():
    found = scores(coded([Item("xyz")], CODES), np.full((1, 2, 2), 0.5))
    assert np.isnan(found.accepted).all()
    assert np.isnan(found.preferred).all()


def test_a_network_scores_the_same_alone_and_among_others():
    items = coded([Item("abcab", "p"), Item("cab", "q", instead="a"), Item("ba", "p")], LETTERS)
    outputs = np.random.default_rng(1).random((3, 7, 3))
    together = scores(items, outputs, 0.5)
    for r in range(3):
        alone = scores(items, outputs[r : r + 1], 0.5)
        for one, other in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one[0], other[r])


def test_texts_are_split_into_characters_or_words():
    assert coded([Item("a b\tc")], LETTERS).elements == ((0, 1, 2),)
    words = Alphabet(("pa", "ku", "b"), np.eye(3, dtype=np.uint8), True)
    assert coded([Item("ku  pa b")], words).elements == ((1, 0, 2),)


def test_the_first_items_of_each_condition_are_kept():
    items = coded([Item("ab", "p"), Item("bc", "p"), Item("ca", "q"), Item("cb", "p")], LETTERS)
    assert [item.text for item in items.first(1).items] == ["ab", "ca"]
    assert [item.text for item in items.first(2).items] == ["ab", "bc", "ca"]


def test_a_file_of_items_is_read_with_all_its_columns():
    found = parse("text,condition,from,instead,source\nabc,p,3,a,us\n\n ab ,,,, \n", "items.csv")
    assert found == [
        Item("abc", "p", 3, "a", {"source": "us"}),
        Item("ab", ALL, 2, None, {"source": ""}),
    ]


REFUSED_FILES = {
    "": "items.csv is not: it is empty",
    "word\nabc": "text among them, and items.csv has word",
    "text,text\na,b": "different names",
    "text,step\nab,1": "column step",
    "text,condition\nab": "item 0 of items.csv has 1",
    "text,from\nab,two": "item 0 of items.csv has two",
}


@pytest.mark.parametrize("text", REFUSED_FILES)
def test_a_file_that_cannot_be_used_is_refused(text):
    with pytest.raises(ConfigError, match=REFUSED_FILES[text]):
        parse(text, "items.csv")


REFUSED_ITEMS = {
    "a symbol without a unit": (Item("abd"), "d in item 1, abd"),
    "an unknown alternative": (Item("ab", instead="d"), "d in item 1, ab"),
    "one symbol": (Item("a"), "item 1 is a"),
    "no symbol": (Item(" "), "item 1 is"),
    "counting from the first": (Item("ab", first=1), "2 to 2 in item 1, ab, not 1"),
    "counting from beyond the end": (Item("ab", first=3), "not 3"),
}


@pytest.mark.parametrize("name", REFUSED_ITEMS)
def test_an_item_that_cannot_be_used_is_refused_with_its_number(name):
    item, message = REFUSED_ITEMS[name]
    with pytest.raises(ConfigError, match=message):
        coded([Item("ab"), item], LETTERS)
