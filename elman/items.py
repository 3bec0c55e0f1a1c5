"""Test items: words, strings or minimal pairs that networks read, each from a fresh context.

Sizes: K items, N steps of all items together, S symbols of n bits, C conditions.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import StringIO
from typing import Any, NamedTuple

import numpy as np

from elman import checkpoint, files, tasks
from elman.errors import ConfigError
from elman.stream import Stream

ALL = "all"
"""The condition of items that have none."""
_OWN = ("text", "condition", "instead", "from")
_WRITTEN = ("replicate", "item", "step", "input", "target", "output", "surprisal", "squared_error", "counted")


class Alphabet(NamedTuple):
    """What a network's units stand for."""

    symbols: tuple[str, ...]
    """S names."""
    codes: np.ndarray
    """(S, n) uint8: the bits of each."""
    one_hot: bool
    """Whether each symbol is one bit."""


@dataclass(frozen=True)
class Item:
    """A row of a file of test items."""

    text: str
    condition: str = ALL
    first: int = 2
    """The first symbol that counts, from 2; the file calls it `from`."""
    instead: str | None = None
    """A symbol to be held against the last one."""
    more: Mapping[str, str] = field(default_factory=dict)
    """The file's other columns, which are carried along."""


@dataclass(frozen=True, eq=False)
class Items:
    """K items, coded for networks of one alphabet."""

    items: tuple[Item, ...]
    alphabet: Alphabet
    elements: tuple[tuple[int, ...], ...]
    """The numbers of each item's symbols."""
    number: np.ndarray
    """(K,): the number of each item in what was read."""

    @cached_property
    def lengths(self) -> np.ndarray:
        """(K,): the steps of each item."""
        return np.array([len(symbols) - 1 for symbols in self.elements])

    @cached_property
    def item(self) -> np.ndarray:
        """(N,): the item of each step."""
        return np.repeat(np.arange(len(self.items)), self.lengths)

    @cached_property
    def step(self) -> np.ndarray:
        """(N,): the number of each step in its item, from 0."""
        return np.arange(len(self.item)) - np.repeat(np.cumsum(self.lengths) - self.lengths, self.lengths)

    @cached_property
    def read(self) -> np.ndarray:
        """(N,): the symbol that is read at each step."""
        return np.concatenate([symbols[:-1] for symbols in self.elements])

    @cached_property
    def target(self) -> np.ndarray:
        """(N,): the symbol that is to be predicted at each step."""
        return np.concatenate([symbols[1:] for symbols in self.elements])

    @cached_property
    def counted(self) -> np.ndarray:
        """(N,) bool: whether the target counts."""
        return self.step + 2 >= np.array([item.first for item in self.items])[self.item]

    @cached_property
    def against(self) -> np.ndarray:
        """(K,): the symbol that is held against each item's last one, or -1."""
        number = {symbol: i for i, symbol in enumerate(self.alphabet.symbols)}
        return np.array([-1 if item.instead is None else number[item.instead] for item in self.items])

    @cached_property
    def conditions(self) -> tuple[str, ...]:
        """C names, in the order of first mention."""
        return tuple(dict.fromkeys(item.condition for item in self.items))

    @cached_property
    def condition(self) -> np.ndarray:
        """(K,): the number of each item's condition."""
        number = {name: c for c, name in enumerate(self.conditions)}
        return np.array([number[item.condition] for item in self.items])

    @cached_property
    def counts(self) -> np.ndarray:
        """(C,): the items of each condition."""
        return np.bincount(self.condition)

    def first(self, most: int) -> "Items":
        """The first items of each condition."""
        seen: dict[str, int] = {}
        kept = []
        for k, item in enumerate(self.items):
            seen[item.condition] = seen.get(item.condition, 0) + 1
            if seen[item.condition] <= most:
                kept.append(k)
        return Items(
            tuple(self.items[k] for k in kept),
            self.alphabet,
            tuple(self.elements[k] for k in kept),
            self.number[kept],
        )


def parse(text: str, source: str) -> list[Item]:
    """The items of a CSV file.

    Args:
        text: the content of the file, with a header that names a column `text`, and if wanted `condition`, `instead`,
            `from` and others.
        source: what to call the file in messages.

    Raises:
        ConfigError: for a file that is not so.
    """
    lines = csv.reader(StringIO(text, newline=""))
    try:
        header, *rows = [[value.strip() for value in line] for line in lines if any(value.strip() for value in line)]
    except (ValueError, csv.Error) as error:
        reason = error if isinstance(error, csv.Error) else "it is empty"
        raise ConfigError(f"test_items must be a CSV file with a column text, and {source} is not: {reason}") from error
    if "text" not in header or len(set(header)) < len(header) or "" in header:
        raise ConfigError(
            f"test_items must have a header with different names, text among them, and {source} has {','.join(header)}"
        )
    if taken := [name for name in header if name in _WRITTEN]:
        raise ConfigError(f"test_items must not have a column {taken[0]}, as {source} has: items.csv uses that name")
    found = []
    for number, row in enumerate(rows):
        if len(row) != len(header):
            raise ConfigError(
                f"test_items must have {len(header)} values in each row, and item {number} of {source} has {len(row)}"
            )
        named = dict(zip(header, row, strict=True))
        first = named.get("from") or "2"
        if not first.isdecimal():
            raise ConfigError(f"test_items must have whole numbers in from, and item {number} of {source} has {first}")
        found.append(
            Item(
                text=named["text"],
                condition=named.get("condition") or ALL,
                first=int(first),
                instead=named.get("instead") or None,
                more={name: value for name, value in named.items() if name not in _OWN},
            )
        )
    return found


def coded(items: Iterable[Item], alphabet: Alphabet) -> Items:
    """Code items for networks of an alphabet.

    If all symbols are single characters, so is each character of a text but white space; otherwise symbols stand
    between white space.

    Raises:
        ConfigError: for an item of a single symbol, a symbol without a unit, a first symbol that counts out of the
            item, or no items.
    """
    items = tuple(items)
    single = all(len(symbol) == 1 for symbol in alphabet.symbols)
    number = {symbol: i for i, symbol in enumerate(alphabet.symbols)}
    elements = []
    for k, item in enumerate(items):
        words = item.text.split()
        symbols = list("".join(words)) if single else words
        for symbol in [*symbols, *([item.instead] if item.instead is not None else [])]:
            if symbol not in number:
                raise ConfigError(
                    f"test_items must hold symbols that the network has a unit for, and {symbol} in item {k}, "
                    f"{item.text}, is none"
                )
        if len(symbols) < 2:
            raise ConfigError(f"test_items must have two symbols or more, and item {k} is {item.text or 'empty'}")
        if not 2 <= item.first <= len(symbols):
            raise ConfigError(
                f"test_items must have a from of 2 to {len(symbols)} in item {k}, {item.text}, not {item.first}"
            )
        elements.append(tuple(number[symbol] for symbol in symbols))
    if not items:
        raise ConfigError("test_items must hold at least one item, not none")
    return Items(items, alphabet, tuple(elements), np.arange(len(items)))


def alphabet(streams: Sequence[Stream]) -> Alphabet:
    """The alphabet of networks that read some streams of one task."""
    units = checkpoint.units_of(*streams)
    if all(stream.one_hot for stream in streams):
        return Alphabet(units.features, np.eye(len(units.features), dtype=np.uint8), True)
    return Alphabet(units.symbols, units.codes, False)


def of_run(
    test_items: str | Mapping[str, Sequence[str]] | None,
    streams: Sequence[Stream],
    kind: str,
    options: Mapping[str, Any],
    rng: np.random.Generator,
) -> Items | None:
    """The items that the networks of a run are tested on, or None.

    Args:
        test_items: a CSV file, in the current directory or else among those that come with elman; or texts by their
            conditions; or None.
        streams: the test stream, and others that may show more symbols.
        kind: of the task, which may add items of its own.
        options: the task's settings.
        rng: source of these.

    Raises:
        ConfigError: for items that cannot be used.
    """
    found: list[Item] = []
    if isinstance(test_items, str):
        found += parse(files.read_text("test_items", test_items), test_items)
    elif test_items is not None:
        found += [Item(text, condition) for condition, texts in test_items.items() for text in texts]
    of_task = tasks.items(kind, options, streams[0], rng)
    found += [Item(text, condition) for condition, texts in of_task.items() for text in texts]
    return None if test_items is None and not of_task else coded(found, alphabet(streams))
