import dataclasses
import re
from io import BytesIO, TextIOWrapper

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL

import elman
from elman import objective, report
from elman.cli.echo import echo
from elman.errors import ConfigError
from elman.report_values import text
from elman.runner import run
from elman.tables import TABLES


def test_the_report_gives_task_network_and_stream(finished):
    _, result = finished
    text = report.report(result)
    n, H = result.test.vectors.shape[1], result.settings.hidden_size
    assert text.startswith(f"Task {result.settings.task.name}: 3 networks {n}-{H}-{n}, ")
    assert f"The training stream begins: {' '.join(result.training[0].symbols[:15])}" in text.replace("\n  ", " ")


def test_the_report_gives_medians_and_ranges_over_the_networks(finished):
    _, result = finished
    text = report.report(result)
    losses = np.sort(result.losses[:, -1])
    assert f"Training loss in the last epoch: {losses[1]:.4f} ({losses[0]:.4f} to {losses[2]:.4f})" in text
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
            best = f"{squared[1:][result.test.target_positions == name].mean() ** 0.5:.4f}"
        assert re.search(rf"^ *{name} +\d+ .* {best}$", text, flags=re.MULTILINE)


LEARNED = {
    "final_loss": [0.21, 0.2, 0.15, 0.2, 0.2], "chance_loss": 0.25, "floor_loss": 0.125,
    "predictable_error_rate": [0.0, 0.01, 0.25, 0.5, 0.011], "success_epoch": [20, 30, 40, np.nan, np.nan],
}  # fmt: skip


def test_losses_stand_beside_their_levels_and_networks_that_learned_are_counted(finished, monkeypatch):
    monkeypatch.setattr("elman.tables.summary", lambda result: pd.DataFrame(LEARNED))
    assert report.report(finished[1]).splitlines()[-6:] == [
        "Training loss in the last epoch: 0.2000 (0.1500 to 0.2100)",
        "Its level at chance: 0.2500; the best possible: 0.1250",
        "Error rate at the predictable steps after training: 0.011 (0.000 to 0.500)",
        "Networks with at most 0.01 of them wrong after training: 2 of 5 (40%)",
        "Networks that had so few wrong in a test and lost it: 1; that never had: 2",
        "First test with so few wrong: epoch 30 (20 to 40) in the 3 that had one",
    ]


@pytest.mark.parametrize(
    ("network", "line"),
    [
        (1, "First test with at most 0.01 of them wrong: epoch 30, and so after training"),
        (2, "First test with at most 0.01 of them wrong: epoch 40, lost again by the end"),
        (3, "No test had at most 0.01 of them wrong"),
    ],
)
def test_the_report_of_one_network_tells_whether_it_learned_and_names_the_command_for_many(network, line, monkeypatch):
    one = run(elman.settings(*SMALL["xor"], "epochs=2"))
    monkeypatch.setattr("elman.tables.summary", lambda result: pd.DataFrame(LEARNED)[network : network + 1])
    text = report.report(one)
    assert text.splitlines()[-4] == line
    assert text.endswith("the same command with replicates=100 trains 100\nand counts those that learn.")
    assert "median" not in text
    assert " of 1" not in text


def test_the_report_of_several_networks_does_not_recommend_several(finished):
    assert "replicates=" not in report.report(finished[1])


@pytest.mark.parametrize("recorded", [7, 33])
def test_the_report_shows_the_recorded_steps_and_those_of_them_that_can_be_predicted(finished, recorded):
    result = dataclasses.replace(finished[1], settings=dataclasses.replace(finished[1].settings, record_steps=recorded))
    tables = report.report(result).split("\n\n")
    title = f"The first {recorded} test predictions, medians of 3 networks:"
    first = next(t for t in tables if t.startswith(title)).splitlines()[2:]
    assert [line.split()[0] for line in first] == [str(step) for step in range(recorded)]
    if result.test.one_hot:
        correct = (result.outputs.argmax(axis=-1) == result.test.targets.argmax(axis=-1)).sum(axis=0)
    else:
        correct = ((result.outputs > 0.5) == result.test.targets).all(axis=-1).sum(axis=0)
    assert [re.search(r"(\d) of 3", line)[1] for line in first] == [str(n) for n in correct[:recorded]]
    wanted = np.zeros(recorded, dtype=bool)
    if result.test.expected is not None:
        certain = ~((result.test.expected - result.test.vectors)[1:] != 0).any(axis=1)
        always = {name for name in result.test.position_names if certain[result.test.target_positions == name].all()}
        wanted = np.isin(result.test.target_positions[:recorded], sorted(always))
    shown = [t.splitlines()[2:] for t in tables if "at which the element can be predicted" in t]
    assert len(shown) == wanted.any()
    assert [int(line.split()[0]) for lines in shown for line in lines] == np.flatnonzero(wanted).tolist()


def test_nothing_is_shown_of_steps_where_none_is_recorded(finished):
    settings = dataclasses.replace(finished[1].settings, record_steps=0)
    assert "predictions" not in report.report(dataclasses.replace(finished[1], settings=settings))


def test_steps_between_separate_sequences_are_marked_and_enter_no_number():
    settings = elman.settings(*SMALL["cv"], "reset_context=sequence", "record_steps=12", "epochs=1", "replicates=3")
    result = run(settings)
    text, test = report.report(result), result.test
    assert "The context is set back before each syllable; steps between them do not count." in text
    steps = text.split("\n\n")[1].splitlines()[2:]
    assert [line.split()[0] for line in steps if "not counted" in line] == [
        str(step) for step in range(12) if test.target_symbols[step] in "bdg"
    ]
    counted = test.target_positions != "consonant"
    assert f"Errors over {counted.sum()} test steps, median (lowest to highest) of 3 networks:" in text
    assert not re.search(r"^ *consonant +\d+ .* \d", text.split("Errors over")[1], flags=re.MULTILINE)
    squared = ((result.outputs - test.targets) ** 2)[:, :12][:, counted[:12]]
    assert f"Mean error of each bit over the first {counted[:12].sum()} test steps" in text
    assert re.search(rf"1 +consonant {np.median(squared[:, :, 0].mean(axis=1)):.4f} \(", text)


def test_too_few_occurrences_make_no_tree_and_the_report_says_so():
    options = ("task=cv", "task.length=20", "task.test_length=12", "epochs=2", "hidden_size=3")
    for chosen, K in (("[g]", 2), ("[g,u]", 8)):
        result = run(elman.settings(*options, f"occurrences={chosen}"))
        line = f"No tree of occurrences: the test stream has {K} of them, and a tree needs 3."
        assert (line in report.report(result)) == (K < 3)
        assert ("occurrences" in set(TABLES["clusters"](result)["tree"])) == (K >= 3)


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
    assert bool(re.search("error rate +best +RMSE", text)) == (result.settings.task.name != "words")
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
        told = rf"error at {where} letters: {middle:.3f} \(.*\); best possible {best[steps].mean():.3f}\n"
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


def test_no_line_of_a_report_is_longer_than_80_letters(finished):
    assert max(map(len, report.report(finished[1]).splitlines())) <= 80


def test_columns_of_a_table_that_find_no_room_stand_below_beside_the_first_one():
    frame = pd.DataFrame({"a": ["x", "y"], "b": ["1" * 40] * 2, "c": ["2" * 37] * 2, "d": ["3" * 9] * 2})
    fits, too_wide = text(frame.iloc[:, :3]), text(frame)
    assert max(map(len, fits.splitlines())) == 80
    assert too_wide == f"{fits}\n{frame[['a', 'd']].to_string(index=False)}"


def test_distances_from_the_likelihoods_stand_beside_those_of_the_paper(finished):
    _, result = finished
    text = report.report(result)
    assert bool(re.search(r"0\.916 +0\.123\n", text)) == (result.settings.task.name == "sentences")


def test_a_run_in_one_line_has_the_medians_of_what_is_known():
    columns = {"final_loss": [0.1, 0.2, 0.9], "test_mse": [0.25, 0.5, 0.3], "predictable_error_rate": [0.0, 0.5, 1.0]}
    summary = pd.DataFrame(columns)
    measured = "loss 0.2000; test error 0.3000; error rate at predictable steps 0.500"
    assert report.in_one_line(summary) == f"{measured} (medians of 3 networks)"
    unknown = summary[:1].assign(final_loss=np.nan, predictable_error_rate=np.nan)
    assert report.in_one_line(unknown) == "test error 0.2500"


@pytest.mark.parametrize(
    ("name", "rates", "wanted"),
    [
        (None, [0.5, 0.0, 1.0], 0.5),
        (None, [np.nan] * 3, 0.3),
        ("success_rate", [0.01, 0.0, 0.011], -2 / 3),
        ("test_mse", [0.0, 0.0, 0.0], 0.3),
        ("takeoff_epoch", [np.nan] * 3, 20),
        ("success_epoch", [0.0, 0.0, 0.0], np.inf),
    ],
)
def test_the_objective_is_a_median_or_minus_the_share_of_successes_and_never_is_the_worst(name, rates, wanted):
    summary = pd.DataFrame({"predictable_error_rate": rates, "test_mse": [0.25, 0.9, 0.3]})
    summary = summary.assign(takeoff_epoch=[10, 20, np.nan], success_epoch=[10, np.nan, np.nan])
    assert objective.objective(summary, name) == wanted


@pytest.mark.parametrize("name", ["success_rate", "success_epoch", "predictable_error_rate"])
def test_an_objective_that_is_unknown_for_a_task_is_refused(name):
    summary = pd.DataFrame({"predictable_error_rate": [np.nan], "success_epoch": [np.nan]})
    with pytest.raises(ConfigError, match=f"and {name} is not"):
        objective.objective(summary, name)


def test_a_report_is_printed_where_not_all_of_its_letters_can_be(monkeypatch):
    terminal = TextIOWrapper(BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", terminal)
    echo("a␣b")
    assert terminal.buffer.getvalue() == b"a?b\n"
