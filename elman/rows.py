"""Rows of a table, held as their numbers and looked up when asked for: for long streams of few different rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Rows:
    """T rows of a table."""

    table: np.ndarray
    """(S, ...): the different rows."""
    index: np.ndarray
    """(T,): the number of each row."""

    def __len__(self) -> int:
        return len(self.index)

    @property
    def array(self) -> np.ndarray:
        """(T, ...): the rows themselves."""
        return self.table[self.index]


def rows(table: np.ndarray | Sequence[str], index: np.ndarray) -> Rows:
    """Rows whose numbers take as few bytes as they can."""
    array = np.asarray(table)
    return Rows(array, index.astype(np.min_scalar_type(max(len(array) - 1, 0))))


class RowsAttribute:
    """An attribute that may be set to Rows, and is an array when it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = f"_{name}"

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        value = vars(instance)[self._name]
        return value.array if isinstance(value, Rows) else value

    def __set__(self, instance: Any, value: Any) -> None:
        vars(instance)[self._name] = value
