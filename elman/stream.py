"""A Stream: the elements that a network reads one by one, with their names and their best possible predictions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from elman.errors import ConfigError
from elman.rows import Rows, RowsAttribute

POSITION = "element"
"""The single position of a stream that names none."""


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Stream:
    """T elements of n bits. The network reads row t and predicts row t + 1; that shift of one lives only here.

    All fields are given by keyword, and only `symbols` is required. A stream of symbols alone has one bit a symbol, in
    the order of first mention or of `features`, one position, one sequence, and an unknown best possible prediction.
    """

    symbols: np.ndarray
    """(T,) text: what each element is called, such as "0" or "b"; T >= 2."""
    vectors: np.ndarray
    """(T, n) uint8: the code of each element, each bit 0 or 1."""
    positions: np.ndarray
    """(T,) text: the place of each element in its unit, such as "xor" or "vowel 1"."""
    expected: np.ndarray | None
    """(T, n) float: the best possible prediction of each element from those before it, a probability for each bit; None
    where it is not known."""
    features: tuple[str, ...]
    """n names: what each bit means."""
    classes: Mapping[str, frozenset[str]]
    """The known classes of symbols by their names, such as "vowel": {"a", "i", "u"}; no network is told of them."""
    starts: np.ndarray
    """(T,) bool: whether an element is the first of a sequence, such as a sentence. The first element always is."""
    sequence: str
    """What a sequence is called, such as "sentence"."""
    units: np.ndarray
    """(T,) bool: whether an element is the first of a unit, such as a word in a sentence of letters; figures mark them.
    By default each sequence is one."""
    unit: str
    """What a unit is called, such as "word"."""
    published: Mapping[tuple[str, str], tuple[float, float]]
    """Mean and standard deviation that a publication gives for rows of likelihood.csv, known by `against` and
    `measure`; NaN for a number that it does not give."""
    separate: bool
    """Whether the context is set back before each sequence, so that the steps between sequences do not count."""

    def __init__(
        self,
        *,
        symbols: Sequence[str] | np.ndarray | Rows,
        vectors: np.ndarray | None = None,
        positions: Sequence[str] | np.ndarray | Rows | None = None,
        expected: np.ndarray | Rows | None = None,
        features: Sequence[str] | None = None,
        classes: Mapping[str, Collection[str]] | None = None,
        starts: np.ndarray | None = None,
        sequence: str = "sequence",
        units: np.ndarray | None = None,
        unit: str | None = None,
        published: Mapping[tuple[str, str], tuple[float, float]] | None = None,
        separate: bool = False,
    ) -> None:
        """Check the fields, and fill in those that are not given.

        Raises:
            ConfigError: for fields of another shape or type, other values, or sequences that leave no step to count.
        """
        names = _texts("symbols", symbols, None)
        T = len(names)
        if T < 2:
            raise ConfigError(f"a stream must have at least two elements, not {T}")
        if vectors is None:
            each = names.array if isinstance(names, Rows) else names
            features = tuple(dict.fromkeys(each.tolist()) if features is None else features)
            vectors = _one_bit_a_symbol(each, features)
        bits = _bits(vectors, T)
        begins = np.arange(T) == 0 if starts is None else _flags("starts", starts, T)
        fields = {
            "symbols": names,
            "vectors": bits,
            "positions": np.full(T, POSITION) if positions is None else _texts("positions", positions, T),
            "expected": None if expected is None else _probabilities(expected, bits.shape),
            "features": _features(features, bits.shape[1]),
            "classes": {name: frozenset(members) for name, members in (classes or {}).items()},
            "starts": begins,
            "sequence": sequence,
            "units": begins if units is None else _flags("units", units, T),
            "unit": sequence if unit is None else unit,
            "published": published or {},
            "separate": separate,
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)
        if separate and (begins.sum() == 1 or begins.all()):
            only = "a single sequence" if begins.sum() == 1 else "sequences of one element"
            raise ConfigError(f"reset_context must be epoch or never for a stream of {only}, not sequence")

    def __repr__(self) -> str:
        T, n = self.vectors.shape
        return f"Stream({T} elements of {n} bits: {' '.join(self.symbols[:10])}{' ...' if T > 10 else ''})"

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

    @property
    def resets(self) -> np.ndarray:
        """(T-1,) bool: the steps before which the context is set back, if sequences are separate."""
        return self.starts[:-1]

    @cached_property
    def counted(self) -> np.ndarray:
        """(T-1,) bool: the steps that are learned from and counted in errors.

        All, but where sequences are separate not those from the last element of one to the first of the next.
        """
        return ~self.starts[1:] if self.separate else np.ones(len(self.starts) - 1, dtype=bool)

    @cached_property
    def one_hot(self) -> bool:
        """Whether each row has a single bit, whose meaning is the row's symbol."""
        if (self.vectors.sum(axis=1, dtype=int) != 1).any():
            return False
        return bool((np.array(self.features, dtype=object)[self.vectors.argmax(axis=1)] == self.symbols).all())

    @cached_property
    def position_names(self) -> tuple[str, ...]:
        """P names: the positions that are predicted at counted steps, in their order in the stream."""
        predicted = set(self.target_positions[self.counted].tolist())
        return tuple(name for name in dict.fromkeys(self.positions.tolist()) if name in predicted)

    @cached_property
    def position_index(self) -> np.ndarray:
        """(T-1,): the number in `position_names` of what is predicted at each step; -1 where it is not counted."""
        number = {name: p for p, name in enumerate(self.position_names)}
        index = np.array([number.get(name, -1) for name in self.target_positions.tolist()])
        return np.where(self.counted, index, -1)

    @cached_property
    def position_counts(self) -> np.ndarray:
        """(P,): the counted steps at which each position is predicted."""
        return np.bincount(self.position_index[self.counted], minlength=len(self.position_names))

    def wrapped(self) -> "Stream":
        """The stream with its first row once more at the end, so that its last element predicts its first.

        Elman's letter and word streams wrap around without a break (p. 188, p. 197). The seam counts as the start of
        a unit, also where the last one was cut.
        """

        def closed(name: str) -> Any:
            value = vars(self).get(f"_{name}", getattr(self, name, None))
            if value is None:
                return None
            rows = value.index if isinstance(value, Rows) else value
            longer = np.concatenate([rows, rows[:1]])
            return Rows(value.table, longer) if isinstance(value, Rows) else longer

        names = ("symbols", "vectors", "positions", "expected", "starts", "units")
        return replace(self, **{name: closed(name) for name in names})


for _name in ("symbols", "positions", "expected"):
    setattr(Stream, _name, RowsAttribute(_name))


def _texts(field: str, values: Sequence[str] | np.ndarray | Rows, T: int | None) -> np.ndarray | Rows:
    """(T,): the values as an array of text: fixed-width, or of objects where one was given; or as rows of one."""
    if isinstance(values, Rows):
        _texts(field, values.table, None)
        return _of_length(field, values, T)
    texts = values if isinstance(values, np.ndarray) else np.array(list(values), dtype=object)
    is_text = texts.dtype.kind == "U" or (texts.dtype == object and all(isinstance(text, str) for text in texts.flat))
    if texts.ndim != 1 or not is_text or len(texts) != (len(texts) if T is None else T):
        raise ConfigError(f"{field} of a stream must be {'a list of' if T is None else T} texts, not {_shown(texts)}")
    return texts if isinstance(values, np.ndarray) else texts.astype(str)


def _one_bit_a_symbol(symbols: np.ndarray, features: Sequence[str]) -> np.ndarray:
    """(T, n) uint8: a row for each symbol, with the bit of its name."""
    number = {name: bit for bit, name in enumerate(features)}
    if missing := [symbol for symbol in symbols.tolist() if symbol not in number]:
        raise ConfigError(f"features of a stream without vectors must name each symbol, and {missing[0]!r} is none")
    return np.eye(len(number), dtype=np.uint8)[[number[symbol] for symbol in symbols.tolist()]]


def _bits(vectors: np.ndarray, T: int) -> np.ndarray:
    """(T, n) uint8: vectors of any numeric type, as long as each value is 0 or 1."""
    array = np.asarray(vectors)
    if array.ndim != 2 or len(array) != T or not array.shape[1]:
        raise ConfigError(f"vectors of a stream must be {T} rows of bits, one for each symbol, not {_shown(array)}")
    bits = array if array.dtype == np.uint8 else (array == 1).astype(np.uint8)
    if bits.max() > 1 or (bits is not array and not ((array == 0) | (array == 1)).all()):
        raise ConfigError(f"vectors of a stream must be bits, each 0 or 1, not {_other(array)}")
    return np.ascontiguousarray(bits)


def _other(array: np.ndarray) -> object:
    """The first value of an array that is neither 0 nor 1."""
    return array[~((array == 0) | (array == 1))].tolist()[0]


def _of_length(field: str, rows: Rows, T: int | None) -> Rows:
    if T is not None and len(rows) != T:
        raise ConfigError(f"{field} of a stream must be {T} rows, not {len(rows)}")
    return rows


def _probabilities(expected: np.ndarray | Rows, shape: tuple[int, int]) -> np.ndarray | Rows:
    if isinstance(expected, Rows):
        _probabilities(expected.table, (len(expected.table), shape[1]))
        return _of_length("expected", expected, shape[0])
    array = np.asarray(expected)
    if array.shape != shape or array.dtype.kind not in "fiub":
        raise ConfigError(f"expected of a stream must be {shape[0]} x {shape[1]} numbers, not {_shown(array)}")
    array = array.astype(float, copy=False)
    if not (array.min() >= 0 and array.max() <= 1 + 1e-9):  # not with NaN; sums of probabilities are rounded
        raise ConfigError("expected of a stream must be probabilities, from 0 to 1")
    return array


def _features(features: Sequence[str] | None, n: int) -> tuple[str, ...]:
    names = tuple(f"bit {bit + 1}" for bit in range(n)) if features is None else tuple(features)
    if len(names) != n or not all(isinstance(name, str) for name in names) or len(set(names)) < n:
        raise ConfigError(f"features of a stream must be {n} different texts, one for each bit, not {list(names)}")
    return names


def _flags(field: str, values: np.ndarray, T: int) -> np.ndarray:
    flags = np.asarray(values)
    if flags.shape != (T,) or flags.dtype != bool:
        raise ConfigError(f"{field} of a stream must be {T} values that are true or false, not {_shown(flags)}")
    if not flags[0]:
        raise ConfigError(f"{field} of a stream must begin with true")
    return flags


def _shown(array: np.ndarray) -> str:
    return f"an array of shape {array.shape} and type {array.dtype}"
