"""Run, sweep and compare experiments with Elman's simple recurrent network.

``settings`` composes the settings that the command line would, ``run`` trains and tests networks with them:

    settings = elman.settings("task=cv", "hidden_size=8")
    result = elman.run(settings)                 # or elman.run("task=cv", "hidden_size=8")
    result.table("position_errors")              # any CSV, as a data frame
    result.plot("training_loss")                 # any figure
    result.save("runs/mine")                     # the files that the command line writes

``open_run`` and ``plot`` read a run from its directory, ``load`` and ``load_runs`` many, and ``compare`` compares them:

    elman.open_run("runs/mine").table("summary")
    elman.load("summary", "runs")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elman.api import Comparison, Result, compare, open_run, run
    from elman.cli.compose import settings
    from elman.config import Settings
    from elman.plots import plot
    from elman.runs import load, load_runs
    from elman.stream import Stream

__version__ = "0.1.0"
__all__ = [
    "Comparison", "Result", "Settings", "Stream", "compare", "load", "load_runs", "open_run", "plot", "run", "settings",
]  # fmt: skip

# Each public name is imported when it is first used, so that `elman --help` need not wait for pandas.
_HOME = {
    "Comparison": "api",
    "Result": "api",
    "Settings": "config",
    "Stream": "stream",
    "compare": "api",
    "load": "runs",
    "load_runs": "runs",
    "open_run": "api",
    "plot": "plots",
    "run": "api",
    "settings": "cli.compose",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'elman' has no attribute {name!r}")
    return getattr(import_module(f"elman.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
