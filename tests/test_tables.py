import dataclasses
import io
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL, lengths
from strategies import OPTIONS, drawn

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
    "ngrams": "replicate order position error_rate mse cosine",
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
SEPARATE = ("xor", "sentences")  # also with steps that do not count


@pytest.fixture(scope="module", params=[*EMPTY, *(f"{task}, separate" for task in SEPARATE)])
def result(request):
    task, _, separate = request.param.partition(", ")
    overrides = ("epochs=45", "evaluate_every=20", "record_steps=1000", "replicates=3", "learning_rate=0.5")
    more = ("reset_context=sequence",) if separate else ()
    return run(elman.settings(*SMALL[task], *lengths(task, 90, 120), *overrides, *more))


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
    """Each bit of each counted prediction, with whether it is wrong and the squared error of the best possible one."""
    frame = frames["predictions"]
    frame = frame[result.test.counted[frame["step"]]]
    assert (len(frame) < len(frames["predictions"])) == (result.settings.reset_context == "sequence")
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
    first = cycle[cycle["replicate"] == 0].set_index("step")
    predicted = {1: "bit 2", 2: "xor", 3: "bit 1", 4: "bit 2"}  # the first bit is read, not predicted
    if result.test.separate:
        del predicted[3]
    assert first["position"][first.index <= 4].to_dict() == predicted
    assert (first["n"] == len(result.test.targets) // 12).all()


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
    likelihood, n = result.test.expected[1:][result.test.counted], len(result.test.features)
    targets = result.test.targets[result.test.counted]
    for r, outputs in enumerate(result.outputs[:, result.test.counted]):
        norms = np.array([np.linalg.norm(o - e) for o, e in zip(outputs, likelihood, strict=True)])
        cosines = [o @ e / np.linalg.norm(o) / np.linalg.norm(e) for o, e in zip(outputs, likelihood, strict=True)]
        for measure, values in {
            "error norm": norms, "squared error": norms**2, "RMS per unit": norms / n**0.5, "cosine": cosines
        }.items():  # fmt: skip
            row = found.loc[r, "likelihood", measure]
            np.testing.assert_allclose([row["mean"], row["sd"]], [np.mean(values), np.std(values)], rtol=1e-12)
            assert row["best_mean"] == pytest.approx(1 if measure == "cosine" else 0)
        to_word = np.linalg.norm(outputs - targets, axis=-1)
        best = np.linalg.norm(likelihood - targets, axis=-1)
        row = found.loc[r, "next word", "error norm"]
        np.testing.assert_allclose([row["mean"], row["best_mean"]], [to_word.mean(), best.mean()], rtol=1e-12)
    paper = found.loc[0, "likelihood", "cosine"][["paper_mean", "paper_sd"]]
    assert paper.isna().all() if result.test.separate else paper.tolist() == [0.916, 0.123]


@pytest.mark.parametrize(
    ("change", "papers"),
    [
        ({}, True),
        ({"spare": 5}, True),
        ({"replace": ["man", "zog"]}, False),
        ({"templates": lambda templates: templates[:-1]}, False),
        ({"templates": lambda templates: templates[::-1]}, True),
        ({"categories": lambda categories: {**categories, "HUM": ["man", "woman", "boy"]}}, False),
    ],
)
def test_numbers_of_the_paper_stand_beside_its_own_grammar_alone(change, papers):
    changed = {key: value(OPTIONS["sentences"][key]) if callable(value) else value for key, value in change.items()}
    assert bool(drawn("sentences", 30, 1, **changed).published) == papers


def test_units_are_written_as_far_as_steps_are():
    settings = elman.settings(*SMALL["words"], "task.opening=[]", "record_steps=20", "replicates=2", "epochs=1")
    result = run(settings)
    units, test = TABLES["units"](result), result.test
    assert set(units["name"]) == {"word"}
    assert units["step"].tolist() == [t for t in range(20) if test.positions[t] == "letter 1"]
    spelled = ["".join(test.symbols[row.step : row.step + row.length]) for row in units.itertuples()]
    assert set(spelled) <= set(settings.task.lexicon)
    assert units["starts_sequence"].tolist() == test.starts[units["step"]].tolist()
    assert units["unit"].tolist() == list(range(len(units)))
    assert TABLES["units"](dataclasses.replace(result, settings=elman.settings("record_steps=0"))).empty


@pytest.mark.skipif("openblas" not in str(np.show_config("dicts")), reason="another BLAS")
def test_no_number_of_a_table_depends_on_the_processor_s_kernels_for_matrices():
    code = (
        "import elman; from elman.runner import run; from elman.tables import TABLES\n"
        "from conftest import SMALL\n"
        "result = run(elman.settings(*SMALL['words'], 'task.test_length=600', 'epochs=2'))\n"
        "text = '\\n'.join(f'{name}\\n{table(result).to_csv()}' for name, table in TABLES.items())\n"
    )
    here = {}
    exec(code, here)
    environment = {**os.environ, "OPENBLAS_CORETYPE": "Prescott", "PYTHONPATH": str(Path(__file__).parent)}
    elsewhere = subprocess.run(
        [sys.executable, "-c", f"{code}print(text, end='')"],
        env=environment,
        capture_output=True,
        check=True,
        text=True,
    )
    assert elsewhere.stdout == here["text"]


def test_a_long_word_takes_its_memory_once(tmp_path):
    """20,000 words, one of 8,000 letters: at most 60 MB more than without that one, from the file to the tables."""
    words = [f"w{number}" for number in np.random.default_rng(1).integers(300, size=20_000)]
    peaks = []
    for one in (words[7_000], "x" * 8_000):
        (tmp_path / "a.txt").write_text(" ".join([*words[:7_000], one, *words[7_001:]]))
        options = ("task=text", f"task.file='{tmp_path / 'a.txt'}'", "task.level=words", "epochs=1", "hidden_size=2")
        settings = elman.settings(*options, "record_steps=5")
        tracemalloc.start()
        for pieces in files(run(settings)).values():
            for piece in pieces:
                assert piece
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 60e6


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
