"""Imports matplotlib also where MPLBACKEND names no backend, which would end its import; the figures need none."""

import os
import sys
from contextlib import suppress

_named = os.environ.pop("MPLBACKEND", "") if "matplotlib" not in sys.modules else ""

import matplotlib  # noqa: E402

if _named:  # as matplotlib sets it
    os.environ["MPLBACKEND"] = _named
    with suppress(ValueError):
        matplotlib.rcParams["backend"] = _named
