"""Trainers, by the name of their backend."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from elman.network import State


class Backend(NamedTuple):
    """Two functions that train and test R networks."""

    train: Callable[..., tuple[State, np.ndarray]]
    """As `reference.train`."""
    predict: Callable[..., tuple[np.ndarray, np.ndarray, np.ndarray]]
    """As `network.predict`, for R networks."""


def _numpy() -> Backend:
    from elman.trainers import reference

    return Backend(reference.train, reference.predict)


def _numba() -> Backend:
    with _interrupts_put_off():
        from elman import jit  # noqa: F401 - the first to import numba
        from elman.trainers import compiled  # numba takes its time to import, and the numpy backend does not need it

        compiled.warm_up()
    return Backend(compiled.train, compiled.predict)


@contextmanager
def _interrupts_put_off() -> Iterator[None]:
    """Hold Ctrl-C back until the end of the block; numba would lose it, or make an error of its own of it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: caught.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if caught:
        raise KeyboardInterrupt


BACKENDS: dict[str, Callable[[], Backend]] = {"numba": _numba, "numpy": _numpy}
