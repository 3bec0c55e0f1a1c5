"""A Stream: the elements that a network reads one by one, with their names and their best possible predictions."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class Stream:
    """T elements of n bits. The network reads row t and predicts row t + 1; that shift of one lives only here."""

    vectors: np.ndarray
    """(T, n) uint8: one row a step, each bit 0 or 1."""
    symbols: np.ndarray
    """(T,) text: what the row stands for, such as "0" or "b"."""
    positions: np.ndarray
    """(T,) text: its place in its unit, such as "xor" or "vowel 1"."""
    expected: np.ndarray | None
    """(T, n) float: the best possible prediction of this row given what came before it, a probability per bit; None
    where it is not known."""
    features: tuple[str, ...]
    """n names: what each bit means."""
    classes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The known classes of symbols by their names, such as "vowel": {"a", "i", "u"}; no network is told of them."""

    @property
    def inputs(self) -> np.ndarray:
        """(T-1, n): the rows that are read."""
        return self.vectors[:-1]

    @property
    def targets(self) -> np.ndarray:
        """(T-1, n): the rows that are to be predicted."""
        return self.vectors[1:]

    @property
    def input_symbols(self) -> np.ndarray:
        """(T-1,): what is read at each step."""
        return self.symbols[:-1]

    @property
    def target_symbols(self) -> np.ndarray:
        """(T-1,): what is to be predicted at each step."""
        return self.symbols[1:]

    @property
    def target_positions(self) -> np.ndarray:
        """(T-1,): the position of the element that is to be predicted at each step."""
        return self.positions[1:]

    @property
    def target_expected(self) -> np.ndarray | None:
        """(T-1, n): the best possible prediction at each step, or None where it is not known."""
        return None if self.expected is None else self.expected[1:]

    @cached_property
    def one_hot(self) -> bool:
        """Whether each row has a single bit, whose meaning is the row's symbol."""
        if (self.vectors.sum(axis=1, dtype=int) != 1).any():
            return False
        return bool((np.array(self.features)[self.vectors.argmax(axis=1)] == self.symbols).all())

    @cached_property
    def position_names(self) -> tuple[str, ...]:
        """P names: the positions that are predicted, in the order in which they first stand in the stream."""
        predicted = set(self.target_positions.tolist())
        return tuple(name for name in dict.fromkeys(self.positions.tolist()) if name in predicted)

    @cached_property
    def position_index(self) -> np.ndarray:
        """(T-1,): the number in `position_names` of the position that is predicted at each step."""
        number = {name: p for p, name in enumerate(self.position_names)}
        return np.array([number[name] for name in self.target_positions.tolist()])

    @cached_property
    def position_counts(self) -> np.ndarray:
        """(P,): the steps at which each position is predicted."""
        return np.bincount(self.position_index, minlength=len(self.position_names))

    def wrapped(self) -> "Stream":
        """The stream with its first row once more at the end, so that its last element predicts its first.

        Elman's letter and word streams wrap around without a break (p. 188, p. 197). The seam counts as the start of
        a unit, also where the last one was cut.
        """

        def closed(rows: np.ndarray) -> np.ndarray:
            return np.concatenate([rows, rows[:1]])

        return replace(
            self,
            vectors=closed(self.vectors),
            symbols=closed(self.symbols),
            positions=closed(self.positions),
            expected=None if self.expected is None else closed(self.expected),
        )
