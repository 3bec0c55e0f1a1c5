"""The walk through a grammar's stacks and states, compiled: it stops where it comes to one not met before."""

import numpy as np

from elman.jit import jit


@jit
def walk(draws, place, outcomes, following, symbol_of, separate, written):
    """Draw symbols until all are drawn, or until a stack or a state is missing.

    Args:
        draws: (T,) numbers from 0 to 1: one decides each symbol.
        place: the next step, the stack there, and the state.
        outcomes: offsets (stacks, 2) into the other two, cumulative probabilities (K,), and (K, 3): leaf, next stack,
            and whether a string begins; a stack whose offset is -1 is missing.
        following: (states, symbols): the next state, or -1 where it is missing.
        symbol_of: the symbol of each leaf.
        separate: whether the state is set back where a string begins.
        written: leaves (T,), starts (T,) and states (T,), to be filled in.

    Returns:
        The place where it stopped: step, stack and state; and the symbol after which the state is missing, or -1 where
        the stack is.
    """
    t, stack, state = place
    offsets, cumulative, after = outcomes
    leaves, starts, states = written
    while t < len(draws):
        first, last = offsets[stack]
        if first < 0:
            return t, stack, state, -1
        k = first + np.searchsorted(cumulative[first:last], draws[t], side="right")
        leaf, next_stack, begins = after[min(k, last - 1)]
        before = 0 if separate and begins else state
        symbol = symbol_of[leaf]
        if following[before, symbol] < 0:
            return t, stack, before, symbol
        leaves[t], starts[t], states[t] = leaf, begins, before
        stack, state = next_stack, following[before, symbol]
        t += 1
    return t, stack, state, -1
