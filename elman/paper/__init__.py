"""The claims of each paper, measured, as one page. A paper is one module here, which ends with its PAPER."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elman.paper.claims import Paper

PAPERS = ("elman1990", "article", "reber", "relative_clauses", "anbn", "nonsense_words")
"""The names of all papers."""


def paper(name: str) -> "Paper":
    """A paper by its name."""
    return import_module(f"elman.paper.{name}").PAPER
