import numba
import numpy as np
import pytest
from conftest import SMALL

import elman
from elman import network
from elman.network import Weights
from elman.runner import run
from elman.trainers import compiled


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
    each(compiled._exp, numbers, results)
    units = np.abs(results - wanted) / np.spacing(wanted)
    assert units.max() <= 4
    assert units[np.abs(numbers) < 20].max() <= 2  # beyond, the logistic function is 0 or 1 in all but 9 digits
    assert (results[numbers == 0] == 1).all()


def test_the_logistic_function_is_held_where_numpys_is():
    numbers = np.array([-np.inf, -1e308, -501, -500, -499, -0.0, 0.0, 1e-320, 37, 499, 500, 501, 1e308, np.inf, np.nan])
    results = np.empty_like(numbers)
    each(compiled._logistic, numbers, results)
    np.testing.assert_allclose(results, network.logistic(numbers), rtol=2e-15)  # a few units in the last place
