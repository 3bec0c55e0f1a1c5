"""The console script ``elman``, and ``python -m elman``."""

import atexit
import gc
import os
import sys


def main() -> None:
    """Run the command line."""
    try:
        os.getcwd()
    except FileNotFoundError:  # before the imports, some of which want one
        sys.exit("elman: the current directory does not exist any more")
    # Importing makes so many objects that looking for garbage among them would take a sixth of a short run.
    gc.set_threshold(500_000)
    atexit.register(gc.freeze)
    from elman.cli.main import main as command_line

    command_line()


if __name__ == "__main__":
    main()
