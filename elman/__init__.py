"""Run, sweep and compare experiments with Elman's simple recurrent network.

``settings`` composes the settings that the command line would, ``run`` trains and tests networks with them, and
``tables`` turns the result into data frames:

    settings = elman.settings("task=cv", "hidden_size=8")
    result = elman.run(settings)
    frame = elman.tables.TABLES["position_errors"](result)

``load`` and ``load_runs`` read the runs that are on disk, and ``compare`` compares them:

    runs = elman.load("summary", "runs")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elman import plots, tables
    from elman.cli.compose import settings
    from elman.comparison import compare
    from elman.config import Settings
    from elman.plots import plot
    from elman.result import Result
    from elman.runner import run
    from elman.runs import load, load_runs
    from elman.stream import Stream

__version__ = "0.1.0"
__all__ = ["Result", "Settings", "Stream", "compare", "load", "load_runs", "plot", "plots", "run", "settings", "tables"]

# Each public name is imported when it is first used, so that `elman --help` need not wait for pandas.
_HOME = {
    "compare": "comparison",
    "settings": "cli.compose",
    "Settings": "config",
    "Result": "result",
    "run": "runner",
    "Stream": "stream",
    "load": "runs",
    "load_runs": "runs",
    "plot": "plots",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'elman' has no attribute {name!r}")
    return getattr(import_module(f"elman.{_HOME[name]}"), name) if name in _HOME else import_module(f"elman.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
