"""Functions compiled by numba, once a machine where there is a place to keep the result."""

import sys
from collections.abc import Callable
from typing import Any

# numba would import all of scipy.linalg, a tenth of a short run, for the sake of np.inner, which elman never compiles.
is_hidden = "scipy" not in sys.modules
if is_hidden:
    sys.modules["scipy"] = None  # type: ignore[assignment]
try:
    import numba
    import numba.np.arraymath
finally:
    if is_hidden:
        del sys.modules["scipy"]


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function once a machine, or, where numba finds no directory that it may write to, once a process."""
    options = {"nogil": True, "error_model": "numpy"}
    try:
        compiled: Callable[..., Any] = numba.njit(cache=True, **options)(function)
    except RuntimeError:
        compiled = numba.njit(**options)(function)
    return compiled


def part(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function into each that calls it."""
    compiled: Callable[..., Any] = numba.njit(error_model="numpy", forceinline=True)(function)
    return compiled


def threads() -> int:
    """How many threads compiled functions may run in at once."""
    return int(numba.config.NUMBA_NUM_THREADS)
