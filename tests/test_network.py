import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from strategies import problems, seeds

from elman import network
from elman.network import Weights


def half_squared_error(weights, x, context, target):
    return 0.5 * ((network.forward(weights, x, context)[1] - target) ** 2).sum()


@given(problems(networks=st.just(1)))
def test_the_gradient_is_the_slope_of_half_the_squared_error_with_the_context_held_fixed(problem):
    weights, context, inputs, targets = problem
    single, context, x, target = Weights(*(w[0] for w in weights)), context[0], inputs[0, 0] * 1.0, targets[0, 0]
    hidden, output = network.forward(single, x, context)
    slope = network.gradient(single, x, context, hidden, output, target)
    step = 1e-5  # central differences: the error is of the order of its square, and of rounding over it
    for name, array in single._asdict().items():
        for index in np.ndindex(array.shape):
            nudge = np.zeros_like(array)
            nudge[index] = step
            above = half_squared_error(single._replace(**{name: array + nudge}), x, context, target)
            below = half_squared_error(single._replace(**{name: array - nudge}), x, context, target)
            np.testing.assert_allclose(getattr(slope, name)[index], (above - below) / (2 * step), atol=1e-9)


@given(problems())
def test_a_stack_of_networks_computes_the_same_bits_as_each_alone(problem):
    weights, context, inputs, targets = problem
    x, target = inputs[:, 0] * 1.0, targets[:, 0] * 1.0
    hidden, output = network.forward(weights, x, context)
    changed = network.update(weights, network.gradient(weights, x, context, hidden, output, target), 0.1)
    outputs, hiddens = network.predict(weights, inputs[0], context)
    for r in range(len(context)):
        one = Weights(*(w[r] for w in weights))
        hidden_r, output_r = network.forward(one, x[r], context[r])
        np.testing.assert_array_equal(hidden[r], hidden_r)
        np.testing.assert_array_equal(output[r], output_r)
        slope = network.gradient(one, x[r], context[r], hidden_r, output_r, target[r])
        for array, array_r in zip(changed, network.update(one, slope, 0.1), strict=True):
            np.testing.assert_array_equal(array[r], array_r)
        outputs_r, hiddens_r = network.predict(one, inputs[0], context[r])
        np.testing.assert_array_equal(outputs[r], outputs_r)
        np.testing.assert_array_equal(hiddens[r], hiddens_r)


@given(problems(networks=st.just(1)))
def test_prediction_hands_each_hidden_state_on_as_the_next_context(problem):
    weights, context, inputs, _ = problem
    outputs, hiddens = network.predict(weights, inputs[0], context)
    for t, x in enumerate(inputs[0] * 1.0):
        hidden, output = network.forward(weights, x, context)
        np.testing.assert_array_equal(outputs[:, t], output)
        np.testing.assert_array_equal(hiddens[:, t], hidden)
        context = hidden


@given(problems())
def test_without_recurrence_a_prediction_depends_on_its_own_input_alone(problem):
    weights, context, inputs, _ = problem
    outputs, _ = network.predict(weights, inputs[0], context, recurrent=False)
    backwards, _ = network.predict(weights, inputs[0][::-1], context, recurrent=False)
    np.testing.assert_array_equal(outputs, backwards[:, ::-1])


@given(seeds)
def test_initial_scale_have_the_given_spread_and_biases_are_0(seed):
    weights = network.init(np.random.default_rng(seed), inputs=20, hidden=50, outputs=10, scale=0.1)
    assert [w.shape for w in weights] == [(50, 20), (50, 50), (50,), (10, 50), (10,)]
    assert not weights.b_h.any()
    assert not weights.b_o.any()
    # 2,500 draws: the standard error of their standard deviation is 1/70 of it, and this allows five.
    np.testing.assert_allclose(weights.W_hh.std(), 0.1, rtol=5 / 70)


def test_the_logistic_function_neither_overflows_nor_leaves_its_range():
    with np.errstate(all="raise"):
        values = network.logistic(np.array([-1e9, -500.0, 0.0, 500.0, 1e9]))
    np.testing.assert_allclose(values, [0.0, 0.0, 0.5, 1.0, 1.0], atol=1e-200)
