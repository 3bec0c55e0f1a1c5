"""Each claim of each paper, measured on small tables by hand: numbers, rules and the runs that it is about."""

import pandas as pd
import pytest

from elman.paper import PAPERS, paper
from elman.paper.claims import Run


def table(columns, *rows):
    return pd.DataFrame(rows, columns=columns.split())


def summary(column, *values):
    return {"summary": table(f"replicate {column}", *enumerate(values))}


AGREEMENT = "replicate network tree class jaccard"
# By section, what claims read of the tables of two networks.
ELMAN_1990 = {
    "figure3": {
        "cycle_errors": table(
            "replicate position mse",
            (0, "xor", 0.125), (0, "bit 1", 0.5), (0, "xor", 0.25), (0, "bit 2", 0.75),
            (1, "xor", 0.5), (1, "bit 1", 0.25), (1, "xor", 0.25), (1, "bit 2", 0.125),
        ),
        "predictions": table(  # 0.9 and 0.1 do not count: no bit came before, or the exclusive-or itself is predicted
            "replicate position input output",
            (0, "bit 2", 1, 0.9), (0, "xor", 0, 0.1), (0, "bit 1", 0, 0.2), (0, "bit 2", 1, 0.6),
            (0, "xor", 0, 0.1), (0, "bit 1", 1, 0.3), (0, "bit 2", 1, 0.4),
            (1, "bit 2", 0, 0.9), (1, "xor", 1, 0.1), (1, "bit 1", 1, 0.7), (1, "bit 2", 0, 0.4),
            (1, "xor", 1, 0.1), (1, "bit 1", 0, 0.6), (1, "bit 2", 0, 0.8),
        ),
    },
    "figure4": {
        "position_errors": table(
            "replicate position rmse",
            (0, "consonant", 0.75), (0, "vowel 1", 0.125), (0, "vowel 2", 0.25), (0, "vowel 3", 0.0625),
            (1, "consonant", 0.5), (1, "vowel 1", 0.5), (1, "vowel 2", 0.25), (1, "vowel 3", 0.125),
        )
    },
    "figure5": {
        "bit_errors": table(
            "replicate position feature mse",
            (0, "all", "consonant", 0.9), (0, "consonant", "consonant", 0.1), (0, "vowel 1", "consonant", 0.5),
            (0, "all", "high", 0.8), (0, "consonant", "high", 0.2), (0, "vowel 1", "high", 0.6),
            (1, "all", "consonant", 0.7), (1, "consonant", "consonant", 0.3), (1, "vowel 1", "consonant", 0.5),
            (1, "all", "high", 0.8), (1, "consonant", "high", 0.4), (1, "vowel 1", "high", 0.6),
        )
    },
    "figure6": {
        "position_errors": table(
            "replicate position n mse",
            (0, "letter 1", 2, 0.5), (0, "letter 2", 3, 0.25), (0, "letter 3", 1, 0.25),
            (1, "letter 1", 2, 0.25), (1, "letter 2", 3, 0.25), (1, "letter 3", 1, 1.25),
        )
    },
    "prediction": {
        "likelihood": table(
            "replicate against measure mean best_mean",
            (0, "next word", "error norm", 0.75, 0.5), (0, "next word", "cosine", 0.1, 0.2),
            (0, "likelihood", "error norm", 0.3, 0.0), (0, "likelihood", "cosine", 0.6, 1.0),
            (1, "next word", "error norm", 0.5, 0.25), (1, "next word", "cosine", 0.2, 0.1),
            (1, "likelihood", "error norm", 0.4, 0.0), (1, "likelihood", "cosine", 0.7, 1.0),
        ),
    },
    "figure7": {
        "cluster_agreement": table(
            AGREEMENT,
            (0, "trained", "symbols", "verb", 0.9), (1, "trained", "symbols", "verb", 0.1),
            (0, "trained", "symbols", "animate", 0.8), (1, "trained", "symbols", "animate", 0.2),
            (0, "trained", "symbols", "HUM", 0.7), (1, "trained", "symbols", "HUM", 0.3),
            (0, "trained", "symbols", "AGRESS", 0.6), (1, "trained", "symbols", "AGRESS", 0.4),
            (0, "trained", "symbols", "FOOD", 0.5), (1, "trained", "symbols", "FOOD", 0.55),
            (0, "untrained", "symbols", "verb", 0.45), (1, "untrained", "symbols", "verb", 0.35),
            (0, "untrained", "symbols", "HUM", 0.25), (1, "untrained", "symbols", "FOOD", 0.65),
            (0, "untrained", "symbols", "AGRESS", 0.15), (1, "untrained", "symbols", "EAT", 0.95),
            (0, "trained", "occurrences", "verb", 0.0), (1, "untrained", "occurrences", "verb", 0.0),
        ),
    },
    "figure8": {
        "cluster_agreement": table(
            AGREEMENT,
            (0, "trained", "symbols", "HUM", 0.75), (1, "trained", "symbols", "HUM", 0.25),
            (0, "trained", "symbols", "verb", 0.5), (1, "untrained", "symbols", "HUM", 0.5),
        )
    },
    "figure9": {  # boy and girl lie on both sides of 0 on the first unit, and their occurrences on the second
        "occurrences": table(
            "replicate network symbol unit_1 unit_2",
            *((0, "trained", word, at, beside) for word, at in (("boy", -1), ("girl", 1)) for beside in (-6, 0, 0, 6)),
            *((0, "untrained", word, at, beside) for word, at in (("boy", -4), ("girl", 4)) for beside in (-1, 1)),
            *((1, "trained", word, at, beside) for word, at in (("boy", 2), ("girl", -2)) for beside in (-1, 1)),
            *((1, "untrained", word, at, beside) for word, at in (("boy", 1), ("girl", -1)) for beside in (-2, 2)),
        )
    },
}  # fmt: skip
POSITION_ERRORS = table(
    "replicate position error_rate",
    (0, "bit 1", 0.5), (0, "bit 2", 0.25), (0, "xor", 0.125),
    (1, "bit 1", 0.375), (1, "bit 2", 0.5), (1, "xor", 0.625),
)  # fmt: skip
TESTS = {"learning_curve": table("replicate epoch", (0, 10), (0, 200), (1, 10), (1, 200))}
ARTICLE = {
    "xor": {
        "summary": table("replicate best_loss chance_loss floor_loss", (0, 0.75, 1.0, 0.5), (1, 0.625, 0.75, 0.25))
    },
    "cv": {
        "position_errors": table(
            "replicate position error_rate",
            (0, "consonant", 0.75), (0, "vowel 1", 0.125), (0, "vowel 2", 0.25), (0, "vowel 3", 0.0),
            (1, "consonant", 0.5), (1, "vowel 1", 0.5), (1, "vowel 2", 0.0), (1, "vowel 3", 0.25),
        )
    },
    "minimum": {
        "summary": table("replicate best_epoch success_epoch", (0, 590, 120), (1, 140, None)),
        **TESTS,
    },
    "positions": {**summary("predictable_error_rate", 0.125, 0.625), "position_errors": POSITION_ERRORS},
    "reset": [
        ({"reset_context": reset, "initial_context": context}, summary("predictable_error_rate", rate, 0.5))
        for reset, context, rate in (("epoch", 0, 0.1), ("epoch", 0.5, 0.2), ("never", 0, 0.3), ("never", 0.5, 0.4))
    ],
    "units3": [
        ({"hidden_size": size}, summary("predictable_error_rate", size / 100, 0.5)) for size in (2, 3, 4, 8, 20)
    ],
    "units20": [
        (
            {"hidden_size": size, "epochs": epochs},
            {
                "summary": table(
                    "replicate predictable_error_rate success_epoch",
                    (0, size * epochs, 90 if size == 20 else None), (1, 0.5, 120 if size == 20 else 80),
                ),
                **TESTS,
            },
        )
        for size in (4, 20)
        for epochs in (50, 100, 200)
    ],
    "epochs": [
        ({"epochs": epochs}, summary("predictable_error_rate", epochs / 10_000, 0.5))
        for epochs in (50, 100, 150, 200, 300, 600, 1200)
    ],
}  # fmt: skip


def scores(column, *rows):
    """Scores of items of two networks: condition, items, and a number for each; before, everything was right."""
    columns = f"replicate epoch condition items {column}"
    return table(
        columns,
        *((r, 1, condition, items, 1.0) for condition, items, *_ in rows for r in (0, 1)),
        *((r, 2, condition, items, of[r]) for condition, items, *of in rows for r in (0, 1)),
    )


def accepted(grammatical, random):
    return {"item_summary": scores("accepted", ("grammatical", 3, *grammatical), ("random", 5, *random))}


def counted(*longest):
    """Strings of 1 to 12 of two networks at three tests; up to the longest n, and again at n = 12, all are right."""
    rows = [
        (r, epoch, f"n = {n}", 1, float(n <= most[epoch - 1] or n == 12))
        for r, most in enumerate(longest)
        for epoch in (1, 2, 3)
        for n in (10, 11, 12, *range(1, 10))
    ]
    return {"item_summary": table("replicate epoch condition items right", *rows)}


def agreement(first, second):
    return {
        "item_summary": scores("preferred", ("hard", 4, first, second), ("local", 2, 1.0, 1.0), ("easy", 2, 1.0, 1.0)),
        "ngrams": table(
            "replicate order position cosine",
            (0, None, "all", 0.75), (0, None, "noun", 0.1), (0, 2, "all", 0.3), (0, 3, "all", 0.5), (0, 3, "noun", 0.2),
            (1, None, "all", 0.5), (1, None, "noun", 0.1), (1, 2, "all", 0.2), (1, 3, "all", 0.625), (1, 3, "noun", 0),
        ),
    }  # fmt: skip


REBER = {
    "units": [
        ({"hidden_size": 3}, accepted((1, 1), (0, 0.2))),
        ({"hidden_size": 4}, accepted((0, 0), (0, 0))),
        ({"hidden_size": 5}, accepted((0.5, 1), (0, 0))),
        ({"hidden_size": 15}, accepted((1, 1), (0.2, 0))),
    ],
    "truncation": [({"bptt_steps": 1}, accepted((1, 0.9), (0, 0))), ({"bptt_steps": 5}, accepted((0.9, 1), (0, 0)))],
    "embedded": [
        (
            {"bptt_steps": steps, "task.p.first": first},
            {
                "item_summary": scores(
                    "preferred", ("embedded 4", 1, steps / 16, first), ("embedded 5", 3, first, steps / 16)
                )
            },
        )
        for steps in (1, 2, 5, 10)
        for first in (0.5, 0.6)
    ],
}
ANBN = {
    "counting": [
        ({"bptt_steps": 1}, counted((2, 5, 3), (0, 1, 1))),
        ({"bptt_steps": 8}, counted((2, 11, 4), (3, 9, 10))),
    ]
}
NONSENSE_WORDS = {
    "words": [
        (
            {"learning_rate": rate, "epochs": epochs},
            {"item_summary": scores("surprisal", ("word", 4, epochs, 2.5), ("part-word", 12, 4 * rate, 2.25))},
        )
        for rate in (0.1, 0.3)
        for epochs in (1, 3)
    ]
}
RELATIVE_CLAUSES = {
    "agreement": [
        (
            {"loss": loss, "learning_rate": rate, "bptt_steps": steps},
            agreement(rate * steps, 0.5 if loss == "squared" else 0.25),
        )
        for loss in ("squared", "cross_entropy")
        for rate in (0.02, 0.1)
        for steps in (1, 5)
    ],
    "small": [
        ({"chain": "whole grammar"}, agreement(0.75, 0.25)),
        ({"chain": "input in stages"}, agreement(0.5, 0.375)),
        ({"chain": "memory in stages"}, agreement(0.875, 0.125)),
    ],
}
TABLES = {
    "elman1990": ELMAN_1990,
    "article": ARTICLE,
    "reber": REBER,
    "relative_clauses": RELATIVE_CLAUSES,
    "anbn": ANBN,
    "nonsense_words": NONSENSE_WORDS,
}

# The rule of each claim and the numbers that it gives.
MEASURED = {
    "elman1990": {
        "figure3-dip": ("below 1", [0.25 / 0.5, 0.5 / 0.125]),
        "figure3-everywhere": ("at least 0.6", [3 / 4, 1 / 4]),
        "figure4-surprise": ("at least 3", [0.75 / 0.25, 0.5 / 0.5]),
        "figure5-consonant": ("at most 0.01", [0.1, 0.3]),
        "figure5-which": ("at least 0.2", [0.2, 0.4]),
        "figure6-words": ("at least 2", [0.5 / 0.25, 0.25 / 0.5]),
        "prediction-next-word": ("at least 0.8", [0.75, 0.5]),
        "prediction-best": ("at most 1.04", [0.75 / 0.5, 0.5 / 0.25]),
        "prediction-cosine": ("at least 0.85", [0.6, 0.7]),
        "figure7-verbs": ("at least 1", [0.9, 0.1]),
        "figure7-animate": ("at least 1", [0.8, 0.2]),
        "figure7-humans": ("at least 1", [0.7, 0.3]),
        "figure7-attackers": ("at least 1", [0.6, 0.4]),
        "figure7-food": ("at least 1", [0.5, 0.55]),
        "figure7-learned": ("below 1", [0.45, 0.65]),
        "figure8-zog": ("at least 1", [0.75, 0.25]),
        "figure9-context": ("above 1", [18**0.5, 1 / 2]),
        "figure9-untrained": ("below 1", [1 / 4, 2 / 1]),
    },
    "article": {
        "xor-loss": ("at least 0.2", [0.5, 0.25]),
        "cv-vowels": ("at least 0.5", [0.5, 0.0]),
        "minimum-minimum": ("at most 150", [590, 140]),
        "minimum-learned": ("at most 150", [120, 200]),
        "positions-xor": ("at most 0.01", [0.125, 0.625]),
        "positions-others": ("at least 0.45", [0.25, 0.375]),
        "positions-below": ("below 0", [-0.125, 0.25]),
        "reset-epoch": ("at most 0.01", [0.1, 0.5]),
        "reset-never": ("at most 0.01", [0.3, 0.5]),
        "units3-two": ("at most 0.01", [0.02, 0.5]),
        "units3-three": ("at most 0.01", [0.03, 0.5]),
        "units3-four": ("at most 0.01", [0.04, 0.5]),
        "units20-sooner": ("below 0", [-110, 40]),
        "units20-epochs100": ("at most 0.01", [2000, 0.5]),
        "epochs-epochs100": ("at most 0.01", [0.01, 0.5]),
        "epochs-epochs200": ("at most 0.01", [0.02, 0.5]),
        "epochs-epochs1200": ("at most 0.01", [0.12, 0.5]),
    },
    "reber": {
        "units-fifteen": ("at least 1", [0, 1]),
        "units-three": ("at least 1", [1, 0]),
        "units-five": ("at least 1", [0, 1]),
        "truncation-one": ("at least 1", [1, 0]),
        "truncation-five": ("at least 1", [0, 1]),
        "embedded-lost": ("at most 0.7", [(1 / 16 + 3 * 0.5) / 4, (0.5 + 3 / 16) / 4]),
        "embedded-kept": ("above 0.7", [1 / 16, 0.6]),
        "embedded-ten": ("at least 0.93", [(10 / 16 + 3 * 0.5) / 4, (0.5 + 30 / 16) / 4]),
    },
    "relative_clauses": {
        "agreement-squared": ("at most 0.35", [0.1, 0.5]),
        "agreement-entropy": ("at least 0.6", [0.02, 0.25]),
        "agreement-steps": ("at least 0.75", [0.1, 0.25]),
        "agreement-table": ("above 0", [0.25, -0.125]),
        "small-input": ("above 0", [-0.25, 0.125]),
        "small-memory": ("above 0", [0.125, -0.125]),
        "small-whole": ("at least 0.6", [0.75, 0.25]),
    },
    "anbn": {
        "counting-one": ("at least 11", [5, 1]),
        "counting-eight": ("at least 11", [12, 10]),
        "counting-further": ("above 0", [7, 9]),
        "counting-end": ("at least 11", [4, 10]),
    },
    "nonsense_words": {
        "words-three": ("above 0", [1.2 - 3, -0.25]),
        "words-one": ("above 0", [0.4 - 1, -0.25]),
    },
}


def written(directory, section):
    """The runs of a section, with their tables on disk."""
    runs = []
    for number, (row, tables) in enumerate([({}, section)] if isinstance(section, dict) else section):
        run = directory / str(number)
        run.mkdir()
        for name, frame in tables.items():
            frame.to_csv(run / f"{name}.csv", index=False)
        runs.append(Run(run, row))
    return runs


def claims(name):
    return {
        f"{section.key}-{claim.key}": (section, claim) for section in paper(name).sections for claim in section.claims
    }


@pytest.mark.parametrize(("name", "key"), [(name, key) for name in MEASURED for key in MEASURED[name]])
def test_a_claim_is_measured_as_it_is_by_hand(tmp_path, name, key):
    section, claim = claims(name)[key]
    rule, values = MEASURED[name][key]
    assert claim.measured(written(tmp_path, TABLES[name][section.key])).tolist() == pytest.approx(values)
    assert claim.rule == rule


@pytest.mark.parametrize("name", PAPERS)
def test_every_claim_has_a_link_of_its_own_and_is_measured_by_hand(name):
    assert list(claims(name)) == list(MEASURED[name])
    assert len(claims(name)) == sum(len(section.claims) for section in paper(name).sections)


@pytest.mark.parametrize("name", PAPERS)
def test_a_claim_about_what_runs_have_left_out_is_not_measured(tmp_path, name):
    (tmp_path / "occurrences.csv").write_text("replicate,network,symbol,unit_1\n0,trained,boy,1\n")  # but no girl
    (tmp_path / "predictions.csv").write_text("replicate,input,output,position\n")
    for _, claim in claims(name).values():
        values = claim.measured([] if claim.where else [Run(tmp_path, {})])
        assert values.empty
        assert claim.verdict(values) == "not measured"


def test_a_damaged_table_is_not_taken_for_one_that_was_left_out(tmp_path):
    (tmp_path / "cycle_errors.csv").write_text("replicate,step,position\n0,0,xor\n")
    with pytest.raises(KeyError, match="mse"):
        claims("elman1990")["figure3-dip"][1].measured([Run(tmp_path, {})])


def test_a_claim_about_one_of_several_runs_asks_for_exactly_one(tmp_path):
    _, claim = claims("article")["units3-three"]
    runs = written(tmp_path, ARTICLE["units3"])
    assert not claim.measured(runs).empty
    assert claim.measured(runs[:1]).empty
    assert claim.measured(runs + runs).empty


def test_numbers_of_another_run_are_subtracted_network_by_network(tmp_path):
    _, claim = claims("article")["units20-sooner"]
    runs = written(tmp_path, ARTICLE["units20"])
    assert claim.measured(runs).tolist() == [90 - 200, 120 - 80]
    assert claim.measured([run for run in runs if run.row["hidden_size"] == 20]).empty
