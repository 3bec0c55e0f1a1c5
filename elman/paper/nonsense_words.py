"""Nonsense words: are the words of a stream without breaks told from parts of words?"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from elman.paper.claims import Claim, Paper, Picture, Row, Run, Section, Source, Table
from elman.paper.measures import item_scores, lines, medians, of_items


def _difference(run: Path) -> pd.Series:
    scores = item_scores(run, "surprisal", "word", "part-word")
    return scores["part-word"] - scores["word"]


def _by_condition(runs: Sequence[Run]) -> Figure:
    return lines(
        runs,
        lambda run: item_scores(run.directory, "surprisal", "word", "part-word"),
        name=lambda run: f"rate {run.row.get('learning_rate', '')}, passes {run.row.get('epochs', '')}",
        xlabel="items",
        ylabel="surprisal (bits a syllable)",
    )


def _claim(key: str, text: str, where: Row) -> Claim:
    measure = "surprisal of part-words minus that of words, in bits a syllable"
    return Claim(key, text, measure, _difference, "above", 0.0, where=where, ours=True)


PAPER = Paper(
    "Words in a stream without breaks, run again",
    "Infants who heard two minutes of four nonsense words without breaks told the words from part-words, the last "
    "syllable of one word and the first two of another. Does a simple recurrent network?",
    (
        Source(
            "Saffran, J. R., Aslin, R. N., & Newport, E. L. (1996). Statistical learning by 8-month-old infants. "
            "Science, 274, 1926-1928.",
            "https://doi.org/10.1126/science.274.5294.1926",
        ),
    ),
    "The paper tested infants and trained no network. The network, its learning rate, its passes, the claims and their "
    "bounds are ours.",
    (
        Section(
            "words",
            "Words against part-words",
            "nonsense_words",
            "180 words of three syllables, no word twice in a row; 12 hidden units. Every item is read from a fresh "
            "context.",
            (Picture(_by_condition, "Surprisal of words and part-words, medians and interquartile ranges."),),
            (
                _claim("three", "Words surprise less than part-words.", {"learning_rate": 0.3, "epochs": 3}),
                _claim("one", "So they do after one pass at a third of the rate.", {"learning_rate": 0.1, "epochs": 1}),
            ),
            tables=(
                Table(
                    "Surprisal in bits a syllable: median (lowest to highest).",
                    medians(words=of_items("surprisal", "word"), part_words=of_items("surprisal", "part-word")),
                ),
            ),
        ),
    ),
)
