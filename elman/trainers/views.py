"""Arrays of weights and output units as compiled code sees them: as vectors, and one by one; see `fused`."""

from typing import Any, NamedTuple

import numba
import numpy as np
from numba import types
from numba.extending import overload

from elman.network import Weights
from elman.trainers.changes import INLINE
from elman.trainers.layout import NETWORKS, SIDE_BY_SIDE, UNITS, Form, zeros
from elman.trainers.outputs import Outputs
from elman.trainers.simd import in_a_row, in_vectors

_NONE: Any = None


class Laid(NamedTuple):
    """Weights in vectors, or their velocities; side by side, W_oh and W_ch are transposes of W_ho and W_hh."""

    W_ih: np.ndarray
    W_hh: np.ndarray
    b_h: np.ndarray
    W_ho: np.ndarray
    b_o: np.ndarray
    W_oh: np.ndarray
    W_ch: np.ndarray


def lay_weights(form: Form, weights: Weights, *, both_orders: bool = False) -> tuple[np.ndarray, ...]:
    """The arrays of weights in vectors, for a network alone W_ho also turned, and W_hh if wanted."""
    if form is SIDE_BY_SIDE:
        return tuple([form.lay(array) for array in weights])
    W_ch = weights.W_hh.swapaxes(1, 2) if both_orders else weights.W_hh[:, :0, :0]
    return tuple([form.lay(array) for array in (*weights, weights.W_ho.swapaxes(1, 2), W_ch)])


def take_weights(form: Form, laid: tuple[np.ndarray, ...], like: Weights) -> Weights:
    """The inverse of `lay_weights`, into the shapes of other weights."""
    return Weights(*(form.take(array, one) for array, one in zip(laid, like, strict=False)))


def lay_outputs(laid: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Arrays for `Outputs`, for weights in vectors."""
    return tuple([zeros(laid[4].shape) for _ in Outputs._fields[::2]])


@numba.njit(error_model="numpy", inline="always")
def weights_alone(arrays):
    """The weights of a network, as its kernel takes them."""
    W_ih, W_hh, b_h, W_ho, b_o, W_oh, W_ch = arrays
    return Laid(
        in_vectors(W_ih, UNITS),
        in_vectors(W_hh, UNITS),
        in_vectors(b_h, UNITS),
        in_vectors(W_ho, UNITS),
        in_vectors(b_o, UNITS),
        in_vectors(W_oh, UNITS),
        in_vectors(W_ch, UNITS),
    )


@numba.njit(error_model="numpy", inline="always")
def weights_side_by_side(arrays):
    """The weights of networks side by side, as their kernel takes them."""
    W_ih, W_hh, b_h, W_ho, b_o = arrays
    out, context = in_vectors(W_ho, NETWORKS), in_vectors(W_hh, NETWORKS)
    inputs, hidden, outputs = in_vectors(W_ih, NETWORKS), in_vectors(b_h, NETWORKS), in_vectors(b_o, NETWORKS)
    return Laid(inputs, context, hidden, out, outputs, out.T, context.T)


@numba.njit(error_model="numpy", inline="always")
def outputs_alone(arrays):
    """The output units of a network."""
    net, value, change, term, factor = arrays
    return Outputs(
        in_vectors(net, UNITS),
        in_a_row(net),
        in_vectors(value, UNITS),
        in_a_row(value),
        in_vectors(change, UNITS),
        in_a_row(change),
        in_vectors(term, UNITS),
        in_a_row(term),
        in_vectors(factor, UNITS),
        in_a_row(factor),
    )


@numba.njit(error_model="numpy", inline="always")
def outputs_side_by_side(arrays):
    """The output units of networks side by side."""
    net, value, change, term, factor = arrays
    of_net, of_value, of_change = in_vectors(net, NETWORKS), in_vectors(value, NETWORKS), in_vectors(change, NETWORKS)
    of_term, of_factor = in_vectors(term, NETWORKS), in_vectors(factor, NETWORKS)
    return Outputs(of_net, of_net, of_value, of_value, of_change, of_change, of_term, of_term, of_factor, of_factor)


def velocities_alone(arrays):
    """As `weights_alone`, or Nones."""


def velocities_side_by_side(arrays):
    """As `weights_side_by_side`, or Nones."""


@overload(velocities_alone, **INLINE)
def _of_velocities_alone(arrays):
    return _no_velocities if isinstance(arrays, types.NoneType) else lambda arrays: weights_alone(arrays)


@overload(velocities_side_by_side, **INLINE)
def _of_velocities_side_by_side(arrays):
    return _no_velocities if isinstance(arrays, types.NoneType) else lambda arrays: weights_side_by_side(arrays)


def _no_velocities(arrays):
    return Laid(_NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE)
