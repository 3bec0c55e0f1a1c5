"""Agreement across a relative clause: what it takes, and whether it helps to start small."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from elman.network import Rule, Weights, forward
from elman.paper.claims import Claim, Paper, Picture, Row, Run, Section, Source, Table, pick, table_of
from elman.paper.measures import item_scores, lines, medians, of_items
from elman.plots import COLOURS

_CONDITIONS = ("local", "easy", "hard")
_HARD = "share of hard items in which the verb of the right number has more output than that of the other"
_BEST: Row = {"loss": "cross_entropy", "learning_rate": 0.02, "bptt_steps": 5}
_SENTENCES = (". boy who girls chase walks .", ". boys who girls chase walk .")
_STAGES = {
    "whole grammar": [["task.p.complex=0.75"]] * 5,
    "input in stages": [[f"task.p.complex={share}"] for share in (0, 0.25, 0.5, 0.75, 0.75)],
    "memory in stages": [[f"context_span={span}"] for span in ("[3,4]", "[4,5]", "[5,6]", "[6,7]", "[]")],
}


def _cosine(order: int | None) -> Callable[[Path], pd.Series]:
    """The cosine with the exact odds, of the network (None) or of the table of so many words before."""

    def values(run: Path) -> pd.Series:
        rows = table_of(run, "ngrams", "position", "all")
        which = rows["order"].isna() if order is None else rows["order"] == order
        return rows[which & (rows["position"] == "all")].set_index("replicate")["cosine"]

    return values


def _beyond(order: int) -> Callable[[Path], pd.Series]:
    """The network's cosine minus that of the table of so many words before."""
    return lambda run: _cosine(None)(run) - _cosine(order)(run)


def _name(run: Run) -> str:
    loss = "cross-entropy" if run.row.get("loss") == "cross_entropy" else "squared"
    return f"{loss}, rate {run.row.get('learning_rate', '')}, {run.row.get('bptt_steps', '')} back"


def _by_condition(runs: Sequence[Run]) -> Figure:
    return lines(
        runs,
        lambda run: item_scores(run.directory, "preferred", *_CONDITIONS),
        name=lambda run: str(run.row["chain"]) if "chain" in run.row else _name(run),
        xlabel="items",
        ylabel="verbs of the right number",
    )


def _surprisal(runs: Sequence[Run]) -> Figure:
    """Surprisal by word along a hard item, one step back with squared error against the best run."""
    figure = Figure(figsize=(3.9, 2.8), layout="constrained")
    ax = figure.subplots()
    for number, row in enumerate(({**_BEST, "loss": "squared", "learning_rate": 0.1, "bptt_steps": 1}, _BEST)):
        run = pick(runs, row)
        items = table_of(run.directory, "items", "condition", "hard")
        first = items[items["item"] == items.loc[items["condition"] == "hard", "item"].min()]
        wide = first.pivot(index="step", columns="replicate", values="surprisal")
        words = first[first["replicate"] == first["replicate"].min()].sort_values("step")["target"]
        ax.plot(wide.index, wide.median(axis=1), "o-", color=COLOURS[number], markersize=3, label=_name(run))
        ax.set_xticks(wide.index, words)
    ax.set(xlabel="word", ylabel="surprisal (bits)")
    ax.legend(fontsize=6.5)
    return figure


def _states(run: Path, sentence: str) -> np.ndarray:
    """The hidden states (N, H) of network 1 along a sentence, from a fresh context."""
    symbols = table_of(run, "symbols").set_index("symbol")
    with np.load(run / "weights.npz") as file:
        weights = Weights(*(file[name][0] for name in Weights._fields))
    context, states = np.full(len(weights.b_h), 0.5), []
    for word in sentence.split():
        hidden, _ = forward(weights, symbols.loc[word].to_numpy(float), context, Rule(0.1))
        context = hidden
        states.append(hidden)
    return np.stack(states)


def _components(runs: Sequence[Run]) -> Figure:
    """Two sentences that differ in number, in the plane of the first two principal components of both."""
    run = pick(runs, _BEST).directory
    paths = [_states(run, sentence) for sentence in _SENTENCES]
    together = np.concatenate(paths)
    plane = np.linalg.svd(together - together.mean(axis=0), full_matrices=False)[2][:2].T  # (H, 2)
    figure = Figure(figsize=(3.9, 3.2), layout="constrained")
    ax = figure.subplots()
    for number, (sentence, path) in enumerate(zip(_SENTENCES, paths, strict=True)):
        at = (path - together.mean(axis=0)) @ plane
        ax.plot(*at.T, "o-", color=COLOURS[number], markersize=3, label=sentence)
        for word, place in zip(sentence.split(), at, strict=True):
            ax.annotate(word, place, xytext=(3, 3 - 9 * number), textcoords="offset points", color=COLOURS[number])
    ax.set(xlabel="first principal component", ylabel="second principal component")
    ax.legend(fontsize=6.5)
    return figure


def _tables_of_words(runs: Sequence[Run]) -> pd.DataFrame:
    """The cosine of tables of the last words with the exact odds, medians over the networks' training streams."""
    cosines = {f"last {order} words": _cosine(order)(runs[0].directory).median() for order in (1, 2, 3, 4)}
    return pd.DataFrame({"table": cosines.keys(), "cosine": [f"{value:.3f}" for value in cosines.values()]})


def _claim(key: str, text: str, relation: Literal["at least", "at most"], bound: float, row: Row) -> Claim:
    return Claim(key, text, _HARD, of_items("preferred", "hard"), relation, bound, where=row, ours=True)


def _compared(key: str, text: str, chain: str) -> Claim:
    whole = {"chain": "whole grammar"}
    values = of_items("preferred", "hard")
    return Claim(key, text, _HARD, values, "above", 0.0, where={"chain": chain}, against=whole)


_SECTIONS = (
    Section(
        "agreement",
        "A verb and its noun across a clause",
        "agreement",
        "Here networks of 40 hidden units read 317,000 words, 24 different ones, one bit each; three quarters of the "
        "sentences have a relative clause. In hard items the last noun before the verb has the other number. Half of "
        "them have a noun just before it (dog who hears boys ...), half a verb (dog who boys hear ...), which is "
        "easier and more than twice as frequent in the language: networks get more of its hard verbs right than of "
        "these items.",
        (
            Picture(
                _by_condition, "Verbs of the right number: no relative clause, a noun of the same number, another."
            ),
            Picture(_surprisal, "Surprisal by word along a sentence whose last verb is hard, medians."),
            Picture(_components, "Hidden states of network 1 along two sentences that differ in number."),
        ),
        (
            _claim(
                "squared",
                "With squared error and one step back, hard verbs are wrong more often than right.",
                "at most",
                0.35,
                {"loss": "squared", "learning_rate": 0.1, "bptt_steps": 1},
            ),
            _claim(
                "entropy",
                "With cross-entropy most are right.",
                "at least",
                0.6,
                {"loss": "cross_entropy", "learning_rate": 0.02, "bptt_steps": 1},
            ),
            _claim("steps", "With cross-entropy and five steps back, more are.", "at least", 0.75, _BEST),
            Claim(
                "table",
                "The best of these networks predict better than a table of the last three words.",
                "mean cosine with the exact odds of the next word, minus that of the table of three words",
                _beyond(3),
                "above",
                0.0,
                decimals=3,
                where=_BEST,
                ours=True,
            ),
        ),
        tables=(
            Table(
                "Verbs of the right number in hard and local items, and cosine with the exact odds of the next word: "
                "median (lowest to highest).",
                medians(hard=of_items("preferred", "hard"), local=of_items("preferred", "local"), cosine=_cosine(None)),
            ),
            Table(
                "Cosine with the exact odds, of tables of the last words in the same training streams.",
                _tables_of_words,
            ),
        ),
    ),
    Section(
        "small",
        "Is it important to start small?",
        "starting_small",
        "Elman (1993) reports that the whole grammar fails from the start and is learned if input or memory begin "
        "small; Rohde and Plaut (1999) that starting small is not needed and hurts. Here each way has five stages of "
        "317,000 words, with other sentences in each, and 70 hidden units. Stages of input: 0, .25, .5, .75 and .75 of "
        "the sentences have a relative clause. Stages of memory: the context is set back after every 3 or 4 words, 4 "
        "or 5, 5 or 6, 6 or 7, and never.",
        (Picture(_by_condition, "Verbs of the right number after the last stage."),),
        (
            _compared("input", "Input in stages helps: more hard verbs are right.", "input in stages"),
            _compared("memory", "Memory in stages helps: more hard verbs are right.", "memory in stages"),
            _claim(
                "whole", "The whole grammar is learned from the start.", "at least", 0.6, {"chain": "whole grammar"}
            ),
        ),
        tables=(
            Table(
                "Verbs of the right number in hard and local items, and cosine with the exact odds: median (lowest "
                "to highest).",
                medians(hard=of_items("preferred", "hard"), local=of_items("preferred", "local"), cosine=_cosine(None)),
            ),
        ),
        chains=_STAGES,
    ),
)

PAPER = Paper(
    "Agreement and starting small, run again",
    "Does a simple recurrent network learn that a verb agrees with its noun across a relative clause, what does that "
    "take, and does it help to start small?",
    (
        Source(
            "Elman, J. L. (1991). Distributed representations, simple recurrent networks, and grammatical structure. "
            "Machine Learning, 7, 195-225.",
            "https://doi.org/10.1007/BF00114844",
        ),
        Source(
            "Elman, J. L. (1993). Learning and development in neural networks: the importance of starting small. "
            "Cognition, 48, 71-99.",
            "https://doi.org/10.1016/0010-0277(93)90058-4",
        ),
        Source(
            "Rohde, D. L. T., & Plaut, D. C. (1999). Language acquisition in the absence of explicit negative "
            "evidence: how important is starting small? Cognition, 72, 67-109.",
            "https://doi.org/10.1016/S0010-0277(99)00031-1",
        ),
    ),
    "The grammar and its probabilities, the stages, the test items, all settings and all bounds are ours; the claims "
    "of the first section are ours, too.",
    _SECTIONS,
)
