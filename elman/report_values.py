"""How numbers of one network, or of several, stand in the report."""

import textwrap
from functools import partial

import numpy as np
import pandas as pd

WIDTH = 80  # letters of a line


def spread(values: "np.ndarray | pd.Series", form: str) -> str:
    """The value of one network; of several, their median and in brackets the lowest and the highest."""
    array = np.asarray(values, dtype=float)
    middle = format(np.median(array), form)
    return middle if len(array) == 1 else f"{middle} ({array.min():{form}} to {array.max():{form}})"


def known(value: float, form: str) -> str:
    """A value, or that it is unknown where it is NaN."""
    return "unknown" if np.isnan(value) else format(value, form)


def text(frame: pd.DataFrame) -> str:
    """A table as lines of at most 80 letters; columns that find no room stand below, beside the first one again."""
    whole: str = frame.to_string(index=False)
    if max(map(len, whole.splitlines())) <= WIDTH or frame.shape[1] < 3:
        return whole
    for n in range(frame.shape[1] - 1, 1, -1):
        part: str = frame.iloc[:, :n].to_string(index=False)
        if max(map(len, part.splitlines())) <= WIDTH or n == 2:
            break
    rest = frame.iloc[:, [0, *range(n, frame.shape[1])]]
    return f"{part}\n{text(rest)}"


def wrapped(report: str) -> str:
    """A report whose sentences take lines of at most 80 letters, the later ones indented; numbers are not broken."""
    fill = partial(textwrap.fill, width=WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return "\n".join(fill(line) if len(line) > WIDTH else line for line in report.split("\n"))
