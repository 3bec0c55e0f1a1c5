"""The number that a job of a sweep returns to a sweeper that optimises; the less the better."""

import numpy as np
import pandas as pd

from elman.errors import ConfigError
from elman.tables import SUCCESS

_EPOCHS = ("takeoff_epoch", "success_epoch")  # NaN where it never happened
OBJECTIVES = ("success_rate", "predictable_error_rate", "test_mse", "final_loss", "best_loss", "best_epoch", *_EPOCHS)
"""The share of networks that succeed, and columns of summary.csv."""


def objective(summary: pd.DataFrame, name: str | None = None) -> float:
    """The median of a column over the networks, where never is later than every epoch; or minus the share of successes.

    Sweepers minimise, and a job that fails returns infinity. So the share is negative: -1 is best, where all networks
    have at most .01 of the predictable steps wrong after training.

    Args:
        summary: as in summary.csv.
        name: one of `OBJECTIVES`; by default the error rate at the steps that can be predicted, or the squared error on
            the test stream where there are none.

    Raises:
        ConfigError: for one that is unknown for this task.
    """
    if name is None:
        name = "predictable_error_rate" if summary["predictable_error_rate"].notna().any() else "test_mse"
    values = summary["predictable_error_rate" if name in ("success_rate", "success_epoch") else name]
    if name != "takeoff_epoch" and values.isna().any():
        raise ConfigError(f"objective must be known for this task, and {name} is not")
    if name == "success_rate":
        return -float((values <= SUCCESS).mean())
    if name in _EPOCHS:
        return float(np.quantile(summary[name].fillna(np.inf), 0.5, method="inverted_cdf"))
    return float(values.median())
