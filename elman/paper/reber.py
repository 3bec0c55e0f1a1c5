"""Reber's grammar: finite-state automata and what a network keeps of a letter that mattered long before."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from elman.paper.claims import Claim, Paper, Picture, Run, Section, Source, Table
from elman.paper.measures import all_items, item_scores, lines, medians, of_items, over_setting


def _perfect(run: Path) -> pd.Series:
    """1 for a network that accepts every grammatical string and no random one, else 0."""
    accepted = item_scores(run, "accepted", "grammatical", "random")
    return ((accepted["grammatical"] == 1) & (accepted["random"] == 0)).astype(float)


def _accepted(run: Path) -> pd.DataFrame:
    return item_scores(run, "accepted", "grammatical", "random")


def _by_units(runs: Sequence[Run]) -> Figure:
    return over_setting(runs, "hidden_size", _accepted, xlabel="hidden units", ylabel="share of strings accepted")


def _by_length(first: float) -> Callable[[Sequence[Run]], Figure]:
    """Closing letters right by the length of the embedded string, a line for each number of steps back."""

    def scores(run: Run) -> pd.DataFrame:
        frame = item_scores(run.directory, "preferred").rename(columns=lambda name: int(name.removeprefix("embedded ")))
        return frame.sort_index(axis=1)

    return lambda runs: lines(
        [run for run in runs if run.row.get("task.p.first") == first],
        scores,
        name=lambda run: f"{run.row.get('bptt_steps')} back",
        xlabel="letters of the embedded string",
        ylabel="closing letters right",
    )


_PERFECT = "1 if every grammatical test string was accepted and no random one, else 0"
_CLOSING = "share of closing letters with more output than the other one"

_SECTIONS = (
    Section(
        "units",
        "A finite-state recogniser",
        "reber_units",
        "Here networks read 60,000 strings of Reber's grammar once, letter by letter. A string is accepted if each "
        "next letter has an output above .3. The grammatical test strings are fresh; the random ones have their "
        "lengths, and none of them is grammatical.",
        (Picture(_by_units, "Share of grammatical and of random strings accepted, by hidden units; a dot a network."),),
        (
            Claim(
                "fifteen",
                "With enough hidden units the network becomes a perfect recogniser of the grammar.",
                _PERFECT,
                _perfect,
                "at least",
                1.0,
                where={"hidden_size": 15},
            ),
            Claim(
                "three",
                "3 hidden units do so as well, with the error sent back one step.",
                _PERFECT,
                _perfect,
                "at least",
                1.0,
                where={"hidden_size": 3},
                ours=True,
            ),
            Claim(
                "five",
                "5 hidden units do.",
                _PERFECT,
                _perfect,
                "at least",
                1.0,
                where={"hidden_size": 5},
                ours=True,
            ),
        ),
        tables=(
            Table(
                "Share of strings accepted: median (lowest to highest).",
                medians(grammatical=of_items("accepted", "grammatical"), random=of_items("accepted", "random")),
            ),
        ),
    ),
    Section(
        "truncation",
        "Three hidden units and five steps back",
        "reber_truncation",
        "The same with 3 hidden units and 120,000 strings, the error sent back one step or five. The strings are the "
        "same.",
        (),
        (
            Claim(
                "one",
                "With one step back, 3 hidden units become a perfect recogniser.",
                _PERFECT,
                _perfect,
                "at least",
                1.0,
                where={"bptt_steps": 1},
                ours=True,
            ),
            Claim(
                "five",
                "With five steps back they do.",
                _PERFECT,
                _perfect,
                "at least",
                1.0,
                where={"bptt_steps": 5},
                ours=True,
            ),
        ),
        tables=(
            Table(
                "Share of strings accepted: median (lowest to highest).",
                medians(grammatical=of_items("accepted", "grammatical"), random=of_items("accepted", "random")),
            ),
        ),
    ),
    Section(
        "embedded",
        "A letter that matters again at the end",
        "embedded_reber",
        "B, then T or P, a string of the grammar without its B and E, the same T or P again, and E. Here networks read "
        "30,000 strings four times; test strings have even choices. In half of the runs the choices inside depend a "
        "little on the letter: .6 to .4.",
        (
            Picture(_by_length(0.5), "Closing letters right by embedded length, trained on even choices."),
            Picture(_by_length(0.6), "The same, trained on choices of .6 and .4 that depend on the letter."),
        ),
        (
            Claim(
                "lost",
                "Where it does not matter in between, the letter is lost.",
                _CLOSING,
                all_items("preferred"),
                "at most",
                0.7,
                where={"bptt_steps": 1, "task.p.first": 0.5},
            ),
            Claim(
                "kept",
                "If the choices in between depend on it a little, it is kept: here over four letters.",
                f"{_CLOSING}, embedded length 4",
                of_items("preferred", "embedded 4"),
                "above",
                0.7,
                where={"bptt_steps": 1, "task.p.first": 0.6},
            ),
            Claim(
                "ten",
                "With ten steps back it is kept though it does not matter in between.",
                _CLOSING,
                all_items("preferred"),
                "at least",
                0.93,
                where={"bptt_steps": 10, "task.p.first": 0.5},
                ours=True,
            ),
        ),
        tables=(Table("Closing letters right: median (lowest to highest).", medians(right=all_items("preferred"))),),
    ),
)

PAPER = Paper(
    "Finite-state grammars, run again",
    "Does a simple recurrent network come to accept the strings of Reber's grammar and no others, and does it keep a "
    "letter that matters again only at the end?",
    (
        Source(
            "Cleeremans, A., Servan-Schreiber, D., & McClelland, J. L. (1989). Finite state automata and simple "
            "recurrent networks. Neural Computation, 1, 372-381.",
            "https://doi.org/10.1162/neco.1989.1.3.372",
        ),
        Source(
            "Servan-Schreiber, D., Cleeremans, A., & McClelland, J. L. (1991). Graded state machines: the "
            "representation of temporal contingencies in simple recurrent networks. Machine Learning, 7, 161-193.",
            "https://doi.org/10.1007/BF00114843",
        ),
    ),
    "Learning rate, initial weights, numbers of strings and of units, the threshold and all bounds are our choice. "
    "Claims about steps back and about a number of units are ours.",
    _SECTIONS,
)
