from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import seeds, streams

from elman import metrics, network
from elman.stream import Stream

# Three steps to be predicted: 1 0 (place "a"), 1 1 (place "b"), 0 1 (place "a").
BY_HAND = Stream(
    vectors=np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.uint8),
    symbols=np.array(["s", "t", "u", "v"]),
    positions=np.array(["b", "a", "b", "a"]),
    expected=np.array([[0, 0], [1, 0.5], [1, 1], [0.2, 1]]),
    features=("one", "two"),
)


def test_errors_are_those_worked_out_by_hand():
    errors = metrics.errors(np.array([[[0.9, 0.6], [0.4, 0.8], [0.3, 0.5]]]), BY_HAND)
    assert BY_HAND.position_names == ("b", "a")
    np.testing.assert_allclose(errors.error_rate, [[1.0, 1.0]])
    np.testing.assert_allclose(errors.bit_error_rate, [[[1.0, 0.0], [0.0, 1.0]]])  # an output of 0.5 rounds to 0
    np.testing.assert_allclose(errors.bit_mse, [[[0.36, 0.04], [0.05, 0.305]]])
    np.testing.assert_allclose(errors.mse, [[0.2, 0.1775]])


def test_the_floor_is_that_worked_out_by_hand():
    floor = metrics.floor(BY_HAND)
    np.testing.assert_allclose(floor.bit_mse, [[[0.0, 0.0], [0.02, 0.125]]])
    np.testing.assert_allclose(floor.error_rate, [[0.0, 0.25]])  # torn at one of two steps: wrong half the time
    assert metrics.predictable(BY_HAND).tolist() == [True, False]


# Three steps to be predicted, one bit a symbol: y (place "2"), x (place "1"), z (place "2").
ONE_HOT = Stream(
    vectors=np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]], dtype=np.uint8),
    symbols=np.array(["x", "y", "x", "z"]),
    positions=np.array(["1", "2", "1", "2"]),
    expected=np.array([[1, 0, 0], [0, 0.5, 0.5], [0.6, 0.2, 0.2], [0, 0.7, 0.3]]),
    features=("x", "y", "z"),
)


def test_with_one_bit_a_symbol_the_largest_output_is_the_answer():
    outputs = np.array([[[0.1, 0.3, 0.2], [0.4, 0.9, 0.1], [0.2, 0.1, 0.9]]])
    assert ONE_HOT.one_hot
    assert metrics.correct(outputs, ONE_HOT, slice(None)).tolist() == [[True, False, True]]
    assert metrics.correct(outputs[:, 1:], ONE_HOT, slice(1, None)).tolist() == [[False, True]]
    np.testing.assert_array_equal(metrics.errors(outputs, ONE_HOT).error_rate, [[1.0, 0.0]])
    np.testing.assert_allclose(metrics.floor(ONE_HOT).error_rate, [[0.0, 0.75]])  # torn at y, wrong at z


@pytest.mark.parametrize(
    "changes",
    [{"features": ("x", "z", "y")}, {"vectors": ONE_HOT.vectors | np.eye(4, 3, 1, dtype=np.uint8)}],
)
def test_bits_that_stand_for_something_else_than_the_symbol_are_rounded_one_by_one(changes):
    assert not replace(ONE_HOT, **changes).one_hot


def test_where_the_best_prediction_is_unknown_so_are_all_floors():
    unknown = replace(BY_HAND, expected=None)
    assert all(np.isnan(array).all() for array in metrics.floor(unknown))
    assert metrics.floor(unknown).mse.shape == metrics.floor(BY_HAND).mse.shape
    assert not metrics.predictable(unknown).any()
    chance, best = metrics.loss_baselines(unknown, "squared")
    assert chance == metrics.loss_baselines(BY_HAND, "squared")[0]
    assert np.isnan(best)
    assert unknown.wrapped().expected is None


def test_the_error_rate_at_predictable_positions_is_a_share_of_their_steps():
    np.testing.assert_allclose(metrics.predictable_error_rate(np.array([[[0.0, 1.0], [1.0, 0.0]]]), BY_HAND), [[0, 1]])
    nowhere = replace(BY_HAND, expected=np.full((4, 2), 0.5))
    assert np.isnan(metrics.predictable_error_rate(np.zeros((3, 2)), nowhere)).all()


def test_loss_baselines_are_those_worked_out_by_hand():
    unequal = replace(BY_HAND, vectors=np.array([[0, 0], [1, 0], [1, 1], [1, 1]], dtype=np.uint8))
    chance, best = metrics.loss_baselines(unequal, "squared")
    np.testing.assert_allclose(chance, (0 + 2 / 9) / 2)  # the first bit is 1 at all steps, the second at two of three
    np.testing.assert_allclose(best, (0.25 + 0.64) / 6)


def test_steps_between_separate_sequences_enter_no_number():
    """The stream by hand, but that its second step begins a sequence: only its first and third are left."""
    separate = replace(BY_HAND, starts=np.array([True, False, True, False]), separate=True)
    outputs = np.array([[[0.9, 0.6], [0.4, 0.8], [0.3, 0.5]]])
    errors, floor = metrics.errors(outputs, separate), metrics.floor(separate)
    assert separate.position_names == ("a",)
    assert separate.position_counts.tolist() == [2]
    np.testing.assert_array_equal(errors.bit_mse, metrics.errors(outputs, BY_HAND).bit_mse[:, 1:])
    np.testing.assert_array_equal(errors.error_rate, [[1.0]])
    for one, all_steps in zip(floor, metrics.floor(BY_HAND), strict=True):
        np.testing.assert_array_equal(one, all_steps[:, 1:])
    chance, best = metrics.loss_baselines(separate, "squared")
    np.testing.assert_allclose([chance, best], [(0.25 + 0.25) / 2, (0.25 + 0.04) / 4])


@given(streams())
def test_no_errors_are_found_in_the_targets_themselves(stream):
    errors = metrics.errors(stream.targets[None].astype(float), stream)
    assert not any(array.any() for array in errors)


@given(streams(), seeds)
def test_the_errors_of_a_network_do_not_depend_on_the_others(stream, seed):
    outputs = np.random.default_rng(seed).random((5, *stream.targets.shape))
    together = metrics.errors(outputs, stream)
    for r in range(5):
        for a, b in zip(together, metrics.errors(outputs[r : r + 1], stream), strict=True):
            np.testing.assert_array_equal(a[r], b[0])
        np.testing.assert_array_equal(together.mse[r], metrics.errors(outputs[r : r + 1], stream).mse[0])


@given(streams(), seeds, st.sampled_from(["squared", "cross_entropy"]))
def test_no_guess_beats_chance_among_constants(stream, seed, loss):
    constant = np.random.default_rng(seed).random(stream.targets.shape[1])
    chance, _ = metrics.loss_baselines(stream, loss)
    assert (
        network.LOSSES[loss].of(np.log(constant / (1 - constant)), stream.targets).mean() >= chance - 1e-12
    )  # rounding


def test_baselines_of_softmax_are_entropies():
    expected = np.array([[0.2, 0.3, 0.5], [0.5, 0.5, 0.0], [0.1, 0.8, 0.1], [0.25, 0.5, 0.25]])
    stream = Stream(symbols=["a", "b", "b", "c"], expected=expected)
    chance, best = metrics.loss_baselines(stream, "softmax")  # b, b and c are predicted
    np.testing.assert_allclose(chance, -(2 / 3) * np.log(2 / 3) - (1 / 3) * np.log(1 / 3))
    np.testing.assert_allclose(best, -(np.log(0.5) + np.log(0.8) + np.log(0.25)) / 3)


def test_the_best_cross_entropy_is_that_of_the_best_outputs():
    _, best = metrics.loss_baselines(BY_HAND, "cross_entropy")
    e, t = BY_HAND.target_expected, BY_HAND.targets
    known = np.where(t == 1, e, 1 - e)  # no target of probability 0
    np.testing.assert_allclose(best, -np.log(known).mean())
