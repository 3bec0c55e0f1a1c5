"""How numbers of one network, or of several, stand in the report."""

import numpy as np
import pandas as pd


def spread(values: "np.ndarray | pd.Series", form: str) -> str:
    """The value of one network; of several, their median and in brackets the lowest and the highest."""
    array = np.asarray(values, dtype=float)
    middle = format(np.median(array), form)
    return middle if len(array) == 1 else f"{middle} ({array.min():{form}} to {array.max():{form}})"


def known(value: float, form: str) -> str:
    """A value, or that it is unknown where it is NaN."""
    return "unknown" if np.isnan(value) else format(value, form)


def text(frame: pd.DataFrame) -> str:
    """A table as lines of text."""
    return frame.to_string(index=False)
