"""What hypothesis draws: tasks, lengths, networks and the bits they read."""

import numpy as np
from conftest import SMALL
from hypothesis import strategies as st

import elman
from elman import network, tasks
from elman.tasks import LONGEST_UNIT, TASKS

seeds = st.integers(0, 2**63)
OPTIONS = {name: elman.settings(*overrides).task.options() for name, overrides in SMALL.items()}


def drawn(name, length, seed, **options):
    """A practice stream of a task, with the settings of conf/task unless others are given."""
    given = {**OPTIONS[name], **options}
    if "length" in given:
        given["length"] = length
    return tasks.draw(name, given, np.random.default_rng(seed), test=False)


@st.composite
def streams(draw, task=None):
    """A stream of some task and length."""
    name = task or draw(st.sampled_from(sorted(TASKS)))
    length = draw(st.integers(LONGEST_UNIT.get(name, 2), 200))
    return drawn(name, length, draw(seeds))


few = st.integers(1, 4)


@st.composite
def problems(draw, networks=few):
    """R networks of some shape with their context, inputs and targets: what a trainer takes."""
    R, n, H, T = draw(networks), draw(st.integers(1, 10)), draw(st.integers(1, 18)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(seeds))
    scale = draw(st.sampled_from([0.1, 1.0]))
    weights = network.stack([network.init(rng, inputs=n, hidden=H, outputs=n, scale=scale) for _ in range(R)])
    inputs, targets = rng.integers(2, size=(2, R, T, n), dtype=np.uint8)
    return weights, rng.random((R, H)), inputs, targets


options = st.fixed_dictionaries(
    {
        "learning_rate": st.sampled_from([0.1, 0.5]),
        "reset_to": st.sampled_from([None, 0.0, 0.5]),
        "recurrent": st.booleans(),
    }
)
