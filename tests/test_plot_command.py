"""elman-plot, elman.plot and Result.plot: figures of finished runs, and of results in memory."""

import re
from functools import partial

import matplotlib
import numpy as np
import pytest
from conftest import SMALL
from matplotlib.figure import Figure

import elman
from elman import run_json
from elman.cli import plot as command
from elman.errors import ConfigError
from elman.runner import run_into

MAGIC = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}


@pytest.fixture
def call(call_main):
    return partial(call_main, command.main, "elman-plot")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A directory of two finished runs and one that failed."""
    top = tmp_path_factory.mktemp("runs")
    for task in ("xor", "cv"):
        run_into(top / "some" / task, elman.settings(*SMALL[task], "figures=false"))
    (top / "some" / "failed").mkdir()
    entry = (top / "some" / "xor" / "run.json").read_text().replace('"finished"', '"failed"')
    (top / "some" / "failed" / "run.json").write_text(entry)
    return top


def test_a_figure_of_each_run_is_written_in_the_format_and_width_asked_for(runs, call, tmp_path):
    status, out, err = call(
        runs, "--figure", "training_loss", "clusters", "--format", "svg", "--width", "7", "--out", tmp_path / "out"
    )
    files = {"xor_training_loss.svg", "cv_training_loss.svg", "cv_clusters.svg"}
    assert status == 0
    assert {line.rpartition("/")[2] for line in out.splitlines()} == files
    assert re.fullmatch("elman-plot: left out .*failed: its status is failed\n", err)
    assert {path.name for path in (tmp_path / "out").iterdir()} == files
    for path in (tmp_path / "out").iterdir():
        assert f'width="{7 * 72}pt"' in path.read_text()


def test_without_out_figures_join_those_of_the_run(runs, call):
    run = runs / "some" / "xor"
    assert call(run, "--figure", "weights", "--format", "pdf", "png")[0] == 0
    assert {path.name for path in (run / "figures").iterdir()} == {"weights.pdf", "weights.png"}
    assert "figures/weights.pdf" in run_json.read(run)["outputs"]  # so that it goes when the run is replaced


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--figure", "trainin_loss"], 2, "there is no figure trainin_loss; did you mean training_loss?"),
        (["--width", "1"], 2, "must be a number of inches from 3 to 20, not 1"),
        (["--format", "bmp"], 2, "invalid choice: 'bmp'"),
        (["--figure", "error_in_words"], 1, "no run has anything to show as that"),
    ],
)
def test_a_mistake_ends_the_command_in_one_line_and_nothing_is_written(runs, call, arguments, status, message, here):
    found, out, err = call(runs, *arguments, "--out", "out")
    assert (found, out) == (status, "")
    assert message in err.splitlines()[-1]
    assert not (here / "out").exists()


def test_a_directory_without_runs_is_one_line(call, tmp_path):
    assert call(tmp_path / "nowhere") == (1, "", f"elman-plot: there is no directory {tmp_path / 'nowhere'}\n")


def test_figures_are_written_in_all_formats_and_those_that_are_missing_are_drawn(tmp_path):
    settings = elman.settings(*SMALL["xor"], "figure_formats=[svg,pdf]")
    run_into(tmp_path, settings)
    files = sorted((tmp_path / "figures").iterdir())
    assert len(files) == 10
    assert all(file.read_bytes().startswith(MAGIC[file.suffix[1:]]) for file in files)
    contents = {file.name: file.read_bytes() for file in files}
    files[0].unlink()
    settings.figure_formats = ["pdf", "svg", "png"]
    assert run_into(tmp_path, settings) is None  # a finished run
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert names == set(run_json.read(tmp_path)["figures"])
    assert len(names) == 15
    assert contents == {name: (tmp_path / "figures" / name).read_bytes() for name in contents}  # bit-identical


def test_a_format_that_is_not_written_is_refused():
    with pytest.raises(ConfigError, match=r"figure_formats must be a list of png, pdf and svg, not \['png', 'jpg'\]"):
        elman.settings("figure_formats=[png,jpg]")


def test_a_figure_from_python_is_styled_shows_in_a_notebook_and_leaves_rcparams_alone(finished):
    directory, _ = finished
    result = elman.open_run(directory)
    before = dict(matplotlib.rcParams)
    figure = result.plot("training_loss")
    assert figure._repr_png_().startswith(MAGIC["png"])
    assert figure.axes[0].xaxis.get_ticklabels()[0].get_fontsize() == 7.5
    again = elman.plot("training_loss", directory)
    for one, other in zip(figure.axes[0].lines, again.axes[0].lines, strict=True):
        np.testing.assert_array_equal(one.get_xydata(), other.get_xydata())
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("finished", ["cv"], indirect=True, scope="session")
def test_a_figure_of_one_axes_is_drawn_into_axes_of_the_caller(finished):
    result = elman.open_run(finished[0])
    for name in ("training_loss", "error_by_letter", "hidden_units", "phase_portrait", "weights"):
        figure = Figure(figsize=(8, 4))
        left, right = figure.subplots(1, 2)
        assert result.plot(name, ax=right) is figure
        assert right.has_data()
        assert not left.has_data()
        assert not figure.get_suptitle()
        assert "cv 6-5-6, 25 epochs, learning rate 0.1" in right.get_title()
    with pytest.raises(ConfigError, match="the figure clusters has several axes, so it cannot be drawn into one"):
        result.plot("clusters", ax=left)
    with pytest.raises(ConfigError, match="this run has nothing to show as error_in_words"):
        result.plot("error_in_words")
