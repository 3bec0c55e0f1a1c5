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


def added_by_four(W, V, at, changes, momentum, counted):
    """Add the changes of four steps, one after another."""


def moved(W, V, at, change, x, momentum, counted):
    """The weight at an index, after a change for what it carried."""


def taken(w, changes, x):
    """A weight or velocity after the changes of 1, 2 or 4 steps, for what it carried in each."""


def moved_by_all(W, V, at, changes, x, momentum, counted):
    """The weight at an index, after the changes of 1, 2 or 4 steps."""


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


@overload(added_by_four, **INLINE)
def _added_by_four(W, V, at, changes, momentum, counted):
    def still(W, V, at, changes, momentum, counted):
        W[at] = W[at] + changes[0] + changes[1] + changes[2] + changes[3]

    def moving(W, V, at, changes, momentum, counted):
        V[at] = velocity = momentum * V[at] + changes[0] + changes[1] + changes[2] + changes[3]
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


@overload(taken, **INLINE)
def _taken(w, changes, x):
    def one(w, changes, x):
        return fma(changes[0], x[0], w)

    def two(w, changes, x):
        return fma(changes[1], x[1], fma(changes[0], x[0], w))

    def four(w, changes, x):
        return fma(changes[3], x[3], fma(changes[2], x[2], fma(changes[1], x[1], fma(changes[0], x[0], w))))

    return {1: one, 2: two, 4: four}[len(changes)]


@overload(moved_by_all, **INLINE)
def _moved_by_all(W, V, at, changes, x, momentum, counted):
    def still(W, V, at, changes, x, momentum, counted):
        W[at] = weight = taken(W[at], changes, x)
        return weight

    def moving(W, V, at, changes, x, momentum, counted):
        V[at] = velocity = taken(momentum * V[at], changes, x)
        W[at] = weight = W[at] + masked(velocity, counted)
        return weight

    return still if isinstance(V, types.NoneType) else moving
