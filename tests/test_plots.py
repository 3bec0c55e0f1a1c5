import shutil

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.image import imread

import elman
from elman import plots, record
from elman.runner import run_into

EXPECTED = {
    "xor": {"training_loss", "learning_curve", "error_over_12_steps", "hidden_units"},
    "cv": {"training_loss", "learning_curve", "error_by_letter", "error_of_bits_1_and_4", "hidden_units"},
    "sentences": {"training_loss", "learning_curve", "hidden_units"},
}


def test_each_task_has_its_figures_and_none_is_empty(finished):
    directory, result = finished
    images = {path.stem: imread(path) for path in (directory / "figures").iterdir()}
    assert images.keys() == EXPECTED[result.settings.task.name]
    for image in images.values():
        assert image.shape[1] == plots.WIDTH * plots.DPI
        assert len(np.unique(image[:, :, 0])) > 10


def test_figures_are_drawn_from_the_files_alone(finished, tmp_path):
    directory, _ = finished
    for path in [*directory.glob("*.csv"), directory / "run.json"]:
        shutil.copy(path, tmp_path)
    record.publish(tmp_path / "figures", plots.drawn(tmp_path))
    for path in (directory / "figures").iterdir():
        np.testing.assert_array_equal(imread(tmp_path / "figures" / path.name), imread(path))


@pytest.mark.parametrize("name", plots.PLOTS)
def test_every_axis_says_what_it_shows_and_no_text_leaves_the_figure(finished, name):
    directory, _ = finished
    with rc_context(plots.STYLE):
        figure = plots.PLOTS[name](directory)
        if figure is None:
            return
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
    assert figure.axes[0].get_title()
    for ax in figure.axes:
        assert ax.get_ylabel()
        drawn = ax.get_tightbbox(renderer)
        assert min(drawn.x0, drawn.y0) >= 0
        assert drawn.x1 <= figure.bbox.x1
        assert drawn.y1 <= figure.bbox.y1


def test_the_levels_of_the_loss_are_named_beside_their_values(finished):
    directory, result = finished
    summary = pd.read_csv(directory / "summary.csv")
    texts = [text.get_text() for text in plots.training_loss(directory).axes[0].texts]
    assert f"chance\n{summary['chance_loss'].mean():.4f}" in texts
    assert f"best possible\n{summary['floor_loss'].mean():.4f}" in texts
    assert ("xor of the last\ntwo bits at\nevery step\n0.2222" in texts) == (result.settings.task.name == "xor")


def test_lines_are_medians_over_networks(finished):
    directory, _ = finished
    losses = pd.read_csv(directory / "losses.csv")
    line = plots.training_loss(directory).axes[0].lines[0]
    np.testing.assert_allclose(line.get_ydata(), losses.groupby("epoch")["loss"].median())


def test_letters_name_the_steps_at_which_they_are_predicted(finished):
    directory, result = finished
    figure = plots.error_by_letter(directory)
    if result.settings.task.name != "cv":
        assert figure is None
    else:
        labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
        assert labels == result.test.symbols[1:21].tolist()


@pytest.mark.parametrize("task", SMALL)
def test_figures_can_be_drawn_of_the_shortest_of_runs(task, tmp_path):
    run_into(
        tmp_path, elman.settings(f"task={task}", "task.length=4", "task.test_length=4", "epochs=1", "record_steps=0")
    )
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == {"training_loss", "learning_curve"}
