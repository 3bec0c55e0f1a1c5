"""Elman (1990), Finding Structure in Time: what each of its figures shows, and how that is measured on a run."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from elman.paper.claims import Claim, Paper, Picture, Section, Source, table_of


def _xor_dip(run: Path) -> pd.Series:
    cycle = table_of(run, "cycle_errors", "position", "xor")
    xor = cycle["position"] == "xor"
    return cycle[xor].groupby("replicate")["mse"].max() / cycle[~xor].groupby("replicate")["mse"].min()


def _xor_everywhere(run: Path) -> pd.Series:
    """At the steps that cannot be predicted: how many outputs round to the exclusive-or of the last two bits."""
    steps = table_of(run, "predictions", "position", "xor")
    before = steps.groupby("replicate")["input"].shift()
    rule = (steps["input"] != before).astype(int)
    chosen = before.notna() & (steps["position"] != "xor")
    said = (steps["output"] > 0.5).astype(int)
    return (said == rule)[chosen].groupby(steps["replicate"]).mean()


def _consonants_to_vowels(run: Path) -> pd.Series:
    rows = table_of(run, "position_errors", "position", "consonant")
    errors = rows.pivot(index="replicate", columns="position", values="rmse")
    return errors["consonant"] / errors.filter(like="vowel").max(axis=1)


def _bit_at_consonants(feature: str) -> Callable[[Path], pd.Series]:
    def values(run: Path) -> pd.Series:
        errors = table_of(run, "bit_errors", "position", "consonant")
        chosen = errors[(errors["position"] == "consonant") & (errors["feature"] == feature)]
        return chosen.set_index("replicate")["mse"]

    return values


def _first_to_later_letters(run: Path) -> pd.Series:
    errors = table_of(run, "position_errors", "position", "letter 1", "letter 2")
    errors["sum"] = errors["mse"] * errors["n"]
    first = errors["position"] == "letter 1"
    at_first, later = (errors[rows].groupby("replicate")[["sum", "n"]].sum() for rows in (first, ~first))
    return (at_first["sum"] / at_first["n"]) / (later["sum"] / later["n"])


def _likelihood(against: str, measure: str, *, of_best: bool = False) -> Callable[[Path], pd.Series]:
    def values(run: Path) -> pd.Series:
        rows = table_of(run, "likelihood", "against", against)
        chosen = rows[(rows["against"] == against) & (rows["measure"] == measure)].set_index("replicate")
        return chosen["mean"] / chosen["best_mean"] if of_best else chosen["mean"]

    return values


def _agreement(*classes: str, network: str = "trained") -> Callable[[Path], pd.Series]:
    """How well the tree of the symbols agrees with that of the classes with which it agrees best."""

    def values(run: Path) -> pd.Series:
        rows = table_of(run, "cluster_agreement", "class", *classes)
        chosen = (rows["tree"] == "symbols") & (rows["network"] == network) & rows["class"].isin(classes)
        return rows[chosen].groupby("replicate")["jaccard"].max()

    return values


def _context_to_word(network: str) -> Callable[[Path], pd.Series]:
    """How far single occurrences lie from their word's mean, over half the distance between the means of two words."""

    def values(run: Path) -> pd.Series:
        rows = table_of(run, "occurrences", "symbol", "boy", "girl")
        rows = rows[rows["network"] == network]
        units = rows.filter(like="unit_")
        keys = [rows["replicate"], rows["symbol"]]
        spread = ((units - units.groupby(keys).transform("mean")) ** 2).sum(axis=1).groupby(rows["replicate"]).mean()
        boy, girl = (units.groupby(keys).mean().xs(word, level="symbol") for word in ("boy", "girl"))
        return spread.pow(0.5) / (((boy - girl) ** 2).sum(axis=1).pow(0.5) / 2)

    return values


_SECTIONS = (
    Section(
        "figure3",
        "Figure 3: exclusive-or in time",
        "figure3",
        "A stream of bits in which every third is the exclusive-or of the two before. Two hidden units read one bit "
        "at a time and predict the next; the error is shown over twelve consecutive steps (pp. 185-187).",
        (
            Picture(
                "error_over_12_steps",
                "The mean squared error at 12 consecutive steps, the exclusive-or at every third.",
            ),
        ),
        (
            Claim(
                "dip",
                "The error drops at every third step, the only one that can be predicted.",
                "highest error at an exclusive-or step, over the lowest at any other",
                _xor_dip,
                "below",
                1.0,
                printed="about 0.5 to 0.6, read from the figure",
            ),
            Claim(
                "everywhere",
                "The network tries the exclusive-or rule at every step, also where it does not apply.",
                "share of the other steps whose answer is the exclusive-or of the last two bits (guessing: 0.5)",
                _xor_everywhere,
                "at least",
                0.6,
            ),
        ),
        unstated="figure3_rates",
    ),
    Section(
        "figure4",
        "Figure 4: which letters surprise",
        "figure4",
        "Consonants b, d, g in random order, each followed by its own vowel, once, twice or three times; letters are "
        "six phonetic features (pp. 187-191). The error is high at consonants and low at vowels.",
        (Picture("error_by_letter", "The error at 20 steps, named by the letter to be predicted."),),
        (
            Claim(
                "surprise",
                "The error is high where a consonant must be predicted, and low at every vowel.",
                "root mean squared error at consonants, over the highest at a vowel (a ratio)",
                _consonants_to_vowels,
                "at least",
                3.0,
                decimals=1,
            ),
        ),
        unstated="figure4_rates",
    ),
    Section(
        "figure5",
        "Figure 5: part of a letter can be known",
        "figure5",
        "The same networks, feature by feature: which consonant comes is random, but that a consonant comes is not "
        "(p. 190).",
        (
            Picture(
                "error_of_bits_1_and_4",
                "The error at the same steps in bit 1, consonant, above, and in bit 4, high, below.",
            ),
        ),
        (
            Claim(
                "consonant",
                "That a consonant comes is predicted.",
                "mean squared error of the feature 'consonant' at consonants",
                _bit_at_consonants("consonant"),
                "at most",
                0.01,
                decimals=4,
            ),
            Claim(
                "which",
                "Which consonant it is, is not.",
                "mean squared error of the feature 'high' at consonants (best possible: 0.222)",
                _bit_at_consonants("high"),
                "at least",
                0.2,
                decimals=3,
            ),
        ),
        unstated="figure4_rates",
    ),
    Section(
        "figure6",
        "Figure 6: where words begin",
        "figure6",
        "Sentences as one stream of letters, without a break between words. The network predicts the next letter from "
        "five-bit codes (pp. 191-194).",
        (
            Picture(
                "error_in_words", "The error along the first 60 letters; large yellow dots are first letters of words."
            ),
        ),
        (
            Claim(
                "words",
                "The error is high at the first letter of a word and falls as more of the word is known.",
                "mean squared error at first letters, over that at all later ones (a ratio)",
                _first_to_later_letters,
                "at least",
                2.0,
            ),
        ),
        unstated="figure6_rates",
    ),
    Section(
        "prediction",
        "Predicting words in sentences",
        "figure7",
        "Sentences of two and three words from 29, one bit a word, without a break between sentences. No word can be "
        "predicted for certain, so the outputs are compared with the likelihood of each next word (pp. 194-198).",
        (Picture("learning_curve", "The error on test sentences, by the place of the predicted word."),),
        (
            Claim(
                "next-word",
                "Against the word that came, the error stays high, as it must.",
                "mean length of the error vector",
                _likelihood("next word", "error norm"),
                "at least",
                0.8,
                printed="0.88",
                decimals=3,
            ),
            Claim(
                "best",
                "But it is close to the best that is possible.",
                "the same, over that of the likelihood vector itself",
                _likelihood("next word", "error norm", of_best=True),
                "at most",
                1.04,
                decimals=3,
            ),
            Claim(
                "cosine",
                "The outputs point the way of the likelihood vector.",
                "mean cosine of the angle between the two",
                _likelihood("likelihood", "cosine"),
                "at least",
                0.85,
                printed="0.916",
                decimals=3,
            ),
        ),
        unstated="word_classes",
    ),
    Section(
        "figure7",
        "Figure 7: classes of words that nobody taught",
        "figure7",
        "The hidden states after each word, averaged over all its contexts, clustered into a tree (pp. 198-201). "
        "Nothing in a word's code says what kind of word it is. The untrained network is the control of footnote 6.",
        (
            Picture(
                "clusters",
                "Trees of the words after and before training; colours are known classes, which no network was told.",
            ),
            Picture(
                "phase_portrait", "Three sentences as ways through the plane of the first two principal components."
            ),
        ),
        (
            Claim(
                "verbs",
                "Verbs are a branch of their own.",
                "Jaccard index of the verbs and the branch most like them",
                _agreement("verb"),
                "at least",
                1.0,
            ),
            Claim(
                "animate",
                "Nouns divide into animate and inanimate ones.",
                "the same for animate nouns",
                _agreement("animate"),
                "at least",
                1.0,
            ),
            Claim(
                "humans", "Humans are a branch within them.", "the same for humans", _agreement("HUM"), "at least", 1.0
            ),
            Claim(
                "attackers",
                "Large animals that attack are one.",
                "the same for dragon, monster and lion",
                _agreement("AGRESS"),
                "at least",
                1.0,
            ),
            Claim("food", "Food is one.", "the same for food", _agreement("FOOD"), "at least", 1.0),
            Claim(
                "learned",
                "The classes come from learning: the states of an untrained network, averaged alike, do not have them.",
                "the highest of verbs, humans, large animals and food before training",
                _agreement("verb", "HUM", "AGRESS", "FOOD", network="untrained"),
                "below",
                1.0,
            ),
        ),
        unstated="word_classes",
    ),
    Section(
        "figure8",
        "Figure 8: a word never met",
        "figure8",
        "The trained networks read the sentences with an unknown word, zog, wherever there was man, and learn no more "
        "(p. 204).",
        (Picture("clusters", "The tree of the words with zog, in bold, in the place of man."),),
        (
            Claim(
                "zog",
                "From its contexts alone the unknown word is placed among the humans.",
                "Jaccard index of the humans with zog and the branch most like them",
                _agreement("HUM"),
                "at least",
                1.0,
            ),
        ),
        after="figure7",
        unstated="word_classes",
    ),
    Section(
        "figure9",
        "Figure 9: the same word in different contexts",
        "figure9",
        "Single occurrences of boy and girl in the trained networks, clustered one by one (pp. 205-206).",
        (Picture("occurrences", "The tree of single occurrences of boy and girl, named with the two words before."),),
        (
            Claim(
                "context",
                "Occurrences of one word differ by their context.",
                "distance of an occurrence from its word's mean, over half the distance between boy and girl",
                _context_to_word("trained"),
                "above",
                1.0,
            ),
            Claim(
                "untrained",
                "That is learned: before training the word itself weighs more than its context.",
                "the same before training",
                _context_to_word("untrained"),
                "below",
                1.0,
            ),
        ),
        unstated="word_classes",
    ),
)

PAPER = Paper(
    "Finding Structure in Time, run again",
    "The experiments of Jeffrey Elman's paper, figure by figure: what it claims, in our words, and what was measured.",
    (
        Source(
            "Elman, J. L. (1990). Finding structure in time. Cognitive Science, 14, 179-211.",
            "https://doi.org/10.1207/s15516709cog1402_1",
        ),
    ),
    "The paper does not state the learning rate, the initial weights, the grammar of Figure 6 and parts of the lexicon "
    "of Figure 7; they are our choice, and labelled so in conf/experiment and conf/task.",
    _SECTIONS,
)
