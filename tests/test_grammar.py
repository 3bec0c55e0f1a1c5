import math
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy.stats import chi2
from strategies import seeds

from elman.errors import ConfigError
from elman.tasks.grammar import grammar
from elman.tasks.grammar_odds import Machine, machine
from elman.tasks.grammar_rules import read
from elman.tasks.sentences import likelihoods as likelihoods_of_words
from elman.tasks.words import likelihoods

REBER = """
    S0 -> 'B' S1
    S1 -> 'T' S2 | 'P' S3
    S2 -> 'S' S2 | 'X' S4
    S3 -> 'T' S3 | 'V' S5
    S4 -> 'X' S3 | 'S' S6
    S5 -> 'P' S4 | 'V' S6
    S6 -> 'E'
"""
COUNTING = "S -> 'a' S 'b' [.6] | 'a' 'b' [.4]"
ATTACHMENT = """
    S -> NP V NP
    NP -> N [.6] | NP2 [.4]
    NP2 -> N PP [.5] | N PP PP [.5]
    PP -> 'p' NP
    N -> 'n' [.7] | 'm' [.3]
    V -> 'v'
"""
EMPTY = "S -> A B A [.8] | [.2]\nA -> 'a' [.5] | [.5]\nB -> 'b' S [.3] | A 'a' [.3] | [.4]"
REPEATS = "S -> 'a' [.5] | 'a' 'a' [.25] | 'a' 'b' [.25]"
GRAMMARS = {"regular": REBER, "nested": COUNTING, "attachment": ATTACHMENT, "empty": EMPTY, "repeats": REPEATS}


def first(rules):
    return rules.split()[0]


def stream(rules, length, seed=1, *, separate=False, **p):
    rng = np.random.default_rng(seed)
    return grammar(length, rng, rules=rules, start=first(rules), p=p, foils=0, separate=separate)


def refusal(rules, start=None, **p):
    with pytest.raises(ConfigError) as caught:
        read(rules, start or first(rules), p)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def beginnings(own, longest, *, separate):
    """The probability of each sequence of so many symbols, by writing out every derivation; as the text begins.

    With `separate`, that of one string and only if it has so many symbols; otherwise strings follow each other.
    """
    found = defaultdict(float)

    def vanishing(stack):
        """The probability that a stack becomes the empty string."""
        if not stack:
            return 1.0
        if stack[0] < 0:
            return 0.0
        return sum(rule.probability * vanishing(rule.right + stack[1:]) for rule in own.rules_of[stack[0]])

    restart = 1 / (1 - vanishing((own.start,)))

    def derive(text, stack, probability, is_empty):
        if not probability:
            return
        if not stack:
            if not separate and not is_empty:
                derive(text, (own.start,), probability * restart, True)
        elif stack[0] < 0:
            longer = (*text, own.symbols[own.leaves[~stack[0]][0]])
            found[longer] += probability
            if len(longer) < longest:
                derive(longer, stack[1:], probability, False)
        else:
            for rule in own.rules_of[stack[0]]:
                derive(text, rule.right + stack[1:], probability * rule.probability, is_empty)

    derive((), (own.start,), restart, True)
    return found


def assert_exact(rules, seed, *, separate, longest=5):
    """Hold the odds of the first symbols of a stream against all derivations."""
    own = read(rules, first(rules), {})
    found = beginnings(own, longest, separate=separate)
    walk = Machine(own, separate=separate).walk(np.random.default_rng(seed).random(40))
    symbol_of = [own.symbols[symbol] for symbol, _ in own.leaves]
    text = [symbol_of[leaf] for leaf in walk.leaves]
    so_far = ()
    for symbol, starts, state in zip(text, walk.starts, walk.states, strict=True):
        if separate and starts:
            so_far = ()
        if len(so_far) < longest:
            wanted = np.array([found.get((*so_far, other), 0.0) for other in own.symbols])
            # Weights of states are rounded to 44 bits.
            np.testing.assert_allclose(walk.odds[state], wanted / wanted.sum(), rtol=1e-11, atol=1e-14)
        so_far = (*so_far, symbol)


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("name", GRAMMARS)
def test_odds_are_those_of_all_derivations_written_out(name, separate):
    for seed in range(8):
        assert_exact(GRAMMARS[name], seed, separate=separate)


right_sides = st.lists(st.sampled_from(["'a'", "'b'", "A", "B", "C"]), max_size=3).map(" ".join)


@st.composite
def any_grammars(draw):
    lines = []
    for left in ("A", "B", "C"):
        sides = draw(st.lists(right_sides, min_size=1, max_size=3))
        weights = draw(st.lists(st.integers(1, 5), min_size=len(sides), max_size=len(sides)))
        shares = [f"[{weight / sum(weights):.12f}]" for weight in weights]
        lines.append(f"{left} -> " + " | ".join(f"{side} {share}" for side, share in zip(sides, shares, strict=True)))
    reached, waiting = {"A"}, ["A"]
    while waiting:
        line = lines["ABC".index(waiting.pop())]
        new = {name for name in "ABC" if name in line.split("->")[1]} - reached
        reached |= new
        waiting += new
    return "\n".join(line for line in lines if line[0] in reached)


@given(any_grammars(), seeds, st.booleans())
@example("A -> B 'a' [.5] | [.5]\nB -> 'b' [.5] | [.5]", 1, False)
def test_odds_of_any_grammar_are_those_of_all_derivations(rules, seed, separate):
    try:
        read(rules, "A", {})
    except ConfigError as error:
        assert any(word in str(error) for word in ("left-recursive", "finite", "empty"))  # noqa: PT017
        assume(False)
    try:
        assert_exact(rules, seed, separate=separate, longest=4)
    except ConfigError as error:
        assert "stacks" in str(error)  # noqa: PT017 - so ambiguous a grammar is refused
        assume(False)


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("name", GRAMMARS)
def test_symbols_come_as_often_as_expected(name, separate):
    """A right generator fails one of these once in 100,000 times."""
    own = machine(GRAMMARS[name], first(GRAMMARS[name]), (), separate=separate)
    walk = own.walk(np.random.default_rng(3).random(60_000))
    counts = np.zeros(walk.odds.shape)
    np.add.at(counts, (walk.states, np.array(own.grammar.leaves)[walk.leaves, 0]), 1)
    statistic = freedom = 0
    for found, wanted in zip(counts, walk.odds * counts.sum(axis=1, keepdims=True), strict=True):
        assert (found[wanted == 0] == 0).all()
        rare = wanted < 5  # the statistic follows its distribution only where more than a few are expected
        found, wanted = (np.append(values[~rare], values[rare].sum()) for values in (found, wanted))
        kept = wanted > 0
        statistic += ((found - wanted)[kept] ** 2 / wanted[kept]).sum()
        freedom += max(kept.sum() - 1, 0)
    assert freedom
    assert chi2.sf(statistic, freedom) > 1e-6


def test_symbols_do_not_depend_on_whether_strings_are_separate():
    one, other = (stream(EMPTY, 500, separate=separate) for separate in (False, True))
    np.testing.assert_array_equal(one.symbols, other.symbols)
    np.testing.assert_array_equal(one.positions, other.positions)
    assert (one.expected != other.expected).any()


def test_a_stream_does_not_depend_on_those_drawn_before():
    fresh = Machine(read(ATTACHMENT, "S", {}), separate=False).walk(np.random.default_rng(5).random(300))
    used = Machine(read(ATTACHMENT, "S", {}), separate=False)
    for seed in range(4):
        used.walk(np.random.default_rng(seed).random(300))
    again = used.walk(np.random.default_rng(5).random(300))
    np.testing.assert_array_equal(fresh.leaves, again.leaves)
    np.testing.assert_array_equal(fresh.odds[fresh.states], again.odds[again.states])


def test_strings_are_whole_and_their_symbols_stand_below_the_nonterminals_that_made_them():
    """Reber's grammar as it is drawn in Cleeremans et al. (1989): positions are the nodes left."""
    edges = {"S0": "B", "S1": "TP", "S2": "SX", "S3": "TV", "S4": "XS", "S5": "PV", "S6": "E"}
    drawn = stream(REBER, 2_000)
    assert all(symbol in edges[node] for symbol, node in zip(drawn.symbols, drawn.positions, strict=True))
    assert drawn.one_hot
    assert drawn.features == tuple("BTPSXVE")  # in the order of first mention
    text = "".join(drawn.symbols)
    assert all(string.endswith("E") for string in text.split("B")[1:-1])
    lengths = np.diff(np.flatnonzero(drawn.symbols == "B"))
    # 8.01 and a standard deviation of 3.40, over about 250 strings: five standard errors
    assert abs(lengths.mean() - 8.01) < 5 * 3.4 / math.sqrt(len(lengths))


def test_a_position_belongs_to_the_derivation_that_was_drawn():
    """Both halves of an ambiguous string come from the same rule, though its first symbol does not tell which."""
    rules = "S -> A A 'x' [.25] | B B 'x' [.75]\nA -> 'a'\nB -> 'a'"
    drawn = stream(rules, 3_000)
    pairs = Counter(zip(drawn.positions[0::3], drawn.positions[1::3], strict=True))
    assert set(pairs) == {("A", "A"), ("B", "B")}
    assert abs(pairs["A", "A"] / 1000 - 0.25) < 5 * math.sqrt(0.25 * 0.75 / 1000)
    np.testing.assert_array_equal(drawn.expected, drawn.vectors)
    assert drawn.classes == {}
    assert stream("S -> A 'b'\nA -> 'a' | 'c'", 20).classes == {"A": {"a", "c"}}


def test_probabilities_may_be_named_and_unlikely_rules_keep_their_units():
    rules = "S -> 'a' S [rc] | 'b' [1-rc]  # rc: how it goes on\n# a comment, S -> 'c' [nobody]"
    assert read(rules, "S", {"rc": 0.25}).rules[0].probability == 0.25
    never = stream(rules, 50, rc=0.0)
    assert never.features == ("a", "b")
    assert set(never.symbols) == {"b"}


def test_equal_probabilities_and_small_errors_of_sums():
    own = read("S -> A | 'b' | 'c'\nA -> 'a' [.333] | 'a' 'a' [.333] | 'b' [.333]", "S", {})
    assert [rule.probability for rule in own.rules] == [1 / 3] * 6


def test_a_name_that_rules_do_not_use_is_a_warning(caplog):
    stream("S -> 'a' 'b' 'c' [1.0]", 10, unused=0.5)
    assert "task.p.unused" in caplog.text


REFUSALS = {
    "S -> S 'a' | 'b'": "S -> S 'a'",
    "S -> A 'a' | 'b'\nA -> E S\nE -> 'e' | ": "S -> A 'a'",
    "S -> 'a' S S [.5] | 'b' [.5]": "S -> 'a' S S",
    "S -> 'a' S": "S -> 'a' S",
    "S -> 'x' A [.1] | 'y' [.9]\nA -> 'a' B [.5] | 'a' [.5]\nB -> 'b' A A [1.0]": "A -> 'a' B",
    "S -> 'a' NP": "NP in S -> 'a' NP",
    "S -> 'a'\nQ -> 'b' S": "Q -> 'b' S",
    "S -> 'a' ?": "line 1, S -> 'a' ?",
    "S -> 'a' [.5]\n\nA B": "line 3, A B",
    "S -> 'a' | 'b [.5]": "line 1, S -> 'a' | 'b [.5]",
    "%fast": "line 1, %fast",
    "# nothing": "at least one rule",
    "S -> 'a' [.5] | 'b'": "S a probability or none",
    "S -> 'a' [.5] | 'b' [.4]": "S probabilities that add up to 1, not to 0.9",
    "S -> 'a' [1.5] | 'b' [.5]": "not [1.5]",
    "S -> 'a' [.5] [.2] | 'b' [.5]": "[.5] is followed by another",
    "S -> 'a' [rc] | 'b' [1-rc]": "rc is not in it",
    "S -> 'a b'": "'a b'",
    "S -> ''": "''",
    "S -> A A\nA -> ": "empty",
    "%start T\nS -> 'a' T\nT -> 'b'": "task.start must be T",
}


@pytest.mark.parametrize("rules", REFUSALS)
def test_a_grammar_that_cannot_be_used_is_refused_with_its_rule(rules):
    assert REFUSALS[rules] in refusal(rules, "S")


def test_a_start_without_rules_and_odd_probabilities_are_refused():
    assert "task.start must be a nonterminal of task.rules, S, not T" in refusal("S -> 'a'", "T")
    assert "task.p.rc must be from 0 to 1, not 1.5" in refusal("S -> 'a' [rc] | 'b' [1-rc]", rc=1.5)


def test_too_many_stacks_are_refused():
    rules = "S -> 'a' S 'b' [.45] | 'a' S 'c' [.45] | 'x' [.1]"
    with pytest.raises(ConfigError, match=r"10000 stacks .* S -> 'a' S 'b'"):
        stream(rules, 5_000)


def test_letters_of_random_words_have_the_odds_that_the_words_task_gives_them():
    """Sentences of 2 or 3 words, none twice in a row, from a lexicon whose words begin and contain each other."""
    lexicon = ["a", "ab", "aba", "b"]
    spelled = {word: " ".join(f"'{letter}'" for letter in word) for word in lexicon}
    lines = ["S -> " + " | ".join(f"{spelled[word]} After_{word}" for word in lexicon)]
    for word in lexicon:
        others = [other for other in lexicon if other != word]
        lines.append(f"After_{word} -> " + " | ".join(f"{spelled[other]} Third_{other}" for other in others))
        lines.append(f"Third_{word} -> [.5] | " + " | ".join(f"{spelled[other]} [.16666666666667]" for other in others))
    drawn = stream("\n".join(lines), 2_000)
    letters = likelihoods("".join(drawn.symbols), lexicon, 2, 3)
    # The sixths above are written with 14 digits.
    np.testing.assert_allclose(drawn.expected, letters[:, : len("ab")], rtol=1e-9, atol=1e-12)


def test_words_of_sentences_have_the_odds_that_the_sentences_task_gives_them():
    categories = {"N": ["man", "cat", "break"], "V": ["see", "break"], "O": ["car", "cat"]}
    templates = ["N V O", "N V N", "O V N"]
    lines = [f"{name} -> " + " | ".join(f"'{word}'" for word in members) for name, members in categories.items()]
    own = Machine(read("\n".join([f"S -> {' | '.join(templates)}", *lines]), "S", {}), separate=True)
    walk = own.walk(np.random.default_rng(4).random(900))
    likelihood = likelihoods_of_words(categories, templates, own.grammar.symbols)
    words = np.array(own.grammar.symbols)[np.array(own.grammar.leaves)[walk.leaves, 0]].tolist()
    for t in range(900):
        np.testing.assert_allclose(walk.odds[walk.states[t]], likelihood(tuple(words[t - t % 3 : t])), atol=1e-12)


def test_strings_that_a_grammar_generates_are_told_from_others():
    own = machine(COUNTING, "S", (), separate=True)
    strings = ["ab", "aabb", "aab", "abb", "abab", "ba", "aaabbb"]
    table = np.zeros((len(strings), 6), int)
    for row, string in zip(table, strings, strict=True):
        row[: len(string)] = ["ab".index(letter) for letter in string]
    generated, goes_on = own.judge(table, np.array([len(string) for string in strings]))
    assert [string for string, found in zip(strings, generated, strict=True) if found] == ["ab", "aabb", "aaabbb"]
    assert [string for string, found in zip(strings, goes_on, strict=True) if found] == ["abb", "abab"]


def test_whole_strings_follow_each_other():
    drawn = stream(COUNTING, 400, seed=4)
    begins = np.flatnonzero((drawn.symbols[1:] == "a") & (drawn.symbols[:-1] == "b")) + 1
    for a, b in pairwise([0, *begins]):
        assert sorted(drawn.symbols[a:b]) == drawn.symbols[a:b].tolist()
        assert (drawn.symbols[a:b] == "a").sum() * 2 == b - a
