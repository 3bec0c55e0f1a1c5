"""Figures read back: what is drawn, named and coloured against the Result that it shows."""

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL
from matplotlib.colors import to_hex
from reading import band, draw, notes

import elman
from elman import hidden, plots
from elman.plots import trees
from elman.runner import run_into


def of(*tasks):
    """Only the runs of some tasks."""
    return pytest.mark.parametrize("finished", tasks, indirect=True, scope="session")


OF_SYMBOLS = of("cv", "words", "sentences", "text")
UNITS = {"cv": "syllable", "words": "word", "sentences": "sentence"}


def lines(ax):
    """The heights of each line that is drawn."""
    return {tuple(np.asarray(line.get_ydata(), dtype=float)) for line in ax.lines}


def medians(values):
    """Lines (P, T) of values (R, T, P) over networks; of three networks they are the middle values to the last bit."""
    return set(map(tuple, np.median(values, axis=0).T))


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def labelled(ax, label):
    (line,) = (line for line in ax.lines if line.get_label() == label)
    return line


def curve(ax):
    return labelled(ax, "median, quartiles")


def check_band(ax, values):
    """The band of an axes holds the quartiles of values (R, T) at the places of its first line."""
    (drawn,), line = ax.collections, curve(ax)
    quartiles = np.quantile(values, [0.25, 0.75], axis=0)
    np.testing.assert_allclose(band(drawn, line.get_xdata()), quartiles, rtol=1e-12)
    assert to_hex(drawn.get_facecolor()[0]) == to_hex(line.get_color())


def test_the_levels_of_the_loss_are_named_beside_their_values(drawn, finished):
    directory, result = finished
    summary = pd.read_csv(directory / "summary.csv")
    ax = drawn["training_loss"].axes[0]
    known, xor = result.test.expected is not None, result.settings.task.name == "xor"
    levels = {"chance": summary["chance_loss"].mean()}
    levels |= {"best possible": summary["floor_loss"].mean()} if known else {}
    levels |= {"xor of the last\ntwo bits at\nevery step": 2 / 9} if xor else {}
    names = [f"{name}\n{level:.4f}" for name, level in levels.items()]
    names += [] if known else ["best possible:\nunknown"]
    assert {text.get_text() for text in ax.texts} == set(names)
    placed = [text.xy[1] for text in ax.texts[: len(levels)]]
    assert sorted(placed) == pytest.approx(
        sorted(levels.values()), rel=1e-12
    )  # versions of pandas read digits otherwise
    drawn_at = {line.get_ydata()[0] for line in ax.lines[1:]}
    assert sorted(drawn_at) == pytest.approx(sorted(set(levels.values())), rel=1e-12)


@of("text")
def test_curve_and_chance_keep_off_the_axis_where_the_best_is_unknown(drawn, finished):
    low, high = drawn["training_loss"].axes[0].get_ylim()
    lowest = min(finished[1].losses.min(), finished[1].baselines[0, 0])
    assert lowest - low > 0.05 * (high - low)


def test_notes_say_what_lines_bands_dots_and_arrows_are(drawn):
    for name in ("training_loss", "learning_curve"):
        assert "median and interquartile range of 3 networks" in notes(drawn[name])
    if figure := drawn.get("phase_portrait"):
        assert notes(figure)[1].startswith("dots: test steps; arrows: ")


def test_a_single_network_has_neither_medians_nor_a_number(tmp_path):
    run_into(tmp_path, elman.settings(*SMALL["cv"]))
    for name in plots.PLOTS:
        if figure := draw(tmp_path, name):
            legends = [text.get_text() for ax in figure.axes if ax.get_legend() for text in ax.get_legend().get_texts()]
            said = " ".join([figure.get_suptitle(), *notes(figure), *legends])
            assert not any(word in said for word in ("median", "quartile", "network 1"))


@OF_SYMBOLS
def test_a_line_stands_before_each_unit_but_the_first(drawn, finished):
    test = finished[1].test
    starts = [step for step in range(1, 24) if test.positions[step] == test.position_names[0]]
    for ax in drawn["principal_components"].axes:
        lines = [line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 2]
        assert lines == ([step - 0.5 for step in starts] if len(test.position_names) > 1 else [])
    unit = UNITS.get(finished[1].settings.task.name)
    told = f"; a line before each {unit}" if unit else ""
    assert drawn["principal_components"].axes[-1].get_xlabel() == f"element read{told}"


def test_the_loss_is_the_median_over_networks_in_a_band_of_quartiles(drawn, finished):
    ax = drawn["training_loss"].axes[0]
    assert medians(finished[1].losses[..., None]) <= lines(ax)
    check_band(ax, finished[1].losses)


def test_the_learning_curve_shows_error_rates_above_and_squared_errors_below(drawn, finished):
    _, result = finished
    for ax, measure in zip(drawn["learning_curve"].axes, ("error_rate", "mse"), strict=True):
        curves = np.stack([getattr(errors, measure) for errors in result.curve], axis=1)  # (R, K, P)
        for p, position in enumerate(result.test.position_names):
            line = labelled(ax, position)
            np.testing.assert_array_equal(line.get_xdata(), result.evaluated)
            np.testing.assert_array_equal(line.get_ydata(), np.median(curves[..., p], axis=0))


def test_the_legend_names_each_position_in_the_colour_of_its_curve(drawn, finished):
    above, below = drawn["learning_curve"].axes
    legend = above.get_legend()
    named = {text.get_text(): handle.get_color() for text, handle in zip(legend.get_texts(), legend.get_lines())}  # noqa: B905
    assert list(named) == list(finished[1].test.position_names)
    for ax in (above, below):
        curves = {line.get_label(): line.get_color() for line in ax.lines if not line.get_label().startswith("_")}
        assert {name: curves[name] for name in named} == named
    if finished[1].test.expected is not None:
        best = pd.read_csv(finished[0] / "position_errors.csv").groupby("position")["floor_mse"].first()
        dotted = [line for line in below.lines if line.get_linestyle() == ":" and len(line.get_xdata())]
        levels = {line.get_color(): line.get_ydata()[0] for line in dotted}
        assert levels == pytest.approx({named[p]: best[p] for p in named}, rel=1e-12)


@of("xor")
def test_the_error_over_12_steps_stands_above_the_best_possible(drawn, finished):
    errors = pd.read_csv(finished[0] / "cycle_errors.csv").pivot(index="step", columns="replicate", values="mse")
    (ax,) = drawn["error_over_12_steps"].axes
    error, best = curve(ax).get_ydata(), labelled(ax, "best possible").get_ydata()
    np.testing.assert_allclose(error, errors.median(axis=1), rtol=1e-12)  # versions of pandas round otherwise
    np.testing.assert_array_equal(best, np.resize([0.25, 0, 0.25], 12))  # the first bit is read, not predicted
    assert ticks(ax.xaxis) == [f"{step}\nxor" if step % 3 == 2 else str(step) for step in range(1, 13)]
    check_band(ax, errors.T)


def check_steps(ax, errors, letters, best):
    """An axes shows the medians and quartiles of errors (R, T), the letters, and the best possible (T,)."""
    line, dashes = curve(ax), labelled(ax, "best on average")
    np.testing.assert_allclose(line.get_ydata(), np.median(errors, axis=0), rtol=1e-12)  # a root of a square
    np.testing.assert_allclose(dashes.get_ydata(), best, rtol=1e-12)
    np.testing.assert_array_equal(line.get_xdata(), dashes.get_xdata())
    np.testing.assert_array_equal(line.get_xdata(), ax.get_xticks())
    assert ticks(ax.xaxis) == letters.tolist()
    check_band(ax, errors)


def best_at(directory, test, steps, bit=None):
    """The root of the best possible squared error at each step, from its position."""
    errors = pd.read_csv(directory / ("bit_errors.csv" if bit else "position_errors.csv"))
    errors = errors[errors["bit"] == bit] if bit else errors
    floor = errors.groupby("position")["floor_mse"].first() ** 0.5
    return [floor[position] for position in test.target_positions[steps]]


@of("cv")
def test_errors_by_letter_and_in_bits_1_and_4_are_those_of_the_first_20_steps(drawn, finished):
    directory, result = finished
    steps, test = slice(0, 20), result.test
    errors = np.abs(result.outputs - test.targets)[:, steps]  # (R, 20, n)
    (ax,) = drawn["error_by_letter"].axes
    rmse = np.sqrt((errors**2).mean(axis=2))
    check_steps(ax, rmse, test.target_symbols[steps], best_at(directory, test, steps))
    for ax, bit in zip(drawn["error_of_bits_1_and_4"].axes, (1, 4), strict=True):
        check_steps(ax, errors[..., bit - 1], test.target_symbols[steps], best_at(directory, test, steps, bit))
        assert ax.get_title() == f"bit {bit}, {test.features[bit - 1]}"


@of("words")
def test_errors_in_words_are_those_of_60_letters_and_dots_begin_words(drawn, finished):
    directory, result = finished
    test, rmse = result.test, np.sqrt(((result.outputs - result.test.targets) ** 2).mean(axis=2))
    for ax, steps in zip(drawn["error_in_words"].axes, (slice(0, 30), slice(30, 60)), strict=True):
        check_steps(ax, rmse[:, steps], test.target_symbols[steps], best_at(directory, test, steps))
        starts = [t for t in range(steps.start, steps.stop) if test.target_positions[t] == "letter 1"]
        dots = labelled(ax, "begins a word")
        np.testing.assert_array_equal(dots.get_xdata(), starts)
        np.testing.assert_allclose(dots.get_ydata(), np.median(rmse[:, starts], axis=0), rtol=1e-12)


@OF_SYMBOLS
def test_principal_components_are_projections_of_the_hidden_states_with_their_shares(drawn, finished):
    _, result = finished
    hiddens = result.hiddens[0, :60] - result.hiddens[0, :60].mean(axis=0)
    sizes, directions = np.linalg.eigh(hiddens.T @ hiddens)  # the longest last
    shares = [f"{share:.0%}" for share in sizes[::-1] / sizes.sum()]
    for k, ax in enumerate(drawn["principal_components"].axes):
        (line,) = (line for line in ax.lines if len(line.get_ydata()) == 24)
        projected = hiddens[:24] @ directions.T[::-1][k]
        np.testing.assert_allclose(np.abs(line.get_ydata()), np.abs(projected), atol=1e-9)  # eigenvectors' rounding
        assert ax.get_ylabel() == f"PC {k + 1} ({shares[k]})"
    assert ticks(ax.xaxis) == result.test.input_symbols[:24].tolist()
    (ax,) = drawn["phase_portrait"].axes
    assert [shares[0] in ax.get_xlabel(), shares[1] in ax.get_ylabel()] == [True, True]
    dots = np.concatenate([dots.get_offsets() for dots in ax.collections])
    assert len(dots) == len(hiddens)
    portrait = np.sort(np.abs(hiddens @ directions.T[::-1][0]))
    np.testing.assert_allclose(np.sort(np.abs(dots[:, 0])), portrait, atol=1e-9)


@OF_SYMBOLS
def test_the_phase_portrait_names_the_elements_that_its_arrows_lead_through(drawn, finished):
    read = finished[1].test.input_symbols
    (ax,) = drawn["phase_portrait"].axes
    named = [text for text in ax.texts if text.get_text()]
    points = {tuple(point): read[t] for t, point in enumerate(np.round(_portrait(finished[1]), 9))}
    for text in named:
        assert points[tuple(np.abs(np.round(text.xy, 9)))] == text.get_text()


def _portrait(result):
    hiddens = result.hiddens[0, :60] - result.hiddens[0, :60].mean(axis=0)
    left, sizes, _ = np.linalg.svd(hiddens, full_matrices=False)
    return np.abs((left * sizes)[:, :2])  # the sign of a component is free


def test_each_unit_is_a_row_and_each_step_a_column_of_activations(drawn, finished):
    _, result = finished
    (ax,) = drawn["hidden_units"].axes
    (image,) = ax.images
    np.testing.assert_array_equal(image.get_array(), result.hiddens[0, :24].T)
    assert image.get_clim() == (0, 1)
    assert ticks(ax.xaxis) == result.test.input_symbols[:24].tolist()
    assert ticks(ax.yaxis) == [str(unit) for unit in range(1, result.settings.hidden_size + 1)]


def test_weights_are_squares_in_their_places_with_the_area_of_their_sizes(drawn, finished):
    _, result = finished
    grounds, squares = drawn["weights"].axes[0].collections
    corners = np.array([path.vertices[:4] for path in squares.get_paths()])
    (x, y), areas = corners.mean(axis=1).T, np.ptp(corners[:, :, 0], axis=1) ** 2
    values = np.where(squares.get_facecolors()[:, 0] == 1, areas, -areas)  # white is positive, black negative
    W_ih, W_hh, b_h, W_ho, b_o = (array[0] for array in result.weights)
    blocks = (W_ih, W_hh, b_h[:, None], np.vstack([W_ho.T, b_o]))
    largest = max(np.abs(block).max() for block in blocks)
    for ground, block in zip(grounds.get_paths(), blocks, strict=True):
        left, right = ground.vertices[:, 0].min(), ground.vertices[:, 0].max()
        own, read = (left < x) & (x < right), np.zeros_like(block)
        read[y[own].astype(int), (x[own] - left).astype(int)] = values[own]
        # Weights of less than a thousandth of the largest are not drawn.
        np.testing.assert_allclose(read / areas.max(), block / largest, rtol=1e-9, atol=1e-3)


@of("xor", "cv", "words")
def test_weights_have_the_names_of_the_bits_and_the_numbers_of_the_units(drawn, finished):
    _, result = finished
    H, features = result.settings.hidden_size, list(result.test.features)
    (ax,) = drawn["weights"].axes
    texts = [text.get_text() for text in ax.texts if text.get_text()]
    units = [str(unit) for unit in range(1, H + 1)]
    blocks = ["input", *features, "context", *units, "bias", "output", *features]
    assert [text for text in texts if text not in ("bias", "hidden unit")] == [
        *(text for text in blocks if text != "bias"),
        *units,
    ]


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


def test_occurrences_show_their_symbol_as_it_is_written(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text(" ".join(["a", "cat", "A", "dog"] * 20))
    settings = ("task=text", "task.level=words", f"task.file={text}", "hidden_size=2", "occurrences=[a,A]")
    run_into(tmp_path / "run", elman.settings(*settings, "figures=false"))
    leaves = {t.get_text() for t in draw(tmp_path / "run", "occurrences").axes[0].texts}
    assert {"A dog [a]", "a cat [A]"} <= leaves


def test_a_word_in_the_place_of_another_stands_out(finished, tmp_path):
    directory, result = finished
    if result.settings.task.name != "sentences":
        return
    settings = elman.settings(*SMALL["sentences"], "epochs=0", f"weights_from={directory}", "task.replace=[man,zog]")
    run_into(tmp_path, settings)
    (ax,) = draw(tmp_path, "clusters").axes
    assert [text.get_text() for text in ax.texts if text.get_weight() == "bold"] == ["zog"]
