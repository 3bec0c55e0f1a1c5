"""Letters in words: sentences without breaks between their words or letters (Elman 1990, pp. 191-194)."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from elman.errors import ConfigError
from elman.stream import Stream

ALPHABET = "abcdefghijklmnopqrstuvwxyz"
FEATURES = ("sixteens", "eights", "fours", "twos", "ones")
CODES = (np.arange(1, len(ALPHABET) + 1)[:, None] >> np.arange(4, -1, -1) & 1).astype(np.uint8)  # (26, 5): a = 00001


def words(
    length: int,
    rng: np.random.Generator,
    *,
    lexicon: list[str],
    shortest: int,
    longest: int,
    opening: list[str],
    test: bool,
    separate: bool = False,
) -> Stream:
    """The letters of random sentences, run together: manyyearsagoaboyandgirllivedbythesea ...

    A sentence has `shortest` to `longest` words, all lengths equally likely, and each word is any of the lexicon but
    the one before it in its sentence, all equally likely. The paper does not print its grammar; this one is ours.
    `expected` is exact: the probability of each letter given all letters so far, which may leave it open where words
    begin. Where sentences are separate, it is given the letters of the sentence so far, and that the sentence goes on.

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
        ConfigError: for a lexicon or an opening that does not fit this.
    """
    _check(lexicon, shortest, longest, opening)
    number = {word: i for i, word in enumerate(lexicon)}
    openings = [[number[word] for word in sentence.split()] for sentence in opening] if test else []
    words = [lexicon[word] for sentence in openings for word in sentence]
    begins = [j == 0 for sentence in openings for j in range(len(sentence))]
    drawn, drawn_begins = _draw(length, rng, len(lexicon), min(map(len, lexicon)), shortest, longest)
    words += [lexicon[word] for word in drawn]
    begins += drawn_begins
    text = "".join(words)[:length]
    place = np.array([j for word in words for j in range(len(word))][:length])
    starts = np.repeat(begins, [len(word) for word in words])[:length] & (place == 0)
    chances = likelihoods(text, lexicon, shortest, longest, starts if separate else None)
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
    """The probability of each letter of the alphabet at each place of a text, given all letters before it.

    The forward algorithm over every place in every word of a sentence at which the text can be. With `starts`, (T,)
    bool, sentences are separate: it begins anew at each of them, and between them the sentence is known to go on.

    Returns:
        (T, 26): each row adds up to 1.
    """
    W, number = len(lexicon), {letter: i for i, letter in enumerate(ALPHABET)}
    starting = np.array([[word[0] == letter for letter in ALPHABET] for word in lexicon], dtype=float)  # (W, 26)
    after_none, after = starting.mean(axis=0), (starting.sum(axis=0) - starting) / (W - 1)  # (26,), (W, 26)
    beginning = {letter: [v for v, word in enumerate(lexicon) if word[0] == letter] for letter in ALPHABET}
    # The chance that a sentence is over after its word k, from 1 on, if it has come so far.
    over = np.array([1 / (longest - k + 1) if k >= shortest else 0.0 for k in range(1, longest + 1)])  # (K,)
    first = np.eye(longest)[0]
    # Where the text can be: so many letters into a word, with the chance of that, and the chances (K,), which add up to
    # 1, that the word is each of its sentence; or after a word, with the chance that its sentence is over, and the
    # chances (K,) that it goes on with each of its words.
    inside: dict[tuple[int, int], tuple[float, np.ndarray]] = {}
    ended = [(0, 1.0, np.zeros(longest))]  # as if a sentence were over
    found = np.zeros((len(text), len(ALPHABET)))
    for t, letter in enumerate(text):
        if starts is not None and starts[t]:
            inside, ended = {}, [(0, 1.0, np.zeros(longest))]
        for (v, read), (chance, _) in inside.items():
            found[t, number[lexicon[v][read]]] += chance
        for before, is_over, going_on in ended:
            found[t] += is_over * after_none + going_on.sum() * after[before]

        reached = {(v, read + 1): state for (v, read), state in inside.items() if lexicon[v][read] == letter}
        for v in beginning[letter] if ended else ():
            mass = sum(is_over for _, is_over, _ in ended) / W * first
            for before, _, going_on in ended:
                if before != v:
                    mass += going_on / (W - 1)
            if chance := float(mass.sum()):
                reached[v, 1] = (chance, mass / chance)
        total = sum(chance for chance, _ in reached.values())
        inside, ended = {}, []
        for (v, read), (chance, of_sentence) in reached.items():
            if read < len(lexicon[v]):
                inside[v, read] = (chance / total, of_sentence)
            else:
                going_on = chance / total * (1 - over) * of_sentence
                following = np.concatenate([[0.0], going_on[:-1]])  # the sentence is over after its longest's last word
                is_over = 0.0 if starts is not None else chance / total * float((over * of_sentence).sum())
                ended.append((v, is_over, following))
    return found / found.sum(axis=1, keepdims=True)


def _draw(
    length: int, rng: np.random.Generator, W: int, fewest: int, shortest: int, longest: int
) -> tuple[list[int], list[bool]]:
    """Draw enough words for a stream of so many letters.

    Args:
        length: letters in the stream.
        rng: source of the sentences.
        W: words in the lexicon.
        fewest: letters of its shortest word.
        shortest: words of the shortest sentence.
        longest: words of the longest sentence.

    Returns:
        The words as numbers in the lexicon, and whether each begins a sentence.
    """
    most = length // fewest + 1
    begins = np.cumsum(rng.integers(shortest, longest + 1, size=most // shortest + 1))
    # A word is so many places on from the one before it, in a circle: never 0, but where a sentence begins.
    steps = rng.integers(1, W, size=most)
    begins = np.concatenate([[0], begins[begins < most]])
    steps[begins] = rng.integers(W, size=len(begins))
    return (np.cumsum(steps) % W).tolist(), np.isin(np.arange(most), begins).tolist()


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
    for sentence in opening:
        said = sentence.split()
        if unknown := [word for word in said if word not in lexicon]:
            raise ConfigError(f"task.opening must be sentences of words in task.lexicon, and {unknown[0]} is none")
        if not shortest <= len(said) <= longest:
            raise ConfigError(f"task.opening must be sentences of {shortest} to {longest} words, not {len(said)}")
        if any(one == other for one, other in pairwise(said)):
            raise ConfigError(f"task.opening must not have the same word twice in a row, as in {sentence!r}")
