import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL

import elman
from elman import checkpoint, report, runner
from elman.config import ConfigError
from elman.runner import run_into

XOR = (*SMALL["xor"], "replicates=3")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """(directory, result) of a finished run of three networks."""
    directory = tmp_path_factory.mktemp("saved") / "run"
    return directory, run_into(directory, elman.settings(*XOR))


def test_without_epochs_the_saved_networks_are_only_tested(run, tmp_path):
    directory, first = run
    again = run_into(tmp_path, elman.settings(*XOR, f"weights_from='{directory}'", "epochs=0"))
    np.testing.assert_array_equal(again.outputs, first.outputs)
    assert again.evaluated.tolist() == [0]
    for name in ("position_errors", "bit_errors", "predictions", "hidden_states", "cycle_errors"):
        assert (tmp_path / f"{name}.csv").read_bytes() == (directory / f"{name}.csv").read_bytes()


def test_a_run_without_epochs_leaves_empty_what_training_would_have_told(run, tmp_path):
    directory, _ = run
    result = run_into(tmp_path, elman.settings(*XOR, f"weights_from='{directory}'", "epochs=0"))
    assert (tmp_path / "losses.csv").read_text() == "replicate,epoch,loss\n"
    summary = pd.read_csv(tmp_path / "summary.csv")
    assert len(summary) == 3
    assert summary[["final_loss", "best_loss", "best_epoch", "takeoff_epoch"]].isna().all(axis=None)
    assert summary[["chance_loss", "floor_loss", "test_mse", "predictable_error_rate"]].notna().all(axis=None)
    figures = {path.stem for path in (tmp_path / "figures").iterdir()}
    assert not figures & {"training_loss", "learning_curve"}
    assert {"error_over_12_steps", "hidden_units"} <= figures
    text = report.report(result)
    assert f"weights from {directory}" in " ".join(text.split())
    assert "Training loss" not in text


@pytest.mark.parametrize("R", [1, 3])
def test_training_goes_on_where_the_saved_run_stopped(run, tmp_path, R):
    """With the same seed, so on the same streams; the context is reset, so nothing but the weights is handed on."""
    directory, first = run
    later = runner.run(elman.settings(*XOR, f"weights_from='{directory}'", "epochs=10", f"replicates={R}"))
    whole = runner.run(elman.settings(*XOR, "epochs=35", f"replicates={R}"))
    for after, wanted, before, start in zip(later.weights, whole.weights, later.initial, first.weights, strict=True):
        np.testing.assert_array_equal(after, wanted)
        np.testing.assert_array_equal(before, start[:R])
    np.testing.assert_array_equal(later.losses, whole.losses[:, 25:])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("hidden_size=4", "weights_from must hold networks of the sizes 1-4-1 for these settings, and those in "),
        ("replicates=4", "replicates must be at most 3, the networks in "),
        ("weights_from=nowhere", "weights_from must be the directory of a finished run, not nowhere"),
        ("weights_from=[a]", "weights_from must be text or null, not ['a']"),
    ],
)
def test_networks_that_cannot_be_used_are_refused_in_one_line(run, override, message):
    with pytest.raises(ConfigError, match=re.escape(message)) as refused:
        elman.settings(*XOR, f"weights_from='{run[0]}'", override)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("status", ["failed", "running"])
def test_the_networks_of_a_run_that_did_not_finish_are_refused(run, tmp_path, status):
    (tmp_path / "weights.npz").write_bytes((run[0] / "weights.npz").read_bytes())
    for text in (json.dumps({"status": status}), "{", "[]"):
        (tmp_path / "run.json").write_text(text)
        with pytest.raises(ConfigError, match="weights_from must be the directory of a finished run"):
            elman.settings(*XOR, f"weights_from='{tmp_path}'")


def test_a_run_does_not_replace_the_networks_that_it_starts_from(run):
    directory, _ = run
    before = (directory / "weights.npz").read_bytes()
    with pytest.raises(ConfigError, match="weights_from must be another directory than that of this run"):
        run_into(directory, elman.settings(*XOR, f"weights_from='{directory}'", "overwrite=true"))
    assert (directory / "weights.npz").read_bytes() == before


def test_a_trained_network_can_be_tested_with_an_unknown_word(tmp_path):
    """The paper's Figure 8: zog stands in the place of man, for networks that have never met it."""
    run_into(tmp_path / "run", elman.settings(*SMALL["sentences"], "figures=false"))
    more = (f"weights_from='{tmp_path / 'run'}'", "epochs=0", "task.replace=[man,zog]")
    result = runner.run(elman.settings(*SMALL["sentences"], *more))
    assert "zog" in result.test.symbols
    assert "man" not in result.test.symbols
    np.testing.assert_array_equal(result.weights.W_ih, result.initial.W_ih)


@pytest.mark.parametrize("size", [0, 100])
def test_damaged_weights_are_refused(run, tmp_path, size):
    (tmp_path / "run.json").write_bytes((run[0] / "run.json").read_bytes())
    (tmp_path / "weights.npz").write_bytes((run[0] / "weights.npz").read_bytes()[:size])
    with pytest.raises(ConfigError, match="weights_from must be the directory of a finished run, not "):
        runner.run(elman.settings(*XOR, f"weights_from='{tmp_path}'", "epochs=0"))


def damage(run, to, **arrays):
    """A copy of a run whose weights.npz has other arrays; None takes one away."""
    shutil.copytree(run, to)
    with np.load(to / "weights.npz") as file:
        whole = dict(file)
    changed = {name: array for name, array in {**whole, **arrays}.items() if array is not None}
    np.savez(to / "weights.npz", **changed)
    return to


@pytest.mark.parametrize(
    "arrays",
    [
        {"W_hh": np.ones((1, 1, 1))}, {"W_hh": None}, {"b_o": None}, {"b_o": np.ones(3)}, {"W_ih": np.ones((3, 3))},
        {"b_h": np.ones((3, 3), np.float32)}, {"b_h": np.ones((3, 3), int)}, {"b_h": np.full((3, 3), "a")},
        {"b_h": np.full((3, 3), np.nan)}, {"b_h": np.full((3, 3), np.inf)}, {"W_ho": np.ones((3, 1, 3, 1))},
        {"b_h": np.array([[None]])}, {"codes": np.ones((2, 2), np.uint8)}, {"features": np.array("bit")},
    ],
    ids=lambda arrays: str(list(arrays)),
)  # fmt: skip
def test_networks_are_checked_whole_before_they_are_used(run, tmp_path, arrays):
    broken = damage(run[0], tmp_path / "broken", **arrays)
    with pytest.raises(ConfigError, match=r"^weights_from must .*broken") as refused:
        elman.settings(*XOR, f"weights_from='{broken}'", "epochs=0")
    assert "\n" not in str(refused.value)


def text_of(directory, text, *more, codes=None):
    """Settings of a run on a text, with a table of codes for its letters if one is given."""
    files = [directory / f"{len(list(directory.iterdir()))}.txt", directory / f"{len(list(directory.iterdir()))}.csv"]
    files[0].write_text(text)
    if codes:
        files[1].write_text(codes)
        more = (f"task.codes='{files[1]}'", *more)
    small = ("epochs=3", "hidden_size=4", "figures=false", "reset_context=epoch")
    return elman.settings("task=text", f"task.file='{files[0]}'", *small, *more)


@pytest.mark.parametrize(("text", "missing"), [("xyzxyzxy", "x"), ("abdabdab", "d")])
def test_units_that_stand_for_other_symbols_are_refused(tmp_path, text, missing):
    run_into(tmp_path / "abc", text_of(tmp_path, "abcabcab" * 4))
    with pytest.raises(ConfigError, match=f"with a unit for {missing}, and those in .* have a, b, c$"):
        text_of(tmp_path, text * 4, f"weights_from='{tmp_path / 'abc'}'", "epochs=0")


CODES = ("letter,low,high\na,0,1\nb,1,0\nc,1,1\n", "letter,high,low\na,1,0\nb,0,1\nc,1,1\n")


def test_units_in_another_order_are_put_in_order(tmp_path):
    one, other = (text_of(tmp_path, "abcacbab" * 4, codes=codes) for codes in CODES)
    first = run_into(tmp_path / "run", one)
    other.weights_from, other.epochs = tmp_path / "run", 0
    again = runner.run(other)
    np.testing.assert_array_equal(again.weights.W_ih, first.weights.W_ih[..., ::-1])
    np.testing.assert_array_equal(again.weights.W_ho, first.weights.W_ho[:, ::-1])
    np.testing.assert_array_equal(again.weights.W_hh, first.weights.W_hh)
    # Rounding: the two inputs of a unit are summed in the other order.
    np.testing.assert_allclose(again.outputs, first.outputs[..., ::-1], rtol=1e-12)


def test_a_long_word_is_known_by_its_beginning_and_hash_and_takes_little_memory(tmp_path):
    long = "y" * 8000
    words = " ".join(["one", "two", "one", long] * 10)
    run_into(tmp_path / "run", text_of(tmp_path, words, "task.level=words"))
    assert (tmp_path / "run" / "weights.npz").stat().st_size < 10_000
    again = ("task.level=words", f"weights_from='{tmp_path / 'run'}'", "epochs=0")
    text_of(tmp_path, words, *again)
    with pytest.raises(ConfigError, match="weights_from must hold networks with a unit for yy"):
        text_of(tmp_path, words.replace(long, f"{long}y"), *again)


def test_symbols_with_other_codes_are_refused(tmp_path):
    run_into(tmp_path / "run", text_of(tmp_path, "abcacbab" * 4, codes=CODES[0]))
    swapped = CODES[0].replace("b,1,0", "b,1,1").replace("c,1,1", "c,1,0")
    with pytest.raises(
        ConfigError, match=r"symbols have the codes of these settings, and those in .* another one for b$"
    ):
        text_of(tmp_path, "abcacbab" * 4, f"weights_from='{tmp_path / 'run'}'", "epochs=0", codes=swapped)


def test_a_run_from_before_units_were_stored_tells_them_by_its_tables(tmp_path):
    for name, codes in (("coded", CODES[0]), ("plain", None)):
        run_into(tmp_path / name, text_of(tmp_path, "abcacbab" * 4, codes=codes))
        old = damage(tmp_path / name, tmp_path / f"old {name}", features=None, symbols=None, codes=None)
        with np.load(tmp_path / name / "weights.npz") as file:
            units = checkpoint._units_from_tables(old)
            assert units.features == tuple(file["features"])
            assert units.symbols == tuple(file["symbols"])
            np.testing.assert_array_equal(units.codes, file["codes"])
    runner.run(text_of(tmp_path, "abcacbab" * 4, f"weights_from='{tmp_path / 'old plain'}'", "epochs=0"))
    with pytest.raises(ConfigError, match="with a unit for d"):
        text_of(tmp_path, "abdabdab" * 4, f"weights_from='{tmp_path / 'old plain'}'", "epochs=0")


def test_networks_of_another_kind_are_refused(run):
    message = "context must be hidden, as of the networks in .*, not none"
    with pytest.raises(ConfigError, match=message):
        elman.settings(*XOR, f"weights_from='{run[0]}'", "context=none")
