"""The numba backend: `fused` for errors of one step, `general` for all other rules; no arithmetic here."""

import logging
from collections.abc import Callable
from functools import cache
from threading import Timer

import numpy as np

from elman.network import Rule, State, Weights
from elman.trainers import fused_calls
from elman.trainers.interrupts import put_off

log = logging.getLogger(__name__)
warm_up = fused_calls.warm_up
_LOAD = 1.0  # seconds by which compiled code has been loaded, if there was any


@cache
def _prepare(compile_or_load: Callable[..., None], *kind: object) -> None:
    """Compile a kernel for a kind of rule, the first time on a machine with a line that says so."""
    timer = Timer(_LOAD, log.info, ["compiling the learning rule, once on this machine"])
    timer.start()
    try:
        with put_off():
            compile_or_load(*kind)
    finally:
        timer.cancel()


def _is_fused(rule: Rule) -> bool:
    """Whether the error goes back through one step, and the context is that of Elman or none."""
    return rule.bptt_steps == 1 and rule.context in ("hidden", "none") and not rule.context_decay


def _kind(rule: Rule) -> Rule:
    """One of the rules that a kernel has to be compiled for."""
    momentum = 0.5 if rule.momentum else 0.0
    return Rule(0.1, momentum, loss="squared" if fused_calls.is_elmans(rule) else "cross_entropy")


def train(
    state: State,
    inputs: np.ndarray,
    targets: np.ndarray,
    rule: Rule,
    *,
    epochs: int,
    resets: np.ndarray | None = None,
    counted: np.ndarray | None = None,
    tick: Callable[[float], None] = lambda share: None,
) -> tuple[State, np.ndarray]:
    """As `elman.trainers.reference.train`, for inputs and targets of bits; equal to it but for rounding."""
    inputs, targets = inputs.astype(np.uint8, copy=False), targets.astype(np.uint8, copy=False)
    R, T = len(state.context), inputs.shape[1]
    networks = 1 if R == 1 else None
    by_epoch = resets is not None and bool(resets[:, 0].all()) and not resets[:, 1:].any()
    if _is_fused(rule) and counted is None and (resets is None or by_epoch):
        if not fused_calls.is_elmans(rule):
            _prepare(fused_calls.warm_up, networks, _kind(rule))
        return fused_calls.train(state, inputs, targets, rule, epochs=epochs, reset=resets is not None, tick=tick)
    from elman.trainers import every_rule  # takes its time to import, and Elman's rule does not need it

    _prepare(every_rule.warm_up, networks, bool(rule.momentum))
    return every_rule.train(
        state,
        inputs,
        targets,
        rule,
        epochs=epochs,
        resets=np.zeros((1, T), bool) if resets is None else resets,
        counted=np.ones((1, T), bool) if counted is None else counted,
        tick=tick,
    )


def predict(
    weights: Weights, inputs: np.ndarray, context: np.ndarray, rule: Rule, *, resets: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `elman.network.predict` for R networks, with inputs of bits; equal to it but for rounding."""
    inputs = np.ascontiguousarray(inputs, np.uint8)
    is_logistic = rule.activation == "logistic" and rule.loss in ("squared", "cross_entropy")
    if is_logistic and _is_fused(rule._replace(bptt_steps=1)) and resets is None:
        return fused_calls.predict(weights, inputs, context, rule)
    from elman.trainers import every_rule

    _prepare(every_rule.warm_up_predict, 1 if len(context) == 1 else None)
    kept = np.zeros(len(inputs), bool) if resets is None else resets
    return every_rule.predict(weights, inputs, context, rule, resets=kept)
