import dataclasses

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import to_tree
from strategies import seeds

import elman
from elman import hidden, network
from elman.runner import run, run_into
from elman.tables import TABLES, files

PAIRS = np.array([[0, 1, 1.0, 2], [2, 3, 1.5, 2], [4, 5, 3.0, 4]])  # ((0 1) (2 3))


@pytest.mark.parametrize(
    ("members", "index"),
    [("0", 1), ("01", 1), ("23", 1), ("02", 1 / 2), ("012", 3 / 4), ("0123", 1)],
)
def test_a_class_agrees_with_a_tree_as_far_as_its_best_branch(members, index):
    assert hidden.agreement(PAIRS, np.isin(range(4), [int(leaf) for leaf in members])) == index


@given(st.integers(2, 12), seeds, st.sampled_from(hidden.METHODS))
def test_agreement_is_the_best_of_all_branches(leaves, seed, method):
    rng = np.random.default_rng(seed)
    merges = hidden.tree(rng.random((leaves, 3)), method=method, metric="euclidean")
    members = rng.permutation(np.arange(leaves) < rng.integers(1, leaves + 1))
    wanted, branches = set(np.flatnonzero(members)), to_tree(merges, rd=True)[1]
    each = [set(branch.pre_order()) for branch in branches]
    assert hidden.agreement(merges, members) == max(len(b & wanted) / len(b | wanted) for b in each)


@pytest.mark.parametrize(
    ("method", "metric"),
    [(m, d) for m in hidden.METHODS for d in hidden.METRICS if d == "euclidean" or m not in hidden.EUCLIDEAN_ONLY],
)
def test_two_groups_far_apart_are_two_branches(method, metric):
    rng = np.random.default_rng(1)
    first = np.arange(12) % 3 == 0
    vectors = np.where(first[:, None], [0.9, 0.1], [0.1, 0.9]) + 0.02 * rng.random((12, 2))
    merges = hidden.tree(vectors, method=method, metric=metric)
    assert hidden.agreement(merges, first) == hidden.agreement(merges, ~first) == 1


def test_the_cosine_of_states_that_are_almost_nothing_is_still_a_number():
    vectors = np.array([[1.0, 2.0], [2.0, 4.0], [2.0, 1.0]]) * 1e-217
    np.testing.assert_allclose(hidden.tree(vectors, method="average", metric="cosine")[:, 2], [0, 0.2], atol=1e-12)


@pytest.fixture(scope="module")
def result():
    more = ("task.length=90", "task.test_length=200", "epochs=9", "hidden_size=5", "initial_context=0.5")
    return run(elman.settings("task=cv", *more, "replicates=3", "occurrences=[g,b]"))


def untrained(result):
    start = np.full((3, 5), 0.5)
    return network.predict(result.initial, result.test.inputs, start, result.rule)[1]


def test_hidden_means_are_those_of_all_steps_that_read_the_symbol(result):
    frame = TABLES["hidden_means"](result)
    assert list(frame) == ["replicate", "network", "symbol", "n", *(f"unit_{unit}" for unit in range(1, 6))]
    assert frame["symbol"].tolist() == list("abdgiu") * 6
    for name, hiddens in (("trained", result.hiddens), ("untrained", untrained(result))):
        for r, rows in frame[frame["network"] == name].groupby("replicate"):
            for row in rows.itertuples():
                at = hiddens[r, result.test.input_symbols == row.symbol]
                assert row.n == len(at)
                np.testing.assert_allclose(row[-5:], at.mean(axis=0), rtol=1e-12)  # rounding


def test_occurrences_are_the_states_at_the_first_20_of_each_chosen_symbol(result):
    frame, symbols = TABLES["occurrences"](result), result.test.input_symbols
    assert frame.loc[frame["replicate"] == 0, "symbol"].tolist() == (["g"] * 20 + ["b"] * 20) * 2
    for name, hiddens in (("trained", result.hiddens), ("untrained", untrained(result))):
        for r, rows in frame[frame["network"] == name].groupby("replicate"):
            assert (symbols[rows["step"]] == rows["symbol"]).all()
            np.testing.assert_allclose(rows.filter(like="unit_"), hiddens[r, rows["step"]], rtol=1e-12)  # rounding
    last = frame.iloc[-1]
    assert last["context"] == " ".join(symbols[last["step"] - 2 : last["step"]])
    assert set(frame["input_position"]) == {"consonant"}


def test_occurrences_are_classed_by_symbol_and_by_position():
    options = ("task=cv", "task.length=90", "task.test_length=200", "epochs=9", "hidden_size=5")
    frame = TABLES["cluster_agreement"](run(elman.settings(*options, "occurrences=[i,b]")))
    classes = frame[(frame["network"] == "trained") & (frame["tree"] == "occurrences")].set_index("class")["members"]
    assert classes.to_dict() == {"i": 20, "b": 20, "vowel 1": 10, "vowel 2": 10, "consonant": 20}


def test_clusters_are_the_trees_of_the_tables_that_hold_their_leaves(result):
    clusters = TABLES["clusters"](result)
    for tree, table in (("symbols", "hidden_means"), ("occurrences", "occurrences")):
        leaves = TABLES[table](result).groupby(["replicate", "network"])
        for key, merges in clusters[clusters["tree"] == tree].groupby(["replicate", "network"]):
            vectors = leaves.get_group(key).filter(like="unit_")
            wanted = hidden.tree(vectors.to_numpy(), method="ward", metric="euclidean")
            np.testing.assert_array_equal(merges[["left", "right", "distance", "size"]], wanted)
            assert merges["merge"].tolist() == list(range(1, len(vectors)))


def test_method_and_metric_are_those_of_the_settings():
    options = ("task=cv", "task.length=60", "task.test_length=90", "epochs=3", "hidden_size=3")
    for method, metric in (("average", "cityblock"), ("single", "cosine")):
        chosen = elman.settings(*options, f"cluster_method={method}", f"cluster_metric={metric}")
        result = run(chosen)
        wanted = hidden.tree(result.hidden_states.means[0, 0], method=method, metric=metric)
        found = TABLES["clusters"](result).query("network == 'trained'")
        np.testing.assert_array_equal(found["distance"], wanted[:, 2])


def test_networks_that_were_read_from_a_run_have_no_untrained_ones(result, tmp_path):
    run_into(tmp_path, dataclasses.replace(result.settings, figures=False))
    tested = run(dataclasses.replace(result.settings, weights_from=str(tmp_path), epochs=0))
    frame = TABLES["hidden_means"](result)
    trained = frame[frame["network"] == "trained"].reset_index(drop=True)
    pd.testing.assert_frame_equal(TABLES["hidden_means"](tested), trained)


def test_a_stream_of_two_symbols_has_no_trees(finished):
    directory, result = finished
    trees, of_classes = {"hidden_means.csv", "clusters.csv"}, {"cluster_agreement.csv", "classes.csv"}
    wanted = set() if len(set(result.test.symbols)) == 2 else trees | of_classes if result.test.classes else trees
    assert (trees | of_classes) & {path.name for path in directory.iterdir()} == wanted


def test_each_tree_is_clustered_once_and_none_for_two_symbols(result, monkeypatch):
    clustered = []
    tree = hidden.tree
    monkeypatch.setattr(hidden, "tree", lambda *vectors, **how: clustered.append(how) or tree(*vectors, **how))
    again = dataclasses.replace(result)
    for pieces in files(again).values():
        list(pieces)
    assert len(clustered) == 3 * 2 * 2  # networks, trained and untrained, symbols and occurrences
    clustered.clear()
    list(files(run(elman.settings(*SMALL["xor"]))))
    assert not clustered
