import inspect

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL
from matplotlib.figure import Figure

import elman
from elman.errors import ConfigError, RunDirectoryError


@pytest.fixture(scope="module", params=SMALL)
def both(request, tmp_path_factory):
    """A result of each task as it was trained, and the same as it is opened from its directory."""
    trained = elman.run(*SMALL[request.param], "replicates=2", "figures=false")
    return trained, elman.open_run(trained.save(tmp_path_factory.mktemp(request.param) / "run"))


def test_a_run_that_is_opened_equals_the_one_that_was_saved(both):
    trained, opened = both
    assert opened.settings == trained.settings
    assert opened.tables() == trained.tables()
    for name in trained.tables():
        pd.testing.assert_frame_equal(opened.table(name), trained.table(name), check_exact=True)
    for name in ("context", "losses", "outputs", "hiddens"):
        np.testing.assert_array_equal(getattr(opened, name), getattr(trained, name))
    for one, other in zip((*opened.initial, *opened.weights), (*trained.initial, *trained.weights), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip((opened.test, *opened.training), (trained.test, *trained.training), strict=True):
        np.testing.assert_array_equal(one.vectors, other.vectors)
    assert repr(opened) == repr(trained)


def test_a_description_fits_15_lines_and_names_what_differs_from_the_defaults(both):
    trained, _ = both
    for shown in (trained, trained.settings):
        assert len(repr(shown).splitlines()) <= 15
        assert shown._repr_html_().count("<table") == 1
    assert "'epochs=25'" in repr(trained.settings)
    assert "learning_rate" not in repr(trained.settings)
    assert "2 networks" in repr(trained)


def test_a_table_is_the_users_own(both):
    trained, _ = both
    frame = trained.table("losses")
    frame["loss"] = 0
    assert (trained.table("losses")["loss"] > 0).all()
    with pytest.raises(KeyError, match="this run has no table loses; there are losses, "):
        trained.table("loses")


def test_settings_and_overrides_run_the_same():
    overrides = (*SMALL["xor"], "epochs=2")
    np.testing.assert_array_equal(elman.run(*overrides).losses, elman.run(elman.settings(*overrides)).losses)
    with pytest.raises(TypeError, match="overrides such as"):
        elman.run(elman.settings(), "epochs=2")


def test_another_run_is_not_replaced(tmp_path):
    small = (*SMALL["xor"], "figures=false")
    first = elman.run(*small)
    first.save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*")}
    first.save(tmp_path)
    with pytest.raises(RunDirectoryError, match="holds a run of other settings"):
        elman.run(*small, "seed=7").save(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*")} == before


def test_what_is_no_finished_run_is_not_opened(tmp_path):
    with pytest.raises(FileNotFoundError):
        elman.open_run(tmp_path)


def test_figures_of_a_result_are_drawn_alone_or_into_axes():
    result = elman.run(*SMALL["xor"])
    assert isinstance(result.plot("training_loss"), Figure)
    ax = Figure().subplots()
    result.plot("training_loss", ax=ax)
    assert ax.lines
    with pytest.raises(ConfigError, match="did you mean training_loss"):
        result.plot("training_los")


def test_dir_lists_the_public_names_alone_and_each_says_what_it_is():
    assert dir(elman) == sorted([*elman.__all__, "__version__"])
    for name in elman.__all__:
        assert inspect.getdoc(getattr(elman, name))
    for name in dir(elman.Result):
        assert name.startswith("_") or getattr(elman.Result, name).__doc__
