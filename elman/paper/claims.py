"""A paper as data: its sections, the runs of each, and claims that are a number a network and a rule.

A claim holds if at least 80 % of the networks keep its rule, holds in part if at least 20 % do, and otherwise does not
hold.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from elman.runs import read

HOLDS, IN_PART = 0.8, 0.2  # shares of networks

Verdict = Literal["holds", "holds in part", "does not hold", "not measured"]
Row = Mapping[str, Any]
"""What tells a run from the others of its section: swept settings by their full keys, or the name of its chain."""


class LeftOut(Exception):
    """The settings of a run left out what a claim, a table or a figure needs."""


class Run(NamedTuple):
    """A finished run of a section."""

    directory: Path
    row: Row


class Claim(NamedTuple):
    """One statement that can be measured."""

    key: str
    """The end of its link."""
    text: str
    """What the paper says, in our words."""
    measure: str
    """What is measured of each network."""
    values: Callable[[Path], pd.Series]
    """From a run's directory to one number a network, indexed by replicate."""
    relation: Literal["at least", "at most", "above", "below"]
    bound: float
    printed: str = ""
    """What the paper prints of it, if it prints a number."""
    decimals: int = 2
    where: Row | None = None
    """Of several runs, the one that it is about."""
    against: Row | None = None
    """The run whose numbers are subtracted, network by network."""
    ours: bool = False
    """Whether the claim is ours, because the paper was not read or does not say it."""

    @property
    def rule(self) -> str:
        """What a network's number must keep."""
        return f"{self.relation} {self.bound:g}"

    def kept(self, values: pd.Series) -> pd.Series:
        """Whether each network's number keeps the rule; one that does not exist (NaN) does not."""
        holds = {"at least": values.ge, "at most": values.le, "above": values.gt, "below": values.lt}
        return holds[self.relation](self.bound)

    def measured(self, runs: Sequence[Run]) -> pd.Series:
        """One number a network; none if the settings left out what it takes, such as a word, a table or a run."""
        try:
            values = self.values(pick(runs, self.where).directory)
            return values if self.against is None else values - self.values(pick(runs, self.against).directory)
        except LeftOut:
            return pd.Series(dtype=float)

    def verdict(self, values: pd.Series) -> Verdict:
        """Whether the claim holds for the networks."""
        if values.empty:
            return "not measured"
        share = self.kept(values).mean()
        return "holds" if share >= HOLDS else "holds in part" if share >= IN_PART else "does not hold"


class Picture(NamedTuple):
    """A figure of a section."""

    figure: str | Callable[[Sequence[Run]], Figure]
    """The name of a figure that the run drew, without .png, or a function of all runs; it may raise LeftOut."""
    text: str
    """The caption, also for readers who do not see the figure."""
    where: Row | None = None
    """Of several runs, the one that drew it."""


class Table(NamedTuple):
    """A table of a section."""

    text: str
    rows: Callable[[Sequence[Run]], pd.DataFrame]
    """From all runs to what is shown; it may raise LeftOut."""


class Section(NamedTuple):
    """One figure or question of a paper: what was done there, the runs that do it again, and what is claimed."""

    key: str
    """The beginning of its links."""
    title: str
    experiment: str | tuple[str, ...]
    """Files of conf/experiment; one that is a sweep gives several runs."""
    told: str
    """What the paper does there, in our words."""
    pictures: tuple[Picture, ...]
    claims: tuple[Claim, ...]
    tables: tuple[Table, ...] = ()
    after: str | None = None
    """The experiment whose trained networks are tested."""
    chains: Mapping[str, Sequence[Sequence[str]]] | None = None
    """Runs in stages, by name: the overrides of each stage, which goes on from the networks of the stage before."""
    unstated: str | None = None
    """A sweep over settings that the paper does not state and the claims may hang on."""


class Source(NamedTuple):
    """Where a paper was published."""

    text: str
    """Authors, year, title, journal, pages."""
    link: str = ""
    """A DOI's address."""


class Paper(NamedTuple):
    """A paper, or several on one question."""

    title: str
    about: str
    """One or two sentences for the head of the page."""
    sources: tuple[Source, ...]
    ours: str
    """What is our choice, because the paper does not state it."""
    sections: tuple[Section, ...]


def pick(runs: Sequence[Run], where: Row | None) -> Run:
    """The one run with these values, among several; LeftOut if there is none such, or more than one."""
    wanted = (where or {}).items()
    found = [run for run in runs if wanted <= run.row.items()]
    if len(found) != 1:
        raise LeftOut
    return found[0]


def table_of(run: Path, table: str, column: str = "", *values: str) -> pd.DataFrame:
    """A table, in which a column has each of these values; LeftOut if there is none such."""
    if not (run / f"{table}.csv").exists():
        raise LeftOut
    frame = read(run, table)
    if values and not set(values) <= set(frame[column]):
        raise LeftOut
    return frame
