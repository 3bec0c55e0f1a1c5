"""Short descriptions of settings, runs and comparisons, as text and as HTML for notebooks."""

import numpy as np
import pandas as pd

from elman.plots.source import Source

_MOST = 8  # positions in a description


def as_text(source: Source) -> str:
    """At most 15 lines: task and settings, loss beside chance and best possible, errors by position."""
    return "\n".join([_headline(source), *_outcome(source), _positions(source).to_string(index=False)])


def as_html(source: Source) -> str:
    """The same as HTML."""
    lines = "<br>".join(_outcome(source))
    return f"<p><strong>{_headline(source)}</strong><br>{lines}</p>{_positions(source).to_html(index=False, border=0)}"


def _headline(source: Source) -> str:
    n = source.networks
    return f"{source.caption}, seed {source.settings['seed']}: {n} network{'s' * (n > 1)}"


def _outcome(source: Source) -> list[str]:
    """The loss and, where something can be predicted without error, how many networks learned it."""
    summary = source.rows("summary")
    lines = []
    if summary["final_loss"].notna().any():
        beside = [f"chance {summary['chance_loss'].mean():.4f}"]
        if summary["floor_loss"].notna().any():
            beside.append(f"best possible {summary['floor_loss'].mean():.4f}")
        lines.append(f"training loss {_spread(summary['final_loss'], '.4f')}; {', '.join(beside)}")
    rate = summary["predictable_error_rate"]
    if rate.notna().any():
        lines.append(f"error rate at the steps that can be predicted {_spread(rate, '.3f')}")
    return lines


def _positions(source: Source) -> pd.DataFrame:
    """One row a position, medians over the networks."""
    errors = source.rows("position_errors")
    by_position = errors.groupby("position", sort=False)
    columns = {"error rate": by_position["error_rate"].median().map("{:.3f}".format)}
    columns["mean squared error"] = by_position["mse"].median().map("{:.4f}".format)
    best = by_position["floor_mse"].first()
    columns["best possible"] = best.map(lambda value: "unknown" if np.isnan(value) else f"{value:.4f}")
    table = pd.DataFrame(columns).reset_index()
    return table if len(table) <= _MOST else table.head(_MOST)


def _spread(values: pd.Series, form: str) -> str:
    """The value of one network; of several the median, the lowest and the highest."""
    middle = format(values.median(), form)
    return middle if len(values) == 1 else f"{middle} ({values.min():{form}} to {values.max():{form}})"
