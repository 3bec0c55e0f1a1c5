import numba
import numpy as np
import pytest
from conftest import SMALL

import elman
from elman import network
from elman.network import Rule, State, Weights
from elman.runner import run
from elman.trainers import compiled, reference, simd


def some(arrays, part):
    return Weights(*(array[part] for array in arrays))


def assert_same_bits(got, wanted):
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(a.view(np.uint64), b.view(np.uint64))


@pytest.mark.parametrize("task", SMALL)
@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_every_bit_is_that_of_a_network_trained_alone(task, reset, shared, monkeypatch):
    chosen = (
        f"shared_stream={shared}",
        f"reset_context={'epoch' if reset else 'never'}",
        "initial_context=0.5",
        "replicates=130",
    )
    result = run(elman.settings(*SMALL[task], *chosen, "epochs=1", "hidden_size=11"))
    rule = result.rule._replace(learning_rate=0.5)
    inputs, targets = (
        np.stack([getattr(stream, rows) for stream in result.training[: 1 if shared else 130]])
        for rows in ("inputs", "targets")
    )
    resets = np.arange(inputs.shape[1])[None] == 0 if reset else None

    def trained(part):
        streams, state = slice(1) if shared else part, network.begin(some(result.initial, part), rule)
        state, losses = compiled.train(state, inputs[streams], targets[streams], rule, epochs=3, resets=resets)
        return [*state.weights, losses, *compiled.predict(state.weights, result.test.inputs, state.context, rule)]

    alone = [np.concatenate(arrays) for arrays in zip(*(trained(slice(r, r + 1)) for r in range(130)), strict=True)]
    for threads in (1, 2):
        monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", threads)
        for R in (1, 2, 7, 64, 130):
            assert_same_bits(trained(slice(R)), [array[:R] for array in alone])


@numba.njit
def each(function, numbers, results):
    for i in range(len(numbers)):
        results[i] = function(numbers[i])


def test_the_exponential_is_numpys_to_a_few_units_in_the_last_place():
    seams = (np.arange(-721, 722) + 0.5) * np.log(2)  # where the whole part of x / ln 2 changes
    numbers = np.concatenate([np.linspace(-500, 500, 400_001), np.linspace(-1, 1, 100_001), seams, [-0.0, 0.0]])
    results, wanted = np.empty_like(numbers), np.exp(numbers)
    each(simd.exponential, numbers, results)
    units = np.abs(results - wanted) / np.spacing(wanted)
    assert units.max() <= 4
    assert units[np.abs(numbers) < 20].max() <= 2  # beyond, the logistic function is 0 or 1 in all but 9 digits
    assert (results[numbers == 0] == 1).all()


def test_the_logistic_function_is_held_where_numpys_is():
    numbers = np.array([-np.inf, -1e308, -501, -500, -499, -0.0, 0.0, 1e-320, 37, 499, 500, 501, 1e308, np.inf, np.nan])
    results = np.empty_like(numbers)
    each(simd.logistic, numbers, results)
    np.testing.assert_allclose(results, network.logistic(numbers), rtol=2e-15)  # a few units in the last place


RULES = [
    Rule(0.03, momentum, steps, loss, activation, context, decay, 0.4)
    for loss in network.LOSSES
    for activation in network.ACTIVATIONS
    for context in network.CONTEXTS
    for momentum in (0.0, 0.5)
    for steps in (1, 2, 4)
    for decay in (0.0, 0.3)
    if (steps == 1 or (context, decay) == ("hidden", 0.0)) and (context != "none" or not decay)
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: "-".join(map(str, rule[1:7])))
def test_every_rule_is_the_reference_alone_among_others_and_in_chunks(rule):
    """Networks of several sizes, on streams of their own or one, with and without separate sequences."""
    rng = np.random.default_rng(RULES.index(rule))
    separate = bool(rng.integers(2))
    R, I, H, T = ((20, 3, 5, 17), (18, 9, 11, 13), (3, 2, 8, 15))[rng.integers(3)]
    rows = 1 if rng.integers(2) else R
    bits = rng.integers(2, size=(rows, T + 1, I))
    if rule.loss == "softmax":
        bits = np.eye(I)[rng.integers(I, size=(rows, T + 1))]
    bits, starts = bits.astype(np.uint8), rng.random((rows, T + 1)) < 0.3
    starts[:, :2] = (True, False)
    C = network.context_units(rule.context, hidden=H, outputs=I)
    drawn = [network.init(rng, inputs=I, hidden=H, outputs=I, scale=0.5, context=C) for _ in range(R)]
    begin = network.begin(network.stack(drawn), rule)

    def train(trainer, state, networks=slice(None), epochs=2):
        own = networks if rows > 1 else slice(None)
        options = {"resets": starts[own, :-1], "counted": ~starts[own, 1:]} if separate else {}
        return trainer.train(state, bits[own, :-1], bits[own, 1:], rule, epochs=epochs, **options)

    wanted, wanted_losses = train(reference, begin)
    state, losses = train(compiled, begin)
    np.testing.assert_allclose(losses, wanted_losses, rtol=1e-9)  # 34 steps of rounding
    for one, other in zip(arrays_of(state), arrays_of(wanted), strict=True):
        np.testing.assert_allclose(one, np.broadcast_to(other, one.shape), rtol=1e-8, atol=1e-10)
    first, _ = train(compiled, begin, epochs=1)
    assert_same_bits(arrays_of(train(compiled, first, epochs=1)[0]), arrays_of(state))
    last = slice(R - 1, R)
    alone, _ = train(compiled, part(begin, last), last)
    assert_same_bits(arrays_of(alone), [array[last] for array in arrays_of(state)])
    resets = starts[0, :-1] if separate else None
    read = [
        trainer.predict(wanted.weights, bits[0, :-1], wanted.context, rule, resets=resets)
        for trainer in (compiled, reference)
    ]
    for one, other in zip(*read, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rule", [Rule(0.03, bptt_steps=10), Rule(0.03, 0.5, 4, activation="tanh")])
def test_a_large_network_sends_errors_back_through_its_only_copy_of_the_weights(rule):
    """75 hidden units fill no whole number of vectors, and what fills up the last must not count."""
    rng = np.random.default_rng(1)
    bits = rng.integers(2, size=(1, 20, 4), dtype=np.uint8)
    drawn = [network.init(rng, inputs=4, hidden=75, outputs=4, scale=0.5) for _ in range(2)]
    begin = network.begin(network.stack(drawn), rule)
    resets = np.arange(19)[None] % 12 == 0

    def train(trainer, state, epochs):
        return trainer.train(state, bits[:, :-1], bits[:, 1:], rule, epochs=epochs, resets=resets)[0]

    whole = train(compiled, begin, 2)
    for one, other in zip(arrays_of(whole), arrays_of(train(reference, begin, 2)), strict=True):
        np.testing.assert_allclose(one, np.broadcast_to(other, one.shape), rtol=1e-8, atol=1e-10)
    assert_same_bits(arrays_of(train(compiled, train(compiled, begin, 1), 1)), arrays_of(whole))


def arrays_of(state):
    """All numbers of a state, each with a leading axis of networks."""
    steps = [np.asarray(array, dtype=float) for step in state.steps for array in step]
    return [*state.weights, *(state.velocity or ()), state.context, *steps]


def part(state, networks):
    velocity = None if state.velocity is None else some(state.velocity, networks)
    return State(some(state.weights, networks), velocity, state.context[networks])
