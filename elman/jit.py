"""Functions compiled by numba, once a machine where there is a place to keep the result."""

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

# numba would import all of scipy.linalg, a tenth of a short run, for the sake of np.inner, which elman never compiles.
is_hidden = "scipy" not in sys.modules
if is_hidden:
    sys.modules["scipy"] = None  # type: ignore[assignment]
try:
    import numba
    import numba.np.arraymath
    from numba.core.caching import FunctionCache  # private: numba's own lets a damaged file end the process
finally:
    if is_hidden:
        del sys.modules["scipy"]


class _Kept(FunctionCache):  # type: ignore[misc]
    """What has been compiled on this machine; of a damaged file nothing, and what cannot be written is not kept."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Load a compiled function; None where there is none, or none that is whole."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever the bytes of a damaged file make pickle raise
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled function."""
        with suppress(OSError):
            super().save_overload(sig, data)


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function once a machine, or, where numba finds no directory that it may write to, once a process."""
    compiled: Any = numba.njit(nogil=True, error_model="numpy")(function)
    with suppress(RuntimeError):
        compiled._cache = _Kept(function)
    return compiled


def part(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function into each that calls it."""
    compiled: Callable[..., Any] = numba.njit(error_model="numpy", forceinline=True)(function)
    return compiled


def threads() -> int:
    """How many threads compiled functions may run in at once."""
    return int(numba.config.NUMBA_NUM_THREADS)
