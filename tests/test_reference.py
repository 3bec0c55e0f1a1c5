import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import options, problems

from elman.network import Weights
from elman.trainers import BACKENDS

each_backend = pytest.mark.parametrize("name", BACKENDS)


def lists(arrays, r):
    return [array[r].tolist() for array in arrays]


def assert_same_bits(got, wanted):
    for a, b in zip([*got[0], *got[1:]], [*wanted[0], *wanted[1:]], strict=True):
        np.testing.assert_array_equal(a, b)


@each_backend
@given(problem=problems(), chosen=options)
def test_training_follows_the_equations(name, problem, chosen):
    weights, context, inputs, targets = problem
    trained, end, losses = BACKENDS[name]().train(weights, context, inputs, targets, epochs=3, **chosen)
    for r in range(len(context)):
        wanted, wanted_end, wanted_losses = oracle.train(
            lists(weights, r),
            context[r].tolist(),
            inputs[r].tolist(),
            targets[r].tolist(),
            epochs=3,
            rate=chosen["learning_rate"],
            reset_to=chosen["reset_to"],
            recurrent=chosen["recurrent"],
        )
        # The same sums in another order: some rounding errors of 1e-16 over at most 36 steps.
        for array, want in zip(trained, wanted, strict=True):
            np.testing.assert_allclose(array[r], want, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(end[r], wanted_end, rtol=1e-11)
        np.testing.assert_allclose(losses[r], wanted_losses, rtol=1e-11)


@each_backend
def test_copying_the_context_before_the_weights_change_is_told_apart(name):
    rng = np.random.default_rng(0)
    inputs, targets = rng.integers(2, size=(2, 1, 50, 1), dtype=np.uint8)
    weights = Weights(
        rng.normal(size=(1, 3, 1)), rng.normal(size=(1, 3, 3)), np.zeros((1, 3)), *rng.normal(size=(2, 1, 1, 3))
    )
    weights = weights._replace(b_o=np.zeros((1, 1)))
    chosen = {"reset_to": 0.0, "recurrent": True}
    trained, _, _ = BACKENDS[name]().train(
        weights, np.zeros((1, 3)), inputs, targets, epochs=2, learning_rate=0.1, **chosen
    )
    right, wrong = (
        oracle.train(
            lists(weights, 0),
            [0.0] * 3,
            inputs[0].tolist(),
            targets[0].tolist(),
            epochs=2,
            rate=0.1,
            **chosen,
            copied_too_early=early,
        )[0][1]
        for early in (False, True)
    )
    np.testing.assert_allclose(trained.W_hh[0], right, rtol=1e-11)
    assert np.abs(trained.W_hh[0] - wrong).max() > 1e-3


@each_backend
@given(problem=problems(), chosen=options, epochs=st.integers(1, 4), more=st.integers(1, 4))
def test_training_in_chunks_gives_the_same_bits_as_in_one_piece(name, problem, chosen, epochs, more):
    weights, context, inputs, targets = problem
    train = BACKENDS[name]().train
    whole = train(weights, context, inputs, targets, epochs=epochs + more, **chosen)
    part = train(weights, context, inputs, targets, epochs=epochs, **chosen)
    rest = train(part[0], part[1], inputs, targets, epochs=more, **chosen)
    assert_same_bits((rest[0], rest[1], np.hstack([part[2], rest[2]])), whole)


@each_backend
@given(problem=problems(networks=st.integers(2, 9)), chosen=options, shared=st.booleans())
def test_a_network_gives_the_same_bits_alone_and_among_others(name, problem, chosen, shared):
    weights, context, inputs, targets = problem
    train, predict = BACKENDS[name]()
    if shared:
        inputs, targets = inputs[:1], targets[:1]
    together = train(weights, context, inputs, targets, epochs=2, **chosen)
    outputs, hiddens = predict(together[0], inputs[0], together[1])
    for r in range(len(context)):
        stream = slice(0, 1) if shared else slice(r, r + 1)
        alone = train(
            Weights(*(w[r : r + 1] for w in weights)),
            context[r : r + 1],
            inputs[stream],
            targets[stream],
            epochs=2,
            **chosen,
        )
        assert_same_bits((Weights(*(w[r : r + 1] for w in together[0])), *(a[r : r + 1] for a in together[1:])), alone)
        outputs_r, hiddens_r = predict(alone[0], inputs[0], alone[1])
        np.testing.assert_array_equal(outputs[r], outputs_r[0])
        np.testing.assert_array_equal(hiddens[r], hiddens_r[0])


@each_backend
@given(problem=problems(), chosen=options)
def test_training_leaves_its_arguments_as_they_were(name, problem, chosen):
    weights, context, inputs, targets = problem
    before = [array.copy() for array in (*weights, context, inputs, targets)]
    trained, end, _ = BACKENDS[name]().train(weights, context, inputs, targets, epochs=1, **chosen)
    BACKENDS[name]().predict(trained, inputs[0], end)
    for array, copy in zip((*weights, context, inputs, targets), before, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("reset_to", [0.0, None])
def test_after_100_epochs_the_backends_differ_by_no_more_than_rounding(reset_to):
    rng = np.random.default_rng(3)
    inputs, targets = rng.integers(2, size=(2, 2, 60, 6), dtype=np.uint8)
    shapes = ((2, 20, 6), (2, 20, 20), (2, 20), (2, 6, 20), (2, 6))
    weights = Weights(*(0.1 * rng.standard_normal(shape) for shape in shapes))
    chosen = {"epochs": 100, "learning_rate": 0.1, "reset_to": reset_to, "recurrent": True}
    results = {
        name: load().train(weights, np.zeros((2, 20)), inputs, targets, **chosen) for name, load in BACKENDS.items()
    }
    # 6,000 steps, each off by a few units in the last place (2e-16), which the recurrence may amplify.
    np.testing.assert_allclose(results["numba"][2], results["numpy"][2], rtol=1e-9)
    predictions = [load().predict(results[name][0], inputs[0], results[name][1])[0] for name, load in BACKENDS.items()]
    np.testing.assert_allclose(predictions[0], predictions[1], rtol=1e-8)
