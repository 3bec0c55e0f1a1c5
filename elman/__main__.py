"""The console script ``elman``, and ``python -m elman``."""

import atexit
import gc


def main() -> None:
    """Run the command line."""
    # Importing makes so many objects that looking for garbage among them would take a sixth of a short run.
    gc.set_threshold(500_000)
    atexit.register(gc.freeze)
    from elman.cli.main import main as command_line

    command_line()


if __name__ == "__main__":
    main()
