"""A user's own stream: the letters or the words of a text file, one bit a symbol or in codes from a table."""

import csv
from io import StringIO

import numpy as np

from elman.declaration import shown
from elman.errors import ConfigError
from elman.files import read_text
from elman.stream import Stream

LEVELS = ("letters", "words")
SEQUENCES = ("lines", "none")
SPACE = "␣"  # stands for a space, so that it can be seen in tables and figures


def text(*, file: str, level: str, sequences: str, codes: str | None, held_out: float, test: bool) -> Stream:
    """The letters or words of a text file: its beginning for training, and its end, which is held out, for the test.

    What can be predicted of a text is not known, so `expected` is None.

    Args:
        file: a text file in UTF-8. White space of any kind and length is one space, and none at the beginning and end.
        level: "letters": each character is a symbol, and a space is the symbol ␣. "words": whatever stands between
            white space is one.
        sequences: "lines": each line that is not empty is a sequence; no space stands between two lines, and what is
            held out begins with a line. "none": the text is one sequence, and a line break is a space.
        codes: a CSV file in UTF-8 with a header, a symbol in the first column (nothing there is a space), and a bit,
            0 or 1, in each of the others; or None for one bit a symbol, in the order of the symbols' code points.
        held_out: the share of the elements that are held out, above 0 and below 1.
        test: whether this is the test stream.

    Returns:
        A Stream with a single position, "letter" or "word"; a sequence is a line.

    Raises:
        ConfigError: for a file that cannot be used.
    """
    if level not in LEVELS:
        raise ConfigError(f"task.level must be one of {', '.join(LEVELS)}, not {level}")
    if not 0 < held_out < 1:
        raise ConfigError(f"task.held_out must be above 0 and below 1, not {held_out}")
    if sequences not in SEQUENCES:
        raise ConfigError(f"task.sequences must be one of {', '.join(SEQUENCES)}, not {sequences}")
    lines = _lines(file, level, sequences)
    elements = [element for line in lines for element in line]
    first = np.cumsum([0, *map(len, lines)])  # of each line; the last is the end
    cut = _cut(first, held_out, f"{level} of {file}", at_lines=sequences == "lines")
    symbols = sorted(set(elements))
    table, features = (np.eye(len(symbols), dtype=np.uint8), symbols) if codes is None else _table(codes, symbols)
    number = {symbol: i for i, symbol in enumerate(symbols)}
    own = elements[cut:] if test else elements[:cut]
    index = np.array([number[element] for element in own])  # (T,)
    starts = np.zeros(len(elements), dtype=bool)
    starts[first[:-1]] = starts[cut] = True
    return Stream(
        symbols=np.array(own, dtype=object if level == "words" else str),  # a long word takes its memory once
        vectors=table[index],
        positions=np.full(len(own), level.removesuffix("s")),
        features=features,
        starts=starts[cut:] if test else starts[:cut],
        sequence="line",
    )


def _cut(first: np.ndarray, held_out: float, of: str, *, at_lines: bool) -> int:
    """How many elements are for training; the nearest end of a line if lines are to be whole."""
    T = int(first[-1])
    cut = round(T * (1 - held_out))
    cut = int(first[np.abs(first - cut).argmin()]) if at_lines else cut
    if min(cut, T - cut) < 2:
        raise ConfigError(
            f"task.held_out must leave at least two elements for training and two for the test, "
            f"and {held_out:g} of the {T} {of} does not"
        )
    return cut


def _lines(file: str, level: str, sequences: str) -> list[list[str]]:
    """The elements of each sequence of a text."""
    whole = read_text("task.file", file)
    if "\0" in whole:
        raise ConfigError(f"task.file must hold text, and {file} holds a character of code 0")
    lines = [words for line in (whole.splitlines() if sequences == "lines" else [whole]) if (words := line.split())]
    if not lines:
        raise ConfigError(f"task.file must hold some text, and {file} holds none")
    return lines if level == "words" else [list(SPACE.join(words)) for words in lines]


def _table(file: str, symbols: list[str]) -> tuple[np.ndarray, list[str]]:
    """The code (n bits) of each symbol in a CSV file, and the names of the bits."""
    try:
        lines = [line for line in csv.reader(StringIO(read_text("task.codes", file), newline="")) if line]
    except csv.Error as error:
        raise ConfigError(f"task.codes must be a CSV file, and {file} is none: {error}") from error
    if not lines or len(lines[0]) < 2:
        raise ConfigError(
            "task.codes must have a header, a column of symbols and one or more of bits, separated by commas, "
            f"not so in {file}"
        )
    header, *rows = lines
    names = [name.strip() for name in header[1:]]
    if "" in names or len(set(names)) < len(names):
        raise ConfigError(
            f"task.codes must name each column of bits differently, and {file} has {shown(', '.join(names))}"
        )
    code_of: dict[str, list[int]] = {}
    for row in rows:
        symbol, *bits = row[0].strip() or SPACE, *(bit.strip() for bit in row[1:])
        if len(row) != len(header) or not set(bits) <= {"0", "1"}:
            raise ConfigError(
                f"task.codes must give each symbol {len(header) - 1} bits, 0 or 1, and in {file} {shown(symbol)!r} has "
                + (shown(" ".join(bits)) or "none")
            )
        if symbol in code_of:
            raise ConfigError(f"task.codes must give each symbol once, and {file} has {shown(symbol)!r} twice")
        code_of[symbol] = [int(bit) for bit in bits]
    for symbol in symbols:
        if symbol not in code_of:
            raise ConfigError(
                f"task.codes must have each symbol of task.file, and {file} does not have {shown(symbol)!r}"
            )
    return np.array([code_of[symbol] for symbol in symbols], dtype=np.uint8), names
