import re

import numpy as np
import pytest
from hypothesis import given
from strategies import streams

from elman.errors import ConfigError
from elman.stream import Stream


@given(streams())
def test_each_step_reads_a_row_and_predicts_the_next(stream):
    np.testing.assert_array_equal(stream.inputs[1:], stream.targets[:-1])
    np.testing.assert_array_equal(stream.targets, stream.vectors[1:])
    np.testing.assert_array_equal(stream.target_symbols, stream.symbols[1:])
    np.testing.assert_array_equal(stream.target_positions, stream.positions[1:])
    if stream.expected is None:
        assert stream.target_expected is None
    else:
        np.testing.assert_array_equal(stream.target_expected, stream.expected[1:])
    assert len(stream.inputs) == len(stream.input_symbols) == len(stream.vectors) - 1


@given(streams())
def test_a_wrapped_stream_ends_by_predicting_its_first_element(stream):
    wrapped = stream.wrapped()
    assert len(wrapped.inputs) == len(stream.vectors)
    np.testing.assert_array_equal(wrapped.inputs, stream.vectors)
    np.testing.assert_array_equal(wrapped.targets[-1], stream.vectors[0])
    assert wrapped.target_symbols[-1] == stream.symbols[0]
    assert wrapped.target_positions[-1] == stream.positions[0]
    assert wrapped.starts.tolist() == [*stream.starts.tolist(), True]
    assert wrapped.units.tolist() == [*stream.units.tolist(), True]


@given(streams())
def test_positions_count_the_predicted_steps_and_no_others(stream):
    assert stream.position_counts.sum() == len(stream.targets)
    assert (stream.position_counts > 0).all()
    assert [stream.position_names[p] for p in stream.position_index] == stream.target_positions.tolist()


def test_a_stream_of_symbols_alone_has_one_bit_a_symbol_in_the_order_of_first_mention():
    stream = Stream(symbols=["b", "a", "b", "c"])
    assert stream.vectors.tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]]
    assert stream.vectors.dtype == np.uint8
    assert (stream.features, stream.position_names, stream.expected) == (("b", "a", "c"), ("element",), None)
    assert stream.starts.tolist() == stream.units.tolist() == [True, False, False, False]
    assert stream.one_hot
    assert stream.counted.all()
    assert Stream(symbols=["b", "b"], features=("a", "b")).vectors.tolist() == [[0, 1], [0, 1]]


def test_between_separate_sequences_the_context_is_set_back_and_no_step_counts():
    starts = np.array([True, False, False, True, True, False])
    fields = {"symbols": list("abcdef"), "positions": list("122123"), "starts": starts}
    stream = Stream(**fields, separate=True)
    assert stream.resets.tolist() == [True, False, False, True, True]
    assert stream.counted.tolist() == [True, True, False, False, True]  # those that predict b, c and f
    assert stream.position_names == ("2", "3")
    assert stream.position_index.tolist() == [0, 0, -1, -1, 1]
    assert stream.position_counts.tolist() == [2, 1]
    unbroken = Stream(**fields)
    assert unbroken.counted.all()
    assert unbroken.position_names == ("1", "2", "3")
    for single in (np.arange(6) == 0, np.ones(6, dtype=bool)):
        with pytest.raises(ConfigError, match=r"^reset_context must be epoch or never "):
            Stream(**{**fields, "starts": single}, separate=True)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"symbols": ["a"]}, "a stream must have at least two elements, not 1"),
        ({"symbols": ["a", 1, "b"]}, "symbols of a stream must be a list of texts"),
        ({"positions": ["x", "y"]}, "positions of a stream must be 3 texts, not an array of shape (2,)"),
        ({"vectors": np.eye(2)}, "vectors of a stream must be 3 rows of bits, one for each symbol"),
        ({"vectors": np.ones(3)}, "vectors of a stream must be 3 rows of bits, one for each symbol"),
        ({"vectors": [[0], [0.5], [1]]}, "vectors of a stream must be bits, each 0 or 1, not 0.5"),
        (
            {"vectors": np.array([[0], [2], [1]], dtype=np.uint8)},
            "vectors of a stream must be bits, each 0 or 1, not 2",
        ),
        ({"vectors": [[0], [np.nan], [1]]}, "vectors of a stream must be bits, each 0 or 1, not nan"),
        ({"features": ["a", "b"]}, "features of a stream without vectors must name each symbol, and 'c' is none"),
        ({"vectors": np.eye(3), "features": "xx"}, "features of a stream must be 3 different texts, one for each bit"),
        ({"expected": np.zeros((3, 2))}, "expected of a stream must be 3 x 3 numbers, not an array of shape (3, 2)"),
        ({"expected": np.full((3, 3), np.nan)}, "expected of a stream must be probabilities, from 0 to 1"),
        ({"expected": np.full((3, 3), 1.5)}, "expected of a stream must be probabilities, from 0 to 1"),
        ({"expected": np.full((3, 3), -0.1)}, "expected of a stream must be probabilities, from 0 to 1"),
        ({"starts": np.array([1, 0, 0])}, "starts of a stream must be 3 values that are true or false"),
        ({"units": np.array([True])}, "units of a stream must be 3 values that are true or false"),
        ({"starts": np.array([False, True, True])}, "starts of a stream must begin with true"),
    ],
)
def test_a_stream_that_breaks_its_own_rules_is_refused(fields, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}"):
        Stream(**{"symbols": ["a", "b", "c"], **fields})
