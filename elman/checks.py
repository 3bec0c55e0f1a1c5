"""Checks of settings: each rule of config.py, settings together, and with the streams, items and networks they name."""

import os
from dataclasses import asdict

import numpy as np

from elman import checkpoint
from elman.config import SHARED, Settings, check_kind
from elman.declaration import shown
from elman.errors import ConfigError
from elman.hidden import EUCLIDEAN_ONLY
from elman.items import of_run
from elman.stream import Stream
from elman.tasks import draw

_CHECKED_LENGTH = 1000  # elements of the streams that are drawn to check a task's settings


def check(settings: Settings) -> None:
    """Hold every value against its rule, unless these settings were checked and have not been changed since.

    Raises:
        ConfigError: for the first value that breaks its rule.
    """
    mark = vars(settings)  # an attribute that is no setting
    if mark.get("_checked") != asdict(settings):
        _check(settings)
        mark["_checked"] = asdict(settings)


def _check(settings: Settings) -> None:
    for key, field in SHARED.items():
        setattr(settings, key, getattr(settings, key))  # lists may have been changed in place
        value, rule = getattr(settings, key), field.metadata["rule"]
        if rule and value is not None and not rule.holds(value):
            raise ConfigError(f"{key} must be {rule.text}, not {shown(value)}")
    if settings.cluster_method in EUCLIDEAN_ONLY and settings.cluster_metric != "euclidean":
        rule = f"euclidean with cluster_method={settings.cluster_method}"
        raise ConfigError(f"cluster_metric must be {rule}, not {settings.cluster_metric}")
    if settings.epochs == 0 and settings.weights_from is None:
        raise ConfigError(f"epochs must be {SHARED['epochs'].metadata['rule'].text}, not 0")
    _check_rule(settings)
    _check_environment()
    streams = _check_task(settings)
    _check_size(settings, streams[0])
    if settings.loss == "softmax" and not streams[0].one_hot:
        raise ConfigError(
            f"loss must be squared or cross_entropy where a symbol of {settings.task.name} is not one bit, not softmax"
        )
    _check_occurrences(settings)
    _check_items(settings)
    if settings.weights_from is not None:
        checkpoint.weights(settings.weights_from, asdict(settings), checkpoint.units_of(*streams))


def _check_rule(settings: Settings) -> None:
    """Refuse settings of the learning rule that do not go together."""
    context, decay = settings.context, settings.context_decay
    if settings.bptt_steps > 1 and (context != "hidden" or decay):
        beside = f"context={context}" if context != "hidden" else f"context_decay={shown(decay)}"
        raise ConfigError(f"bptt_steps must be 1 with {beside}, not {settings.bptt_steps}")
    if context == "none" and decay:
        raise ConfigError(f"context_decay must be 0 with context=none, not {shown(decay)}")
    if context == "none" and settings.context_span:
        raise ConfigError(f"context_span must be [] with context=none, not {shown(settings.context_span)}")
    if settings.initial_context < 0 and (settings.activation != "tanh" or context == "output"):
        copied = "context=output" if context == "output" else f"activation={settings.activation}"
        raise ConfigError(f"initial_context must be from 0 to 1 with {copied}, not {shown(settings.initial_context)}")


def _check_environment() -> None:
    """Refuse what numba would fail with after the run has begun."""
    for name, is_refused, rule in (
        ("NUMBA_NUM_THREADS", "0", "at least 1"),
        ("NUMBA_DISABLE_JIT", "1", "0 or not set"),
    ):
        if os.environ.get(name, "").strip() == is_refused:
            raise ConfigError(f"the environment variable {name} must be {rule}, not {is_refused}")


def _check_size(settings: Settings, stream: Stream) -> None:
    """Refuse what this machine has no memory for, before anything is drawn."""
    R, H, n = settings.replicates, settings.hidden_size, stream.vectors.shape[1]
    arrays = [array for array in vars(stream).values() if isinstance(array, np.ndarray)]
    element = sum(array.nbytes for array in arrays) / len(stream.vectors)  # bytes
    network = 8 * (H * n + H * (n if settings.context == "output" else H) + H + n * H + n)
    options = settings.task.options()
    needed = {
        "task.length": element * options.get("length", 0),
        "task.test_length": element * options.get("test_length", 0),
        "hidden_size": network,
        "epochs": 8 * settings.epochs,
        "replicates": R * (network + 8 * settings.epochs + n * options.get("length", 0)),
    }
    there = _memory()
    for key, size in needed.items():
        if size > there:
            raise ConfigError(
                f"{key} must be so small that memory holds it: {settings.values()[key]} takes {size / 2**30:,.0f} GiB "
                f"of {there / 2**30:,.1f}"
            )


def _memory() -> float:
    """Bytes of this machine's memory; infinitely many where it does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return float("inf")


def _check_occurrences(settings: Settings) -> None:
    if not settings.occurrences:
        return
    for_test, _ = np.random.SeedSequence(settings.seed).spawn(2)  # as in the run
    rng = np.random.default_rng(for_test)
    test = draw(settings.task.kind, settings.task.options(), rng, test=True, separate=settings.separate(test=True))
    read = sorted(set(test.input_symbols.tolist()))
    for symbol in settings.occurrences:
        if symbol not in read or settings.occurrences.count(symbol) > 1:
            raise ConfigError(
                f"occurrences must be different symbols of the test stream, {', '.join(read)}, not {symbol}"
            )


def _check_items(settings: Settings) -> None:
    for_test, for_replicates = np.random.SeedSequence(settings.seed).spawn(2)  # as in the run
    kind, options = settings.task.kind, settings.task.options()
    if settings.test_items is None and not options.get("foils"):
        return
    streams = [draw(kind, options, np.random.default_rng(for_test), test=True)]
    if not streams[0].one_hot:  # only then can there be a symbol that the test stream does not show
        (first, _) = for_replicates.spawn(1)[0].spawn(2)
        streams.append(draw(kind, options, np.random.default_rng(first), test=False))
    few = {**options, "foils": min(options["foils"], 1)} if "foils" in options else options
    items = of_run(settings.test_items, streams, kind, few, np.random.default_rng(0))
    if settings.accept is not None and items and not items.alphabet.one_hot:
        raise ConfigError(f"accept must be null where a symbol is not one bit, not {settings.accept:g}")


def _check_task(settings: Settings) -> list[Stream]:
    """Hold a task's settings against its rules, and return short streams of it, for training and for the test."""
    task = settings.task
    check_kind(task.kind, code=vars(task).get("code"))
    for key, value in vars(task).items():
        setattr(task, key, value)  # lists and mappings may have been changed in place
    given = task.options()
    for key in ("length", "test_length"):
        if key in given and given[key] < 2:
            raise ConfigError(f"task.{key} must be at least 2, not {given[key]}")
    # Only the task knows what else it cannot use, so it is asked for short streams.
    short = {key: min(value, _CHECKED_LENGTH) if key.endswith("length") else value for key, value in given.items()}
    return [
        draw(task.kind, short, np.random.default_rng(0), test=test, separate=settings.separate(test=test))
        for test in (False, True)
    ]
