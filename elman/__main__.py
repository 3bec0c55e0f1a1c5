"""The console script ``elman``, and ``python -m elman``."""

import atexit
import gc
import sys
from importlib.abc import MetaPathFinder


class _ScipyLater(MetaPathFinder):
    """Hide scipy from numba while that is imported: it would import all of scipy.linalg, which elman never calls.

    That takes a thirtieth of a short run. Only the command line does so, because in a user's own program other compiled
    functions may call it.
    """

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "scipy" and "numba" in sys.modules:
            asking = sys.modules.get("numba.np.arraymath")
            if asking is None or getattr(asking.__spec__, "_initializing", False):
                raise ModuleNotFoundError(name)


def main() -> None:
    """Run the command line."""
    sys.meta_path.insert(0, _ScipyLater())
    # Importing makes so many objects that looking for garbage among them would take a sixth of a short run.
    gc.set_threshold(200_000)
    atexit.register(gc.freeze)
    from elman.cli.main import main as command_line

    command_line()


if __name__ == "__main__":
    main()
