"""What the paper says of its figures, in our words, and how each statement is held against the files of a run.

A claim is a number for each network and a rule that the number keeps if that network bears the claim out. The claim
holds if at least 80 % of the networks do, holds in part if at least 20 % do, and otherwise does not hold.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import pandas as pd

from elman.runs import read

HOLDS, IN_PART = 0.8, 0.2  # shares of networks

Verdict = Literal["holds", "holds in part", "does not hold", "not measured"]


class LeftOut(Exception):
    """A run's settings left out what a claim takes."""


class Claim(NamedTuple):
    """One statement of the paper, made measurable."""

    text: str
    """What the paper says, in our words."""
    measure: str
    """What is measured of each network."""
    values: Callable[[Path], pd.Series]
    """From a run's directory to one number a network."""
    relation: Literal["at least", "at most", "above", "below"]
    bound: float
    printed: str = ""
    """What the paper prints of it, if it prints a number."""
    decimals: int = 2

    @property
    def rule(self) -> str:
        """What a network's number must keep."""
        return f"{self.relation} {self.bound:g}"

    def kept(self, values: pd.Series) -> pd.Series:
        """Whether each network's number keeps the rule; one that does not exist (NaN) does not."""
        holds = {"at least": values.ge, "at most": values.le, "above": values.gt, "below": values.lt}
        return holds[self.relation](self.bound)

    def measured(self, run: Path) -> pd.Series:
        """One number a network; none if the run's settings left out what it takes, such as a word or a table."""
        try:
            return self.values(run)
        except LeftOut:
            return pd.Series(dtype=float)

    def verdict(self, values: pd.Series) -> Verdict:
        """Whether the claim holds for the networks."""
        if values.empty:
            return "not measured"
        share = self.kept(values).mean()
        return "holds" if share >= HOLDS else "holds in part" if share >= IN_PART else "does not hold"


class Section(NamedTuple):
    """One figure of the paper: what was done there, the experiment that does it again, and what is claimed."""

    title: str
    experiment: str
    """A file of conf/experiment."""
    told: str
    """What the paper does there, in our words."""
    figures: tuple[tuple[str, str], ...]
    """File names in the run's figures, without .png, each with a text for readers who do not see it."""
    claims: tuple[Claim, ...]
    weights_from: str | None = None
    """The experiment whose trained networks are tested."""


def _rows(run: Path, table: str, column: str, *values: str) -> pd.DataFrame:
    """A table in which the column has each of these values; LeftOut if there is none such."""
    if not (run / f"{table}.csv").exists():
        raise LeftOut
    rows = read(run, table)
    if not set(values) <= set(rows[column]):
        raise LeftOut
    return rows


def _xor_dip(run: Path) -> pd.Series:
    cycle = _rows(run, "cycle_errors", "position", "xor")
    xor = cycle["position"] == "xor"
    return cycle[xor].groupby("replicate")["mse"].max() / cycle[~xor].groupby("replicate")["mse"].min()


def _xor_everywhere(run: Path) -> pd.Series:
    """At the steps that cannot be predicted: how many outputs round to the exclusive-or of the last two bits."""
    steps = _rows(run, "predictions", "position", "xor")
    before = steps.groupby("replicate")["input"].shift()
    rule = (steps["input"] != before).astype(int)
    chosen = before.notna() & (steps["position"] != "xor")
    said = (steps["output"] > 0.5).astype(int)
    return (said == rule)[chosen].groupby(steps["replicate"]).mean()


def _consonants_to_vowels(run: Path) -> pd.Series:
    rows = _rows(run, "position_errors", "position", "consonant")
    errors = rows.pivot(index="replicate", columns="position", values="rmse")
    return errors["consonant"] / errors.filter(like="vowel").max(axis=1)


def _bit_at_consonants(feature: str) -> Callable[[Path], pd.Series]:
    def values(run: Path) -> pd.Series:
        errors = _rows(run, "bit_errors", "position", "consonant")
        chosen = errors[(errors["position"] == "consonant") & (errors["feature"] == feature)]
        return chosen.set_index("replicate")["mse"]

    return values


def _first_to_later_letters(run: Path) -> pd.Series:
    errors = _rows(run, "position_errors", "position", "letter 1", "letter 2")
    errors["sum"] = errors["mse"] * errors["n"]
    first = errors["position"] == "letter 1"
    at_first, later = (errors[rows].groupby("replicate")[["sum", "n"]].sum() for rows in (first, ~first))
    return (at_first["sum"] / at_first["n"]) / (later["sum"] / later["n"])


def _likelihood(against: str, measure: str, *, of_best: bool = False) -> Callable[[Path], pd.Series]:
    def values(run: Path) -> pd.Series:
        rows = _rows(run, "likelihood", "against", against)
        chosen = rows[(rows["against"] == against) & (rows["measure"] == measure)].set_index("replicate")
        return chosen["mean"] / chosen["best_mean"] if of_best else chosen["mean"]

    return values


def _agreement(*classes: str, network: str = "trained") -> Callable[[Path], pd.Series]:
    """How well the tree of the symbols agrees with that of the classes with which it agrees best."""

    def values(run: Path) -> pd.Series:
        rows = _rows(run, "cluster_agreement", "class", *classes)
        chosen = (rows["tree"] == "symbols") & (rows["network"] == network) & rows["class"].isin(classes)
        return rows[chosen].groupby("replicate")["jaccard"].max()

    return values


def _context_to_word(network: str) -> Callable[[Path], pd.Series]:
    """How far single occurrences lie from their word's mean, over half the distance between the means of two words."""

    def values(run: Path) -> pd.Series:
        rows = _rows(run, "occurrences", "symbol", "boy", "girl")
        rows = rows[rows["network"] == network]
        units = rows.filter(like="unit_")
        keys = [rows["replicate"], rows["symbol"]]
        spread = ((units - units.groupby(keys).transform("mean")) ** 2).sum(axis=1).groupby(rows["replicate"]).mean()
        boy, girl = (units.groupby(keys).mean().xs(word, level="symbol") for word in ("boy", "girl"))
        return spread.pow(0.5) / (((boy - girl) ** 2).sum(axis=1).pow(0.5) / 2)

    return values


SECTIONS = (
    Section(
        "Figure 3: exclusive-or in time",
        "figure3",
        "A stream of bits in which every third is the exclusive-or of the two before. Two hidden units read one bit "
        "at a time and predict the next; the error is shown over twelve consecutive steps (pp. 185-187).",
        (("error_over_12_steps", "The mean squared error at 12 consecutive steps, the exclusive-or at every third."),),
        (
            Claim(
                "The error drops at every third step, the only one that can be predicted.",
                "highest error at an exclusive-or step, over the lowest at any other",
                _xor_dip,
                "below",
                1.0,
                printed="about 0.5 to 0.6, read from the figure",
            ),
            Claim(
                "The network tries the exclusive-or rule at every step, also where it does not apply.",
                "share of the other steps whose answer is the exclusive-or of the last two bits (guessing: 0.5)",
                _xor_everywhere,
                "at least",
                0.6,
            ),
        ),
    ),
    Section(
        "Figure 4: which letters surprise",
        "figure4",
        "Consonants b, d, g in random order, each followed by its own vowel, once, twice or three times; letters are "
        "six phonetic features (pp. 187-191). The error is high at consonants and low at vowels.",
        (("error_by_letter", "The error at 20 steps, named by the letter to be predicted."),),
        (
            Claim(
                "The error is high where a consonant must be predicted, and low at every vowel.",
                "root mean squared error at consonants, over the highest at a vowel (a ratio)",
                _consonants_to_vowels,
                "at least",
                3.0,
                decimals=1,
            ),
        ),
    ),
    Section(
        "Figure 5: part of a letter can be known",
        "figure5",
        "The same networks, feature by feature: which consonant comes is random, but that a consonant comes is not "
        "(p. 190).",
        (
            (
                "error_of_bits_1_and_4",
                "The error at the same steps in bit 1, consonant, above, and in bit 4, high, below.",
            ),
        ),
        (
            Claim(
                "That a consonant comes is predicted.",
                "mean squared error of the feature 'consonant' at consonants",
                _bit_at_consonants("consonant"),
                "at most",
                0.01,
                decimals=4,
            ),
            Claim(
                "Which consonant it is, is not.",
                "mean squared error of the feature 'high' at consonants (best possible: 0.222)",
                _bit_at_consonants("high"),
                "at least",
                0.2,
                decimals=3,
            ),
        ),
    ),
    Section(
        "Figure 6: where words begin",
        "figure6",
        "Sentences as one stream of letters, without a break between words. The network predicts the next letter from "
        "five-bit codes (pp. 191-194).",
        (("error_in_words", "The error along the first 60 letters; large yellow dots are first letters of words."),),
        (
            Claim(
                "The error is high at the first letter of a word and falls as more of the word is known.",
                "mean squared error at first letters, over that at all later ones (a ratio)",
                _first_to_later_letters,
                "at least",
                2.0,
            ),
        ),
    ),
    Section(
        "Predicting words in sentences",
        "figure7",
        "Sentences of two and three words from 29, one bit a word, without a break between sentences. No word can be "
        "predicted for certain, so the outputs are compared with the likelihood of each next word (pp. 194-198).",
        (("learning_curve", "The error on test sentences, by the place of the predicted word."),),
        (
            Claim(
                "Against the word that came, the error stays high, as it must.",
                "mean length of the error vector",
                _likelihood("next word", "error norm"),
                "at least",
                0.8,
                printed="0.88",
                decimals=3,
            ),
            Claim(
                "But it is close to the best that is possible.",
                "the same, over that of the likelihood vector itself",
                _likelihood("next word", "error norm", of_best=True),
                "at most",
                1.04,
                decimals=3,
            ),
            Claim(
                "The outputs point the way of the likelihood vector.",
                "mean cosine of the angle between the two",
                _likelihood("likelihood", "cosine"),
                "at least",
                0.85,
                printed="0.916",
                decimals=3,
            ),
        ),
    ),
    Section(
        "Figure 7: classes of words that nobody taught",
        "figure7",
        "The hidden states after each word, averaged over all its contexts, clustered into a tree (pp. 198-201). "
        "Nothing in a word's code says what kind of word it is. The untrained network is the control of footnote 6.",
        (
            (
                "clusters",
                "Trees of the words after and before training; colours are known classes, which no network was told.",
            ),
            ("phase_portrait", "Three sentences as ways through the plane of the first two principal components."),
        ),
        (
            Claim(
                "Verbs are a branch of their own.",
                "Jaccard index of the verbs and the branch most like them",
                _agreement("verb"),
                "at least",
                1.0,
            ),
            Claim(
                "Nouns divide into animate and inanimate ones.",
                "the same for animate nouns",
                _agreement("animate"),
                "at least",
                1.0,
            ),
            Claim("Humans are a branch within them.", "the same for humans", _agreement("HUM"), "at least", 1.0),
            Claim(
                "Large animals that attack are one.",
                "the same for dragon, monster and lion",
                _agreement("AGRESS"),
                "at least",
                1.0,
            ),
            Claim("Food is one.", "the same for food", _agreement("FOOD"), "at least", 1.0),
            Claim(
                "The classes come from learning: the states of an untrained network, averaged alike, do not have them.",
                "the highest of verbs, humans, large animals and food before training",
                _agreement("verb", "HUM", "AGRESS", "FOOD", network="untrained"),
                "below",
                1.0,
            ),
        ),
    ),
    Section(
        "Figure 8: a word never met",
        "figure8",
        "The trained networks read the sentences with an unknown word, zog, wherever there was man, and learn no more "
        "(p. 204).",
        (("clusters", "The tree of the words with zog, in bold, in the place of man."),),
        (
            Claim(
                "From its contexts alone the unknown word is placed among the humans.",
                "Jaccard index of the humans with zog and the branch most like them",
                _agreement("HUM"),
                "at least",
                1.0,
            ),
        ),
        weights_from="figure7",
    ),
    Section(
        "Figure 9: the same word in different contexts",
        "figure9",
        "Single occurrences of boy and girl in the trained networks, clustered one by one (pp. 205-206).",
        (("occurrences", "The tree of single occurrences of boy and girl, named with the two words before."),),
        (
            Claim(
                "Occurrences of one word differ by their context.",
                "distance of an occurrence from its word's mean, over half the distance between boy and girl",
                _context_to_word("trained"),
                "above",
                1.0,
            ),
            Claim(
                "That is learned: before training the word itself weighs more than its context.",
                "the same before training",
                _context_to_word("untrained"),
                "below",
                1.0,
            ),
        ),
    ),
)
