"""Printing for a reader who may leave early."""

import os
import sys


def say(text: str) -> None:
    """Print, unless nobody reads any more, as after `elman | head`."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for the rest of the process
