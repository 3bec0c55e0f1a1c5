import re
from io import BytesIO, TextIOWrapper

import numpy as np
import pandas as pd
import pytest

import elman
from elman import comparison, report
from elman.cli.echo import echo
from elman.runner import run


def test_the_report_gives_task_network_and_stream(finished):
    _, result = finished
    text = report.report(result)
    n, H = result.test.vectors.shape[1], result.settings.hidden_size
    assert text.startswith(f"Task {result.settings.task.name}: 3 networks {n}-{H}-{n}, ")
    assert f"The practice stream begins: {' '.join(result.training[0].symbols[:15])}" in text


def test_the_report_gives_medians_and_ranges_over_the_networks(finished):
    _, result = finished
    text = report.report(result)
    losses = np.sort(result.losses[:, -1])
    assert f"Training loss: {losses[1]:.4f} ({losses[0]:.4f} to {losses[2]:.4f}) in the last epoch" in text
    for p, name in enumerate(result.test.position_names):
        rates = np.sort(result.curve[-1].error_rate[:, p])
        assert re.search(rf"{name} +\d+ {rates[1]:.3f} \({rates[0]:.3f} to {rates[2]:.3f}\)", text)


def test_errors_stand_beside_the_best_possible(finished):
    _, result = finished
    text = report.report(result)
    for name in result.test.position_names:
        best = "unknown"
        if result.test.expected is not None:
            squared = (result.test.expected - result.test.vectors) ** 2
            best = f"{squared[1:][result.test.target_positions == name].mean() ** 0.5:.3f}"
        assert re.search(rf"^ *{name} +\d+ .* {best}$", text, flags=re.MULTILINE)


def test_losses_stand_beside_their_levels_and_networks_that_learned_are_counted(finished, monkeypatch):
    columns = {
        "final_loss": [0.21, 0.2, 0.15, 0.2], "chance_loss": 0.25, "floor_loss": 0.125,
        "predictable_error_rate": [0.0, 0.01, 0.25, 0.5], "success_epoch": [20, 30, np.nan, np.nan],
    }  # fmt: skip
    monkeypatch.setattr("elman.tables.summary", lambda result: pd.DataFrame(columns))
    assert report.report(finished[1]).splitlines()[-4:] == [
        "Training loss: 0.2000 (0.1500 to 0.2100) in the last epoch; chance 0.2500, best possible 0.1250",
        "Error rate at the steps that can be predicted: 0.130 (0.000 to 0.500)",
        "Networks with at most 0.01 of them wrong: 2 of 4 (50%)",
        "First test with at most 0.01 of them wrong: epoch 25 (20 to 30) in the 2 of 4 that reached it",
    ]


def test_the_report_shows_20_steps_and_20_that_can_be_predicted(finished):
    _, result = finished
    tables = report.report(result).split("\n\n")
    first = next(t for t in tables if t.startswith("The first 20 test predictions")).splitlines()[2:]
    assert [line.split()[0] for line in first] == [str(step) for step in range(20)]
    if result.test.one_hot:
        right = (result.outputs.argmax(axis=-1) == result.test.targets.argmax(axis=-1)).sum(axis=0)
    else:
        right = ((result.outputs > 0.5) == result.test.targets).all(axis=-1).sum(axis=0)
    assert [re.search(r"(\d) of 3", line)[1] for line in first] == [str(n) for n in right[:20]]
    certain = {"xor": "xor", "cv": "vowel", "words": r"letter [35-7]", "grammar": "S|NP"}.get(result.settings.task.name)
    predictable = [t.splitlines()[2:] for t in tables if "element can be predicted" in t]
    assert len(predictable) == (certain is not None)
    assert all(re.search(certain, line) for lines in predictable for line in lines)


def test_errors_by_bit_and_by_letter_are_given_where_there_are_several_bits(finished):
    _, result = finished
    text = report.report(result)
    assert ("Mean error of each bit" in text) == (result.settings.task.name in ("cv", "words"))
    if result.settings.task.name == "cv":
        squared = ((result.outputs - result.test.targets) ** 2)[:, :20]
        high = np.median(squared[:, :, 3].mean(axis=1))
        assert re.search(rf"4 +high {high:.4f} \(", text)
        at_u = np.median(squared[:, result.test.target_symbols[:20] == "u"].mean(axis=(1, 2)))
        assert re.search(rf"u +\d+ {at_u:.4f} \(", text)


def test_the_best_error_rate_is_given_where_it_is_that_of_the_best_answers(finished):
    _, result = finished
    text = report.report(result)
    assert ("best error rate" in text) == (result.settings.task.name != "words")
    assert (" unknown" in text) == (result.settings.task.name == "text")


def test_words_are_told_apart_by_the_error_at_their_first_letters(finished):
    _, result = finished
    found = re.search(r"Squared error at first letters over that at later ones: (\S+)", report.report(result))
    if result.settings.task.name != "words":
        assert found is None
        return
    squared = ((result.outputs - result.test.targets) ** 2).mean(axis=-1)
    best = ((result.test.expected[1:] - result.test.targets) ** 2).mean(axis=-1)
    first = result.test.target_positions == "letter 1"
    for where, steps in (("first", first), ("all later", ~first)):
        middle = np.median(squared[:, steps].mean(axis=1))
        told = rf"a bit at {where} letters: {middle:.3f} \(.*\); best possible {best[steps].mean():.3f}\n"
        assert re.search(told, report.report(result))
    assert float(found[1]) == pytest.approx(
        np.median(squared[:, first].mean(axis=1) / squared[:, ~first].mean(axis=1)), abs=0.005
    )  # two decimals


def test_later_letters_are_left_out_where_words_have_none():
    settings = elman.settings(
        "task=words", "task.lexicon=[a,b,c]", "task.opening=[]", "epochs=1", "task.length=40", "task.test_length=40"
    )
    text = report.report(run(settings))
    assert "at first letters: 0." in text
    assert "later" not in text
    assert "nan" not in text


def test_distances_from_the_likelihoods_stand_beside_those_of_the_paper(finished):
    _, result = finished
    text = report.report(result)
    assert ("0.916, sd 0.123" in text) == (result.settings.task.name == "sentences")


def test_a_run_in_one_line_has_the_medians_of_what_is_known():
    columns = {"final_loss": [0.1, 0.2, 0.9], "test_mse": [0.25, 0.5, 0.3], "predictable_error_rate": [0.0, 0.5, 1.0]}
    summary = pd.DataFrame(columns)
    measured = "loss 0.2000; test error 0.3000; error rate at predictable steps 0.500"
    assert report.in_one_line(summary) == f"{measured} (medians of 3 networks)"
    unknown = summary[:1].assign(final_loss=np.nan, predictable_error_rate=np.nan)
    assert report.in_one_line(unknown) == "test error 0.2500"


@pytest.mark.parametrize(("rates", "wanted"), [([0.5, 0.0, 1.0], 0.5), ([np.nan] * 3, 0.3)])
def test_runs_are_compared_by_the_median_error_rate_or_where_there_is_none_by_the_squared_error(rates, wanted):
    summary = pd.DataFrame({"predictable_error_rate": rates, "test_mse": [0.25, 0.9, 0.3]})
    assert comparison.objective(summary) == wanted


def test_a_report_is_printed_where_not_all_of_its_letters_can_be(monkeypatch):
    terminal = TextIOWrapper(BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", terminal)
    echo("a␣b")
    assert terminal.buffer.getvalue() == b"a?b\n"
