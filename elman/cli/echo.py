"""Printing for a reader who may leave early, on a terminal that may not have all letters."""

import os
import sys


def echo(text: str) -> None:
    """Print, unless nobody reads any more, as after `elman | head`."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        print(text.encode(encoding, "replace").decode(encoding), flush=True)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for the rest of the process


def tell(text: str) -> None:
    """Print on stderr, at once."""
    print(text, file=sys.stderr, flush=True)
