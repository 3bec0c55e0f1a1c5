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
) -> Stream:
    """The letters of random sentences, run together: manyyearsagoaboyandgirllivedbythesea ...

    A sentence has `shortest` to `longest` words, all lengths equally likely, and each word is any of the lexicon but
    the one before it in its sentence, all equally likely. The paper does not print its grammar; this one is ours.
    `expected` is exact: the chance of each letter given all letters so far, which may leave it open where words begin.

    Args:
        length: letters in the stream, at least 2; the last word may be cut.
        rng: source of the sentences.
        lexicon: different words of the letters a to z, at least two.
        shortest: words of the shortest sentence, at least 1.
        longest: words of the longest sentence.
        opening: sentences with which the test stream begins.
        test: whether this is the test stream.

    Returns:
        A Stream of five bits a letter, its number in the alphabet, with the positions "letter 1", "letter 2" ...

    Raises:
        ConfigError: for a lexicon or an opening that does not fit this.
    """
    _check(lexicon, shortest, longest, opening)
    first = [lexicon.index(word) for sentence in opening for word in sentence.split()] if test else []
    drawn = _drawn(length, rng, lexicon, shortest, longest)
    chosen = [lexicon[word] for word in [*first, *drawn]]
    text = "".join(chosen)[:length]
    place = [j for word in chosen for j in range(len(word))][:length]
    return Stream(
        vectors=CODES[[ALPHABET.index(letter) for letter in text]],
        symbols=np.array(list(text)),
        positions=np.array([f"letter {j + 1}" for j in range(max(map(len, lexicon)))])[place],
        expected=likelihoods(text, lexicon, shortest, longest) @ CODES,
        features=FEATURES,
    )


def likelihoods(text: str, lexicon: Sequence[str], shortest: int, longest: int) -> np.ndarray:
    """The probability of each letter of the alphabet at each place of a text, given all letters before it.

    The forward algorithm over every place in every word of a sentence at which the text can be.

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
                ended.append((v, chance / total * float(over @ of_sentence), following))
    return found / found.sum(axis=1, keepdims=True)


def _drawn(length: int, rng: np.random.Generator, lexicon: Sequence[str], shortest: int, longest: int) -> list[int]:
    """Enough words for a stream of so many letters, as numbers in the lexicon."""
    most = length // min(map(len, lexicon)) + 1
    begins = np.cumsum(rng.integers(shortest, longest + 1, size=most // shortest + 1))
    # A word is so many places on from the one before it, in a circle: never 0, but where a sentence begins.
    steps = rng.integers(1, len(lexicon), size=most)
    begins = np.concatenate([[0], begins[begins < most]])
    steps[begins] = rng.integers(len(lexicon), size=len(begins))
    return list((np.cumsum(steps) % len(lexicon)).tolist())


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
