"""How far training has come, told by time: on a bar, in lines of a log, or by any function."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

Progress = Callable[[float, np.ndarray], None]
"""Called with the epochs done, which need not be whole, and the losses (R,) of the last whole one, NaN before it."""

PERIOD = 10.0  # seconds between two lines
_REFRESH = 0.5  # seconds between two states of a bar
_BAR = "{percentage:3.0f}%|{bar}| epoch {n:.10g}/{total} [{elapsed}<{remaining}{postfix}]"

log = logging.getLogger(__name__)


def every(seconds: float, tell: Callable[..., None]) -> Callable[..., None]:
    """A function that passes its arguments on, unless the last time, or the start, is less than so many seconds ago."""
    last = time.perf_counter()

    def now_and_then(*arguments: Any) -> None:
        nonlocal last
        if time.perf_counter() - last >= seconds:
            tell(*arguments)
            last = time.perf_counter()

    return now_and_then


@contextmanager
def on_bar(tqdm: Callable[..., Any], epochs: int, *, is_seen: bool = True) -> Iterator[Progress]:
    """Show progress on a bar, with the time that is left, which disappears at the end.

    Args:
        tqdm: the kind of bar, such as `tqdm.tqdm` or `tqdm.auto.tqdm`.
        epochs: of the whole training.
        is_seen: False for no bar.
    """
    shape = {"bar_format": _BAR, "mininterval": _REFRESH, "miniters": 0, "leave": False}
    with tqdm(total=epochs, disable=not is_seen, **shape) as bar:

        def show(done: float, losses: np.ndarray) -> None:
            bar.set_postfix_str(_loss(losses), refresh=False)
            bar.update(round(done, 2) - bar.n)
            if done == epochs:
                bar.refresh()

        yield show


def in_lines(epochs: int, level: int) -> Progress:
    """Log a line of some level every 10 seconds, with the time that is left, and one after the last epoch."""
    began: list[tuple[float, float]] = []  # time and epochs of the first call, before which code may be compiled

    def tell(done: float, losses: np.ndarray) -> None:
        of = f" (median of {len(losses)} networks)" if len(losses) > 1 else ""
        parts = [f"Epoch {round(done, 2):.10g}/{epochs}", f"{text}{of}" if (text := _loss(losses)) else ""]
        time_then, done_then = began[0]
        if done_then < done < epochs:
            left = (time.perf_counter() - time_then) * (epochs - done) / (done - done_then)
            parts.append(f"about {duration(left)} left")
        log.log(level, ", ".join(filter(None, parts)))

    now_and_then = every(PERIOD, tell)

    def progress(done: float, losses: np.ndarray) -> None:
        if not began:
            began.append((time.perf_counter(), done))
        (tell if done == epochs else now_and_then)(done, losses)

    return progress


def _loss(losses: np.ndarray) -> str:
    """The median loss; nothing before the end of the first epoch."""
    return "" if np.isnan(losses).any() else f"loss {np.median(losses):.6f}"


def duration(seconds: float) -> str:
    """A time in the units in which one would say it: 40 s, 12 min, 2 h 30 min."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
