"""The exact odds of the next symbol of a grammar's strings: states that are numbered as they are met.

A stack holds what is still to come of a leftmost derivation, the next element first; the empty one is the end of a
string. What is known after some symbols is a state: every stack that the derivation may have, with its weight. A step
expands the top of each stack until symbols lead, groups by symbol, and normalises. For a regular grammar this is the
forward algorithm, for a context-free one prefix parsing.
"""

import logging
import math
from collections import Counter
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from elman.errors import ConfigError
from elman.tasks.grammar_rules import Grammar, names, read

log = logging.getLogger(__name__)

MOST_STACKS = 10_000
_MOST_KEPT = 50_000  # that are kept from one stream to the next
_PRECISION = 2.0**44  # weights are rounded to so many parts, so that what is equal but for rounding is one state

Stack = tuple[int, ...]
"""Elements still to be derived, as in `Rule.right`."""
State = tuple[tuple[Stack, float], ...]
"""Stacks in order, with their weights, which add up to 1."""


class Outcomes(NamedTuple):
    """How a stack can go on."""

    next: Mapping[tuple[int, Stack], float]
    """The probability of each leaf that may come first, and of the stack after it."""
    end: float
    """The probability that nothing comes any more."""


class Walk(NamedTuple):
    """T symbols drawn from a grammar."""

    leaves: np.ndarray
    """(T,): the leaf of each."""
    starts: np.ndarray
    """(T,) bool: where strings begin."""
    states: np.ndarray
    """(T,): the state before each, a row of `odds`."""
    odds: np.ndarray
    """(states, symbols): the probability of each symbol in each state."""


class Machine:
    """The stacks and states of a grammar as far as they have been met; no number depends on what was met before."""

    def __init__(self, grammar: Grammar, *, separate: bool) -> None:
        """With `separate`, a state is told where strings begin; otherwise they follow each other unmarked."""
        self.grammar, self.separate = grammar, separate
        self._leading = _leading(grammar)
        self._start: Stack = (grammar.start,)
        self._forget()

    def _forget(self) -> None:
        """Begin with the start of a string, as stack and state 0, in new arrays: streams may hold the old ones."""
        n, start = len(self.grammar.symbols), self._start
        self._outcomes: dict[Stack, Outcomes] = {}
        self._stacks: list[Stack] = [start]
        self._stack_numbers = {start: 0}
        self._offsets = np.full((16, 2), -1)  # of each stack's outcomes in these two
        self._cumulative, self._next = np.zeros(16), np.zeros((16, 3), np.int32)  # leaf, next stack, whether it begins
        self._used = 0
        first: State = ((start, 1.0),)
        self._states, self._state_numbers = [first], {first: 0}
        self._odds, self._ends = np.zeros((16, n)), np.zeros(16)
        self._following = np.full((16, n), -1, np.int32)  # -1: not met so far

    def walk(self, draws: np.ndarray) -> Walk:
        """Draw symbols from strings one after the other.

        Args:
            draws: (T,) numbers from 0 to 1, even; each decides one symbol.

        Raises:
            ConfigError: if a beginning leaves more than 10,000 stacks open.
        """
        from elman.tasks.grammar_walk import walk  # numba takes its time to import

        T = len(draws)
        leaves, starts, states = np.empty(T, np.int32), np.empty(T, bool), np.empty(T, np.int32)
        symbol_of = np.array([symbol for symbol, _ in self.grammar.leaves], np.int32)
        if max(len(self._states), len(self._stacks)) > _MOST_KEPT:
            self._forget()
        t = stack = state = 0
        while True:
            t, stack, state, symbol = walk(
                draws,
                (t, stack, state),
                (self._offsets, self._cumulative, self._next),
                self._following,
                symbol_of,
                self.separate,
                (leaves, starts, states),
            )
            if t == T:
                starts[:1] = True  # the first symbol is one of the stack that the walk begins with
                return Walk(leaves, starts, states, self._odds[: len(self._states)])
            if symbol < 0:
                self._meet_stack(stack)
            else:
                self._meet_state(state, symbol)

    def judge(self, strings: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Hold strings against the grammar; of a machine for separate strings.

        Args:
            strings: (K, longest) numbers of symbols.
            lengths: (K,).

        Returns:
            (K,) bool: which the grammar generates; and which go on after a string that it generates and that cannot go
            on.
        """
        state = np.zeros(len(strings), np.int64)
        alive, goes_on = np.ones(len(strings), bool), np.zeros(len(strings), bool)
        for j in range(strings.shape[1]):
            rows = np.flatnonzero(alive & (lengths > j))
            pairs, which = np.unique(np.stack([state[rows], strings[rows, j]]), axis=1, return_inverse=True)
            after = np.array([self._after(int(s), int(symbol)) for s, symbol in pairs.T], np.int64)
            goes_on[rows] = self._ends[state[rows]] == 1
            alive[rows] = after[which] >= 0
            state[rows] = np.maximum(after[which], 0)
        for s in np.unique(state).tolist():
            self._fill(s)
        return alive & (self._ends[state] > 0), goes_on

    def _after(self, state: int, symbol: int) -> int:
        """The state after a symbol, or -1 if it cannot come."""
        if self._following[state, symbol] < 0:
            self._fill(state)
            if not self._odds[state, symbol]:
                return -1
            self._meet_state(state, symbol)
        return int(self._following[state, symbol])

    def _expand(self, stack: Stack) -> Outcomes:
        """How a stack can go on."""
        if stack not in self._outcomes:
            self._outcomes[stack] = _expanded(stack, self._leading)
        return self._outcomes[stack]

    def _begin(self) -> Mapping[tuple[int, Stack], float]:
        """How a string begins that is not empty."""
        found = self._expand(self._start)
        return {outcome: probability / (1 - found.end) for outcome, probability in found.next.items()}

    def _meet_stack(self, number: int) -> None:
        """List the outcomes of a stack for the compiled walk; at its end the next string begins."""
        found = self._expand(self._stacks[number])
        outcomes = [(found.next, False, 1.0), *([(self._begin(), True, found.end)] if found.end else [])]
        rows = [
            (leaf, self._number(after), begins, share * probability)
            for following, begins, share in outcomes
            for (leaf, after), probability in following.items()
        ]
        first, last = self._used, self._used + len(rows)
        self._cumulative, self._next = _grown(self._cumulative, last), _grown(self._next, last)
        self._next[first:last] = [row[:3] for row in rows]
        cumulative = np.cumsum([row[3] for row in rows])
        self._cumulative[first:last] = cumulative / cumulative[-1]
        self._offsets[number] = first, last
        self._used = last

    def _number(self, stack: Stack) -> int:
        number = self._stack_numbers.setdefault(stack, len(self._stacks))
        if number == len(self._stacks):
            self._stacks.append(stack)
            self._offsets = _grown(self._offsets, len(self._stacks), -1)
        return number

    def _fill(self, number: int) -> dict[int, dict[Stack, float]]:
        """Write the odds of a state; return the weights of the stacks after each symbol that can come."""
        groups: dict[int, dict[Stack, float]] = {}
        over = 0.0
        for stack, weight in self._states[number]:
            found = self._expand(stack)
            self._add(groups, found.next, weight)
            over += weight * found.end
        if over and not self.separate:
            self._add(groups, self._begin(), over)
        self._ends[number] = over
        for symbol, group in groups.items():
            self._odds[number, symbol] = math.fsum(group.values())
        if groups:
            self._odds[number] /= math.fsum(self._odds[number])
        return groups

    def _add(
        self, groups: dict[int, dict[Stack, float]], outcomes: Mapping[tuple[int, Stack], float], weight: float
    ) -> None:
        for (leaf, after), probability in outcomes.items():
            if mass := weight * probability:
                group = groups.setdefault(self.grammar.leaves[leaf][0], {})
                group[after] = group.get(after, 0.0) + mass

    def _meet_state(self, number: int, symbol: int) -> None:
        """Number the state that a symbol leads to."""
        group = self._fill(number)[symbol]
        if len(group) > MOST_STACKS:
            raise ConfigError(_too_many(self.grammar, group))
        total = math.fsum(group.values())
        weights = ((stack, _rounded(weight / total)) for stack, weight in sorted(group.items()))
        state = tuple((stack, weight) for stack, weight in weights if weight)
        after = self._state_numbers.setdefault(state, len(self._states))
        if after == len(self._states):
            self._states.append(state)
            self._odds, self._ends = _grown(self._odds, after + 1), _grown(self._ends, after + 1)
            self._following = _grown(self._following, after + 1, -1)
        self._following[number, symbol] = after


@lru_cache(maxsize=8)
def machine(rules: str, start: str, p: tuple[tuple[str, float], ...], *, separate: bool) -> Machine:
    """The machine of a grammar, which is read and checked, as by `read`, the first time that it is asked for."""
    for name in sorted(set(dict(p)) - set(names(rules))):
        log.warning("task.p.%s has no effect: no rule of task.rules uses it", name)
    return Machine(read(rules, start, dict(p)), separate=separate)


def _leading(grammar: Grammar) -> Mapping[int, Outcomes]:
    """How each nonterminal can begin."""
    found: dict[int, Outcomes] = {}
    for A in grammar.bottom_up:
        following, end = dict[tuple[int, Stack], float](), 0.0
        for rule in grammar.rules_of[A]:
            expanded = _expanded(rule.right, found)
            for outcome, probability in expanded.next.items():
                following[outcome] = following.get(outcome, 0.0) + rule.probability * probability
            end += rule.probability * expanded.end
        if len(following) > MOST_STACKS:
            raise ConfigError(_too_many(grammar, [(A,), *(stack for _, stack in following)]))
        found[A] = Outcomes({outcome: probability for outcome, probability in following.items() if probability}, end)
    return found


def _expanded(stack: Stack, leading: Mapping[int, Outcomes]) -> Outcomes:
    """Replace the top of a stack until symbols lead."""
    found: dict[tuple[int, Stack], float] = {}
    mass = 1.0  # the probability that everything so far has become nothing
    for i, X in enumerate(stack):
        rest = stack[i + 1 :]
        first = Outcomes({(~X, ()): 1.0}, 0.0) if X < 0 else leading[X]
        for (leaf, tail), probability in first.next.items():
            outcome = (leaf, tail + rest)
            found[outcome] = found.get(outcome, 0.0) + mass * probability
        mass *= first.end
        if not mass:
            break
    return Outcomes(found, mass)


def _too_many(grammar: Grammar, stacks: Collection[Stack]) -> str:
    """The message for too many stacks, with a rule of the nonterminal that most of them hold."""
    held = Counter(X for stack in stacks for X in set(stack) if X >= 0)
    rule = grammar.rules_of[held.most_common(1)[0][0]][0] if held else grammar.rules[0]
    return (
        f"task.rules must leave at most {MOST_STACKS} stacks open after any beginning, and leave {len(stacks)}, "
        f"most of them with {grammar.show(rule)} to come"
    )


def _rounded(weight: float) -> float:
    mantissa, exponent = math.frexp(weight)
    return math.ldexp(round(mantissa * _PRECISION) / _PRECISION, exponent)


def _grown(array: np.ndarray, size: int, fill: float = 0) -> np.ndarray:
    """The array, or one of at least twice its length, where it is shorter than `size`."""
    if len(array) >= size:
        return array
    longer = np.full((max(size, 2 * len(array)), *array.shape[1:]), fill, array.dtype)
    longer[: len(array)] = array
    return longer
