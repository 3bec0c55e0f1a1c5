"""What hypothesis draws: tasks, lengths, rules of learning, networks and the bits they read."""

from typing import NamedTuple

import numpy as np
from conftest import SMALL
from hypothesis import strategies as st

import elman
from elman import network, tasks
from elman.network import ACTIVATIONS, CONTEXTS, LOSSES, Rule, State, context_units
from elman.tasks import TASKS

seeds = st.integers(0, 2**63)
OPTIONS = {name: elman.settings(*overrides).task.options() for name, overrides in SMALL.items()}


def drawn(name, length, seed, *, separate=False, **options):
    """A training stream of a task, with the settings of conf/task unless others are given."""
    given = {**OPTIONS[name], **options}
    if "length" in given:
        given["length"] = length
    return tasks.draw(name, given, np.random.default_rng(seed), test=False, separate=separate)


@st.composite
def streams(draw, task=None):
    """A stream of some task and length."""
    name = task or draw(st.sampled_from(sorted(TASKS)))
    return drawn(name, draw(st.integers(4, 200)), draw(seeds))


few = st.integers(1, 4)


@st.composite
def rules(draw, **fixed):
    """A rule of learning; `fixed` are fields that are not drawn. More steps back go with Elman's context alone."""
    fields = {
        "learning_rate": [0.1, 0.5],
        "momentum": [0.0, 0.9],
        "bptt_steps": [1, 2, 3, 4, 5, 10],
        "loss": sorted(LOSSES),
        "activation": sorted(ACTIVATIONS),
        "context": sorted(CONTEXTS),
        "context_decay": [0.0, 0.3],
        "initial_context": [0.0, 0.5],
    } | {name: [value] for name, value in fixed.items()}
    drawn = {name: draw(st.sampled_from(values)) for name, values in fields.items()}
    if drawn["bptt_steps"] > 1:
        other = {"context", "context_decay"} & set(fixed)
        drawn |= {"bptt_steps": 1} if other else {"context": "hidden", "context_decay": 0.0}
    return Rule(**drawn)


class Problem(NamedTuple):
    """What a trainer takes: R networks, what they read and predict, and where steps are set back or not counted."""

    state: State
    inputs: np.ndarray
    targets: np.ndarray
    rule: Rule
    resets: np.ndarray | None
    counted: np.ndarray | None

    def train(self, backend, epochs, **more):
        """Train these networks with the function of a backend."""
        given = {**self._asdict(), **more}
        state, inputs, targets, rule = (given.pop(name) for name in ("state", "inputs", "targets", "rule"))
        return backend.train(state, inputs, targets, rule, epochs=epochs, **given)

    def of(self, networks):
        """Some of the networks, with their streams."""
        streams = {name: part(getattr(self, name), networks) for name in ("inputs", "targets", "resets", "counted")}
        return self._replace(state=part(self.state, networks), **streams)


def part(value, networks):
    """The arrays of some networks, wherever they are in nested tuples; an array that all share stays."""
    if value is None:
        return None
    if isinstance(value, np.ndarray):
        return value if len(value) == 1 and isinstance(networks, slice) else value[networks]
    parts = [part(each, networks) for each in value]
    return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)


def arrays(value):
    """The arrays of nested tuples, one after another."""
    if value is None:
        return []
    return [value] if isinstance(value, np.ndarray) else [array for each in value for array in arrays(each)]


@st.composite
def problems(draw, networks=few, rule=None):
    """R networks of some shape that learn by some rule, somewhere in training."""
    R, n, H, T = draw(networks), draw(st.integers(1, 10)), draw(st.integers(1, 18)), draw(st.integers(2, 12))
    rule = draw(rules() if rule is None else rule)
    rng = np.random.default_rng(draw(seeds))
    scale = draw(st.sampled_from([0.1, 1.0]))
    contexts = context_units(rule.context, hidden=H, outputs=n)
    sizes = {"inputs": n, "hidden": H, "outputs": n, "scale": scale, "context": contexts}
    state = network.begin(network.stack([network.init(rng, **sizes) for _ in range(R)]), rule)
    S = 1 if draw(st.booleans()) else R  # streams
    inputs, targets = rng.integers(2, size=(2, S, T, n), dtype=np.uint8)
    if rule.loss == "softmax":
        targets = np.eye(n, dtype=np.uint8)[rng.integers(n, size=(S, T))]
    first = np.zeros((1, T), bool)
    first[:, 0] = True
    resets = draw(st.sampled_from([None, first, rng.random((S, T)) < 0.3]))
    counted = draw(st.sampled_from([None, rng.random((S, T)) < 0.7]))
    if counted is not None:
        counted[:, -1] = True
    return Problem(state._replace(context=rng.random((R, contexts))), inputs, targets, rule, resets, counted)
