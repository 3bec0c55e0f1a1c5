"""Counting: does a network of two hidden units learn a^n b^n, and does it take more than one step back?"""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from elman.paper.claims import Claim, Paper, Picture, Run, Section, Source, Table, table_of
from elman.paper.measures import lines, medians

_LONGEST = 11
"""Strings up to this n are asked for."""


def _longest(run: Path) -> pd.DataFrame:
    """The longest n of each network (rows) at each test (columns) such that all strings up to a^n b^n are right."""
    scores = table_of(run, "item_summary", "condition", "n = 1", f"n = {_LONGEST}")
    n = scores["condition"].str.removeprefix("n = ").astype(int)
    right = scores.assign(n=n).pivot(index=["replicate", "epoch"], columns="n", values="right").sort_index(axis=1) == 1
    return right.cumprod(axis=1).sum(axis=1).unstack("epoch")


def _ever(run: Path) -> pd.Series:
    return _longest(run).max(axis=1)


def _at_the_end(run: Path) -> pd.Series:
    return _longest(run).iloc[:, -1]


def _over_time(runs: Sequence[Run]) -> Figure:
    return lines(
        runs,
        lambda run: _longest(run.directory),
        name=lambda run: f"{run.row.get('bptt_steps', '')} back",
        xlabel="tenth of training",
        ylabel="longest n right",
    )


def _claim(key: str, text: str, values: Callable[[Path], pd.Series], steps: int) -> Claim:
    when = "at any test" if values is _ever else "after training"
    measure = f"longest n such that all strings up to a^n b^n were right {when}"
    return Claim(key, text, measure, values, "at least", _LONGEST, decimals=0, where={"bptt_steps": steps}, ours=True)


PAPER = Paper(
    "Counting, run again",
    "Does a simple recurrent network learn to count as many b as there were a, and does it take an error that is "
    "sent back more than one step?",
    (
        Source(
            "Wiles, J., & Elman, J. (1995). Learning to count without a counter. Proceedings of the 17th Annual "
            "Conference of the Cognitive Science Society."
        ),
        Source(
            "Rodriguez, P., Wiles, J., & Elman, J. L. (1999). A recurrent neural network that learns to count. "
            "Connection Science, 11, 5-40.",
            "https://doi.org/10.1080/095400999116340",
        ),
    ),
    "The question is that of the papers; the claims, their numbers and all settings are ours.",
    (
        Section(
            "counting",
            "Two hidden units and a^n b^n",
            "anbn",
            "Here networks read about 10,000 strings ten times, n up to 11; each longer one is less probable. From "
            "the first b each next symbol is certain; a string is right if each of these has the larger output.",
            (Picture(_over_time, "Longest n right at each test: medians and interquartile ranges."),),
            (
                _claim("one", "With one step back a network ever counts to 11.", _ever, 1),
                _claim("eight", "With eight steps back a network ever counts to 11.", _ever, 8),
                Claim(
                    "further",
                    "With eight steps back networks count further than with one.",
                    "longest n such that all strings up to a^n b^n were right at any test",
                    _ever,
                    "above",
                    0.0,
                    decimals=0,
                    where={"bptt_steps": 8},
                    against={"bptt_steps": 1},
                    ours=True,
                ),
                _claim("end", "With eight steps back it still counts to 11 at the end.", _at_the_end, 8),
            ),
            tables=(
                Table("Longest n right: median (lowest to highest).", medians(ever=_ever, at_the_end=_at_the_end)),
            ),
        ),
    ),
)
