"""The output layer in compiled code: net inputs, values, losses, and the changes that the losses ask for.

Each function for learning is compiled in two versions, by the type of `how`: None is Elman's rule, squared errors of
logistic units without a branch; numbers are any rule. Changes of units are minus the learning rate times their error
signals.
"""

from typing import NamedTuple

import numba
import numpy as np
from numba import types
from numba.extending import overload

from elman.trainers.changes import INLINE, added
from elman.trainers.simd import exponential, fma, held, larger, logarithm, logistic, masked, truth, where

SQUARED, CROSS_ENTROPY, SOFTMAX = range(3)
LOGISTIC, TANH = range(2)
_BITS = 500  # that a product of probabilities may lose before its logarithm is taken


class How(NamedTuple):
    """Loss and activation, as compiled code takes them."""

    loss: int
    activation: int


class Outputs(NamedTuple):
    """Numbers of the output units at one step, as arrays of vectors and, as `each_...`, one by one."""

    net: np.ndarray
    each_net: np.ndarray
    value: np.ndarray
    each_value: np.ndarray
    change: np.ndarray
    each_change: np.ndarray
    term: np.ndarray
    """What a unit adds to the loss (Elman's rule: its error) ..."""
    each_term: np.ndarray
    factor: np.ndarray
    """... and minus the logarithm of what it adds as well."""
    each_factor: np.ndarray


class Tally(NamedTuple):
    """The loss of an epoch so far: a sum, less the logarithm of a product that has lost some bits."""

    total: float
    product: float
    bits: int


@numba.njit(error_model="numpy", inline="always")
def net(o, W_ho, b_o, row, each_hidden):
    """The net inputs of output units; hidden units are summed as `fused` says."""
    z = b_o[o]
    odd, H = masked(z, 0.0), W_ho.shape[1]
    for pair in range(H // 2):
        g, h = np.uintp(2 * pair), np.uintp(2 * pair + 1)  # numba takes no negative indices into account
        z = fma(W_ho[o, g], each_hidden[row, g], z)
        odd = fma(W_ho[o, h], each_hidden[row, h], odd)
    if H % 2:
        z = fma(W_ho[o, H - 1], each_hidden[row, H - 1], z)
    return z + odd


@numba.njit(error_model="numpy", inline="always")
def share(W_ho, b_o, row, each_hidden, outputs, O):
    """The values of softmax outputs, and of their net inputs how far they are below the largest."""
    for o in range(len(b_o)):
        outputs.net[o] = net(o, W_ho, b_o, row, each_hidden)
    most = outputs.each_net[0]
    for o in range(1, O):
        most = larger(most, outputs.each_net[o])
    for o in range(len(b_o)):
        outputs.net[o] = held(outputs.net[o] - most, 500.0)
        outputs.value[o] = exponential(outputs.net[o])
    total = outputs.each_value[0]
    for o in range(1, O):
        total = total + outputs.each_value[o]
    one = 1.0 / total
    for o in range(len(b_o)):
        outputs.value[o] = outputs.value[o] * one
        outputs.factor[o] = masked(outputs.factor[o], 0.0) + one


@numba.njit(error_model="numpy", inline="always")
def find_values(how, W_ho, b_o, row, each_hidden, outputs, O):
    """Fill in the values of the output units."""
    if how.loss == SOFTMAX:
        share(W_ho, b_o, row, each_hidden, outputs, O)
    else:
        for o in range(len(b_o)):
            outputs.value[o] = logistic(net(o, W_ho, b_o, row, each_hidden))


def answer(how, targets, t, W_ho, b_o, V_o, row, each_hidden, outputs, O, down, momentum, counted):
    """Values, losses and changes of the output units at a step; their biases change.

    Nothing is changed and lost where the step is not counted.
    """


@overload(answer, **INLINE)
def _answer(how, targets, t, W_ho, b_o, V_o, row, each_hidden, outputs, O, down, momentum, counted):
    def elmans(how, targets, t, W_ho, b_o, V_o, row, each_hidden, outputs, O, down, momentum, counted):
        for o in range(len(b_o)):
            y = logistic(net(o, W_ho, b_o, row, each_hidden))
            error = where(truth(targets[o, t]), y - 1.0, y)
            outputs.term[o] = error
            outputs.change[o] = change = down * (error * (y * (1.0 - y)))
            added(b_o, V_o, o, change, momentum, counted)

    def any_rules(how, targets, t, W_ho, b_o, V_o, row, each_hidden, outputs, O, down, momentum, counted):
        if how.loss == SOFTMAX:
            share(W_ho, b_o, row, each_hidden, outputs, O)
        for o in range(len(b_o)):
            target = truth(targets[o, t])
            if how.loss == SOFTMAX:
                z, y = outputs.net[o], outputs.value[o]
                error = where(target, y - 1.0, y)
                term = where(target, -1.0 * z, masked(z, 0.0))
            else:
                z = net(o, W_ho, b_o, row, each_hidden)
                y = logistic(z)
                error = where(target, y - 1.0, y)
                if how.loss == SQUARED:
                    term = error * error
                    error = error * (y * (1.0 - y))
                else:
                    z = where(target, -1.0 * z, z)
                    term = larger(z, masked(z, 0.0))
                    outputs.factor[o] = larger(y, 1.0 - y)
                outputs.value[o] = y
            outputs.term[o] = masked(term, counted)
            outputs.change[o] = change = masked(down * error, counted)
            added(b_o, V_o, o, change, momentum, counted)

    return elmans if isinstance(how, types.NoneType) else any_rules


def tally(how, so_far, outputs, O, counts):
    """Add the losses of a step to those of the epoch."""


@overload(tally, **INLINE)
def _tally(how, so_far, outputs, O, counts):
    def elmans(how, so_far, outputs, O, counts):
        total = so_far.total
        for o in range(O):
            total = fma(outputs.each_term[o], outputs.each_term[o], total)
        return Tally(total, so_far.product, so_far.bits)

    def any_rules(how, so_far, outputs, O, counts):
        total, product, bits = so_far
        for o in range(O):
            total = total + outputs.each_term[o]
        if how.loss != SQUARED:
            one = masked(total, 0.0) + 1.0
            lost = 31 if how.loss == SOFTMAX else 1  # bits, at most, by a factor
            for o in range(1 if how.loss == SOFTMAX else O):
                product = product * where(counts, outputs.each_factor[o], one)
                bits += lost
                if bits + lost > _BITS:
                    total = total - logarithm(product)
                    product, bits = one, 0
        return Tally(total, product, bits)

    return elmans if isinstance(how, types.NoneType) else any_rules


def mean_loss(how, tallied, n, O):
    """The loss of an epoch of n steps."""


@overload(mean_loss, **INLINE)
def _mean_loss(how, tallied, n, O):
    def elmans(how, tallied, n, O):
        return tallied.total / (n * float(O))

    def any_rules(how, tallied, n, O):
        total = tallied.total - logarithm(tallied.product)
        return total / (n if how.loss == SOFTMAX else n * float(O))

    return elmans if isinstance(how, types.NoneType) else any_rules


def activation(how, z):
    """The activations of hidden units."""


@overload(activation, **INLINE)
def _activation(how, z):
    def elmans(how, z):
        return logistic(z)

    def any_rules(how, z):
        return fma(2.0, logistic(2.0 * z), -1.0) if how.activation == TANH else logistic(z)

    return elmans if isinstance(how, types.NoneType) else any_rules


def slope(how, y):
    """The derivative of the activation with respect to the net input."""


@overload(slope, **INLINE)
def _slope(how, y):
    def elmans(how, y):
        return y * (1.0 - y)

    def any_rules(how, y):
        return (1.0 + y) * (1.0 - y) if how.activation == TANH else y * (1.0 - y)

    return elmans if isinstance(how, types.NoneType) else any_rules
