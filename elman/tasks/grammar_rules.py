"""The rules of a probabilistic grammar, read from text and held against what exact odds need of them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from elman.errors import ConfigError

_QUOTED_BRACKET_OR_COMMENT = re.compile(r"""("[^"\n]*"|'[^'\n]*')|\[([^\]\n]*)\]|\#[^\n]*""")
_NAME = re.compile(r"(1\s*-\s*)?([^\W\d]\w*)")
_PLACE = re.compile(r"\[0\.(\d{7})\]")  # a probability, as nltk is given it: its number in the text, from 1
_TOLERANCE = 0.01  # by which the probabilities of a nonterminal may miss 1


class Rule(NamedTuple):
    """One way to expand a nonterminal."""

    left: int
    """The number of the nonterminal."""
    right: tuple[int, ...]
    """What it becomes: nonterminals by their numbers; ~l, so a negative number, for leaf l."""
    probability: float


@dataclass(frozen=True)
class Grammar:
    """A probabilistic context-free grammar that passed all checks of `read`."""

    symbols: tuple[str, ...]
    """In the order of first mention."""
    nonterminals: tuple[str, ...]
    """In the order of first mention."""
    leaves: tuple[tuple[int, int], ...]
    """Each symbol below each nonterminal directly above it: their numbers."""
    rules: tuple[Rule, ...]
    start: int

    @cached_property
    def rules_of(self) -> tuple[tuple[Rule, ...], ...]:
        """The rules of each nonterminal."""
        return tuple(tuple(rule for rule in self.rules if rule.left == A) for A in range(len(self.nonterminals)))

    def show(self, rule: Rule) -> str:
        """The rule as it is written."""
        right = (self.nonterminals[X] if X >= 0 else repr(self.symbols[self.leaves[~X][0]]) for X in rule.right)
        return " ".join([self.nonterminals[rule.left], "->", *right])

    @cached_property
    def classes(self) -> dict[str, frozenset[str]]:
        """The symbols of each nonterminal whose rules, at least two, are all single symbols."""
        return {
            name: frozenset(self.symbols[self.leaves[~rule.right[0]][0]] for rule in rules)
            for name, rules in zip(self.nonterminals, self.rules_of, strict=True)
            if len(rules) > 1 and all(len(rule.right) == 1 and rule.right[0] < 0 for rule in rules)
        }

    @cached_property
    def nullable(self) -> frozenset[int]:
        """The nonterminals that can become nothing, whatever the probability of that."""
        found: set[int] = set()
        while more := {r.left for r in self.rules if r.left not in found and found.issuperset(r.right)}:
            found |= more
        return frozenset(found)

    def corners(self, rule: Rule) -> Iterable[int]:
        """The nonterminals that can stand first in what a rule makes."""
        for X in rule.right:
            if X >= 0:
                yield X
            if X not in self.nullable:
                return

    @cached_property
    def bottom_up(self) -> tuple[int, ...]:
        """All nonterminals, each after those that it can begin with."""
        begins = {A: {X for rule in self.rules_of[A] for X in self.corners(rule)} for A in range(len(self.rules_of))}
        return tuple(TopologicalSorter(begins).static_order())


def read(rules: str, start: str, p: Mapping[str, float]) -> Grammar:
    """Read and check a grammar.

    Args:
        rules: as nltk writes them, such as "S -> 'a' S [.4] | [.6]"; # begins a comment. A probability may be a name of
            `p`, or 1- and a name. The probabilities of a nonterminal are equal if none is given; they are normalised
            where their sum is within .01 of 1.
        start: the nonterminal that a whole string is made of.
        p: probabilities by their names.

    Raises:
        ConfigError: for text that cannot be read, probabilities that do not add up, a nonterminal without rules or out
            of reach, left recursion, and strings that have no finite expected length; the message names the rule.
    """
    for name, value in p.items():
        if not 0 <= value <= 1:
            raise ConfigError(f"task.p.{name} must be from 0 to 1, not {value:g}")
    grammar = _assembled(_productions(rules, start, p), start)
    _check_reach(grammar)
    _check_left_recursion(grammar)
    _check_length(grammar)
    return grammar


def names(rules: str) -> list[str]:
    """The names of probabilities that rules use."""
    found = (_NAME.fullmatch(match[2].strip()) for match in _brackets(rules))
    return list(dict.fromkeys(match[2] for match in found if match))


def _brackets(rules: str) -> Iterable[re.Match[str]]:
    return (match for match in _QUOTED_BRACKET_OR_COMMENT.finditer(rules) if match[2] is not None)


def _productions(rules: str, start: str, p: Mapping[str, float]) -> list[tuple[Any, float | None]]:
    """Productions of nltk, each with its probability, or None where it has none."""
    from nltk.grammar import read_grammar, standard_nonterm_parser  # takes its time to import

    written = [match[2].strip() for match in _brackets(rules)]
    values = [_probability(text, p) for text in written]
    count = iter(range(1, len(values) + 1))

    def numbered(match: re.Match[str]) -> str:
        return match[1] or (f"[0.{next(count):07}]" if match[2] is not None else "")

    def as_written(text: str) -> str:
        return _PLACE.sub(lambda match: f"[{written[int(match[1]) - 1]}]", text)

    lines = rules.split("\n")
    text = _QUOTED_BRACKET_OR_COMMENT.sub(numbered, rules)
    try:
        first, productions = read_grammar(text, standard_nonterm_parser, probabilistic=True)
    except ValueError as error:
        message = as_written(str(error))
        if not (line := re.match(r"Unable to parse line (\d+)", message)):
            raise ConfigError("task.rules must hold at least one rule, such as S -> 'a' S [.4] | 'b' [.6]") from error
        reason = message.rpartition("\n")[2]
        where = f"line {line[1]}, {lines[int(line[1]) - 1].strip()}"
        raise ConfigError(f"task.rules must be a grammar, and {where}, cannot be read: {reason}") from error
    if "%start" in text and first.symbol() != start:
        raise ConfigError(f"task.start must be {first.symbol()}, which task.rules name as their start, not {start}")
    places = [round(production.prob() * 10**7) for production in productions]
    if unused := set(range(1, len(values) + 1)) - set(places):
        place = written[min(unused) - 1]
        raise ConfigError(f"task.rules must give each rule one probability, and [{place}] is followed by another")
    return [
        (production, values[place - 1] if place else None)
        for production, place in zip(productions, places, strict=True)
    ]


def _probability(text: str, p: Mapping[str, float]) -> float:
    """The value of a probability as it is written between brackets."""
    if match := _NAME.fullmatch(text):
        if match[2] not in p:
            raise ConfigError(f"task.p must have each name in task.rules, and {match[2]} is not in it")
        return 1 - p[match[2]] if match[1] else p[match[2]]
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ConfigError(
            f"task.rules must have numbers from 0 to 1, names in task.p, or 1- and a name in brackets, not [{text}]"
        )
    return value


def _assembled(productions: Sequence[tuple[Any, float | None]], start: str) -> Grammar:
    """The grammar with everything in numbers and with probabilities that add up."""
    symbols, nonterminals, leaves = dict[str, int](), dict[str, int](), dict[tuple[int, int], int]()

    def number(names: dict[Any, int], name: Any) -> int:
        return names.setdefault(name, len(names))

    sides = []
    for production, _ in productions:
        left = number(nonterminals, production.lhs().symbol())
        right = []
        for X in production.rhs():
            if not isinstance(X, str):
                right.append(number(nonterminals, X.symbol()))
                continue
            if X.split() != [X] or "\0" in X:
                raise ConfigError(f"task.rules must have symbols of text without white space, not {X!r}")
            right.append(~number(leaves, (number(symbols, X), left)))
        sides.append((left, tuple(right)))
    if start not in nonterminals:
        raise ConfigError(f"task.start must be a nonterminal of task.rules, {', '.join(nonterminals)}, not {start}")
    written = [probability for _, probability in productions]
    rules = tuple(
        Rule(left, right, probability)
        for (left, right), probability in zip(sides, _normalised(sides, written, list(nonterminals)), strict=True)
    )
    return Grammar(tuple(symbols), tuple(nonterminals), tuple(leaves), rules, nonterminals[start])


def _normalised(
    sides: Sequence[tuple[int, tuple[int, ...]]], written: Sequence[float | None], nonterminals: Sequence[str]
) -> list[float]:
    """The probability of each rule, so that those of each nonterminal add up to 1."""
    found = [0.0] * len(sides)
    for A, name in enumerate(nonterminals):
        own = [i for i, (left, _) in enumerate(sides) if left == A]
        given = [value for i in own if (value := written[i]) is not None]
        if given and len(given) < len(own):
            raise ConfigError(f"task.rules must give all rules of {name} a probability or none, not {len(given)}")
        total = sum(given)
        if given and abs(total - 1) > _TOLERANCE:
            raise ConfigError(f"task.rules must give {name} probabilities that add up to 1, not to {total:g}")
        for i, value in zip(own, given or [1.0] * len(own), strict=True):
            found[i] = value / (total or len(own))
    return found


def _check_reach(grammar: Grammar) -> None:
    """Refuse nonterminals without rules, and those that no string needs, whatever the probabilities."""
    for rule in grammar.rules:
        for X in rule.right:
            if X >= 0 and not grammar.rules_of[X]:
                raise ConfigError(
                    f"task.rules must have a rule for each nonterminal, and {grammar.nonterminals[X]} in "
                    f"{grammar.show(rule)} has none"
                )
    reached = _reached(grammar, grammar.rules)[grammar.start] | {grammar.start}
    for rule in grammar.rules:
        if rule.left not in reached:
            start = grammar.nonterminals[grammar.start]
            raise ConfigError(f"task.rules must all be reached from {start}, and {grammar.show(rule)} is not")


def _reached(grammar: Grammar, rules: Iterable[Rule]) -> list[set[int]]:
    """The nonterminals that each can come to contain by some rules, itself only where it recurs."""
    below: list[set[int]] = [set() for _ in grammar.nonterminals]
    for rule in rules:
        below[rule.left].update(X for X in rule.right if X >= 0)
    found = []
    for first in below:
        reached, waiting = set(first), list(first)
        while waiting:
            new = below[waiting.pop()] - reached
            reached |= new
            waiting += new
        found.append(reached)
    return found


def _check_left_recursion(grammar: Grammar) -> None:
    try:
        _ = grammar.bottom_up
    except CycleError as error:
        circle = error.args[1]
        for rule in grammar.rules:
            if any((X, rule.left) in pairwise(circle) for X in grammar.corners(rule)):
                message = f"task.rules must not be left-recursive, and {grammar.show(rule)} is"
                raise ConfigError(message) from error
        raise


def _check_length(grammar: Grammar) -> None:
    """Refuse strings that never end, or whose lengths have no finite mean, and grammars of the empty string alone."""
    possible = [rule for rule in grammar.rules if rule.probability]
    reached = _reached(grammar, possible)
    used = reached[grammar.start] | {grammar.start}
    done: set[int] = set()
    for rule in possible:
        circle = [X for X in reached[rule.left] if rule.left in reached[X]]
        if rule.left not in used - done or not set(circle) & set(rule.right):
            continue
        done |= set(circle)
        place = {A: i for i, A in enumerate(circle)}
        occurrences = np.zeros((len(circle), len(circle)))
        for other in possible:
            for X in other.right:
                if other.left in place and X in place:
                    occurrences[place[other.left], place[X]] += other.probability
        if np.abs(np.linalg.eigvals(occurrences)).max() >= 1 - 1e-9:
            raise ConfigError(
                f"task.rules must make strings of a finite expected length, and {grammar.show(rule)} comes round "
                "too often"
            )
    if not any(rule.left in used and min(rule.right, default=0) < 0 for rule in possible):
        raise ConfigError("task.rules must make strings that are not all empty")
