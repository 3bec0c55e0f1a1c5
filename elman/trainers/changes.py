"""How compiled code changes a weight: by itself, or by way of its velocity where there is one.

Each function is compiled in two versions, by the type of the velocities V: arrays like the weights W, or None. A change
times what the weight carried (x) is rounded once, by a fused multiplication and addition; v = m v + change x comes
before w + v. `momentum` is 1, and the mask `counted` is empty, for networks that do not learn from the step.
"""

from numba import types
from numba.extending import overload

from elman.trainers.simd import fma, masked

INLINE = {"jit_options": {"error_model": "numpy", "forceinline": True}}


def is_still(V):
    """Whether there are no velocities."""


def added(W, V, at, change, momentum, counted):
    """Add a change to the weight at an index."""


def moved(W, V, at, change, x, momentum, counted):
    """The weight at an index, after a change for what it carried."""


def moved_by_four(W, V, at, changes, x, momentum, counted):
    """The same after the changes of four steps."""


@overload(is_still, **INLINE)
def _is_still(V):
    if isinstance(V, types.NoneType):
        return lambda V: True
    return lambda V: False


@overload(added, **INLINE)
def _added(W, V, at, change, momentum, counted):
    def still(W, V, at, change, momentum, counted):
        W[at] = W[at] + change

    def moving(W, V, at, change, momentum, counted):
        velocity = momentum * V[at] + change
        V[at] = velocity
        W[at] = W[at] + masked(velocity, counted)

    return still if isinstance(V, types.NoneType) else moving


@overload(moved, **INLINE)
def _moved(W, V, at, change, x, momentum, counted):
    def still(W, V, at, change, x, momentum, counted):
        W[at] = weight = fma(change, x, W[at])
        return weight

    def moving(W, V, at, change, x, momentum, counted):
        V[at] = velocity = fma(change, x, momentum * V[at])
        W[at] = weight = W[at] + masked(velocity, counted)
        return weight

    return still if isinstance(V, types.NoneType) else moving


@overload(moved_by_four, **INLINE)
def _moved_by_four(W, V, at, changes, x, momentum, counted):
    def still(W, V, at, changes, x, momentum, counted):
        p, q, r, s = changes
        a, b, c, d = x
        W[at] = weight = fma(s, d, fma(r, c, fma(q, b, fma(p, a, W[at]))))
        return weight

    def moving(W, V, at, changes, x, momentum, counted):
        p, q, r, s = changes
        a, b, c, d = x
        V[at] = velocity = fma(s, d, fma(r, c, fma(q, b, fma(p, a, momentum * V[at]))))
        W[at] = weight = W[at] + masked(velocity, counted)
        return weight

    return still if isinstance(V, types.NoneType) else moving
