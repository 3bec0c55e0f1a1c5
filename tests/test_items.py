import json

import numpy as np
import pytest

import elman
from elman import files
from elman.errors import ConfigError
from elman.item_scores import measure, score, shares
from elman.items import ALL, Alphabet, Item, coded, parse
from elman.runner import run
from elman.tables import TABLES
from elman.trainers import BACKENDS

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


GRAMMAR = ("task=grammar", "task.length=200", "task.test_length=200", "hidden_size=4", "epochs=2", "figures=false")


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_item_is_read_from_a_fresh_context(backend):
    texts = ["the dog sleeps .", "the cat sees", ". the bird chases the dog"]
    options = (*GRAMMAR, "replicates=2", "initial_context=0.3", f"backend={backend}")
    together = run(elman.settings(*options, f"test_items={{a: {json.dumps(texts)}}}"))
    steps, done = together.read_items(together.items), 0
    for text in texts:
        alone = run(elman.settings(*options, f"test_items={{a: {json.dumps([text])}}}"))
        n = len(text.split()) - 1
        for one, other in zip(alone.read_items(alone.items), steps, strict=True):
            np.testing.assert_array_equal(one, other[:, done : done + n])
        done += n


@pytest.mark.parametrize("reset", ["epoch", "sequence", "never"])
def test_items_read_by_the_compiled_trainer_equal_the_readable_reference(reset):
    options = (*GRAMMAR, "replicates=3", "task.foils=30", f"reset_context={reset}", "initial_context=0.2")
    compiled, reference = (run(elman.settings(*options, f"backend={backend}")) for backend in BACKENDS)
    for one, other in zip(compiled.item_curve[-1], reference.item_curve[-1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)  # sums are taken in another order


def test_tables_of_items_hold_each_symbol_and_the_scores_of_every_test(here):
    (here / "pairs.csv").write_text(
        "text,condition,instead,note\nthe dog sleeps,verb,the,1\nthe dog .,end,,\ndog cat,end,,x\n"
    )
    result = run(elman.settings(*GRAMMAR, "test_items=pairs.csv", "replicates=3", "accept=0", "evaluate_every=1"))
    frames = {name: TABLES[name](result) for name in ("items", "item_summary", "item_differences")}
    items = frames["items"]
    assert len(items) == 3 * (2 + 2 + 1)
    one = items[items["replicate"] == 2]
    assert one["item"].tolist() == [0, 0, 1, 1, 2]
    assert one["input"].tolist() == ["the", "dog", "the", "dog", "dog"]
    assert one["target"].tolist() == ["dog", "sleeps", "dog", ".", "cat"]
    assert one["note"].tolist() == ["1", "1", "", "", "x"]
    summary = frames["item_summary"]
    assert summary[["replicate", "epoch", "condition"]].iloc[:5].values.tolist() == [
        [0, 1, "verb"], [0, 1, "end"], [0, 2, "verb"], [0, 2, "end"], [1, 1, "verb"],
    ]  # fmt: skip
    last = summary[summary["epoch"] == 2].set_index(["replicate", "condition"])
    means = items.groupby(["replicate", "condition"])[["surprisal", "squared_error"]].mean()
    for replicate, condition in means.index:
        row = last.loc[replicate, condition]
        np.testing.assert_allclose(row[["surprisal", "mse"]].astype(float), means.loc[replicate, condition])
        assert row["accepted"] == 1.0
        assert np.isnan(row["preferred"]) == (condition == "end")
    difference = frames["item_differences"].query("measure == 'surprisal'").iloc[0]
    by_condition = last["surprisal"].unstack()
    gaps = by_condition["end"] - by_condition["verb"]
    assert difference["difference"] == np.median(gaps)
    assert (difference["low"], difference["high"]) == (gaps.min(), gaps.max())  # of three networks, any may be drawn
    assert difference["same_sign"] == (np.sign(gaps) == np.sign(gaps.median())).mean()


def test_foils_are_the_whole_strings_of_the_test_stream_and_random_ones():
    result = run(elman.settings(*GRAMMAR, "task.foils=50"))
    of = {name: [i.text for i in result.items.items if i.condition == name] for name in result.items.conditions}
    assert list(of) == ["grammatical", "random"]
    text = " ".join(result.test.symbols)
    assert " ".join(of["grammatical"]) == text[: text.rindex(".") + 1] or text.startswith(" ".join(of["grammatical"]))
    assert set(map(len, map(str.split, of["random"]))) <= set(map(len, map(str.split, of["grammatical"])))
    assert not set(of["random"]) & set(of["grammatical"])
    assert all(string.startswith("the ") and string.endswith(" .") for string in of["random"])
    assert 0 < len(of["random"]) <= 50


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("test_items=none.csv",), "test_items must be a file that can be read, and none.csv is not"),
        (("test_items={a: [the horse]}",), "horse in item 0, the horse, is none"),
        (("test_items={}",), "test_items must hold at least one item"),
        (("task.foils=5", "task.test_length=3"), "task.foils must be 0 where no string"),
        (("accept=1.5",), "accept must be from 0 to 1, not 1.5"),
    ],
)
def test_items_that_a_run_cannot_use_are_refused_before_it_starts(overrides, message):
    with pytest.raises(ConfigError, match=message):
        elman.settings(*GRAMMAR, *overrides)


def test_acceptance_wants_one_bit_a_symbol():
    options = ("task=cv", "epochs=1", "test_items={a: [ba]}")
    with pytest.raises(ConfigError, match=r"accept must be null where a symbol is not one bit, not 0\.3"):
        elman.settings(*options, "accept=0.3")
    assert run(elman.settings(*options)).items.alphabet.symbols == tuple("abdgiu")


@pytest.mark.parametrize("name", ["reber", "embedded_reber", "anbn", "relative_clauses", "nonsense_words"])
def test_presets_have_items_that_their_networks_can_read(name):
    small = ("task.length=300", "task.test_length=300", "epochs=1", "backend=numpy", "bptt_steps=1")
    few = ("task.foils=20",) if name == "reber" else ()
    result = run(elman.settings(f"task={name}", *small, *few))
    assert len(result.items.items) > 10
    assert np.isfinite(result.item_curve[-1].surprisal).all()


def test_items_of_the_presets_are_what_their_conditions_say():
    embedded = parse(files.read_text("test_items", "embedded_reber.csv"), "")
    for item in embedded:
        assert item.condition == f"embedded {len(item.text) - 3}"
        assert (item.text[1], item.first) == (item.text[-1], len(item.text))
        assert {item.text[-1], item.instead} == {"T", "P"}
    for item in parse(files.read_text("test_items", "anbn.csv"), ""):
        n = int(item.condition.removeprefix("n = "))
        assert item.text == f"ab{'a' * n}{'b' * n}a"
        assert item.text[item.first - 2] == "b"  # the first b has been read, and nothing before it counts
        assert item.text[: item.first - 2].endswith("a")
    plural = {"boys", "girls", "cats", "dogs"}
    for item in parse(files.read_text("test_items", "relative_clauses.csv"), ""):
        _, noun, *rest, verb = item.text.split()
        assert (noun in plural) != verb.endswith("s")
        assert {verb, item.instead} == {verb.removesuffix("s"), f"{verb.removesuffix('s')}s"}
        nouns = [word for word in rest if word.rstrip("s") in {"boy", "girl", "cat", "dog"}]
        number = [(word in plural) == (noun in plural) for word in nouns]
        assert item.condition == ("local" if not nouns else "easy" if number[-1] else "hard")
