import re
from collections import Counter, defaultdict
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng as rng
from scipy.stats import chi2
from strategies import OPTIONS, drawn, seeds, streams

from elman import tasks
from elman.errors import ConfigError
from elman.tasks import TASKS, find, is_drawn
from elman.tasks.sentences import likelihoods
from elman.tasks.words import ALPHABET
from elman.tasks.words import likelihoods as letter_likelihoods

# Elman (1990), p. 188: consonant, vowel, interrupted, high, back, voiced.
TABLE_1 = {"b": "101001", "d": "101101", "g": "101011", "a": "010011", "i": "010101", "u": "010111"}


@given(st.integers(3, 300), seeds)
def test_every_third_bit_is_the_exclusive_or_of_the_two_before(length, seed):
    stream = find("xor")(length, np.random.default_rng(seed))
    first, second, third = stream.vectors[:, 0].reshape(-1, 3).T
    np.testing.assert_array_equal(third, first ^ second)
    assert len(stream.vectors) == length // 3 * 3
    assert stream.positions.tolist() == ["bit 1", "bit 2", "xor"] * (length // 3)
    assert stream.symbols.tolist() == [str(bit) for bit in stream.vectors[:, 0]]
    np.testing.assert_array_equal(stream.expected[:, 0].reshape(-1, 3)[:, 2], third)
    np.testing.assert_array_equal(stream.expected[:, 0].reshape(-1, 3)[:, :2], 0.5)


@given(st.integers(4, 300), seeds)
def test_each_consonant_is_followed_by_its_own_vowels(length, seed):
    stream = find("cv")(length, np.random.default_rng(seed))
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


@pytest.mark.parametrize("name", [name for name in TASKS if is_drawn(name)])
def test_no_element_is_more_often_1_than_expected(name):
    stream = drawn(name, 30_000, seed=1)
    # Which position comes next is known beforehand for xor and cv alone; elsewhere expectations hold over all at once.
    groups = stream.positions if name in ("xor", "cv") else ["all"] * len(stream.positions)
    for group in set(groups):
        rows = np.array(groups) == group
        spread = np.sqrt((stream.expected[rows] * (1 - stream.expected[rows])).sum(axis=0)) / rows.sum()
        gap = np.abs(stream.vectors[rows].mean(axis=0) - stream.expected[rows].mean(axis=0))
        assert (gap <= 5 * spread + 1e-12).all()  # five standard errors: one false alarm in a million


@pytest.mark.parametrize(("name", "shortest"), [("xor", 3), ("cv", 4)])
def test_the_shortest_stream_holds_a_whole_unit(name, shortest):
    for seed in range(20):
        assert len(drawn(name, shortest, seed).vectors) == shortest
    with pytest.raises(ConfigError, match=f"^task.length must be at least {shortest}, the longest unit of {name}, not"):
        drawn(name, shortest - 1, 0)


@pytest.mark.parametrize("name", TASKS)
def test_the_members_of_a_class_are_symbols_of_the_stream(name):
    stream = drawn(name, 3_000, seed=1)
    for members in stream.classes.values():
        assert set() < members < set(stream.symbols)


def test_the_classes_of_letters_are_the_bits_that_say_so():
    stream = find("cv")(100, np.random.default_rng(1))
    for name in ("consonant", "vowel"):
        bit = stream.vectors[:, stream.features.index(name)].astype(bool)
        assert set(stream.symbols[bit]) == stream.classes[name]


@pytest.mark.parametrize("name", [name for name in TASKS if is_drawn(name)])
def test_a_stream_is_fixed_by_its_seed(name):
    one, same, other = (drawn(name, 300, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.vectors, same.vectors)
    assert (one.vectors != other.vectors).any()


@pytest.mark.parametrize(
    ("name", "first", "unit"),
    [("xor", "bit 1", "triple"), ("cv", "consonant", "syllable"), ("words", "letter 1", "word"),
     ("sentences", "word 1", "sentence")],
)  # fmt: skip
def test_separate_sequences_begin_where_they_should_and_have_the_same_symbols(name, first, unit):
    separate, unbroken = (drawn(name, 3_000, 1, separate=either) for either in (True, False))
    for field in ("symbols", "vectors", "positions", "starts", "units"):
        np.testing.assert_array_equal(getattr(separate, field), getattr(unbroken, field))
    np.testing.assert_array_equal(separate.units, separate.positions == first)
    assert separate.unit == unit
    assert (separate.starts <= separate.units).all()
    assert (separate.sequence, unbroken.separate, separate.separate) == (
        "sentence" if name == "words" else unit, False, True
    )  # fmt: skip
    # The expected steps are those where the sequence goes on; the first element of a sequence is never among them.
    assert (separate.counted == ~separate.starts[1:]).all()
    gap = (separate.targets - separate.target_expected)[separate.counted].sum(axis=0)
    variance = (separate.target_expected * (1 - separate.target_expected))[separate.counted].sum(axis=0)
    assert (np.abs(gap) <= 5 * np.sqrt(variance) + 1e-9).all()  # five standard errors: one false alarm in a million


def test_the_sentences_of_words_have_as_many_words_as_are_set():
    stream = drawn("words", 20_000, 3, shortest=2, longest=4, opening=[])
    words = np.diff(np.flatnonzero(stream.starts[stream.units]))
    assert set(words.tolist()) == {2, 3, 4}
    options = {**OPTIONS["words"], "test_length": 300}
    test = tasks.draw("words", options, rng(1), test=True)
    assert np.diff(np.flatnonzero(test.starts[test.units]))[:2].tolist() == [len(s.split()) for s in options["opening"]]


def sentences_of(stream):
    """The sentences of a stream, the last of which may be cut."""
    begins = np.flatnonzero(stream.positions == "word 1")
    return [stream.symbols[a:b].tolist() for a, b in pairwise([*begins, len(stream.symbols)])]


def fits(sentence, template):
    categories = [OPTIONS["sentences"]["categories"][name] for name in template.split()]
    return len(categories) == len(sentence) and all(w in c for w, c in zip(sentence, categories, strict=True))


@given(st.integers(2, 300), seeds)
def test_every_sentence_fills_one_of_the_templates(length, seed):
    stream = drawn("sentences", length, seed)
    *whole, last = sentences_of(stream)
    templates = OPTIONS["sentences"]["templates"]
    assert len(stream.vectors) == length
    assert all(any(fits(sentence, template) for template in templates) for sentence in whole)
    assert any(fits(last, " ".join(template.split()[: len(last)])) for template in templates)
    assert stream.one_hot


def prefixes(stream):
    """The words of the sentence before each row; of the whole sentence before where a new one begins."""
    so_far = ()
    for word, position in zip(stream.symbols.tolist(), stream.positions.tolist(), strict=True):
        yield so_far
        so_far = (word,) if position == "word 1" else (*so_far, word)


def chance_of_chi_square(stream, likelihood):
    """The chance that next words are as far from their likelihoods as here, by Pearson's test over all beginnings."""
    after = defaultdict(list)
    for t, prefix in enumerate(prefixes(stream)):
        after[prefix].append(t)
    statistic = freedom = 0
    for prefix, rows in after.items():
        counts = stream.vectors[rows, : len(likelihood(prefix))].sum(axis=0)
        wanted = likelihood(prefix) * len(rows)
        assert (counts[wanted == 0] == 0).all()
        rare = wanted < 5  # the statistic follows its distribution only where more than a few are expected
        counts, wanted = (np.append(values[~rare], values[rare].sum()) for values in (counts, wanted))
        kept = wanted > 0
        statistic += ((counts - wanted)[kept] ** 2 / wanted[kept]).sum()
        freedom += kept.sum() - 1
    assert freedom > 300
    return chi2.sf(statistic, freedom)


def test_words_follow_each_beginning_as_often_as_expected():
    """A correct generator fails this once in a million streams; one that favours a single template does not pass."""
    options = OPTIONS["sentences"]
    stream = drawn("sentences", 60_000, seed=5)
    n = len(stream.features) - options["spare"]
    likelihood = likelihoods(options["categories"], options["templates"], stream.features[:n])
    np.testing.assert_array_equal(stream.expected[:, :n], [likelihood(prefix) for prefix in prefixes(stream)])
    assert not stream.expected[:, n:].any()
    assert chance_of_chi_square(stream, likelihood) > 1e-6
    partial = drawn("sentences", 60_000, seed=5, templates=[*options["templates"], "HUM INTRAN"])
    assert chance_of_chi_square(partial, likelihood) < 1e-6


def test_likelihoods_are_those_of_a_list_of_all_sentences():
    categories = {"A": ["x", "y"], "B": ["y", "z", "w"], "C": ["x"]}
    templates = ["A B", "A B C", "C", "A A B", "A B"]
    words = ["x", "y", "z", "w"]
    chances = Counter()
    for template in templates:
        kinds = [categories[name] for name in template.split()]
        for sentence in product(*kinds):
            chances[sentence] += 1 / len(templates) / np.prod([len(kind) for kind in kinds])
    first = [sum(p for s, p in chances.items() if s[0] == word) for word in words]
    likelihood, separate = (likelihoods(categories, templates, words, separate=either) for either in (False, True))
    np.testing.assert_allclose(likelihood(()), first)
    for prefix in {sentence[:k] for sentence in chances for k in range(1, len(sentence) + 1)}:
        going_on = [sum(p for s, p in chances.items() if s[: len(prefix) + 1] == (*prefix, word)) for word in words]
        wanted = np.array(going_on) + chances[prefix] * np.array(first)
        np.testing.assert_allclose(likelihood(prefix), wanted / wanted.sum(), atol=1e-15)
        if sum(going_on):
            wanted = np.array(going_on) / sum(going_on)
            np.testing.assert_allclose(separate(prefix), wanted, atol=1e-15)


def test_an_unknown_word_stands_on_a_spare_bit_wherever_the_known_one_stood():
    plain, stream = (drawn("sentences", 500, seed=1, replace=replace) for replace in ([], ["man", "zog"]))
    man, zog = plain.features.index("man"), stream.features.index("zog")
    assert zog == len(plain.features) - 2
    assert stream.symbols.tolist() == ["zog" if word == "man" else word for word in plain.symbols.tolist()]
    for moved, rows in ((stream.vectors, plain.vectors), (stream.expected, plain.expected)):
        np.testing.assert_array_equal(moved[:, zog], rows[:, man])
        assert not moved[:, man].any()
        rest = [bit for bit in range(rows.shape[1]) if bit not in (man, zog)]
        np.testing.assert_array_equal(moved[:, rest], rows[:, rest])
    assert stream.one_hot
    assert stream.classes["HUM"] == {"zog", "woman", "boy", "girl"}
    assert plain.classes["verb"] | plain.classes["noun"] == set(plain.features[:-2])
    assert not plain.classes["verb"] & plain.classes["noun"]


@given(st.integers(2, 400), seeds, st.booleans())
def test_letters_spell_words_of_the_lexicon(length, seed, test):
    options = OPTIONS["words"]
    stream = tasks.draw("words", {**options, "length": length, "test_length": length}, rng(seed), test=test)
    text = "".join(stream.symbols)
    begins = np.flatnonzero(stream.positions == "letter 1")
    *whole, last = (text[a:b] for a, b in pairwise([*begins, length]))
    assert len(text) == length
    assert set(whole) <= set(options["lexicon"])
    assert any(word.startswith(last) for word in options["lexicon"])
    assert [int("".join(map(str, row)), 2) for row in stream.vectors] == [ord(letter) - 96 for letter in text]
    opening = "".join(options["opening"]).replace(" ", "")
    assert not test or text[: len(opening)] == opening[:length]


def spelled(lexicon, shortest, longest, T):
    """The chance of every text of T letters, by going through all sentences."""
    chances = Counter()

    def sentence(text, p, words_left, before):
        if len(text) >= T:
            chances[text[:T]] += p
        elif not words_left:
            begin(text, p)
        else:
            following = [word for word in lexicon if word != before]
            for word in following:
                sentence(text + word, p / len(following), words_left - 1, word)

    def begin(text, p):
        for n in range(shortest, longest + 1):
            sentence(text, p / (longest - shortest + 1), n, None)

    begin("", 1.0)
    return chances


@pytest.mark.parametrize(
    ("lexicon", "shortest", "longest"),
    [(["the", "they", "ye", "he"], 1, 2), (["a", "aa", "ab"], 2, 3), (["the", "they", "year", "are"], 2, 4)],
)
def test_expected_letters_are_those_of_a_list_of_all_texts(lexicon, shortest, longest):
    T = 8
    chances = spelled(lexicon, shortest, longest, T)
    assert sum(chances.values()) == pytest.approx(1)
    for text in chances:
        found = letter_likelihoods(text, lexicon, shortest, longest)
        for t in range(T):
            same = {other: p for other, p in chances.items() if other[:t] == text[:t]}
            wanted = [sum(p for o, p in same.items() if o[t] == letter) for letter in ALPHABET]
            np.testing.assert_allclose(found[t], np.array(wanted) / sum(same.values()), atol=1e-12)


@pytest.mark.parametrize(
    ("lexicon", "shortest", "longest"), [(["a", "aa", "ab"], 2, 3), (["the", "they", "ye", "he"], 1, 3)]
)
def test_expected_letters_of_a_sentence_are_those_of_a_list_of_all_sentences_that_go_on(lexicon, shortest, longest):
    chances = Counter()
    for n in range(shortest, longest + 1):
        for sentence in product(lexicon, repeat=n):
            if all(one != other for one, other in pairwise(sentence)):
                each = 1 / len(lexicon) / (len(lexicon) - 1) ** (n - 1) / (longest - shortest + 1)
                chances["".join(sentence)] += each
    assert sum(chances.values()) == pytest.approx(1)
    for text in chances:
        whole = text + text  # another sentence follows, which begins anew
        starts = np.isin(np.arange(len(whole)), [0, len(text)])
        found = letter_likelihoods(whole, lexicon, shortest, longest, starts)
        np.testing.assert_array_equal(found[len(text)], found[0])
        for t in range(len(text)):
            going_on = {other: p for other, p in chances.items() if other[:t] == text[:t] and len(other) > t}
            wanted = [sum(p for o, p in going_on.items() if o[t] == letter) for letter in ALPHABET]
            np.testing.assert_allclose(found[t], np.array(wanted) / sum(going_on.values()), atol=1e-12)


def test_letters_are_as_frequent_as_expected():
    """For each letter, five standard errors: one false alarm in 70,000 streams of 26 letters."""
    options = OPTIONS["words"]
    stream = drawn("words", 30_000, seed=2)
    rest = options["lexicon"], options["shortest"], options["longest"]
    expected = letter_likelihoods("".join(stream.symbols), *rest)
    found = stream.symbols[:, None] == list(ALPHABET)
    spread = np.sqrt((expected * (1 - expected)).sum(axis=0))
    assert (np.abs((found - expected).sum(axis=0)) <= 5 * spread).all()


@pytest.mark.parametrize("level", ["letters", "words"])
def test_a_text_is_practised_on_but_for_the_end_which_is_held_out(level, tmp_path):
    (tmp_path / "a.txt").write_text("\ufeff Über  den\n Wolken,\tmuss die ", encoding="utf-8")
    options = {**OPTIONS["text"], "file": str(tmp_path / "a.txt"), "level": level, "held_out": 0.4}
    practice, test = (tasks.draw("text", options, rng(1), test=part) for part in (False, True))
    whole = ["Über", "den", "Wolken,", "muss", "die"]
    whole = whole if level == "words" else list("␣".join(whole))
    assert [*practice.symbols, *test.symbols] == whole
    assert len(practice.symbols) == round(len(whole) * 0.6)
    assert practice.features == test.features == tuple(sorted(set(whole)))
    assert practice.one_hot
    assert test.one_hot
    assert test.expected is None
    assert set(test.positions) == {level[:-1]}


@pytest.mark.parametrize(("level", "held_out", "cut"), [("letters", 0.3, 8), ("words", 0.55, 2)])
def test_each_line_of_a_text_can_be_a_sequence(level, held_out, cut, tmp_path):
    (tmp_path / "a.txt").write_text("ab  c\n\n d ef\nbc a\n")
    options = {**OPTIONS["text"], "file": str(tmp_path / "a.txt"), "level": level, "held_out": held_out}
    lines = [["ab", "c"], ["d", "ef"], ["bc", "a"]]
    if level == "letters":
        lines = [list("␣".join(words)) for words in lines]
    parts = [
        tasks.draw("text", {**options, "sequences": "lines"}, rng(1), test=part, separate=False)
        for part in (False, True)
    ]
    found = np.concatenate([part.symbols for part in parts]).tolist()
    assert found == [element for line in lines for element in line]
    starts = np.concatenate([part.starts for part in parts])
    assert np.flatnonzero(starts).tolist() == np.cumsum([0, *map(len, lines)])[:-1].tolist()
    assert len(parts[0].symbols) == cut
    assert parts[0].sequence == "line"
    unbroken = tasks.draw("text", {**options, "sequences": "none"}, rng(1), test=False)
    assert unbroken.starts.sum() == 1


def test_a_text_can_be_coded_by_a_table(tmp_path):
    (tmp_path / "a.txt").write_text('ab, "a')
    (tmp_path / "codes.csv").write_text('symbol,high,low\na,0,1\nb,1,0\n",",1,1\n"""",0,0\n,0, 1\n')
    options = {**OPTIONS["text"], "file": str(tmp_path / "a.txt"), "codes": str(tmp_path / "codes.csv")}
    stream = tasks.draw("text", {**options, "held_out": 0.34}, rng(1), test=False)
    assert stream.symbols.tolist() == ["a", "b", ",", "␣"]
    assert stream.vectors.tolist() == [[0, 1], [1, 0], [1, 1], [0, 1]]
    assert stream.features == ("high", "low")
    assert not stream.one_hot


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (None, {}, "task.file must be a file that can be read, and {file} is not: No such file or directory"),
        (b"abc\0def", {}, "task.file must hold text, and {file} holds a character of code 0"),
        (b"", {}, "task.file must hold some text, and {file} holds none"),
        (b" \n\t ", {}, "task.file must hold some text, and {file} holds none"),
        (b"caf\xe9 au lait", {}, "task.file must be in UTF-8, and {file} is not, at byte 3"),
        (b"abcd", {"held_out": 1.0}, "task.held_out must be above 0 and below 1, not 1.0"),
        (
            b"abcd",
            {"held_out": 0.25},
            "task.held_out must leave at least two elements for training and two for the test",
        ),
        (b"a b c d", {"sequences": "words"}, "task.sequences must be one of lines, none, not words"),
        (b"a b c d", {"level": "sentences"}, "task.level must be one of letters, words, not sentences"),
    ],
)
def test_a_text_that_cannot_be_used_is_refused(content, options, message, tmp_path):
    file = tmp_path / "a.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=re.escape(message.format(file=file))):
        tasks.draw("text", {**OPTIONS["text"], "file": str(file), **options}, rng(1), test=False)


NO_COLUMNS = "must have a header, a column of symbols and one or more of bits, separated by commas, not so in {file}"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (b"", NO_COLUMNS),
        (b"symbol\na\nb\n", NO_COLUMNS),
        (b"symbol;x;y\na;0;1\nb;1;0\n", NO_COLUMNS),
        (
            b"symbol,x\na,0\nb," + 140_000 * b"1",
            "must be a CSV file, and {file} is none: field larger",
        ),
        (b"symbol,x,y\na,0,1\n", "must have each symbol of task.file, and {file} does not have 'b'"),
        (b"symbol,x,y\na,0,1\nb,1\n", "must give each symbol 2 bits, 0 or 1, and in {file} 'b' has 1"),
        (b"symbol,x,y\na,0,1\nb,1,2\n", "must give each symbol 2 bits, 0 or 1, and in {file} 'b' has 1 2"),
        (b"symbol,x,y\na,0,1\nb,1,1\na,1,1\n", "must give each symbol once, and {file} has 'a' twice"),
        (b"symbol,x,\na,0,1\nb,1,0\n", "must name each column of bits differently, and {file} has x, "),
        (b"symbol,x,x\na,0,1\nb,1,0\n", "must name each column of bits differently, and {file} has x, x"),
        (b"symbol,x\n\xff,1\n", "must be in UTF-8, and {file} is not, at byte 9"),
    ],
)
def test_a_table_of_codes_that_cannot_be_used_is_refused(table, message, tmp_path):
    (tmp_path / "a.txt").write_text("ab" * 10)
    codes = tmp_path / "codes.csv"
    codes.write_bytes(table)
    options = {**OPTIONS["text"], "file": str(tmp_path / "a.txt"), "codes": str(codes)}
    with pytest.raises(ConfigError, match=re.escape(f"task.codes {message.format(file=codes)}")):
        tasks.draw("text", options, rng(1), test=False)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("words", {"lexicon": ["a"]}, "task.lexicon must be different words, at least two, not ['a']"),
        ("words", {"lexicon": ["a", "b", "a"]}, "task.lexicon must be different words"),
        ("words", {"lexicon": ["a", "Bee"]}, "task.lexicon must be words of the letters a to z, not 'Bee'"),
        ("words", {"lexicon": ["a", ""]}, "task.lexicon must be words of the letters a to z, not ''"),
        ("words", {"shortest": 0}, "task.shortest must be at least 1, not 0"),
        ("words", {"longest": 3}, "task.longest must be at least 4, task.shortest, not 3"),
        ("words", {"opening": ["a dog by the sea"]}, "task.opening must be sentences of words in task.lexicon"),
        ("words", {"opening": ["a boy"]}, "task.opening must be sentences of 4 to 9 words, not 2"),
        ("words", {"opening": ["a boy boy lived"]}, "task.opening must not have the same word twice in a row"),
        ("sentences", {"templates": []}, "task.templates must hold at least one template, not none"),
        ("sentences", {"templates": [" "]}, "task.templates must each name at least one category, not none"),
        ("sentences", {"templates": ["HUM FLY"]}, "task.templates must name categories, and FLY in 'HUM FLY' is none"),
        ("sentences", {"categories": {"A": []}}, "task.categories.A must be single words, at least one, not []"),
        ("sentences", {"categories": {"A": ["a b"]}}, "task.categories.A must be single words, at least one"),
        ("sentences", {"categories": {"A": ["a", "a"]}}, "task.categories.A must not hold a word twice"),
        ("sentences", {"classes": {"HUM": ["HUM"]}}, "task.classes must have names of their own, and HUM"),
        ("sentences", {"classes": {"noun": ["CAT"]}}, "task.classes.noun must name categories, and CAT is none"),
        ("sentences", {"spare": -1}, "task.spare must be from 0 to 10000, not -1"),
        ("sentences", {"replace": ["man"]}, "task.replace must be pairs of a word and an unknown word, not ['man']"),
        ("sentences", {"replace": ["man", "woman"]}, "task.replace must give an unknown word for one of the lexicon"),
        ("sentences", {"replace": ["zog", "zig"]}, "task.replace must give an unknown word for one of the lexicon"),
        ("sentences", {"replace": ["man", "zog"], "spare": 0}, "task.replace must fit the 0 spare bits, and gives 1"),
    ],
)  # fmt: skip
def test_grammars_that_cannot_be_used_are_refused(name, options, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        drawn(name, 50, seed=1, **options)
