"""The claims of Elman (1990), and measured anchors, on several networks each; `elman-paper` tests them on more."""

import numpy as np
import pandas as pd
import pytest

import elman
from elman.runner import run
from elman.tables import TABLES


def errors(*overrides):
    """The errors by position of each network: (result, {position: frame of one row a network})."""
    result = run(elman.settings(*overrides, "evaluate_every=0"))
    return result, dict(list(TABLES["position_errors"](result).groupby("position")))


@pytest.fixture(scope="module")
def article():
    return errors("task=xor", "replicates=24")


def test_most_networks_learn_to_predict_the_xor_bit_and_only_that(article):
    """p. 186: the error drops at every third bit. Medians, so that single networks that fail do not count."""
    _, at = article
    assert at["xor"]["error_rate"].median() <= 0.05
    for position in ("bit 1", "bit 2"):
        np.testing.assert_allclose(at[position]["error_rate"].median(), 0.5, atol=0.05)  # a fair coin, 1,000 throws
        assert at[position]["mse"].median() > 2 * at["xor"]["mse"].median()


def test_the_loss_ends_below_that_of_xor_at_every_step_and_above_the_best_possible(article):
    """Measured beforehand on 200 networks: median .2153, range .204 to .239; none reached .1667."""
    result, _ = article
    final = result.losses[:, -1]
    assert 0.205 < np.median(final) < 2 / 9
    assert final.min() > 1 / 6
    assert final.max() < 0.25


def test_networks_with_the_same_settings_differ(article):
    """Measured beforehand: 56 % of networks have at most .01 errors at the XOR step."""
    _, at = article
    learned = (at["xor"]["error_rate"] <= 0.01).mean()
    assert 0.2 <= learned <= 0.9  # 24 networks: three standard errors of .10 around it


def test_two_hidden_units_are_not_enough():
    """Measured beforehand: no network of 200 had at most .01 errors at the XOR step."""
    _, at = errors("task=xor", "hidden_size=2", "replicates=24")
    assert 0.14 <= at["xor"]["mse"].median() <= 0.18
    assert (at["xor"]["error_rate"] <= 0.01).sum() <= 1


def test_without_the_context_the_xor_bit_cannot_be_predicted():
    _, at = errors("task=xor", "context=none", "replicates=8", "epochs=300")
    # Two inputs, two answers: right half the time. 1,000 steps, so five standard errors of .016.
    np.testing.assert_allclose(at["xor"]["error_rate"], 0.5, atol=0.08)
    np.testing.assert_allclose(at["xor"]["mse"], 0.25, atol=0.01)


def test_a_learning_rate_of_a_tenth_learns_nothing_in_the_same_time():
    """Measured beforehand: .495 right at the XOR step at rate 0.01."""
    _, at = errors("task=xor", "learning_rate=0.01", "replicates=6")
    np.testing.assert_allclose(at["xor"]["error_rate"].median(), 0.5, atol=0.06)


def test_vowels_and_the_coming_of_a_consonant_are_predicted_but_not_which_one():
    """pp. 189-190, Figures 4 and 5: true of every network at the paper's sizes."""
    result, at = errors("experiment=elman_cv", "replicates=5")
    for vowel in ("vowel 1", "vowel 2", "vowel 3"):
        assert (at[vowel]["error_rate"] <= 0.01).all()
        assert (at[vowel]["mse"] <= 0.002).all()
    assert at["consonant"]["mse"].between(0.070, 0.082).all()
    bits = TABLES["bit_errors"](result).query("position == 'consonant'")
    assert (bits[bits["feature"] == "consonant"]["mse"] <= 0.005).all()
    assert bits[bits["feature"] == "high"]["mse"].between(0.20, 0.25).all()


@pytest.fixture(scope="module")
def lexical():
    return run(elman.settings("task=sentences", "replicates=3", "evaluate_every=0"))


def test_verbs_become_one_branch_of_the_tree_of_words_by_learning(lexical):
    """Figure 7. Measured beforehand on ten networks: an index of 1 in all of them, and of .38 to .65 untrained."""
    frame = TABLES["cluster_agreement"](lexical).query("tree == 'symbols'")
    agreement = frame.pivot(index="replicate", columns=["network", "class"], values="jaccard")
    assert (agreement["trained"][["verb", "HUM", "ANIM", "AGRESS", "FOOD"]] == 1).all(axis=None)
    assert (agreement["untrained"]["verb"] < 0.8).all()


def test_words_are_predicted_almost_as_well_as_their_likelihoods_allow(lexical):
    """pp. 194-207. On ten networks: cosines of .875 to .910, and norms 1.8 to 2.9 % above the best."""
    found = TABLES["likelihood"](lexical).set_index(["against", "measure"]).sort_index()
    assert (found.loc[("likelihood", "cosine"), "mean"] >= 0.85).all()
    norm = found.loc[("next word", "error norm")]
    assert (norm["mean"] > norm["best_mean"]).all()
    assert (norm["mean"] <= 1.04 * norm["best_mean"]).all()


def test_the_error_tells_where_words_begin():
    """pp. 191-194, Figure 6. Measured beforehand: .26 at first letters and .096 at later ones, on three networks."""
    _, at = errors("task=words", "replicates=10")
    later = pd.concat(frame for position, frame in at.items() if position != "letter 1")
    later = later.groupby("replicate")[["n", "mse"]].apply(lambda f: np.average(f["mse"], weights=f["n"]))
    ratio = at["letter 1"].set_index("replicate")["mse"] / later
    assert ratio.median() >= 2
    assert (ratio >= 1.8).all()
    assert at["letter 1"]["mse"].between(0.22, 0.29).all()
