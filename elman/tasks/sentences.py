"""Lexical classes: two- and three-word sentences without breaks, one bit a word (Elman 1990, pp. 194-207)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

import numpy as np

from elman.errors import ConfigError
from elman.stream import Stream

# The grammar of the paper: conf/task/sentences.yaml says what is printed and what is reconstructed.
CATEGORIES = {
    "HUM": "man woman boy girl",
    "ANIM": "cat dog mouse",
    "INANIM": "book rock car",
    "AGRESS": "dragon monster lion",
    "FRAG": "glass plate",
    "FOOD": "cookie bread sandwich",
    "INTRAN": "think sleep exist",
    "TRAN": "see chase like smell move eat",
    "AGPAT": "move break",
    "PERCEPT": "smell see",
    "DESTROY": "break smash",
    "EAT": "eat",
}
TEMPLATES = [
    "HUM EAT FOOD", "HUM PERCEPT INANIM", "HUM DESTROY FRAG", "HUM INTRAN", "HUM TRAN HUM", "HUM AGPAT INANIM",
    "HUM AGPAT", "ANIM EAT FOOD", "ANIM TRAN ANIM", "ANIM AGPAT INANIM", "ANIM AGPAT", "INANIM AGPAT",
    "AGRESS DESTROY FRAG", "AGRESS EAT HUM", "AGRESS EAT ANIM", "AGRESS EAT FOOD",
]  # fmt: skip
# What the paper prints about its network (pp. 194-207): means, and some standard deviations. It calls .88 and .053 an
# RMS error, which may mean any of the three measures.
PUBLISHED = {
    ("next word", "error norm"): (0.88, np.nan),
    ("next word", "squared error"): (0.88, np.nan),
    ("next word", "RMS per unit"): (0.88, np.nan),
    ("likelihood", "error norm"): (0.053, 0.100),
    ("likelihood", "squared error"): (0.053, 0.100),
    ("likelihood", "RMS per unit"): (0.053, 0.100),
    ("likelihood", "cosine"): (0.916, 0.123),
}

_MOST_SPARE = 10_000  # bits


def sentences(
    length: int, rng: np.random.Generator, *, categories: dict[str, list[str]], templates: list[str],
    classes: dict[str, list[str]], spare: int, replace: list[str], separate: bool = False
) -> Stream:  # fmt: skip
    """Sentences that fill templates with words of the right category, one after the other.

    Each sentence fills a template chosen at random, and each place in it a word chosen at random from its category.
    `expected` is the paper's likelihood vector, as `likelihoods` gives it.

    Args:
        length: words in the stream, at least 2; the last sentence may be cut.
        rng: source of the sentences.
        categories: the words of each category; a word may be in several.
        templates: the categories of each kind of sentence, separated by spaces. All are equally likely; one that is
            given twice is twice as likely.
        classes: the categories of larger classes, such as verbs; only measures use them.
        spare: bits for which there is no word.
        replace: pairs of a word and an unknown word that stands in its place everywhere, on a spare bit:
            zog for man in the paper's Figure 8.
        separate: whether the context is set back before each sentence; no word depends on it.

    Returns:
        A Stream of one bit a word, with the positions "word 1", "word 2" ... and the classes: each category, and each
        of `classes`; a sequence is a sentence.

    Raises:
        ConfigError: for categories, templates, classes or pairs that do not go together.
    """
    _check(categories, templates, classes, spare, replace)
    words = list(dict.fromkeys(word for members in categories.values() for word in members))
    sentences = _draw(length, rng, categories, [template.split() for template in templates])
    unknown = dict(zip(replace[::2], replace[1::2], strict=True))
    features, bits = _units(words, unknown, spare)
    number = {word: i for i, word in enumerate(words)}
    read = np.array([number[word] for sentence in sentences for word in sentence])[:length]  # (T,)
    places = np.array([place for sentence in sentences for place in range(len(sentence))])[:length]  # (T,)
    expected = np.zeros((length, len(features)))
    likelihood = likelihoods(categories, templates, words, separate=separate)
    expected[:, bits] = [likelihood(so_far) for so_far in _so_far(sentences, separate=separate)][:length]
    return Stream(
        symbols=np.array([unknown.get(word, word) for word in words])[read],
        vectors=np.eye(len(features), dtype=np.uint8)[bits[read]],
        positions=np.array([f"word {place + 1}" for place in range(max(map(len, sentences)))])[places],
        expected=expected,
        features=features,
        classes=_classes(categories, classes, unknown),
        starts=places == 0,
        sequence="sentence",
        published=PUBLISHED if not (replace or separate) and _as_printed(categories, templates) else None,
    )


def _draw(
    length: int, rng: np.random.Generator, categories: Mapping[str, Sequence[str]], kinds: Sequence[Sequence[str]]
) -> list[tuple[str, ...]]:
    """Draw sentences of at least so many words, each of one of the kinds."""
    numbers = rng.integers(len(kinds), size=length // min(map(len, kinds)) + 1)
    draws = rng.random((len(numbers), max(map(len, kinds)))).tolist()
    sentences, words = list[tuple[str, ...]](), 0
    for number, row in zip(numbers.tolist(), draws, strict=True):
        members = [categories[category] for category in kinds[number]]
        sentences.append(tuple(of[int(draw * len(of))] for of, draw in zip(members, row, strict=False)))
        words += len(members)
        if words >= length:
            break
    return sentences


def _so_far(sentences: Sequence[tuple[str, ...]], *, separate: bool) -> Iterator[tuple[str, ...]]:
    """What is read of a sentence before each word; before the first one the sentence before it, if not separate."""
    before = tuple[str, ...]()
    for sentence in sentences:
        for place in range(len(sentence)):
            yield sentence[:place] or before
        before = () if separate else sentence


def _units(words: Sequence[str], unknown: Mapping[str, str], spare: int) -> tuple[list[str], np.ndarray]:
    """Name the n bits, and give the bit of each word.

    A word that is replaced leaves its bit unused, and the unknown word in its place uses the next spare one.
    """
    bits = np.arange(len(words))
    bits[[words.index(word) for word in unknown]] = len(words) + np.arange(len(unknown))
    return [*words, *unknown.values(), *(f"spare {i}" for i in range(len(unknown) + 1, spare + 1))], bits


def _as_printed(categories: Mapping[str, Sequence[str]], templates: Sequence[str]) -> bool:
    """Whether this is the paper's grammar, in any order."""
    words = {name: sorted(members) for name, members in categories.items()}
    return sorted(templates) == sorted(TEMPLATES) and words == {
        name: sorted(members.split()) for name, members in CATEGORIES.items()
    }


def likelihoods(
    categories: Mapping[str, Sequence[str]],
    templates: Sequence[str],
    words: Sequence[str],
    *,
    separate: bool = False,
) -> Callable[[tuple[str, ...]], np.ndarray]:
    """The likelihood vector of the next word, as a function of the words of the sentence so far.

    Once a sentence fits a whole template, the next word may also be the first of another sentence, unless sentences are
    separate: then it is given that the sentence goes on.
    """
    share = {
        category: np.array([(word in members) / len(members) for word in words])
        for category, members in categories.items()
    }
    kinds = [template.split() for template in templates]
    number = {word: i for i, word in enumerate(words)}
    first = np.mean([share[kind[0]] for kind in kinds], axis=0)

    @cache
    def likelihood(so_far: tuple[str, ...]) -> np.ndarray:
        total = np.zeros(len(words))
        for kind in kinds:
            if len(kind) < len(so_far) + separate:
                continue
            fits = np.prod([share[category][number[word]] for category, word in zip(kind, so_far, strict=False)])
            total += fits * (share[kind[len(so_far)]] if len(kind) > len(so_far) else first)
        return total / total.sum()

    return likelihood


def _classes(
    categories: Mapping[str, Sequence[str]], classes: Mapping[str, Sequence[str]], unknown: Mapping[str, str]
) -> dict[str, frozenset[str]]:
    """The words of each category and of each larger class, unknown words in the place of those that they replace."""
    of_categories = {name: frozenset(unknown.get(w, w) for w in members) for name, members in categories.items()}
    larger = {name: frozenset().union(*(of_categories[c] for c in members)) for name, members in classes.items()}
    return larger | of_categories


def _check(
    categories: Mapping[str, Sequence[str]],
    templates: Sequence[str],
    classes: Mapping[str, Sequence[str]],
    spare: int,
    replace: Sequence[str],
) -> None:
    if not templates:
        raise ConfigError("task.templates must hold at least one template, not none")
    for name, members in categories.items():
        if not members or any(not word or len(word.split()) != 1 for word in members):
            raise ConfigError(f"task.categories.{name} must be single words, at least one, not {list(members)}")
        if len(set(members)) < len(members):
            raise ConfigError(f"task.categories.{name} must not hold a word twice, as {list(members)} does")
    for template in templates:
        if not template.split():
            raise ConfigError("task.templates must each name at least one category, not none")
        for category in template.split():
            if category not in categories:
                raise ConfigError(f"task.templates must name categories, and {category} in {template!r} is none")
    for name, members in classes.items():
        if name in categories:
            raise ConfigError(f"task.classes must have names of their own, and {name} is a category")
        for category in members:
            if category not in categories:
                raise ConfigError(f"task.classes.{name} must name categories, and {category} is none")
    if not 0 <= spare <= _MOST_SPARE:
        raise ConfigError(f"task.spare must be from 0 to {_MOST_SPARE}, not {spare}")
    words = {word for members in categories.values() for word in members}
    if len(replace) % 2 or len(set(replace)) < len(replace):
        raise ConfigError(f"task.replace must be pairs of a word and an unknown word, not {list(replace)}")
    for word, unknown in zip(replace[::2], replace[1::2], strict=True):
        if word not in words or unknown in words or len(unknown.split()) != 1:
            raise ConfigError(
                f"task.replace must give an unknown word for one of the lexicon, not {unknown} for {word}"
            )
    if len(replace) // 2 > spare:
        raise ConfigError(f"task.replace must fit the {spare} spare bits, and gives {len(replace) // 2} unknown words")
