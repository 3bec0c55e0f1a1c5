"""What test items say in the report: how each condition scores, and how it compares with the first."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from elman.item_tables import SHARES, item_differences, item_summary
from elman.report_values import spread, text

if TYPE_CHECKING:
    from elman.result import Result

_FORMS = {"surprisal": ".3f", "accepted": ".3f", "right": ".3f", "preferred": ".3f"}


def item_report(result: "Result") -> list[str]:
    """The parts of the report on test items; none if there are none."""
    summary = item_summary(result)
    if summary.empty:
        return []
    last, R = summary[summary["epoch"] == summary["epoch"].max()], result.settings.replicates
    of = "" if R == 1 else f", median (lowest to highest) of {R} networks"
    rows = []
    measures = [measure for measure in _FORMS if last[measure].notna().any()]
    for condition, each in last.groupby("condition", sort=False):
        scores = {measure: _score(each[measure], _FORMS[measure]) for measure in measures}
        rows.append({"condition": condition, "items": each["items"].iloc[0], **scores})
    parts = [f"Test items{of}; surprisal in bits a symbol, the others as shares of items:\n{text(pd.DataFrame(rows))}"]
    differences = item_differences(result)
    if len(differences):
        share = next((measure for measure in SHARES if measure in measures), None)
        parts.append(_compared(differences, ["surprisal", *([share] if share else [])], R))
    return parts


def _score(values: pd.Series, form: str) -> str:
    return "" if values.isna().any() else spread(values, form)


def _compared(differences: pd.DataFrame, measures: list[str], R: int) -> str:
    """A row for each condition but the first: the differences from it."""
    rows = []
    for condition, each in differences.groupby("condition", sort=False):
        by_measure = each.set_index("measure")
        cells = {measure: _difference(by_measure.loc[measure]) for measure in measures if measure in by_measure.index}
        rows.append({"condition": condition, **cells})
    how = f", paired: median of {R} networks [95 % interval], networks with that sign" if R > 1 else ""
    return f"Difference from {differences['against'].iloc[0]}{how}:\n{text(pd.DataFrame(rows).fillna(''))}"


def _difference(row: pd.Series) -> str:
    middle = f"{row['difference']:+.3f}"
    if np.isnan(row["low"]):
        return middle
    if not row["difference"]:
        return f"0 [{row['low']:+.3f}, {row['high']:+.3f}]"
    count = round(row["same_sign"] * row["networks"])
    return f"{middle} [{row['low']:+.3f}, {row['high']:+.3f}] {count} of {row['networks']}"
