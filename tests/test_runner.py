import json
import tracemalloc

import numpy as np
import oracle
import pandas as pd
import pytest
from conftest import SMALL, lengths
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import elman
from elman import metrics, network, runner
from elman.runner import DivergenceError, run, run_into
from elman.tables import TABLES

each_task = pytest.mark.parametrize("task", SMALL)


def tables(*overrides):
    result = run(elman.settings(*overrides))
    return {name: table(result) for name, table in TABLES.items()}


def assert_same(one, other):
    for name, frame in one.items():
        assert frame.to_csv() == other[name].to_csv(), name


@each_task
@pytest.mark.parametrize("backend", ["numba", "numpy"])
@pytest.mark.parametrize("more", [(), ("reset_context=never", "initial_context=0.5"), ("shared_stream=true",)])
def test_the_first_networks_of_a_run_do_not_depend_on_how_many_there_are(task, backend, more):
    few, many = (tables(*SMALL[task], "epochs=5", *more, f"backend={backend}", f"replicates={R}") for R in (1, 3))
    first = {name: f[f["replicate"] < 1] if "replicate" in f else f for name, f in many.items()}
    assert_same(few, {name: f.reset_index(drop=True) for name, f in first.items()})


@hypothesis_settings(max_examples=10)
@given(
    task=st.sampled_from(sorted(SMALL)),
    length=st.integers(4, 80),
    test_length=st.integers(4, 80),
    hidden=st.integers(1, 9),
    seed=st.integers(0, 2**40),
)
def test_the_same_settings_give_the_same_tables(task, length, test_length, hidden, seed):
    overrides = (*SMALL[task], *lengths(task, length, test_length), "epochs=7")
    more = (f"hidden_size={hidden}", f"seed={seed}", "replicates=2", "evaluate_every=3")
    assert_same(tables(*overrides, *more), tables(*overrides, *more))


@each_task
def test_networks_differ_in_weights_and_stream_or_in_weights_alone(task):
    result = run(elman.settings(*SMALL[task], "replicates=2"))
    shared = run(elman.settings(*SMALL[task], "replicates=2", "shared_stream=true"))
    for r in (result, shared):
        assert (r.initial.W_hh[0] != r.initial.W_hh[1]).any()
    np.testing.assert_array_equal(result.initial.W_hh, shared.initial.W_hh)
    assert (result.training[0] is result.training[1]) == (task == "text")  # of a text there is one only
    assert task == "text" or (result.training[0].vectors != result.training[1].vectors).any()
    assert (shared.training[0].vectors == shared.training[1].vectors).all()
    np.testing.assert_array_equal(result.training[0].vectors, shared.training[0].vectors)
    np.testing.assert_array_equal(result.test.vectors, shared.test.vectors)


@each_task
def test_a_test_does_not_disturb_the_training(task):
    often, never = (run(elman.settings(*SMALL[task], f"evaluate_every={every}")) for every in (1, 0))
    np.testing.assert_array_equal(often.losses, never.losses)
    assert often.evaluated.tolist() == list(range(1, 26))
    assert never.evaluated.tolist() == [25]
    assert often.curve[-1].mse.tolist() == never.curve[-1].mse.tolist()


def test_the_context_is_carried_on_or_reset():
    carried = run(elman.settings(*SMALL["xor"], "reset_context=never", "initial_context=0.5"))
    reset = run(elman.settings(*SMALL["xor"], "initial_context=0.5"))
    assert (reset.context == 0.5).all()
    assert (carried.context != 0.5).all()
    assert len(carried.training[0].inputs) == 60  # it wraps: the last element predicts the first
    assert len(reset.training[0].inputs) == 59
    for result in (carried, reset):
        T = len(result.training[0].inputs)
        _, _, losses = oracle.train(
            [array[0].tolist() for array in result.initial],
            [0.5] * 3,
            result.training[0].inputs.astype(float).tolist(),
            result.training[0].targets.tolist(),
            result.rule._asdict(),
            epochs=25,
            resets=[result is reset and t == 0 for t in range(T)],
            counted=[True] * T,
        )
        np.testing.assert_allclose(result.losses[0], losses, rtol=1e-11)  # the same sums in another order


def test_without_recurrence_the_context_never_changes():
    result = run(elman.settings(*SMALL["xor"], "context=none", "reset_context=never", "initial_context=0.25"))
    assert (result.context == 0.25).all()
    assert (np.ptp(result.hiddens[0, result.test.inputs[:, 0] == 1], axis=0) == 0).all()


@each_task
@pytest.mark.parametrize("more", [("reset_context=never",), ("context=none", "initial_context=0.25"), ()])
def test_the_last_test_is_of_the_networks_and_the_context_that_training_left(task, more):
    result = run(elman.settings(*SMALL[task], *more, "learning_rate=1"))
    outputs, _, _ = network.predict(result.weights, result.test.inputs, result.context, result.rule)
    for found, wanted in zip(result.curve[-1], metrics.errors(outputs, result.test), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_no_initial_scale_leave_every_output_at_one_half_at_first():
    result = run(elman.settings(*SMALL["xor"], "initial_scale=0"))
    outputs, _, _ = result.backend.predict(result.initial, result.test.inputs, np.zeros((1, 3)), result.rule)
    assert (outputs == 0.5).all()


def test_the_loss_that_is_no_longer_finite_is_named_with_its_epoch(tmp_path):
    with pytest.raises(
        DivergenceError, match=r"the loss of replicate 0 is not finite in epoch 1; a learning_rate below 0.1"
    ):
        run_into(tmp_path / "run", elman.settings("initial_scale=1e308", "hidden_size=20"))
    entry = json.loads((tmp_path / "run" / "run.json").read_text())
    assert entry["status"] == "failed"
    assert "not finite in epoch 1" in entry["error"]
    assert "Traceback" in entry["traceback"]
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["run.json"]


@pytest.mark.parametrize("backend", ["numba", "numpy"])
def test_memory_does_not_grow_with_the_epochs_beyond_the_losses(backend):
    def peak(epochs):
        settings = elman.settings("task.length=9", "task.test_length=9", f"backend={backend}", "evaluate_every=0")
        settings.epochs = epochs
        run(settings)
        # The least of several, because a peak also holds what the garbage collector has not come round to.
        return min(traced(settings) for _ in range(5 if backend == "numba" else 1))

    def traced(settings):
        tracemalloc.start()
        run(settings)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    grown = peak(2000) - peak(200)
    assert grown < 8 * 1800 + 10_000  # eight bytes a loss, and some slack for the interpreter's own


@each_task
@pytest.mark.parametrize("blocks", [1, 500])
def test_testing_in_blocks_of_networks_changes_no_bit(task, blocks, monkeypatch):
    few_epochs = (*SMALL[task], "epochs=5", "replicates=5")
    whole = tables(*few_epochs)
    monkeypatch.setattr("elman.result._BLOCK", blocks)
    assert_same(tables(*few_epochs), whole)


@pytest.mark.parametrize("seconds", [0, 60])
def test_progress_is_told_between_pieces_of_training_whose_length_changes_no_bit(seconds, monkeypatch):
    usual = run(elman.settings(*SMALL["cv"], "replicates=40", "evaluate_every=20")).losses
    monkeypatch.setattr(runner, "_PIECE", seconds)
    told = []
    settings = elman.settings(*SMALL["cv"], "replicates=40", "evaluate_every=20")
    losses = run(settings, lambda done, losses: told.append((done, losses))).losses
    assert (losses == usual).all()
    whole = [done for done, _ in told if isinstance(done, int)]
    assert whole == (list(range(1, 26)) if seconds == 0 else [1, 11, 20, 25])
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert all((last == losses[:, int(done) - 1]).all() for done, last in told if done in whole)
    assert any(done < 1 and np.isnan(last).all() for done, last in told)  # networks of the first epoch


def test_a_run_writes_the_files_of_the_contract(finished):
    directory, result = finished
    tables = {f"{name}.csv" for name, table in TABLES.items() if len(table(result))}
    inputs = {"inputs"} if result.settings.task.kind == "text" else set()  # files that settings name
    assert {path.name for path in directory.iterdir()} == tables | inputs | {"weights.npz", "run.json", "figures"}
    for name in tables:
        frame = TABLES[name.removesuffix(".csv")](result)
        assert (directory / name).read_text() == frame.to_csv(index=False)
    with np.load(directory / "weights.npz") as saved:
        for name, array in result.weights._asdict().items():
            np.testing.assert_array_equal(saved[name], array)
        for name, array in result.initial._asdict().items():
            np.testing.assert_array_equal(saved[f"initial_{name}"], array)


def test_run_json_says_what_was_run_and_when(finished):
    directory, result = finished
    entry = json.loads((directory / "run.json").read_text())
    assert entry["format"] == 2
    assert entry["status"] == "finished"
    assert entry["settings"]["task"]["name"] == result.settings.task.name
    assert entry["settings"]["replicates"] == 3
    assert entry["start"] < entry["end"]
    assert {"streams", "compile", "train", "evaluate", "tables", "figures", "total"} <= entry["seconds"].keys()
    assert {"elman", "python", "numpy", "numba", "hydra-core"} <= entry["versions"].keys()


def test_a_result_keeps_the_settings_it_was_trained_with():
    settings = elman.settings(*SMALL["xor"])
    result = run(settings)
    before, stream = TABLES["predictions"](result), result.training[0].vectors
    settings.context, settings.task.length = "none", 30
    pd.testing.assert_frame_equal(TABLES["predictions"](result), before)
    np.testing.assert_array_equal(result.training[0].vectors, stream)


def test_spans_of_the_context_leave_the_other_draws_as_they_are():
    small = (*SMALL["xor"], "backend=numpy", "epochs=2", "replicates=3")
    plain = run(elman.settings(*small))
    spans = run(elman.settings(*small, "context_span=[2,3]"))
    for one, other in zip(plain.initial, spans.initial, strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(plain.training, spans.training, strict=True):
        np.testing.assert_array_equal(one.vectors, other.vectors)
    assert (plain.losses != spans.losses).all()


@pytest.mark.parametrize("reset", ["epoch", "sequence", "never"])
def test_the_test_may_reset_the_context_in_another_way_than_training(reset):
    small = (*SMALL["xor"], "backend=numpy", "epochs=3", "initial_context=0.25", "learning_rate=0.5")
    trained = run(elman.settings(*small, "reset_context=epoch"))
    tested = run(elman.settings(*small, "reset_context=epoch", f"test_reset={reset}"))
    np.testing.assert_array_equal(trained.losses, tested.losses)
    assert ((tested.context == 0.25).all()) == (reset != "never")
    assert tested.test.separate == (reset == "sequence")
    if reset == "sequence":  # the same element is read from the same context at the start of each triple
        at = np.flatnonzero(tested.test.resets & (tested.test.inputs[:, 0] == 1))
        assert len(np.unique(tested.outputs[0, at])) == 1
        assert set(TABLES["position_errors"](tested)["position"]) == {"bit 2", "xor"}


def test_what_leads_from_one_separate_sequence_to_the_next_is_not_learned():
    """With sequences of a single form, and no step between them, a network learns all that there is."""
    result = run(
        elman.settings(*SMALL["cv"], "backend=numpy", "reset_context=sequence", "epochs=60", "learning_rate=0.5")
    )
    assert "consonant" not in result.test.position_names
    assert result.losses[0, -1] < 0.01
    assert result.baselines[0, 1] == 0
