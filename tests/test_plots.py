import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL, lengths
from matplotlib.image import imread
from reading import cut_off, draw, notes, outside, overlapping

import elman
from elman import plots
from elman.plots.classes import divide
from elman.runner import run, run_into

CONF = Path(__file__).parent.parent / "conf" / "config.yaml"  # as a text of long words
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


def test_each_task_has_its_figures_and_none_is_empty(finished):
    directory, result = finished
    images = {path.stem: imread(path) for path in (directory / "figures").iterdir()}
    assert images.keys() == EXPECTED[result.settings.task.name]
    for name, image in images.items():
        assert image.shape[1] / plots.DPI in ((plots.WIDTH, plots.WIDE) if name == "weights" else (plots.WIDTH,))
        assert len(np.unique(image[:, :, 0])) > 10


def test_a_result_and_its_files_give_the_same_figures(finished):
    directory, result = finished
    images = dict(plots.draw(plots.from_result(result)))
    assert images.keys() == {path.name for path in (directory / "figures").iterdir()}
    for name, image in images.items():
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


def check_layout(figures):
    for name, figure in figures.items():
        assert figure.get_suptitle()
        assert all(ax.get_ylabel() or ax.get_xlabel() or ax.get_title() for ax in figure.axes if ax.axison)
        assert not outside(figure), name
        assert not overlapping(figure), name
        assert not cut_off(figure), name


def test_every_axis_says_what_it_shows_no_texts_overlap_and_nothing_is_cut_off(drawn):
    check_layout(drawn)


@pytest.mark.parametrize(
    "overrides",
    [
        ("task=nonsense_words", "epochs=3", "replicates=2"),
        ("task=sentences", "epochs=1", "hidden_size=150", "occurrences=[boy,eat]"),
        ("task=text", "task.level=words", f"task.file='{CONF}'", "epochs=1", "hidden_size=50"),
    ],
)
def test_figures_of_large_networks_and_long_names_are_as_clear(overrides, tmp_path):
    settings = elman.settings(*overrides, *lengths(overrides[0].removeprefix("task="), 500, 500))
    source = plots.from_result(run(settings))
    for width in (3.0, plots.WIDE):
        figures = {name: plots.figure(source, name, width=width) for name in plots.PLOTS}
        check_layout({name: figure for name, figure in figures.items() if figure})


def test_every_figure_names_task_sizes_and_main_settings(drawn, finished):
    settings, bits = finished[1].settings, len(finished[1].test.features)
    caption = f"{settings.task.name} {bits}-{settings.hidden_size}-{bits}, 25 epochs, learning rate 0.1"
    assert {notes(figure)[0] for figure in drawn.values()} == {caption}


@pytest.mark.parametrize(
    ("change", "end"),
    [
        ({}, "1-4-1, 1 epoch, learning rate 0.25"),
        ({"epochs": 0}, "1-4-1, trained by another run"),
        ({"context": "none", "loss": "softmax"}, "1-4-1, 1 epoch, learning rate 0.25, context=none, loss=softmax"),
    ],
)
def test_a_caption_says_what_is_not_as_usual(change, end):
    settings = {"task": {"name": "mine"}, "hidden_size": 4, "epochs": 1, "learning_rate": 0.25} | change
    bits = pd.DataFrame({"bit": [1], "feature": ["bit"]})
    assert plots.Source(settings, {"bit_errors": bits}.get, None).caption == f"mine {end}"


@pytest.mark.parametrize("task", SMALL)
def test_figures_can_be_drawn_of_the_shortest_of_runs(task, tmp_path):
    run_into(tmp_path, elman.settings(*SMALL[task], *lengths(task, 4, 4), "epochs=1", "record_steps=0"))
    few = {"training_loss", "learning_curve", "weights"}
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == few | (
        {"clusters"} if task in ("words", "sentences", "text", "grammar") else set()
    )


def test_no_symbol_of_a_text_is_too_strange_for_a_figure(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text(" ".join(["$\\no$", "文", "_", "a&b", "%", "{"] * 20), encoding="utf-8")
    settings = elman.settings(
        "task=text", "task.level=words", f"task.file={text}", "hidden_size=2", 'occurrences=["文"]'
    )
    run_into(tmp_path / "run", settings)
    named = [t.get_text() for t in draw(tmp_path / "run", "clusters").axes[0].texts]
    assert {"\\$\\no\\$", "U+6587", "_", "a&b", "%", "{"} <= set(named)


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
