"""The tables of test items: a Result in, one tidy data frame a CSV file out."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from elman.item_scores import Scores
from elman.paired import paired

if TYPE_CHECKING:
    from elman.result import Result

SHARES = {"preferred": "share preferred", "accepted": "share accepted", "right": "share right"}
"""Scores of whole items; the first that applies says most."""


def items(result: "Result") -> pd.DataFrame:
    """The first `record_items` test items of each condition, symbol by symbol, after training. Empty without items.

    The output is that of the target's unit, or with codes its share; the surprisal is -log2 of its share.
    """
    if result.items is None or not result.settings.record_items:
        return pd.DataFrame()
    recorded = result.items.first(result.settings.record_items)
    steps, names = result.read_items(recorded), np.array(result.items.alphabet.symbols, dtype=object)
    R, N = steps.surprisal.shape
    of_step = [recorded.items[k] for k in recorded.item.tolist()]
    columns = list(dict.fromkeys(name for item in recorded.items for name in item.more))
    one = pd.DataFrame(
        {
            "item": recorded.number[recorded.item],
            "text": [item.text for item in of_step],
            "condition": [item.condition for item in of_step],
            "from": [item.first for item in of_step],
            "instead": [item.instead for item in of_step],
            **{name: [item.more.get(name) for item in of_step] for name in columns},
            "step": recorded.step,
            "input": names[recorded.read],
            "target": names[recorded.target],
        }
    )
    frame = pd.concat([one] * R, ignore_index=True)
    frame.insert(0, "replicate", np.repeat(np.arange(R), N))
    frame["output"], frame["surprisal"] = steps.output.ravel(), steps.surprisal.ravel()
    frame["squared_error"] = steps.squared_error.ravel()
    frame["counted"] = np.tile(recorded.counted, R)
    return frame


def item_summary(result: "Result") -> pd.DataFrame:
    """The scores of each network on the items of each condition, at every evaluation. Empty without items."""
    if result.items is None:
        return pd.DataFrame()
    conditions, (R, C) = result.items.conditions, result.item_curve[0].right.shape
    K = len(result.evaluated)
    columns = {name: np.stack([getattr(scores, name) for scores in result.item_curve], 1) for name in Scores._fields}
    return pd.DataFrame(
        {
            "replicate": np.repeat(np.arange(R), K * C),
            "epoch": np.tile(np.repeat(result.evaluated, C), R),
            "condition": np.tile(np.array(conditions, dtype=object), R * K),
            "items": np.tile(result.items.counts, R * K),
            **{name: values.ravel() for name, values in columns.items()},  # (R, K, C)
        }
    )


def item_differences(result: "Result") -> pd.DataFrame:
    """Each condition after training against the first, paired over networks. Empty for fewer than two conditions.

    The median of the differences over networks, with a 95 % bootstrap interval, and the share of networks with a
    difference of that sign.
    """
    if result.items is None or len(result.items.conditions) < 2:
        return pd.DataFrame()
    (against, *others), scores = result.items.conditions, result.item_curve[-1]
    rows = []
    for c, condition in enumerate(others, 1):
        for measure, values in scores._asdict().items():
            if not np.isnan(values[:, [0, c]]).any():
                found = paired(values[:, c], values[:, 0], seed=result.settings.seed)
                rows.append((condition, against, measure, len(values), *found))
    columns = ["condition", "against", "measure", "networks", "difference", "low", "high", "same_sign"]
    return pd.DataFrame(rows, columns=columns)
