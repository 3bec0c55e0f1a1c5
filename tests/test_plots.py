import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL, lengths
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.image import imread

import elman
from elman import hidden, plots
from elman.plots import trees
from elman.plots.classes import divide
from elman.runner import run_into

ALWAYS = {"training_loss", "learning_curve", "hidden_units", "weights"}
OF_SYMBOLS = {"principal_components", "phase_portrait", "clusters"}
EXPECTED = {
    "xor": ALWAYS | {"error_over_12_steps"},
    "cv": ALWAYS | OF_SYMBOLS | {"error_by_letter", "error_of_bits_1_and_4"},
    "words": ALWAYS | OF_SYMBOLS | {"error_in_words"},
    "sentences": ALWAYS | OF_SYMBOLS,
    "text": ALWAYS | OF_SYMBOLS,
    "grammar": ALWAYS | OF_SYMBOLS,
}


def draw(run, name):
    return plots.figure(plots.from_directory(run), name)


def notes(figure):
    return [text.get_text() for text in figure.texts[1:]]  # the first is the title


def test_each_task_has_its_figures_and_none_is_empty(finished):
    directory, result = finished
    images = {path.stem: imread(path) for path in (directory / "figures").iterdir()}
    assert images.keys() == EXPECTED[result.settings.task.name]
    for image in images.values():
        assert image.shape[1] == plots.WIDTH * plots.DPI
        assert len(np.unique(image[:, :, 0])) > 10


def test_a_result_and_its_files_give_the_same_figures(finished):
    directory, result = finished
    drawn = dict(plots.draw(plots.from_result(result)))
    assert drawn.keys() == {path.name for path in (directory / "figures").iterdir()}
    for name, image in drawn.items():
        assert image == (directory / "figures" / name).read_bytes()


DRAW = """
import sys
from pathlib import Path
from elman import plots
import matplotlib
before = dict(matplotlib.rcParams)
(name, image), = plots.draw(plots.from_directory(Path(sys.argv[1])), ["training_loss"])
Path(name).write_bytes(image)
assert matplotlib.rcParams == before
"""
MATPLOTLIBRC = """
text.usetex: True
savefig.bbox: tight
font.size: 20
axes.grid: True
"""


@pytest.mark.parametrize(("variable", "value"), [("MPLBACKEND", "nope"), ("MATPLOTLIBRC", "matplotlibrc")])
def test_figures_have_their_own_style_whatever_the_user_has_set(tmp_path, variable, value):
    run_into(tmp_path, elman.settings("task=xor", *lengths("xor", 30, 30), "epochs=2"))
    (tmp_path / "matplotlibrc").write_text(MATPLOTLIBRC)
    drawing = [sys.executable, "-c", DRAW, tmp_path]
    subprocess.run(drawing, cwd=tmp_path, env={**os.environ, variable: value}, check=True, timeout=100)
    assert (tmp_path / "training_loss.png").read_bytes() == (tmp_path / "figures/training_loss.png").read_bytes()


def test_a_figure_that_fails_is_one_warning_and_the_others_are_drawn(finished, monkeypatch):
    directory, _ = finished

    def fail(source):
        raise RuntimeError("out of ink\nand paper")

    monkeypatch.setitem(plots.PLOTS, "training_loss", fail)
    with pytest.warns(UserWarning, match=r"^the figure training_loss was not drawn: RuntimeError: out of ink$"):
        drawn = list(plots.draw(plots.from_directory(directory), ["training_loss", "weights"]))
    assert [name for name, _ in drawn] == ["weights.png"]


@pytest.mark.parametrize("name", plots.PLOTS)
def test_every_axis_says_what_it_shows_and_no_text_leaves_the_figure(finished, name):
    directory, result = finished
    figure = draw(directory, name)
    if figure is None:
        return
    with plots.style():
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
    assert figure.get_suptitle()
    settings = result.settings
    caption = notes(figure)[0]
    assert caption.startswith(f"{settings.task.name} ")
    assert caption.endswith(f"-{settings.hidden_size}-{len(result.test.features)}, 25 epochs, learning rate 0.1")
    assert all(ax.get_ylabel() or ax.get_xlabel() or ax.get_title() for ax in figure.axes if ax.axison)
    drawn = figure.get_tightbbox(renderer)  # in inches
    assert min(drawn.x0, drawn.y0) >= 0
    assert drawn.x1 <= figure.get_figwidth()
    assert drawn.y1 <= figure.get_figheight()


def test_the_levels_of_the_loss_are_named_beside_their_values(finished):
    directory, result = finished
    summary = pd.read_csv(directory / "summary.csv")
    texts = [text.get_text() for text in draw(directory, "training_loss").axes[0].texts]
    assert f"chance\n{summary['chance_loss'].mean():.4f}" in texts
    known = result.test.expected is not None
    assert (f"best possible\n{summary['floor_loss'].mean():.4f}" if known else "best possible:\nunknown") in texts
    assert ("xor of the last\ntwo bits at\nevery step\n0.2222" in texts) == (result.settings.task.name == "xor")


def test_curve_and_chance_keep_off_the_axis_where_the_best_is_unknown(finished):
    directory, result = finished
    if result.test.expected is None:
        axes = draw(directory, "training_loss").axes[0]
        low, high = axes.get_ylim()
        lowest = min(pd.read_csv(directory / "losses.csv")["loss"].min(), result.baselines[0, 0])
        assert lowest - low > 0.05 * (high - low)


def test_notes_say_what_lines_bands_dots_and_arrows_are(finished):
    directory, _ = finished
    for name in ("training_loss", "learning_curve"):
        assert "median and interquartile range of 3 networks" in notes(draw(directory, name))
    if figure := draw(directory, "phase_portrait"):
        assert notes(figure)[1].startswith("dots: test steps; arrows: ")


def test_a_line_stands_before_each_unit_but_the_first(finished):
    directory, result = finished
    if figure := draw(directory, "principal_components"):
        lines = figure.axes[0].lines[:-1]
        assert all(line.get_xdata()[0] > 0 for line in lines)
        told = f"; a line before each {result.test.unit}" if result.settings.task.name != "text" else ""
        assert figure.axes[-1].get_xlabel() == f"element read{told}"


def lines(ax):
    """The heights of each line that is drawn."""
    return {tuple(np.asarray(line.get_ydata(), dtype=float)) for line in ax.lines}


def medians(values):
    """Lines (P, T) of values (R, T, P) over networks; of three networks they are the middle values to the last bit."""
    return set(map(tuple, np.median(values, axis=0).T))


def test_lines_are_medians_over_networks_and_bands_hold_the_quartiles(finished):
    directory, result = finished
    ax = draw(directory, "training_loss").axes[0]
    assert medians(result.losses[..., None]) <= lines(ax)
    (band,) = ax.collections
    epoch, loss = band.get_paths()[0].vertices.T
    for e, losses in enumerate(result.losses.T, 1):
        at = loss[epoch == e]
        np.testing.assert_allclose([at.min(), at.max()], np.quantile(losses, [0.25, 0.75]), rtol=1e-12)


def test_the_learning_curve_shows_error_rates_above_and_squared_errors_below(finished):
    directory, result = finished
    above, below = draw(directory, "learning_curve").axes
    assert medians(np.stack([errors.error_rate for errors in result.curve], axis=1)) <= lines(above)
    assert medians(np.stack([errors.mse for errors in result.curve], axis=1)) <= lines(below)


def test_the_error_over_12_steps_stands_above_the_best_possible(finished):
    directory, result = finished
    figure = draw(directory, "error_over_12_steps")
    if result.settings.task.name != "xor":
        assert figure is None
        return
    errors = pd.read_csv(directory / "cycle_errors.csv").pivot(index="step", columns="replicate", values="mse")
    error, best = (line.get_ydata() for line in figure.axes[0].lines)
    np.testing.assert_allclose(error, errors.median(axis=1), rtol=1e-12)  # versions of pandas round otherwise
    np.testing.assert_array_equal(best, np.resize([0.25, 0, 0.25], 12))  # the first bit is read, not predicted


def test_the_error_of_bit_1_stands_above_that_of_bit_4(finished):
    directory, result = finished
    figure = draw(directory, "error_of_bits_1_and_4")
    if result.settings.task.name != "cv":
        assert figure is None
        return
    errors = np.abs(result.outputs - result.test.targets)[:, :20]
    for ax, bit in zip(figure.axes, (1, 4), strict=True):
        drawn = ax.lines[0].get_ydata()
        np.testing.assert_allclose(drawn, np.median(errors[..., bit - 1], axis=0), rtol=1e-12)  # a root of a square


def test_principal_components_are_projections_of_the_hidden_states(finished):
    directory, result = finished
    figure = draw(directory, "principal_components")
    if figure is None:
        assert result.settings.task.name == "xor"
        return
    hiddens = result.hiddens[0, :60] - result.hiddens[0, :60].mean(axis=0)
    _, directions = np.linalg.eigh(hiddens.T @ hiddens)  # the longest last
    for ax, direction in zip(figure.axes, directions.T[::-1], strict=False):
        (drawn,) = (line.get_ydata() for line in ax.lines if len(line.get_ydata()) == 24)
        np.testing.assert_allclose(np.abs(drawn), np.abs(hiddens[:24] @ direction), atol=1e-9)  # eigenvectors' rounding


def test_weights_are_squares_in_their_places_with_the_area_of_their_sizes(finished):
    directory, result = finished
    grounds, squares = draw(directory, "weights").axes[0].collections
    corners = np.array([path.vertices[:4] for path in squares.get_paths()])
    (x, y), areas = corners.mean(axis=1).T, np.ptp(corners[:, :, 0], axis=1) ** 2
    values = np.where(squares.get_facecolors()[:, 0] == 1, areas, -areas)  # white is positive, black negative
    W_ih, W_hh, b_h, W_ho, b_o = (array[0] for array in result.weights)
    blocks = (W_ih, W_hh, b_h[:, None], np.vstack([W_ho.T, b_o]))
    largest = max(np.abs(block).max() for block in blocks)
    for ground, block in zip(grounds.get_paths(), blocks, strict=True):
        left, right = ground.vertices[:, 0].min(), ground.vertices[:, 0].max()
        own, drawn = (left < x) & (x < right), np.zeros_like(block)
        drawn[y[own].astype(int), (x[own] - left).astype(int)] = values[own]
        # Weights of less than a thousandth of the largest are not drawn.
        np.testing.assert_allclose(drawn / areas.max(), block / largest, rtol=1e-9, atol=1e-3)


def test_letters_name_the_steps_at_which_they_are_predicted(finished):
    directory, result = finished
    figure = draw(directory, "error_by_letter")
    if result.settings.task.name != "cv":
        assert figure is None
    else:
        labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
        assert labels == result.test.symbols[1:21].tolist()


@pytest.mark.parametrize("task", SMALL)
def test_figures_can_be_drawn_of_the_shortest_of_runs(task, tmp_path):
    run_into(tmp_path, elman.settings(*SMALL[task], *lengths(task, 4, 4), "epochs=1", "record_steps=0"))
    few = {"training_loss", "learning_curve", "weights"}
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == few | (
        {"clusters"} if task in ("words", "sentences", "text") else set()
    )


def test_every_symbol_names_a_leaf_and_the_closest_pair_stands_side_by_side(finished):
    directory, result = finished
    figure = draw(directory, "clusters")
    if figure is None:
        assert result.settings.task.name == "xor"
        return
    read = sorted(set(result.test.input_symbols))
    for ax, network in zip(figure.axes, (0, 1), strict=True):
        named = [text.get_text() for text in ax.texts[: len(read)]]
        assert sorted(named) == read
        closest = hidden.tree(result.hidden_states.means[network, 0], method="ward", metric="euclidean")[0, :2]
        first, second = (named.index(read[int(leaf)]) for leaf in closest)
        assert abs(first - second) == 1


def test_many_symbols_are_reduced_to_the_most_frequent(finished, monkeypatch):
    directory, result = finished
    monkeypatch.setattr(trees, "MOST_LEAVES", 4)
    if (figure := draw(directory, "clusters")) is None:
        return
    names, counts = np.unique(result.test.input_symbols, return_counts=True)
    shown = [text.get_text() for text in figure.axes[0].texts[:4]]
    assert len(set(shown)) == 4
    assert counts[np.isin(names, shown)].min() >= np.sort(counts)[-4]
    assert f"4 most frequent of {len(names)}" in figure.get_suptitle()


def test_no_symbol_of_a_text_is_too_strange_for_a_figure(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text(" ".join(["$\\no$", "文", "_", "a&b", "%", "{"] * 20), encoding="utf-8")
    settings = elman.settings(
        "task=text", "task.level=words", f"task.file={text}", "hidden_size=2", 'occurrences=["文"]'
    )
    run_into(tmp_path / "run", settings)
    named = [t.get_text() for t in draw(tmp_path / "run", "clusters").axes[0].texts]
    assert {"\\$\\no\\$", "U+6587", "_", "a&b", "%", "{"} <= set(named)


def test_occurrences_show_their_symbol_as_it_is_written(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text(" ".join(["a", "cat", "A", "dog"] * 20))
    settings = ("task=text", "task.level=words", f"task.file={text}", "hidden_size=2", "occurrences=[a,A]")
    run_into(tmp_path / "run", elman.settings(*settings, "figures=false"))
    leaves = {t.get_text() for t in draw(tmp_path / "run", "occurrences").axes[0].texts}
    assert {"A dog [a]", "a cat [A]"} <= leaves


def test_weights_of_so_many_symbols_that_none_could_be_seen_are_not_drawn(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text(" ".join(f"word{n}" for n in range(400)))
    settings = elman.settings(
        "task=text", "task.level=words", f"task.file={text}", "hidden_size=2", "epochs=1", "figures=false"
    )
    run_into(tmp_path / "run", settings)
    assert draw(tmp_path / "run", "weights") is None


def test_a_phase_portrait_does_without_ways_where_no_word_has_two_letters(tmp_path):
    words = ("task=words", "task.lexicon=[a,b,c,de]", "task.opening=[]", "record_steps=3", "seed=3")
    run_into(tmp_path / "run", elman.settings(*words, *lengths("words", 60, 60), "epochs=1", "figures=false"))
    figure = draw(tmp_path / "run", "phase_portrait")
    assert len(figure.axes[0].collections) > 0
    assert not figure.axes[0].texts


def test_long_names_are_cut_and_leave_room_for_the_tree(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text(" ".join(["antidisestablishmentarianism", "is", "a", "word"] * 20))
    run_into(tmp_path / "run", elman.settings("task=text", "task.level=words", f"task.file={text}", "figures=false"))
    figure = draw(tmp_path / "run", "clusters")
    assert "antidisestabl…" in [t.get_text() for t in figure.axes[0].texts]
    assert all(ax.get_position().width > 0.15 for ax in figure.axes)


CLASSES = {"noun": "boy cat car", "verb": "eat see", "animate": "boy cat", "inanimate": "car", "food": "bread"}


@pytest.mark.parametrize(
    ("most", "symbols", "division"),
    [
        (4, "boy cat car eat see", {"animate", "inanimate", "verb"}),
        (2, "boy cat car eat see", {"noun", "verb"}),
        (4, "boy eat", {"noun", "verb"}),  # all that is left of the nouns is a noun
        (4, "boy cat car eat see the", set()),  # "the" is in no class
    ],
)
def test_symbols_are_divided_into_few_classes_that_share_no_member(most, symbols, division):
    rows = [(name, symbol) for name, members in CLASSES.items() for symbol in members.split()]
    found = divide(pd.DataFrame(rows, columns=["class", "symbol"]), symbols.split(), most)
    assert set(found) == division
    assert sorted(symbol for group in found.values() for symbol in group) == (
        sorted(symbols.split()) if division else []
    )


def test_a_word_in_the_place_of_another_stands_out(finished, tmp_path):
    directory, result = finished
    if result.settings.task.name != "sentences":
        return
    settings = elman.settings(*SMALL["sentences"], "epochs=0", f"weights_from={directory}", "task.replace=[man,zog]")
    run_into(tmp_path, settings)
    (ax,) = draw(tmp_path, "clusters").axes
    assert [text.get_text() for text in ax.texts if text.get_weight() == "bold"] == ["zog"]
