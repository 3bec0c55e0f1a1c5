import io

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL, lengths

import elman
from elman import metrics
from elman.runner import run
from elman.tables import TABLES, csv, files

# The contract with users' scripts.
COLUMNS = {
    "symbols": "symbol",
    "losses": "replicate epoch loss",
    "learning_curve": "replicate epoch position error_rate mse",
    "position_errors": "replicate position n error_rate mse rmse floor_mse",
    "bit_errors": "replicate bit feature position n error_rate mse floor_mse",
    "predictions": "replicate step input target position bit feature target_value output squared_error",
    "hidden_states": "replicate step input position unit activation",
    "cycle_errors": "replicate step position n mse floor_mse",
    "likelihood": "replicate against measure mean sd best_mean best_sd paper_mean paper_sd",
    "units": "unit name step length starts_sequence",
    "classes": "class symbol",
    "occurrences": "replicate network symbol step input_position context",
    "hidden_means": "replicate network symbol n",
    "clusters": "replicate network tree merge left right distance size",
    "cluster_agreement": "replicate network tree class members jaccard",
    "summary": "replicate final_loss best_loss best_epoch chance_loss floor_loss test_mse test_floor_mse "
    "predictable_error_rate takeoff_epoch success_epoch",
}

EMPTY = {
    "xor": {"likelihood", "classes", "occurrences", "hidden_means", "clusters", "cluster_agreement"},
    "cv": {"cycle_errors", "occurrences", "likelihood"},
    "sentences": {"cycle_errors", "occurrences"},
    "text": {"cycle_errors", "units", "occurrences", "likelihood", "classes", "cluster_agreement"},
}


@pytest.fixture(scope="module", params=EMPTY)
def result(request):
    overrides = ("epochs=45", "evaluate_every=20", "record_steps=1000", "replicates=3", "learning_rate=0.5")
    return run(elman.settings(*SMALL[request.param], *lengths(request.param, 90, 120), *overrides))


@pytest.fixture(scope="module")
def frames(result):
    return {name: table(result) for name, table in TABLES.items()}


def test_every_table_has_the_columns_of_the_contract(result, frames):
    columns = {
        name: [c for c in frame if not c.startswith(("unit_", "bit_"))] for name, frame in frames.items() if len(frame)
    }
    assert {name: " ".join(named) for name, named in columns.items()} == {name: COLUMNS[name] for name in columns}
    assert COLUMNS.keys() - columns.keys() == EMPTY[result.settings.task.name]


def test_a_csv_is_read_back_bit_for_bit(frames):
    for name, frame in frames.items():
        if not len(frame.columns):
            continue
        again = pd.read_csv(io.BytesIO(csv(frame)), dtype=str)
        assert list(again) == list(frame)
        for column in frame:
            if pd.api.types.is_string_dtype(frame[column]):
                assert again[column].tolist() == frame[column].tolist()
            else:
                wanted = frame[column].astype(float)
                np.testing.assert_array_equal([float(text) for text in again[column]], wanted, f"{name} {column}")


def test_losses_are_one_row_an_epoch(result, frames):
    losses = frames["losses"].pivot(index="replicate", columns="epoch", values="loss")
    assert losses.columns.tolist() == list(range(1, 46))
    np.testing.assert_array_equal(losses, result.losses)


def test_the_learning_curve_has_every_twentieth_epoch_and_the_last(frames):
    curve = frames["learning_curve"]
    assert sorted(set(curve["epoch"])) == [20, 40, 45]
    last = curve[curve["epoch"] == 45].drop(columns="epoch").reset_index(drop=True)
    pd.testing.assert_frame_equal(last, frames["position_errors"][last.columns])


@pytest.fixture(scope="module")
def judged(result, frames):
    """Each bit of each prediction, with whether it is wrong and the squared error of the best possible one."""
    frame = frames["predictions"]
    step, bit = frame["step"].to_numpy(), frame["bit"].to_numpy() - 1
    best = np.nan if result.test.expected is None else result.test.expected[step + 1, bit]
    wrong = (frame["output"] > 0.5) != frame["target_value"]
    return frame.assign(wrong=wrong, best=(best - frame["target_value"]) ** 2)


def test_position_errors_follow_from_the_predictions(result, frames, judged):
    predictions = judged.copy()
    if result.test.one_hot:  # an answer is wrong where the largest output is not that of the target
        largest = predictions.groupby(["replicate", "step"])["output"].transform("max")
        predictions["wrong"] = (predictions["output"] < largest) & (predictions["target_value"] == 1)
    steps = predictions.groupby(["replicate", "step", "position"], as_index=False).agg(
        wrong=("wrong", "any"), squared_error=("squared_error", "mean"), best=("best", "mean")
    )
    wanted = steps.groupby(["replicate", "position"]).agg(
        n=("step", "count"), error_rate=("wrong", "mean"), mse=("squared_error", "mean"), floor_mse=("best", "mean")
    )
    found = frames["position_errors"].set_index(["replicate", "position"])
    pd.testing.assert_frame_equal(found[wanted.columns].sort_index(), wanted.sort_index())
    np.testing.assert_allclose(found["rmse"] ** 2, found["mse"])


def test_bit_errors_follow_from_the_predictions(frames, judged):
    wanted = (
        pd.concat([judged, judged.assign(position="all")])
        .groupby(["replicate", "bit", "feature", "position"])
        .agg(
            n=("step", "count"), error_rate=("wrong", "mean"), mse=("squared_error", "mean"), floor_mse=("best", "mean")
        )
    )
    found = frames["bit_errors"].set_index(["replicate", "bit", "feature", "position"])
    pd.testing.assert_frame_equal(found[wanted.columns].sort_index(), wanted.sort_index())
    assert set(found.reset_index().groupby(["replicate", "bit"])["position"].first()) == {"all"}


def test_predictions_and_hidden_states_are_those_of_the_networks(result, frames):
    R, steps, n = result.outputs.shape
    np.testing.assert_array_equal(frames["predictions"]["output"].to_numpy().reshape(R, steps, n), result.outputs)
    activations = frames["hidden_states"]["activation"].to_numpy().reshape(result.hiddens.shape)
    np.testing.assert_array_equal(activations, result.hiddens)
    for frame in (frames["predictions"], frames["hidden_states"]):
        first = frame[frame["replicate"] == 0].drop_duplicates("step")
        assert first["input"].tolist() == result.test.symbols[:-1].tolist()
        assert first["position"].tolist() == result.test.positions[1:].tolist()
        assert all(isinstance(value, str) for value in first["input"])
        assert "target" not in first or first["target"].tolist() == result.test.symbols[1:].tolist()


def test_cycle_errors_average_each_of_12_steps(result, frames, judged):
    cycle = frames["cycle_errors"]
    if result.settings.task.name != "xor":
        assert cycle.empty  # units differ in length, or there are none, so step 1 of a cycle means nothing
        return
    whole = judged[judged["step"] < len(result.test.targets) // 12 * 12]
    wanted = whole.groupby(["replicate", whole["step"] % 12 + 1])[["squared_error", "best"]].mean()
    np.testing.assert_allclose(cycle[["mse", "floor_mse"]], wanted)
    assert cycle["position"][:4].tolist() == ["bit 2", "xor", "bit 1", "bit 2"]  # the first bit is read, not predicted


def test_the_summary_follows_from_the_other_tables(result, frames):
    summary, losses, curve = frames["summary"], frames["losses"], frames["learning_curve"]
    predictable = np.array(result.test.position_names)[metrics.predictable(result.test)]
    for r, row in summary.set_index("replicate").iterrows():
        loss = losses[losses["replicate"] == r].set_index("epoch")["loss"]
        assert (row["final_loss"], row["best_loss"], row["best_epoch"]) == (loss.iloc[-1], loss.min(), loss.idxmin())
        chance, floor = metrics.loss_baselines(result.training[r], "squared")
        np.testing.assert_array_equal([row["chance_loss"], row["floor_loss"]], [chance, floor])
        begun = loss.index[loss <= chance - 0.2 * (chance - floor)]
        assert (row["takeoff_epoch"] == begun[0]) if len(begun) else pd.isna(row["takeoff_epoch"])
        at = frames["position_errors"].query("replicate == @r").set_index("position")
        np.testing.assert_allclose(row["test_mse"], np.average(at["mse"], weights=at["n"]))
        np.testing.assert_allclose(row["test_floor_mse"], np.average(at["floor_mse"], weights=at["n"]))
        if not len(predictable):
            assert row[["predictable_error_rate", "success_epoch"]].isna().all()
            continue
        rate = np.average(at.loc[predictable, "error_rate"], weights=at.loc[predictable, "n"])
        np.testing.assert_allclose(row["predictable_error_rate"], rate)
        each = curve[(curve["replicate"] == r) & curve["position"].isin(predictable)]
        epochs = [
            e
            for e, rows in each.groupby("epoch")
            if np.average(rows["error_rate"], weights=at.loc[rows["position"], "n"]) <= 0.01
        ]
        assert (row["success_epoch"] == epochs[0]) if epochs else pd.isna(row["success_epoch"])


def test_where_the_best_prediction_is_unknown_no_table_shows_a_floor(result, frames):
    known = result.settings.task.name != "text"
    floors = [frame[column] for frame in frames.values() for column in frame if "floor" in column]
    assert len(floors) >= 4
    assert all(column.notna().all() if known else column.isna().all() for column in floors)


def test_distances_from_the_likelihoods_are_means_over_the_steps(result, frames):
    if result.settings.task.name != "sentences":
        return
    found = frames["likelihood"].set_index(["replicate", "against", "measure"])
    likelihood, n = result.test.expected[1:], len(result.test.features)
    for r, outputs in enumerate(result.outputs):
        norms = np.array([np.linalg.norm(o - e) for o, e in zip(outputs, likelihood, strict=True)])
        cosines = [o @ e / np.linalg.norm(o) / np.linalg.norm(e) for o, e in zip(outputs, likelihood, strict=True)]
        for measure, values in {
            "error norm": norms, "squared error": norms**2, "RMS per unit": norms / n**0.5, "cosine": cosines
        }.items():  # fmt: skip
            row = found.loc[r, "likelihood", measure]
            np.testing.assert_allclose([row["mean"], row["sd"]], [np.mean(values), np.std(values)], rtol=1e-12)
            assert row["best_mean"] == pytest.approx(1 if measure == "cosine" else 0)
        to_word = np.linalg.norm(outputs - result.test.targets, axis=-1)
        best = np.linalg.norm(likelihood - result.test.targets, axis=-1)
        row = found.loc[r, "next word", "error norm"]
        np.testing.assert_allclose([row["mean"], row["best_mean"]], [to_word.mean(), best.mean()], rtol=1e-12)
    assert found.loc[0, "likelihood", "cosine"]["paper_mean"] == 0.916


def test_at_least_one_network_takes_off_and_one_never_succeeds():
    """Without both, the test above would not have tried both sides of its conditions."""
    overrides = ("task=cv", "task.length=90", "task.test_length=120", "evaluate_every=5", "replicates=3")
    summaries = [
        TABLES["summary"](run(elman.settings(*overrides, f"learning_rate={rate}", "epochs=60"))) for rate in (0.5, 1e-6)
    ]
    assert summaries[0]["takeoff_epoch"].notna().all()
    assert summaries[0]["success_epoch"].notna().any()
    assert summaries[1][["takeoff_epoch", "success_epoch"]].isna().all(axis=None)


@pytest.mark.parametrize("rows", [0, 100, 10**6])
def test_files_have_the_same_bytes_in_pieces_of_any_size(finished, rows, monkeypatch):
    _, result = finished
    monkeypatch.setattr("elman.tables._ROWS", rows)
    written = {name: b"".join(pieces) for name, pieces in files(result).items()}
    frames = {f"{name}.csv": table(result) for name, table in TABLES.items()}
    assert written == {name: csv(frame) for name, frame in frames.items() if len(frame.columns)}
