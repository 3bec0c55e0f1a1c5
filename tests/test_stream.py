import numpy as np
from hypothesis import given
from strategies import streams


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


@given(streams())
def test_positions_count_the_predicted_steps_and_no_others(stream):
    assert stream.position_counts.sum() == len(stream.targets)
    assert (stream.position_counts > 0).all()
    assert [stream.position_names[p] for p in stream.position_index] == stream.target_positions.tolist()
