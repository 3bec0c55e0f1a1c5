"""Trainers, by the name of their backend."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from elman.network import State
from elman.trainers.interrupts import put_off


class Backend(NamedTuple):
    """Two functions that train and test R networks."""

    train: Callable[..., tuple[State, np.ndarray]]
    """As `reference.train`."""
    predict: Callable[..., tuple[np.ndarray, np.ndarray, np.ndarray]]
    """As `network.predict`, for R networks."""


def _numpy(networks: int | None = None) -> Backend:
    from elman.trainers import reference

    return Backend(reference.train, reference.predict)


def _numba(networks: int | None = None) -> Backend:
    with put_off():
        from elman import jit  # noqa: F401 - the first to import numba
        from elman.trainers import compiled  # numba takes its time to import, and the numpy backend does not need it

        compiled.warm_up(networks)
    return Backend(compiled.train, compiled.predict)


BACKENDS: dict[str, Callable[..., Backend]] = {"numba": _numba, "numpy": _numpy}
"""By name; each can be told how many networks there are, so that it prepares for no more than these."""
