import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import arrays, part, problems, rules, seeds

from elman import network
from elman.network import ACTIVATIONS, CONTEXTS, LOSSES, Rule, Step, Weights

SCALE = {"squared": lambda O: O / 2, "cross_entropy": lambda O: O, "softmax": lambda O: 1}
"""What is descended, as a multiple of what is reported: half the sum, the sum, the loss itself."""


def read(weights, steps, rule):
    """The last steps once more: with their contexts, hidden activations and the last net inputs at these weights."""
    context, again = steps[0].context, []
    for step in steps:
        context = step.context if step.fresh else context
        hidden, net = network.forward(weights, step.x, context, rule)
        again.append(step._replace(context=context, hidden=hidden))
        context = hidden
    return again, net


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@given(problem=problems(networks=st.just(1)), k=st.integers(1, 5), fresh=st.integers(0, 7))
def test_the_gradient_is_the_slope_of_the_loss_through_k_steps_with_the_context_before_them_held_fixed(
    loss, activation, problem, k, fresh
):
    rule = Rule(0.1, loss=loss, activation=activation)
    weights, inputs = part(problem.state.weights, 0), problem.inputs[0, :k] * 1.0
    weights = weights._replace(W_hh=np.resize(weights.W_hh, (len(weights.b_h),) * 2))  # here all contexts are hidden
    target = np.eye(inputs.shape[1])[0] if loss == "softmax" else problem.targets[0, 0]
    context = np.random.default_rng(k).random(len(weights.b_h))
    steps = [Step(x, context, context, np.array(t == fresh)) for t, x in enumerate(inputs)]
    steps, net = read(weights, steps, rule)
    slope = network.gradient(weights, steps, LOSSES[loss].signal(LOSSES[loss].output(net), target), rule)
    step, rng = (
        1e-5,
        np.random.default_rng(k),
    )  # the error is of the order of the square of the step, and of rounding over it
    for name, array in weights._asdict().items():
        direction = rng.normal(size=array.shape)
        above, below = (
            LOSSES[loss].of(read(weights._replace(**{name: array + by * direction}), steps, rule)[1], target)
            for by in (step, -step)
        )
        wanted = SCALE[loss](len(target)) * (above - below) / (2 * step)
        np.testing.assert_allclose((getattr(slope, name) * direction).sum(), wanted, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_is_that_of_the_outputs_and_finite_where_these_are_saturated(loss):
    z, target = np.random.default_rng(0).normal(size=(50, 4)), np.eye(4)[np.arange(50) % 4]
    y = LOSSES[loss].output(z)
    wanted = {
        "squared": ((y - target) ** 2).mean(axis=-1),
        "cross_entropy": -np.log(np.where(target, y, 1 - y)).mean(axis=-1),
        "softmax": -np.log(y[target == 1]),
    }[loss]
    np.testing.assert_allclose(LOSSES[loss].of(z, target), wanted, rtol=1e-12)
    far = np.array([-1e9, 500.0, 700.0, 0.0])
    with np.errstate(all="raise", under="ignore"):
        assert np.isfinite([LOSSES[loss].of(far, t) for t in np.eye(4)]).all()
        assert np.isfinite(LOSSES[loss].output(far)).all()


@given(problems())
def test_a_stack_of_networks_computes_the_same_bits_as_each_alone(problem):
    x, target = problem.inputs[:, 0] * 1.0, problem.targets[:, 0] * 1.0
    state, losses = network.learn(problem.state, x, target, problem.rule)
    state, more = network.learn(state, x, target, problem.rule)
    predicted = network.predict(state.weights, problem.inputs[0], state.context, problem.rule)
    for r in range(len(losses)):
        own = r if len(x) > 1 else 0
        one, _ = network.learn(part(problem.state, r), x[own], target[own], problem.rule)
        one, loss = network.learn(one, x[own], target[own], problem.rule)
        np.testing.assert_array_equal(more[r], loss)
        for together, alone in zip(arrays(state[:3]), arrays(one[:3]), strict=True):
            np.testing.assert_array_equal(together[r], alone)
        alone = network.predict(one.weights, problem.inputs[0], one.context, problem.rule)
        for array, array_r in zip(predicted, alone, strict=True):
            np.testing.assert_array_equal(array[r], array_r)


@given(problems(networks=st.just(1)))
def test_prediction_hands_the_context_on_and_sets_it_back_where_it_should(problem):
    weights, context, rule = problem.state.weights, problem.state.context, problem.rule
    resets = np.arange(len(problem.inputs[0])) % 3 == 2
    outputs, hiddens, end = network.predict(weights, problem.inputs[0], context, rule, resets=resets)
    for t, x in enumerate(problem.inputs[0] * 1.0):
        context = np.full_like(context, rule.initial_context) if resets[t] else context
        hidden, net = network.forward(weights, x, context, rule)
        output = LOSSES[rule.loss].output(net)
        np.testing.assert_array_equal(outputs[:, t], output)
        np.testing.assert_array_equal(hiddens[:, t], hidden)
        copied = {"hidden": hidden, "output": output, "none": context}[rule.context]
        decay = rule.context_decay
        np.testing.assert_allclose(
            network.next_context(rule, context, hidden, output), decay * context + (1 - decay) * copied
        )
        context = network.next_context(rule, context, hidden, output)
    np.testing.assert_array_equal(end, context)


@given(problems(rule=rules(context="none")))
def test_without_recurrence_a_prediction_depends_on_its_own_input_alone(problem):
    weights, context, rule = problem.state.weights, problem.state.context, problem.rule
    outputs, _, _ = network.predict(weights, problem.inputs[0], context, rule)
    backwards, _, _ = network.predict(weights, problem.inputs[0][::-1], context, rule)
    np.testing.assert_array_equal(outputs, backwards[:, ::-1])


@pytest.mark.parametrize(("distribution", "spread"), [("normal", 0.1), ("uniform", 0.1 / np.sqrt(3))])
@given(seed=seeds)
def test_initial_weights_have_the_given_spread_and_biases_are_0(distribution, spread, seed):
    rng = np.random.default_rng(seed)
    weights = network.init(rng, inputs=20, hidden=50, outputs=10, context=60, scale=0.1, distribution=distribution)
    assert [w.shape for w in weights] == [(50, 20), (50, 60), (50,), (10, 50), (10,)]
    assert not weights.b_h.any()
    assert not weights.b_o.any()
    # 3,000 draws: the standard error of their standard deviation is at most 1/77 of it, and this allows five.
    np.testing.assert_allclose(weights.W_hh.std(), spread, rtol=5 / 77)
    assert distribution == "normal" or np.abs(weights.W_hh).max() <= 0.1


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_training_begins_with_the_initial_context_and_velocities_of_0(context, momentum):
    rule = Rule(0.1, momentum=momentum, context=context, initial_context=0.5)
    units = network.context_units(context, hidden=4, outputs=2)
    rng = np.random.default_rng(0)
    weights = network.stack([network.init(rng, inputs=2, hidden=4, outputs=2, context=units, scale=0.1)] * 3)
    state = network.begin(weights, rule)
    assert (state.context == 0.5).all()
    assert state.context.shape == (3, 2 if context == "output" else 4)
    assert state.velocity is None if momentum == 0 else isinstance(state.velocity, Weights)
    assert not any(array.any() for array in state.velocity or ())


def test_the_logistic_function_neither_overflows_nor_leaves_its_range():
    with np.errstate(all="raise"):
        values = network.logistic(np.array([-1e9, -500.0, 0.0, 500.0, 1e9]))
    np.testing.assert_allclose(values, [0.0, 0.0, 0.5, 1.0, 1.0], atol=1e-200)
