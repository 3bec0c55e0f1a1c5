import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import Problem, arrays, part, problems

from elman import network
from elman.network import Rule, Weights
from elman.trainers import BACKENDS

NUDGE = 1e-10  # of initial weights: small, and far above rounding errors
each_backend = pytest.mark.parametrize("name", BACKENDS)


def assert_same_bits(got, wanted):
    for a, b in zip(arrays(got), arrays(wanted), strict=True):
        np.testing.assert_array_equal(a, b)


def oracles(problem, r, epochs, mistake=None):
    """What the oracle makes of one of the networks: five weights, context and losses."""
    state, T = problem.state, problem.inputs.shape[1]
    x, target, resets, counted = (
        None if array is None else array[r % len(array)].astype(float).tolist()
        for array in (problem.inputs, problem.targets, problem.resets, problem.counted)
    )
    weights, context, losses = oracle.train(
        [array[r].tolist() for array in state.weights],
        state.context[r].tolist(),
        x,
        target,
        problem.rule._asdict(),
        epochs=epochs,
        resets=resets or [0] * T,
        counted=counted or [1] * T,
        mistake=mistake,
    )
    return [*map(np.array, weights), np.array(context), np.array(losses)]


@each_backend
@given(problem=problems())
def test_training_follows_the_equations(name, problem):
    state, losses = problem.train(BACKENDS[name](), epochs=3)
    weights = Weights(*(array * (1 + NUDGE) for array in problem.state.weights))
    nudged = problem._replace(state=problem.state._replace(weights=weights))
    for r in range(len(losses)):
        wanted, moved = oracles(problem, r, 3), oracles(nudged, r, 3)
        for array, want, other in zip([*state.weights, state.context, losses], wanted, moved, strict=True):
            # The same sums in another order: rounding errors of 1e-16, some in each of at most 36 steps, in all 1e-13,
            # which the equations amplify as they do a change of the initial weights.
            amplified = 1e-3 * np.abs(other - want).max()
            np.testing.assert_allclose(array[r], want, rtol=1e-10, atol=1e-12 + amplified)


@each_backend
@pytest.mark.parametrize("mistake", oracle.MISTAKES)
def test_the_mistakes_that_a_trainer_might_make_are_told_apart(name, mistake):
    rng, T = np.random.default_rng(0), 40
    inputs, targets = rng.integers(2, size=(2, 1, T, 2), dtype=np.uint8)
    rule = Rule(0.1, **oracle.MISTAKES[mistake])
    state = network.begin(network.stack([network.init(rng, inputs=2, hidden=3, outputs=2, scale=1.0)]), rule)
    resets, counted = np.arange(T)[None] % 7 == 0, np.arange(T)[None] % 7 != 3
    problem = Problem(state, inputs, targets, rule, resets, counted)
    trained = problem.train(BACKENDS[name](), epochs=2)[0].weights.W_hh[0]
    np.testing.assert_allclose(trained, oracles(problem, 0, 2)[1], rtol=1e-11)
    assert np.abs(trained - oracles(problem, 0, 2, mistake)[1]).max() > 1e-4


@each_backend
@given(problem=problems(), epochs=st.integers(1, 3), more=st.integers(1, 3))
def test_training_in_chunks_gives_the_same_bits_as_in_one_piece(name, problem, epochs, more):
    backend = BACKENDS[name]()
    whole, losses = problem.train(backend, epochs=epochs + more)
    part, first = problem.train(backend, epochs=epochs)
    rest, second = problem.train(backend, epochs=more, state=part)
    assert_same_bits((rest, np.hstack([first, second])), (whole, losses))


@each_backend
@given(problem=problems(networks=st.integers(2, 9)))
def test_a_network_gives_the_same_bits_alone_and_among_others(name, problem):
    backend = BACKENDS[name]()
    together = problem.train(backend, epochs=2)
    predicted = backend.predict(together[0].weights, problem.inputs[0], together[0].context, problem.rule)
    for r in range(len(together[1])):
        alone = problem.of(slice(r, r + 1)).train(backend, epochs=2)
        assert_same_bits(part(together, slice(r, r + 1)), alone)
        again = backend.predict(alone[0].weights, problem.inputs[0], alone[0].context, problem.rule)
        assert_same_bits(part(predicted, slice(r, r + 1)), again)


@each_backend
@given(problem=problems())
def test_training_leaves_its_arguments_as_they_were(name, problem):
    given = (problem.state, problem.inputs, problem.targets)
    before = [array.copy() for array in arrays(given)]
    backend = BACKENDS[name]()
    state, _ = problem.train(backend, epochs=1)
    problem.train(backend, epochs=1, state=state)
    backend.predict(state.weights, problem.inputs[0], state.context, problem.rule)
    assert_same_bits(given, before)


@pytest.mark.parametrize("reset", [True, False])
def test_after_100_epochs_the_backends_differ_by_no_more_than_rounding(reset):
    rng = np.random.default_rng(3)
    inputs, targets = rng.integers(2, size=(2, 2, 60, 6), dtype=np.uint8)
    shapes = ((2, 20, 6), (2, 20, 20), (2, 20), (2, 6, 20), (2, 6))
    rule = Rule(0.1)
    state = network.begin(Weights(*(0.1 * rng.standard_normal(shape) for shape in shapes)), rule)
    resets = np.arange(60)[None] == 0 if reset else None
    (a, losses), (b, wanted) = (
        load().train(state, inputs, targets, rule, epochs=100, resets=resets) for load in BACKENDS.values()
    )
    # 6,000 steps, each off by a few units in the last place (2e-16), which the recurrence may amplify.
    np.testing.assert_allclose(losses, wanted, rtol=1e-9)
    predictions = [
        load().predict(state.weights, inputs[0], state.context, rule)[0]
        for load, state in zip(BACKENDS.values(), (a, b), strict=True)
    ]
    np.testing.assert_allclose(predictions[0], predictions[1], rtol=1e-8)
