import json
import math
import re
import subprocess
import sys
from functools import partial

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import elman
from elman import metrics, plots
from elman.cli import compare as compare_command
from elman.comparison import compare
from elman.comparison_text import describe, number
from elman.intervals import newcombe, wilson
from elman.plots import comparison as comparison_plot
from elman.runner import run_into

SETTINGS = {
    "task": {"name": "xor", "length": 300}, "hidden_size": 4, "learning_rate": 0.1, "seed": 1, "replicates": 2,
    "figures": True, "record_steps": 60, "overwrite": False,
}  # fmt: skip


def write(directory, *, rates, floors=(0.25, 0.0), **settings):
    """A finished run of two positions, with error rates (networks, tests) at the second; tests are 10 epochs apart."""
    rates = np.array(rates)
    R, K = rates.shape
    epochs = range(10, 10 * K + 1, 10)
    directory.mkdir(parents=True)
    task = {**SETTINGS["task"], **settings.pop("task", {})}
    entry = {"status": "finished", "settings": {**SETTINGS, "replicates": R, "task": task, **settings}}
    (directory / "run.json").write_text(json.dumps(entry))
    first = [next((e for e, rate in zip(epochs, row, strict=True) if rate <= 0.01), None) for row in rates]
    last = rates[:, -1] if 0.0 in floors else [None] * R
    frames = {
        "losses": [(r, e, 0.25 - 0.001 * e - 0.01 * r) for r in range(R) for e in range(1, 10 * K + 1)],
        "learning_curve": [
            (r, e, p, rate, rate / 3)
            for r in range(R)
            for k, e in enumerate(epochs)
            for p, rate in (("bit 1", 0.5), ("xor", rates[r, k]))
        ],
        "position_errors": [
            (r, p, 100, rate, rate / 3, math.sqrt(rate / 3), floor)
            for r in range(R)
            for p, rate, floor in zip(("bit 1", "xor"), (0.5, rates[r, -1]), floors, strict=True)
        ],
        "summary": [
            (r, 0.2 + 0.03 * r, 0.18 - 0.02 * r, 30 + r, 0.25, 0.15, 0.21 + r, 0.16, last[r], 5 + r, first[r])
            for r in range(R)
        ],
    }  # fmt: skip
    columns = {
        "losses": ["replicate", "epoch", "loss"],
        "learning_curve": ["replicate", "epoch", "position", "error_rate", "mse"],
        "position_errors": ["replicate", "position", "n", "error_rate", "mse", "rmse", "floor_mse"],
        "summary": [
            "replicate", "final_loss", "best_loss", "best_epoch", "chance_loss", "floor_loss", "test_mse",
            "test_floor_mse", "predictable_error_rate", "takeoff_epoch", "success_epoch",
        ],
    }  # fmt: skip
    for name, rows in frames.items():
        pd.DataFrame(rows, columns=columns[name]).to_csv(directory / f"{name}.csv", index=False)
    return directory


@pytest.fixture
def call(call_main):
    return partial(call_main, compare_command.main, "elman-compare")


def test_networks_are_counted_by_their_error_rate_after_training(tmp_path):
    write(tmp_path / "a", rates=[[0.5, 0.01], [0.0, 0.02], [0.005, 0.0], [0.4, 0.3]])
    row = compare(tmp_path).table.iloc[0]
    assert row["networks"] == 4
    assert row["success_rate"] == 0.5
    assert (row["success_rate_low"], row["success_rate_high"]) == wilson(2, 4)
    assert row["predictable_error_rate"] == 0.015
    assert (row["predictable_error_rate_q25"], row["predictable_error_rate_q75"]) == pytest.approx((0.0075, 0.09))
    assert row["success_epoch"] == 10  # 20, 10, 10, never
    assert row["success_epoch_never"] == 0.25
    assert row["test_floor_mse"] == 0.16
    assert compare(tmp_path, success=0.02).table["success_rate"][0] == 0.75
    assert compare(tmp_path, success=0.4).table["success_epoch_never"][0] == 0


def test_a_row_has_the_medians_and_quartiles_of_its_networks(tmp_path):
    write(tmp_path / "a", rates=[[0.5, 0.0], [0.5, 0.3], [0.5, 0.1], [0.5, 0.7], [0.5, 0.4]])
    summary, row = pd.read_csv(tmp_path / "a" / "summary.csv"), compare(tmp_path).table.iloc[0]
    for name in ("predictable_error_rate", "test_mse", "final_loss", "takeoff_epoch"):
        second, third, fourth = sorted(summary[name])[1:4]
        found = [row[f"{name}_q25"], row[name], row[f"{name}_q75"]]
        assert found == pytest.approx([second, third, fourth], rel=1e-12)  # versions of pandas round otherwise


def test_never_comes_after_every_epoch(tmp_path):
    write(tmp_path / "a", rates=[[0.5, 0.0], [0.5, 0.5], [0.5, 0.5]])
    comparison = compare(tmp_path)
    row = comparison.table.iloc[0]
    assert (row["success_epoch_q25"], row["success_epoch_never"]) == (20, 2 / 3)
    assert math.isnan(row["success_epoch"])
    assert "never (20 to never), 67% never" in describe(comparison, wide=True)


def test_a_group_has_the_losses_errors_and_floors_of_its_networks(finished):
    directory, result = finished
    (group,) = compare(directory).groups
    assert group.losses.index.tolist() == list(range(1, 26))
    np.testing.assert_array_equal(group.losses, result.losses.T)
    assert tuple(group.mse.index) == tuple(group.floor.index) == result.test.position_names
    np.testing.assert_array_equal(group.mse, result.curve[-1].mse.T)
    np.testing.assert_array_equal(group.floor, metrics.floor(result.test).mse[0])


def test_success_epochs_are_those_of_the_summary(finished):
    directory, _ = finished
    (group,) = compare(directory).groups
    expected = pd.read_csv(directory / "summary.csv")["success_epoch"]
    np.testing.assert_array_equal(group.success_epochs.to_numpy(float), expected.to_numpy(float))
    if len(group.rates):
        final = pd.read_csv(directory / "summary.csv")["predictable_error_rate"]
        assert group.rates.iloc[-1].tolist() == final.tolist()


def test_rows_are_the_settings_that_differ_in_their_order(tmp_path):
    for H in (20, 3, 4):
        write(tmp_path / str(H), rates=[[0.5]], hidden_size=H, figures=H == 3)
    comparison = compare(tmp_path)
    assert list(comparison.groups[0].values) == ["hidden_size"]
    assert comparison.table["hidden_size"].tolist() == [3, 4, 20]
    assert comparison.notes == ()


def test_settings_in_which_planned_runs_differ_name_the_only_row_that_is_there(tmp_path):
    write(tmp_path / "a", rates=[[0.5]])
    wanted = [{**SETTINGS, "learning_rate": rate, "figures": rate > 1} for rate in (0.1, 1e300)]
    comparison = compare(tmp_path, planned=wanted)
    assert comparison.table.columns[0] == "learning_rate"
    figure = comparison_plot.figure(comparison)
    assert "0.1" in [label.get_text() for label in figure.findobj(matplotlib.axes.Axes)[0].get_yticklabels()]


def test_settings_that_change_no_number_make_no_row_and_a_note_names_them(tmp_path):
    for method in ("ward", "average"):
        write(tmp_path / method, rates=[[0.5]], cluster_method=method)
    comparison = compare(tmp_path)
    assert len(comparison.table) == 1
    assert "(cluster_method changes no number here); they count once" in comparison.notes[0]


def test_runs_that_lack_a_setting_stand_with_its_value_from_before(tmp_path):
    write(tmp_path / "new", rates=[[0.5]], momentum=0.9)
    write(tmp_path / "old", rates=[[0.5]])
    assert compare(tmp_path).table["momentum"].tolist() == [0.0, 0.9]


def test_runs_can_be_taken_together_and_the_table_says_so(tmp_path):
    for H in (3, 4):
        for seed in (1, 2):
            write(tmp_path / f"{H}{seed}", rates=[[0.5], [0.0]], hidden_size=H, seed=seed)
    comparison = compare(tmp_path, by=["hidden_size"])
    assert comparison.table["networks"].tolist() == [4, 4]
    assert comparison.notes == ("Rows take runs together that differ in seed.",)


def test_networks_that_two_runs_have_trained_alike_count_once(tmp_path):
    write(tmp_path / "a", rates=[[0.5]])
    write(tmp_path / "b", rates=[[0.5], [0.0], [0.0]], record_steps=5)
    comparison = compare(tmp_path)
    assert comparison.table["networks"].tolist() == [3]
    assert comparison.notes[0].startswith("1 of 2 runs trained networks that another run trained as well")


def test_runs_that_were_tested_at_other_epochs_are_taken_together_in_the_order_of_these(tmp_path):
    write(tmp_path / "a", rates=[[0.5, 0.5, 0.5]], evaluate_every=10)
    other = write(tmp_path / "b", rates=[[0.5, 0.0, 0.5]], evaluate_every=7, seed=2)
    curve = pd.read_csv(other / "learning_curve.csv")
    curve.assign(epoch=curve["epoch"] // 10 * 7).to_csv(other / "learning_curve.csv", index=False)
    (group,) = compare(tmp_path, by=["hidden_size"]).groups
    assert group.rates.index.tolist() == [7, 10, 14, 20, 21, 30]
    assert group.success_epochs.tolist()[1] == 14


@pytest.mark.parametrize(
    "setting", [{"cluster_method": "average"}, {"occurrences": ["b"]}, {"evaluate_every": 7}, {"record_steps": 3}]
)
def test_settings_that_leave_a_network_as_it_is_do_not_make_it_another(tmp_path, setting):
    write(tmp_path / "a", rates=[[0.5]])
    write(tmp_path / "b", rates=[[0.5]], **setting)
    assert compare(tmp_path, by=["hidden_size"]).table["networks"].tolist() == [1]


def test_a_setting_with_dollar_signs_is_no_mathematics(tmp_path):
    for name in ("x$^$.txt", "y.txt"):
        write(tmp_path / name, rates=[[0.5]], task={"file": name})
    for plot in (None, "task.file"):
        compare_command.write(compare(tmp_path), tmp_path / str(plot), plot=plot)
        assert (tmp_path / str(plot) / "comparison.png").read_bytes().startswith(b"\x89PNG")


def test_tasks_are_kept_apart_and_their_own_settings_are_no_difference(tmp_path):
    for H in (3, 4):
        write(tmp_path / f"xor{H}", rates=[[0.5]], hidden_size=H)
    write(tmp_path / "cv", rates=[[0.5]], task={"name": "cv", "length": 30}, hidden_size=20, learning_rate=0.3)
    table = compare(tmp_path).table
    assert table.columns[:2].tolist() == ["task.name", "hidden_size"]
    assert table["task.name"].tolist() == ["cv", "xor", "xor"]
    assert compare(tmp_path, by=["seed"]).table["task.name"].tolist() == ["cv", "xor"]


def test_a_task_without_predictable_steps_has_no_success(tmp_path):
    write(tmp_path / "a", rates=[[0.5], [0.4]], floors=(0.25, 0.1))
    comparison = compare(tmp_path)
    row = comparison.table.iloc[0]
    assert row[["success_rate", "success_rate_low", "predictable_error_rate", "success_epoch_never"]].isna().all()
    assert row["test_mse"] == 0.71
    assert "earned" not in describe(comparison)
    compare_command.write(comparison, tmp_path)
    assert (tmp_path / "comparison.png").exists()


@pytest.mark.parametrize(
    ("sizes", "rates"),
    [((3,), (0.1,)), ((3, 4, 20), (0.1,)), ((3, 4, 20), (0.05, 0.1, 0.2, 0.4)), (range(1, 31), (0.1,))],
)
@pytest.mark.parametrize("key", [None, "hidden_size"])
def test_the_figure_holds_all_its_texts_whatever_is_compared(tmp_path, sizes, rates, key):
    for H in sizes:
        for rate in rates:
            write(tmp_path / f"{H}-{rate}", rates=[[0.5, 0.0], [0.5, 0.2]], hidden_size=H, learning_rate=rate)
    comparison = compare(tmp_path, by=["hidden_size", "learning_rate"])
    figure = comparison_plot.figure(comparison, key)
    with plots.style():
        drawn = figure.get_tightbbox(FigureCanvasAgg(figure).get_renderer())
    assert drawn.x0 >= 0
    assert drawn.y0 >= 0
    assert drawn.x1 <= figure.get_figwidth()
    assert drawn.y1 <= figure.get_figheight()
    assert all(ax.has_data() and ax.get_xlabel() and ax.get_ylabel() for ax in figure.findobj(matplotlib.axes.Axes))


def test_a_name_stands_whole_in_the_figure_and_a_single_epoch_shows(tmp_path):
    for H in (3, 4):
        write(tmp_path / str(H), rates=[[0.5], [0.0]], hidden_size=H, learning_rate=0.1)
    figure = comparison_plot.figure(compare(tmp_path, by=["hidden_size", "learning_rate"]))
    assert figure.subfigs[0].get_suptitle() == "xor: 2 × 2 networks by hidden_size, learning_rate"
    _, loss, rate, learned, _ = figure.findobj(matplotlib.axes.Axes)
    assert {line.get_marker() for line in rate.lines + learned.lines} == {"o"}
    assert {line.get_marker() for line in loss.lines} == {"None"}


def test_a_short_curve_lies_over_a_long_one_and_ends_in_a_dot(tmp_path):
    for tests in (1, 3, 2):
        write(tmp_path / str(tests), rates=[[0.5] * tests], epochs=10 * tests)
    figure = comparison_plot.figure(compare(tmp_path))
    for axes in figure.findobj(matplotlib.axes.Axes)[1:4]:
        assert [line.get_xdata()[-1] for line in axes.lines] == [30, 20, 10]
        assert {line.get_marker() for line in axes.lines} == {"o"}


def test_the_figure_shows_medians_with_the_middle_half_of_the_networks_and_the_best_possible(tmp_path):
    write(tmp_path / "a", rates=[[0.5, 0.0], [0.25, 0.3], [0.4, 0.1], [0.35, 0.7], [0.45, 0.4]])
    comparison = compare(tmp_path)
    (group,) = comparison.groups
    figure = comparison_plot.figure(comparison)
    panel = {tuple(line.get_ydata()): ax for ax in figure.findobj(matplotlib.axes.Axes) for line in ax.lines}
    for curves in (group.losses, group.rates):
        _, low, middle, high, _ = np.sort(curves).T
        (band,) = panel[tuple(middle)].collections
        half = {corner for edge in (low, high) for corner in zip(curves.index, edge, strict=True)}
        assert set(map(tuple, band.get_paths()[0].vertices)) == half
    _, low, middle, high, _ = np.sort(group.mse).T
    halves, best = (drawn.get_segments() for drawn in panel[tuple(middle)].collections)
    assert [segment[:, 1].tolist() for segment in halves] == np.stack([low, high], axis=1).tolist()
    assert [segment[:, 1].tolist() for segment in best] == [[0.25, 0.25], [0.0, 0.0]]


def test_the_command_prints_the_table_and_writes_it_beside_the_figure(call, tmp_path):
    write(tmp_path / "a" / "run", rates=[[0.5], [0.0]])
    write(tmp_path / "b" / "run", rates=[[0.0], [0.0]], hidden_size=8)
    status, out, err = call(tmp_path / "a", tmp_path / "b", "--out", tmp_path / "out", "--plot", "hidden_size")
    assert (status, err) == (0, "")
    assert ".50 (.09 to .91)" in out
    assert pd.read_csv(tmp_path / "out" / "comparison.csv")["success_rate"].tolist() == [0.5, 1.0]
    assert call(tmp_path / "a")[0] == 0
    assert (tmp_path / "a" / "comparison.png").exists()
    assert call(tmp_path, "--by", "hidden_size", "seed", "--success", "0.6")[0] == 0
    assert pd.read_csv(tmp_path / "comparison.csv")["success_rate"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ([], 2, "name a directory to look in, such as runs"),
        (["--by", "hidden_size", "a"], 2, ".* --by takes all that follows it, so name it before"),
        (["empty"], 1, "no finished run below .*empty"),
        (["nowhere"], 1, "there is no directory .*nowhere"),
        (["a", "--by", "hiden_size"], 2, r"no run has a setting hiden_size; did you mean hidden_size\?"),
        (["a", "--by", "tea"], 2, "no run has a setting tea; there are accept, activation"),
        (["a", "--by", "seed", "--against", "seed"], 2, "a row to hold against is named by its settings, such as hid"),
        (["a", "--by", "seed", "--against", "hidden_size=4"], 2, "the rows are not told apart by hidden_size; they ar"),
        (["a", "--by", "seed", "--against", "seed=7"], 2, "no row has seed=7; there are seed=1"),
        (["a", "--by", "seed", "--label", "7=x"], 2, "nothing that is compared is called 7; there are 1"),
        (["a", "--plot", "seed"], 2, r"--plot must be one of the settings that are compared \(none\), not seed"),
    ],
)
def test_a_mistake_ends_the_command_in_one_line(call, tmp_path, arguments, status, message, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    write(tmp_path / "a", rates=[[0.5]])
    *found, err = call(*arguments)
    assert found == [status, ""]
    assert re.fullmatch(f"elman-compare: {message}.*\n", err)
    assert not list(tmp_path.rglob("comparison.*"))


def test_unfinished_runs_are_left_out_and_named(call, tmp_path):
    write(tmp_path / "a", rates=[[0.5]])
    write(tmp_path / "b", rates=[[0.5]], hidden_size=8)
    (tmp_path / "b" / "losses.csv").unlink()
    out = call(tmp_path)[1]
    assert f"Left out 1 run: {tmp_path}/b: losses.csv is missing." in out


def test_seeds_are_taken_together_unless_they_are_asked_for(tmp_path):
    for seed in (1, 2):
        write(tmp_path / str(seed), rates=[[0.5], [0.0]], seed=seed)
    assert compare(tmp_path).table["networks"].tolist() == [4]
    assert compare(tmp_path, by=["seed"]).table["networks"].tolist() == [2, 2]


def test_the_same_networks_tested_on_another_stream_count_once(tmp_path):
    for length in (90, 300):
        write(tmp_path / str(length), rates=[[0.5]], task={"test_length": length})
    assert compare(tmp_path, by=["hidden_size"]).table["networks"].tolist() == [1]
    assert compare(tmp_path).table["task.test_length"].tolist() == [90, 300]


def test_the_answer_is_printed_where_it_cannot_be_written(call, tmp_path):
    write(tmp_path / "a", rates=[[0.5], [0.0]])
    status, out, err = call(tmp_path, "--out", tmp_path / "a" / "run.json")
    assert status == 1
    assert ".50 (.09 to .91)" in out
    assert re.fullmatch(r"elman-compare: .*run\.json.*: \S.*\n", err)


def test_comparisons_of_one_directory_at_once_do_not_collide(tmp_path):
    write(tmp_path / "a", rates=[[0.5], [0.0]])
    program = [sys.executable, "-c", "from elman.cli.compare import main; main()", str(tmp_path)]
    started = [subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(3)]
    assert [(process.communicate(timeout=100)[1], process.returncode) for process in started] == [(b"", 0)] * 3
    assert {path.name for path in tmp_path.iterdir()} == {"a", "comparison.csv", "comparison.png", "index.html"}


def test_training_losses_of_different_units_are_not_compared(tmp_path):
    small = ("task.length=60", "task.test_length=60", "epochs=3", "hidden_size=2", "backend=numpy", "figures=false")
    for loss in ("squared", "cross_entropy"):
        run_into(tmp_path / loss, elman.settings(*small, f"loss={loss}"))
    both, one = compare(tmp_path), compare(tmp_path / "squared")
    assert both.table["loss"].tolist() == ["cross_entropy", "squared"]
    assert both.table["final_loss"].isna().all()
    assert both.table["takeoff_epoch_never"].notna().all()
    assert all(group.losses.empty for group in both.groups)
    assert "final loss" not in describe(both)
    assert one.table["final_loss"].notna().all()
    comparison_plot.figure(both)  # without the panel of losses


def test_rows_are_held_against_the_first_or_the_one_that_is_named(tmp_path):
    for H, rates in ((3, [[0.5], [0.0]]), (4, [[0.0], [0.0]]), (20, [[0.0], [0.5], [0.4]])):
        write(tmp_path / str(H), rates=rates, hidden_size=H)
    first, named = compare(tmp_path), compare(tmp_path, against=["hidden_size=4.0"])
    assert first.table["against"].fillna("").tolist() == ["", "hidden_size=3", "hidden_size=3"]
    assert named.table["against"].fillna("").tolist() == ["hidden_size=4", "", "hidden_size=4"]
    row = named.table.iloc[2]
    ends = ["", "_low", "_high"]
    assert row[[f"success_rate_difference{end}" for end in ends]].tolist() == list(newcombe(1, 3, 2, 2))
    assert row["predictable_error_rate_difference"] == 0.4
    assert row["superiority"] == pytest.approx(1 / 6)
    assert not row["paired"]
    assert named.table.iloc[1][["superiority", "test_mse_difference"]].isna().all()


def test_a_factor_is_held_against_its_value_with_the_same_other_settings(tmp_path):
    for H in (3, 4):
        for rate in (0.1, 0.2):
            write(tmp_path / f"{H}{rate}", rates=[[0.5]], hidden_size=H, learning_rate=rate)
    write(tmp_path / "alone", rates=[[0.5]], hidden_size=4, learning_rate=0.3)
    by_rate = compare(tmp_path, against=["hidden_size=3"])
    assert by_rate.references == (None, None, 0, 1, None)
    both = compare(tmp_path, against=["hidden_size=3", "learning_rate=0.2"])
    assert both.references == (1, None, 1, 1, 1)
    assert describe(by_rate).count("reference ") >= 2


def test_tasks_are_held_against_their_own_first_row_unless_one_is_named(tmp_path):
    for task in ("cv", "xor"):
        for H in (3, 4):
            write(tmp_path / f"{task}{H}", rates=[[0.5], [0.0]], task={"name": task}, hidden_size=H)
    assert compare(tmp_path).references == (None, 0, None, 2)
    across = compare(tmp_path, by=["hidden_size"], against=["task.name=cv"])
    assert across.references == (None, None, 0, 1)
    assert across.table["success_rate_difference"].tolist()[2:] == [0, 0]
    assert across.table["test_mse_difference"].isna().all()  # errors of different units


@pytest.mark.parametrize(
    ("setting", "paired"),
    [
        ({"learning_rate": 0.3}, True),
        ({"momentum": 0.9}, True),
        ({"context": "none"}, True),
        ({"context": "output"}, False),
        ({"hidden_size": 9}, False),
        ({"shared_stream": True}, False),
        ({"initial_scale": 0.5}, False),
        ({"reset_context": "sequence"}, False),
        ({"task": {"length": 90}}, False),
    ],
)
def test_rows_are_paired_where_streams_and_initial_weights_are_the_same(tmp_path, setting, paired):
    write(tmp_path / "a", rates=[[0.0], [0.3], [0.4]], context="hidden", seed=1)
    write(tmp_path / "b", rates=[[0.1], [0.2], [0.0]], **{"context": "hidden", "seed": 1, **setting})
    key = next(iter(setting)) if "task" not in setting else "task.length"
    comparison = compare(tmp_path, by=[key])
    row = comparison.table[comparison.table["against"].notna()].iloc[0]
    assert row["paired"] == paired
    assert "paired" in describe(comparison) or not paired
    if paired:
        sign = 1 if row[key] == {**SETTINGS, "context": "hidden", "momentum": 0.0, **setting}[key] else -1
        assert row["predictable_error_rate_difference"] == pytest.approx(sign * -0.1)  # the median of .1, -.1, -.4
        assert row["superiority"] == pytest.approx(2 / 3 if sign > 0 else 1 / 3)


def test_rows_of_unlike_networks_are_not_paired(tmp_path):
    write(tmp_path / "a", rates=[[0.0], [0.3]])
    write(tmp_path / "b", rates=[[0.1]], learning_rate=0.3)
    assert not compare(tmp_path).table["paired"][1]


@pytest.mark.parametrize("sizes", [(3,), (3, 4, 20), range(1, 13)])
@pytest.mark.parametrize("more", [{}, {"learning_rate": (0.1, 0.05)}, {"task": ({"lexicon": ["a" * 60]}, {})}])
def test_the_table_fits_80_columns_with_its_numbers_whole(tmp_path, sizes, more):
    for H in sizes:
        for which, value in enumerate(*more.values() or ((None,),)):
            for context in ("hidden", "none"):
                setting = {"context": context, "hidden_size": H, **({next(iter(more)): value} if more else {})}
                write(tmp_path / f"{H}-{which}-{context}", rates=[[0.5, 0.0], [0.5, 0.2]], **setting)
    comparison = compare(tmp_path, by=["hidden_size", "context", "learning_rate", "task.length", "momentum"])
    for text in (describe(comparison), repr(elman.compare(tmp_path))):
        assert max(map(len, text.splitlines())) <= 80
    assert "(Newcombe" in describe(comparison) or len(comparison.groups) == 1
    assert "takeoff" in describe(comparison, wide=True)


def test_letters_that_stand_for_long_values_are_explained(tmp_path):
    for name, lexicon in (("a", ["many", "years", "ago"]), ("b", ["once", "upon", "a", "time", "there"])):
        write(tmp_path / name, rates=[[0.5]], task={"lexicon": lexicon})
    text = describe(compare(tmp_path, labels={"B": "tale"}))
    assert re.search(r"\n +A +1 .*\n +tale +1 ", text)
    assert 'A: task.lexicon=["many", "years", "ago"]\n' in text
    assert "tale: task.lexicon=" in text


def test_in_python_a_comparison_shows_itself_as_text_html_and_figure(tmp_path):
    for H in range(1, 13):
        write(tmp_path / str(H), rates=[[0.5], [0.0]], hidden_size=H)
    comparison = elman.compare(tmp_path, by="hidden_size", against="hidden_size=4", labels={"4": "<four>"})
    lines = repr(comparison).splitlines()
    assert lines[0] == "xor: 12 rows, 24 networks"
    assert len(lines) <= 15
    assert "and 4 more rows in .table" in lines
    html = comparison._repr_html_()
    assert "&lt;four&gt;" in html
    assert html.count("<tr") == 13
    assert comparison.table["against"].tolist().count("hidden_size=4") == 11
    assert comparison.plot("hidden_size").findobj(matplotlib.axes.Axes)
    with pytest.raises(KeyError, match="key must be one of the settings that are compared"):
        comparison.plot("seed")


def test_numbers_stand_without_the_zero_before_the_point_and_zero_without_sign():
    forms = {(-0.123, "+.2f"): "-.12", (0.5, "+.2f"): "+.50", (1.0, ".2f"): "1.00", (-0.001, "+.2f"): ".00"}
    forms |= {(10.5, ".1f"): "10.5", (0.0, ".0f"): "0", (20.0, ".0f"): "20", (0.25, ".4f"): ".2500"}
    for (value, form), shown in forms.items():
        assert number(value, form) == shown
