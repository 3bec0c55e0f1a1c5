"""The numba backend: `fused` for Elman's rule, `every_rule` for all others; no arithmetic here."""

import logging
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from elman.network import Rule, State, Weights
from elman.trainers import fused
from elman.trainers.interrupts import put_off

log = logging.getLogger(__name__)
warm_up = fused.warm_up


@cache
def _every_rule() -> ModuleType:
    """The kernel of every other rule, compiled the first time on a machine with a line that says so."""
    with put_off():
        from elman.trainers import every_rule

        kernel: Any = every_rule.train_alone
        place = Path(kernel.stats.cache_path or "")
        if not any(place.glob("every_rule.train_alone-*.nbi")):
            log.info("compiling the other learning rules, once on this machine")
        every_rule.warm_up()
    return every_rule


def _is_elmans(rule: Rule) -> bool:
    """Whether a network learns by Elman's rule, with a context of its own hidden units or none."""
    plain = Rule(rule.learning_rate, context=rule.context, initial_context=rule.initial_context)
    return rule == plain and rule.context in ("hidden", "none")


def train(
    state: State,
    inputs: np.ndarray,
    targets: np.ndarray,
    rule: Rule,
    *,
    epochs: int,
    resets: np.ndarray | None = None,
    counted: np.ndarray | None = None,
) -> tuple[State, np.ndarray]:
    """As `elman.trainers.reference.train`, for inputs and targets of bits; equal to it but for rounding."""
    inputs, targets = inputs.astype(np.uint8, copy=False), targets.astype(np.uint8, copy=False)
    T = inputs.shape[1]
    by_epoch = resets is not None and bool(resets[:, 0].all()) and not resets[:, 1:].any()
    if _is_elmans(rule) and counted is None and (resets is None or by_epoch):
        return fused.train(state, inputs, targets, rule, epochs=epochs, reset=resets is not None)
    trained: tuple[State, np.ndarray] = _every_rule().train(
        state,
        inputs,
        targets,
        rule,
        epochs=epochs,
        resets=np.zeros((1, T), bool) if resets is None else resets,
        counted=np.ones((1, T), bool) if counted is None else counted,
    )
    return trained


def predict(
    weights: Weights, inputs: np.ndarray, context: np.ndarray, rule: Rule, *, resets: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `elman.network.predict` for R networks, with inputs of bits; equal to it but for rounding."""
    inputs = np.ascontiguousarray(inputs, np.uint8)
    is_logistic = rule.activation == "logistic" and rule.loss in ("squared", "cross_entropy")
    is_elmans = rule.context == "none" or (rule.context == "hidden" and not rule.context_decay)
    if is_logistic and is_elmans and resets is None:
        return fused.predict(weights, inputs, context, rule)
    kept = np.zeros(len(inputs), bool) if resets is None else resets
    predicted: tuple[np.ndarray, np.ndarray, np.ndarray] = _every_rule().predict(
        weights, inputs, context, rule, resets=kept
    )
    return predicted
