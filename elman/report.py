"""The report of a run: a Result in, the text that is printed after it out."""

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from elman import hidden, metrics, tables
from elman.item_report import item_report
from elman.report_values import known, spread, text, wrapped
from elman.stream import Stream

if TYPE_CHECKING:
    from elman.result import Result

FIRST_ELEMENTS = 15
FIRST_STEPS = 20  # of the errors by bit and by element, as in the paper's Figures 4 and 5
LARGEST = 3  # outputs that are shown of a prediction with one bit a symbol
SAMPLE = 100  # networks that the report of a single one recommends


def report(result: "Result") -> str:
    """Task, training stream, `record_steps` predictions, errors beside the best possible, losses."""
    steps, medians = _steps(result), _medians(result)
    index = result.test.position_index[: len(steps)]
    predictable = np.append(metrics.predictable(result.test), False)[index]  # the last entry is that of index -1
    parts = [f"{_headline(result)}\n{_elements(result)}"]
    if len(steps):
        parts.append(f"The first {len(steps)} test predictions{medians}:\n{text(steps)}")
    if predictable.any():
        shown = steps[predictable]
        which = "the one" if len(shown) == 1 else f"the {len(shown)}"
        parts.append(f"Of these, {which} at which the element can be predicted{medians}:\n{text(shown)}")
    if len(result.test.features) > 1 and not result.test.one_hot and len(steps):
        parts += _by_bit_and_symbol(result)
    parts.append(f"Errors over {result.test.counted.sum()} test steps{_of(result)}:\n{text(_positions(result))}")
    if len(likelihood := tables.likelihood(result)):
        parts.append(_likelihood(likelihood, result))
    parts.append(_ngrams(tables.ngrams(result)))
    parts += item_report(result)
    if all(re.fullmatch(r"letter \d+", name) for name in result.test.position_names):
        parts.append(_first_letters(result))
    if result.settings.occurrences and (line := _too_few_leaves(result)):
        parts.append(line)
    if result.settings.epochs:
        parts.append(_losses(result))
        parts += [_one_of_many()] if result.settings.replicates == 1 else []
    return wrapped("\n\n".join(parts))


def in_one_line(summary: pd.DataFrame) -> str:
    """The outcome of a run, from its summary.csv: the medians over its networks."""
    names = {"final_loss": "loss {:.4f}", "test_mse": "test error {:.4f}"}
    names["predictable_error_rate"] = "error rate at predictable steps {:.3f}"
    medians = summary[list(names)].median()
    said = "; ".join(form.format(medians[name]) for name, form in names.items() if not np.isnan(medians[name]))
    return said if len(summary) == 1 else f"{said} (medians of {len(summary)} networks)"


def _headline(result: "Result") -> str:
    s, n = result.settings, result.test.vectors.shape[1]
    T = len(result.training[0].vectors) - (s.reset_context == "never")  # without the row that closes a wrapped stream
    networks = "" if s.replicates == 1 else f"{s.replicates} networks "
    start = "" if s.weights_from is None else f", weights from {s.weights_from}"
    return (
        f"Task {s.task.name}: {networks}{n}-{s.hidden_size}-{n}, {s.epochs} epoch{'s' * (s.epochs != 1)}, "
        f"learning rate {s.learning_rate:g}, seed {s.seed}{start}\n"
        f"Trained on {T} elements, tested on {len(result.test.vectors)}"
    )


def _elements(result: "Result") -> str:
    first, test = result.training[0].symbols[:FIRST_ELEMENTS], result.test
    separate = f"\nThe context is set back before each {test.sequence}; steps between them do not count."
    return f"The training stream begins: {' '.join(first)}{separate * test.separate}"


def _one_of_many() -> str:
    return (
        f"One network is a sample of one: the same command with replicates={SAMPLE} trains {SAMPLE}\n"
        "and counts those that learn."
    )


def _of(result: "Result") -> str:
    R = result.settings.replicates
    return "" if R == 1 else f", median (lowest to highest) of {R} networks"


def _medians(result: "Result") -> str:
    return "" if result.settings.replicates == 1 else f", medians of {result.settings.replicates} networks"


def _steps(result: "Result") -> pd.DataFrame:
    """One row for each recorded test step."""
    outputs, _ = result.predict(result.settings.record_steps)  # (R, steps, n)
    R, steps, _ = outputs.shape
    middle = np.median(outputs, axis=0)  # (steps, n)
    correct = metrics.correct(outputs, result.test, slice(steps)).sum(axis=0)  # (steps,)
    columns: dict[str, object] = {"step": range(steps), "input": result.test.input_symbols[:steps]}
    if result.test.one_hot:
        columns["largest outputs"] = [_largest(row, result.test.features) for row in middle]
    else:
        decimals = 4 if middle.shape[1] == 1 else 2
        columns["output"] = [" ".join(f"{value:.{decimals}f}" for value in row) for row in middle]
        if R > 1 and middle.shape[1] == 1:
            columns["range"] = [f"{o.min():.4f} to {o.max():.4f}" for o in outputs[:, :, 0].T]
        columns["rounded"] = ["".join(row) for row in np.where(middle > 0.5, "1", "0")]
    columns["target"] = _targets(result.test)[:steps]
    match = np.where(correct > 0, "yes", "no") if R == 1 else [f"{n} of {R}" for n in correct]
    columns["match"] = np.where(result.test.counted[:steps], match, "not counted")
    return pd.DataFrame({**columns, "position": result.test.target_positions[:steps]})


def _largest(outputs: np.ndarray, features: tuple[str, ...]) -> str:
    """What the largest outputs stand for, with their values."""
    return ", ".join(f"{features[bit]} {outputs[bit]:.2f}" for bit in np.argsort(-outputs, kind="stable")[:LARGEST])


def _targets(test: Stream) -> list[str]:
    """The bits to be predicted at each step, with the symbol that they stand for, unless one of them says it all."""
    symbols = [str(symbol) for symbol in test.target_symbols]
    if test.one_hot:
        return symbols
    bits = ["".join(row) for row in test.targets.astype(str)]
    return [b if b == s else f"{b} {s}" for b, s in zip(bits, symbols, strict=True)]


def _positions(result: "Result") -> pd.DataFrame:
    """One row a position: error rate and root mean squared error, each beside the best possible."""
    errors, best = result.curve[-1], metrics.floor(result.test)
    rates, rmses = errors.error_rate.T, np.sqrt(errors.mse).T  # (P, R)
    columns: dict[str, object] = {
        "position": result.test.position_names,
        "n": result.test.position_counts,
        "error rate": [spread(row, ".3f") for row in rates],
    }
    if _best_answers(result.test):
        columns["best"] = [known(rate, ".3f") for rate in best.error_rate[0]]
    columns["RMSE"] = [spread(row, ".4f") for row in rmses]
    columns["best RMSE"] = [known(rmse, ".4f") for rmse in np.sqrt(best.mse[0])]
    return pd.DataFrame(columns)


def _best_answers(test: Stream) -> bool:
    """Whether the best outputs always round to an element; if not, as with letters in codes, guessing one is better."""
    if test.one_hot or test.target_expected is None:
        return True
    elements = {tuple(row) for row in np.unique(test.vectors, axis=0).tolist()}
    return all(tuple(row) in elements for row in np.unique(test.target_expected > 0.5, axis=0).astype(int).tolist())


def _by_bit_and_symbol(result: "Result") -> list[str]:
    """The mean squared error of each bit, and of each symbol, over the first steps of a stream of several bits."""
    outputs, _ = result.predict(min(FIRST_STEPS, result.settings.record_steps))
    steps = outputs.shape[1]
    counted = result.test.counted[:steps]
    squared = ((outputs - result.test.targets[:steps]) ** 2)[:, counted]  # (R, counted, n)
    by_bit = squared.mean(axis=1).T  # (n, R)
    symbols = result.test.target_symbols[:steps][counted]
    by_symbol = {str(s): squared[:, symbols == s].mean(axis=(1, 2)) for s in sorted(set(symbols))}
    bits = pd.DataFrame(
        {
            "bit": range(1, len(by_bit) + 1),
            "feature": result.test.features,
            "squared error": [spread(row, ".4f") for row in by_bit],
        }
    )
    letters = pd.DataFrame(
        {
            "predicted": by_symbol.keys(),
            "n": [(symbols == s).sum() for s in by_symbol],
            "squared error": [spread(row, ".4f") for row in by_symbol.values()],
        }
    )
    return [
        f"Mean error of each bit over the first {counted.sum()} test steps{_of(result)}:\n{text(bits)}",
        f"Mean error at each predicted element over the same steps:\n{text(letters)}",
    ]


def _likelihood(frame: pd.DataFrame, result: "Result") -> str:
    """The distances from the next word and from the likelihoods, each with its standard deviation over the steps."""
    rows = []
    for (against, measure), each in frame.groupby(["against", "measure"], sort=False):
        first = each.iloc[0]
        rows.append(
            {
                "against": against,
                "measure": measure,
                "mean": spread(each["mean"], ".3f"),
                "sd": _sd(each["sd"].median()),
                "best": f"{first['best_mean']:.3f}",
                "sd ": _sd(first["best_sd"]),
                "paper": known(first["paper_mean"], ".3f"),
                "sd  ": _sd(first["paper_sd"]),
            }
        )
    table = pd.DataFrame(rows)
    note = ""
    if frame["paper_mean"].notna().any():
        note = "\nThe paper prints .88 and .053 as RMS error; it may mean any of the three."
    else:
        table = table.iloc[:, :-2]
    table = table.rename(columns=str.strip)
    steps = f"{result.test.counted.sum()} test steps{_of(result)}"
    return f"Distance from the next word and from the likelihood of each word over {steps}:\n{text(table)}{note}"


def _sd(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.3f}"


def _ngrams(frame: pd.DataFrame) -> str:
    """Two lines: the network beside tables of the last 0, 1, 2 ... symbols."""
    measure, name = (
        ("cosine", "Cosine with the exact odds") if frame["cosine"].notna().any() else ("mse", "Squared error")
    )
    overall = frame[frame["position"] == "all"]
    medians = overall.groupby("order", dropna=False)[measure].median()
    of_tables = "/".join(f"{medians[order]:.3f}" for order in medians.index.dropna())
    return f"{name}: network {medians[pd.NA]:.3f},\ntables of the last 0/1/2/3/4 symbols {of_tables}"


def _first_letters(result: "Result") -> str:
    """The error at the first letters of words and at the others, which tells where words begin (Figure 6)."""
    n, first = result.test.position_counts, np.array(result.test.position_names) == "letter 1"
    mse, best = result.curve[-1].mse, metrics.floor(result.test).mse  # each (R, P)

    lines, errors = [], []
    for where, chosen in (("at first letters", first), ("at all later letters", ~first)):
        if chosen.any():  # words of one letter have no later ones
            of_all, of_best = ((e[:, chosen] * n[chosen]).sum(axis=1) / n[chosen].sum() for e in (mse, best))
            lines.append(f"Squared error {where}: {spread(of_all, '.3f')}; best possible {of_best[0]:.3f}")
            errors.append(of_all)
    if len(errors) == 2:
        lines.append(f"Squared error at first letters over that at later ones: {spread(errors[0] / errors[1], '.2f')}")
    return "\n".join(lines)


def _too_few_leaves(result: "Result") -> str:
    """Say why there is no tree of single occurrences, if there is none."""
    K = len(hidden.occurrences(result.test, result.settings.occurrences))
    if K >= hidden.LEAVES:
        return ""
    return f"No tree of occurrences: the test stream has {K} of them, and a tree needs {hidden.LEAVES}."


def _losses(result: "Result") -> str:
    summary = tables.summary(result)
    loss = result.settings.loss
    unit = "" if loss == "squared" else f", {metrics.LOSS_NAMES[loss]}"
    lines = [
        f"Training loss in the last epoch{unit}: {spread(summary['final_loss'], '.4f')}",
        f"Its level at chance: {summary['chance_loss'].mean():.4f}; "
        f"the best possible: {known(summary['floor_loss'].mean(), '.4f')}",
    ]
    rate = summary["predictable_error_rate"]
    if rate.notna().any():
        lines.append(f"Error rate at the predictable steps after training: {spread(rate, '.3f')}")
        lines += _learned_by_one(summary.iloc[0]) if len(summary) == 1 else _learned_by_many(summary)
    return "\n".join(lines)


def _learned_by_one(network: pd.Series) -> list[str]:
    """Whether a network learned what can be predicted, and whether it knew it at the end."""
    learned, first = network["predictable_error_rate"] <= tables.SUCCESS, network["success_epoch"]
    if pd.isna(first):
        return [f"No test had at most {tables.SUCCESS:g} of them wrong"]
    after = "and so after training" if learned else "lost again by the end"
    return [f"First test with at most {tables.SUCCESS:g} of them wrong: epoch {first:.0f}, {after}"]


def _learned_by_many(summary: pd.DataFrame) -> list[str]:
    """How many networks know what can be predicted after training, knew it before, or never did."""
    R, learned, first = len(summary), summary["predictable_error_rate"] <= tables.SUCCESS, summary["success_epoch"]
    ever, lost = first.notna(), (first.notna() & ~learned).sum()
    share = f"{learned.sum()} of {R} ({learned.mean():.0%})"
    lines = [
        f"Networks with at most {tables.SUCCESS:g} of them wrong after training: {share}",
        f"Networks that had so few wrong in a test and lost it: {lost}; that never had: {(~ever).sum()}",
    ]
    if ever.any():
        of = "" if ever.all() else f" in the {ever.sum()} that had one"
        lines.append(f"First test with so few wrong: epoch {spread(first[ever], '.0f')}{of}")
    return lines
