"""The tutorial article, in its own order: its tables, its figure, and measured answers to its questions."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from elman.intervals import wilson
from elman.paper.claims import Claim, Paper, Picture, Row, Run, Section, Source, Table, pick, table_of
from elman.paper.html import share
from elman.plots import COLOURS
from elman.tables import SUCCESS

_STEPS = 20  # of the article's tables
_DRAWN = 30  # steps of its figure


def _summary(column: str) -> Callable[[Path], pd.Series]:
    return lambda run: table_of(run, "summary").set_index("replicate")[column]


def _first_epoch(run: Path) -> pd.Series:
    """The first tested epoch at which the task was learned; the last one for a network that never did."""
    epochs = table_of(run, "learning_curve")["epoch"].max()
    return _summary("success_epoch")(run).fillna(epochs).astype(float)


def _error_rate(*positions: str) -> Callable[[Path], pd.Series]:
    """The lowest error rate among positions."""

    def values(run: Path) -> pd.Series:
        errors = table_of(run, "position_errors", "position", *positions)
        return errors[errors["position"].isin(positions)].groupby("replicate")["error_rate"].min()

    return values


def _way(run: Path) -> pd.Series:
    """How far the lowest loss of each network came, from chance (0) to the best possible (1)."""
    summary = table_of(run, "summary").set_index("replicate")
    return (summary["chance_loss"] - summary["best_loss"]) / (summary["chance_loss"] - summary["floor_loss"])


def _consonants_minus_vowels(run: Path) -> pd.Series:
    errors = table_of(run, "position_errors", "position", "consonant")
    rates = errors.pivot(index="replicate", columns="position", values="error_rate")
    return rates["consonant"] - rates.filter(like="vowel").max(axis=1)


def _xor_below_others(run: Path) -> pd.Series:
    return _error_rate("xor")(run) - _error_rate("bit 1", "bit 2")(run)


def _steps(runs: Sequence[Run]) -> pd.DataFrame:
    """The first predictions of network 1, as the article prints them."""
    steps = table_of(runs[0].directory, "predictions", "position", "xor")
    first = steps[steps["replicate"] == 0].head(_STEPS)
    rounded = (first["output"] > 0.5).astype(int)
    return pd.DataFrame(
        {
            "time": first["step"],
            "input": first["input"],
            "output": first["output"].map("{:.4f}".format),
            "rounded": rounded,
            "expected": first["target_value"].astype(int),
            "match": np.where(rounded == first["target_value"], "yes", "no"),
            "position": first["position"],
        }
    )


def _positions(runs: Sequence[Run]) -> pd.DataFrame:
    """The errors at each position, over all test steps."""
    errors = table_of(runs[0].directory, "position_errors")
    rate = errors["error_rate"].groupby(errors["position"], sort=False)
    middle = errors.groupby("position", sort=False)[["rmse", "floor_mse"]].median()
    return pd.DataFrame(
        {
            "position": middle.index,
            "tests": errors.groupby("position", sort=False)["n"].first().to_numpy(),
            "error rate": [_spread(values) for _, values in rate],
            "RMSE": middle["rmse"].map("{:.4f}".format).to_numpy(),
            "best possible": (middle["floor_mse"] ** 0.5).map("{:.4f}".format).to_numpy(),
        }
    )


def _spread(values: pd.Series) -> str:
    return f"{share(values.median())} ({share(values.min())} to {share(values.max())})"


def _letters(runs: Sequence[Run]) -> pd.DataFrame:
    """The error of network 1 at each of the first letters, over the bits of that letter."""
    steps = table_of(runs[0].directory, "predictions", "feature", "consonant")
    steps = steps[steps["replicate"] == 0]
    errors = steps.groupby("step", sort=True).agg({"input": "first", "target": "first", "squared_error": "mean"})
    first = errors.head(_STEPS).reset_index().set_axis(["time", "letter", "next", "error"], axis=1)
    return first.assign(error=first["error"].map("{:.4f}".format))


def _bits(runs: Sequence[Run]) -> pd.DataFrame:
    """The squared error of each bit over all test steps, medians over the networks."""
    errors = table_of(runs[0].directory, "bit_errors", "feature", "consonant")
    median = errors[errors["position"] == "all"].groupby("feature", sort=False)["mse"].median()
    return pd.DataFrame({"bit": median.index, "squared error": median.map("{:.4f}".format).to_numpy()})


def _learned(runs: Sequence[Run]) -> pd.DataFrame:
    """How many networks learned it, setting by setting."""
    rows = []
    for run in runs:
        summary = table_of(run.directory, "summary")
        learned, n = int((summary["predictable_error_rate"] <= SUCCESS).sum()), len(summary)
        low, high = wilson(learned, n)
        first = summary["success_epoch"].dropna()
        rows.append(
            {
                **run.row,
                "learned it": f"{share(learned / n)} ({share(low)} to {share(high)})",
                "error rate": share(summary["predictable_error_rate"].median()),
                "ever": f"{len(first)} of {n}" + (f", by epoch {first.median():.0f}" if len(first) else ""),
            }
        )
    return pd.DataFrame(rows)


def _four_panels(runs: Sequence[Run]) -> Figure:
    """The article's figure: both losses, and the error in bits 1 and 4 along the first letters, of network 1."""
    xor, cv = (pick(runs, {"experiment": f"article_{task}"}).directory for task in ("xor", "cv"))
    figure = Figure(figsize=(4.6, 4), layout="constrained")
    above, below = figure.subplots(2, 2)
    for ax, run, task in ((above[0], xor, "XOR in time"), (above[1], cv, "consonants and vowels")):
        losses = table_of(run, "losses")
        first = losses[losses["replicate"] == 0]
        ax.plot(first["epoch"], first["loss"], color=COLOURS[0])
        ax.set(title=f"Training loss, {task}", xlabel="epoch", ylabel="mean squared error")
    steps = table_of(cv, "predictions", "feature", "consonant", "high")
    steps = steps[steps["replicate"] == 0]
    for ax, bit, feature in ((below[0], 1, "consonant"), (below[1], 4, "high")):
        some = steps[steps["feature"] == feature].head(_DRAWN)
        ax.plot(some["step"], some["squared_error"], "o-", color=COLOURS[0], markersize=3)
        ax.set_xticks(some["step"], some["target"])
        ax.set(title=f"Bit {bit}: {feature}", xlabel="predicted letter", ylabel="squared error", ylim=(-0.05, 1.05))
    return figure


def _knows(key: str, text: str, where: Row) -> Claim:
    """That a network of these settings learns exclusive-or in time."""
    measure = "error rate at the exclusive-or steps of the test, after training"
    return Claim(key, text, measure, _summary("predictable_error_rate"), "at most", SUCCESS, decimals=3, where=where)


_BY_SETTING = "How many networks learned it (95 % interval), their median error rate, and how many did at any test"

_SECTIONS = (
    Section(
        "xor",
        "Exclusive-or in time",
        "article_xor",
        "One input, four hidden units, one output; 3,000 bits, of which every third is the exclusive-or of the two "
        "before; 600 epochs. The article prints the loss every ten epochs and 20 predictions.",
        (),
        (
            Claim(
                "loss",
                "The loss falls below that of answering 0.5 at every step, but stays above the best possible.",
                "lowest training loss, over the way from chance (0) to the best possible (1)",
                _way,
                "at least",
                0.2,
            ),
        ),
        tables=(Table("The first 20 test steps of network 1.", _steps),),
    ),
    Section(
        "cv",
        "Consonants and vowels",
        "article_cv",
        "Six inputs, 20 hidden units, six outputs; about 300 letters, 200 epochs. The article prints the error at each "
        "of 20 letters and of each bit. Here an error is the mean over the bits of its own step.",
        (),
        (
            Claim(
                "vowels",
                "Vowels are predicted, consonants are not.",
                "error rate at consonants, minus the highest at a vowel",
                _consonants_minus_vowels,
                "at least",
                0.5,
            ),
        ),
        tables=(
            Table("The first 20 test letters of network 1.", _letters),
            Table("The mean squared error of each bit over all test letters, medians over the networks.", _bits),
        ),
    ),
    Section(
        "figure",
        "The article's figure",
        ("article_xor", "article_cv"),
        "The losses of both tasks over the epochs, and the errors in bits 1 and 4 along 30 letters, after the paper's "
        "Figure 5.",
        (
            Picture(
                _four_panels,
                "Network 1: training losses above; squared errors in bit 1, consonant, and bit 4, high, below.",
            ),
        ),
        (),
    ),
    Section(
        "minimum",
        "Question 1: is the minimum reached shortly after 100 epochs?",
        "article_xor",
        "The loss of one network seems to stop falling after some 100 of its 600 epochs.",
        (Picture("training_loss", "The training loss between chance and the best possible."),),
        (
            Claim(
                "minimum",
                "The lowest loss of all epochs comes by epoch 150.",
                "epoch of the lowest training loss",
                _summary("best_epoch"),
                "at most",
                150,
                decimals=0,
                ours=True,
            ),
            Claim(
                "learned",
                "What the network learns it has learned by epoch 150.",
                "first test with at most .01 of the exclusive-or steps wrong (never: the last epoch)",
                _first_epoch,
                "at most",
                150,
                decimals=0,
                ours=True,
            ),
        ),
    ),
    Section(
        "positions",
        "Questions 2 and 3: which errors, at the exclusive-or steps and at the others, over more than 20 tests?",
        "article_xor",
        "Twenty predictions hold six exclusive-or steps. Here each position was tested about 1,000 times.",
        (),
        (
            _knows("xor", "At the exclusive-or steps nearly everything is right.", {}),
            Claim(
                "others",
                "The other two bits are not predicted.",
                "error rate at bit 1 or bit 2, the lower of the two (guessing: 0.5)",
                _error_rate("bit 1", "bit 2"),
                "at least",
                0.45,
                decimals=3,
            ),
            Claim(
                "below",
                "The exclusive-or is predicted better than the others.",
                "error rate at the exclusive-or steps, minus the lower of the other two",
                _xor_below_others,
                "below",
                0.0,
                decimals=3,
            ),
        ),
        tables=(Table("Errors by position over all test steps: median (lowest to highest).", _positions),),
    ),
    Section(
        "reset",
        "Question 4: what does resetting the context do?",
        "context_reset",
        "The article sets the context back to 0 at the start of each epoch and of the test; the paper starts from 0.5 "
        "and carries it on.",
        (),
        (
            _knows(
                "epoch", "Networks whose context is reset learn it.", {"reset_context": "epoch", "initial_context": 0}
            ),
            _knows(
                "never",
                "Networks whose context is carried on learn it.",
                {"reset_context": "never", "initial_context": 0},
            ),
        ),
        tables=(Table(f"{_BY_SETTING}.", _learned),),
    ),
    Section(
        "units3",
        "Question 5: do 3 hidden units work?",
        "hidden_units",
        "The paper has 2 hidden units, the article 4.",
        (),
        (
            _knows("two", "2 hidden units learn it.", {"hidden_size": 2}),
            _knows("three", "3 hidden units learn it.", {"hidden_size": 3}),
            _knows("four", "4 hidden units learn it.", {"hidden_size": 4}),
        ),
        tables=(Table(f"{_BY_SETTING}.", _learned),),
    ),
    Section(
        "units20",
        "Question 6: do 20 hidden units need fewer epochs?",
        "fewer_epochs_with_20",
        "The same with 20 hidden units, and fewer epochs.",
        (),
        (
            Claim(
                "sooner",
                "20 units have learned it sooner than 4.",
                "first test with at most .01 of the exclusive-or steps wrong (never: the last epoch)",
                _first_epoch,
                "below",
                0.0,
                decimals=0,
                where={"hidden_size": 20, "epochs": 200},
                against={"hidden_size": 4, "epochs": 200},
            ),
            _knows("epochs100", "20 units know it after 100 epochs.", {"hidden_size": 20, "epochs": 100}),
        ),
        tables=(Table(f"{_BY_SETTING}.", _learned),),
    ),
    Section(
        "epochs",
        "How many epochs does the paper's result take?",
        "epochs_needed",
        "The paper trained for 600 passes. Four hidden units here, after so many epochs.",
        (),
        (
            _knows("epochs100", "Networks know it after 100 epochs.", {"epochs": 100}),
            _knows("epochs200", "Networks know it after 200 epochs.", {"epochs": 200}),
            _knows("epochs1200", "Networks still know it after 1,200 epochs.", {"epochs": 1200}),
        ),
        tables=(Table(f"{_BY_SETTING}.", _learned),),
    ),
)

PAPER = Paper(
    "The tutorial article, run again",
    "A tutorial article of 2025 implements the first two experiments of Elman (1990) anew and ends with questions. "
    "Here are its tables and its figure in its order, and its questions with measured answers.",
    (
        Source("A tutorial article of 2025 that implements two of its experiments again."),
        Source(
            "Elman, J. L. (1990). Finding structure in time. Cognitive Science, 14, 179-211.",
            "https://doi.org/10.1207/s15516709cog1402_1",
        ),
    ),
    "Learning rate, initial weights, sizes and numbers of epochs are the article's; the bounds of the rules are ours.",
    _SECTIONS,
)
