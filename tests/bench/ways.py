"""Ways to train: the article's loop, PyTorch, JAX, C and elman, each from a problem to a function that trains."""

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np

from elman import network
from elman.network import Rule, Weights
from elman.trainers import BACKENDS

RATE = 0.1
HERE, BUILT = Path(__file__).parent, Path(tempfile.mkdtemp())
SHAPES = {"1-4-1": (1, 4, 1, 3000), "6-20-6": (6, 20, 6, 600), "31-150-31": (31, 150, 31, 200)}
THREADS = numba.config.NUMBA_NUM_THREADS
ELMANS = Rule(RATE)


class Problem(NamedTuple):
    """R networks with their own streams: weights, inputs (R, T, I) and targets (R, T, O)."""

    weights: Weights
    inputs: np.ndarray
    targets: np.ndarray


def problem(shape: str, R: int, one_hot: bool = False) -> Problem:
    """The first k of R networks do not depend on R. Where wanted, and of 31 inputs, each is a bit of its own."""
    I, H, O, T = SHAPES[shape]
    networks, streams = [], []
    for r in range(R):
        rng = np.random.default_rng(r)
        networks.append(network.init(rng, inputs=I, hidden=H, outputs=O, scale=0.1))
        symbols = rng.integers(I, size=(T + 1, 1)) == np.arange(I)
        streams.append(symbols if one_hot or I == 31 else rng.integers(2, size=(T + 1, I)))
    vectors = np.array(streams, dtype=np.uint8)
    return Problem(network.stack(networks), vectors[:, :-1].copy(), vectors[:, 1:].copy())


# Each way to train: from a problem, a function that trains for some epochs and returns the losses (R, epochs).


def article(p: Problem) -> Callable:
    """The article's form: one step after another, in numpy, with column vectors."""

    def train(epochs):
        W_ih, W_hh, b_h, W_ho, b_o = (w[0].copy() for w in p.weights)
        b_h, b_o = b_h[:, None], b_o[:, None]
        inputs, targets = p.inputs[0].astype(float), p.targets[0].astype(float)
        losses = []
        for _ in range(epochs):
            context = np.zeros_like(b_h)
            loss = 0.0
            for row, wanted in zip(inputs, targets, strict=True):
                x, target = row.reshape(-1, 1), wanted.reshape(-1, 1)
                hidden = network.logistic(W_ih @ x + W_hh @ context + b_h)
                output = network.logistic(W_ho @ hidden + b_o)
                loss += np.mean((output - target) ** 2)
                delta_o = (output - target) * output * (1 - output)
                delta_h = (W_ho.T @ delta_o) * hidden * (1 - hidden)
                W_ho -= RATE * delta_o @ hidden.T
                b_o -= RATE * delta_o
                W_ih -= RATE * delta_h @ x.T
                W_hh -= RATE * delta_h @ context.T
                b_h -= RATE * delta_h
                context = hidden.copy()
            losses.append(loss / len(inputs))
        return np.array([losses])

    return train


def elman(backend: str, rule: Rule = ELMANS) -> Callable:
    def way(p: Problem) -> Callable:
        train, _ = BACKENDS[backend]()
        state, resets = network.begin(p.weights, rule), np.arange(p.inputs.shape[1])[None] == 0
        return lambda epochs: train(state, p.inputs, p.targets, rule, epochs=epochs, resets=resets)[1]

    return way


def pytorch(p: Problem) -> Callable:
    """A step at a time, with the gradient from autograd; the context is cut off from the step before."""
    import torch

    torch.set_num_threads(1)  # faster for networks of this size
    inputs, targets = (torch.tensor(bits[0].astype(float)) for bits in (p.inputs, p.targets))

    def train(epochs):
        W_ih, W_hh, b_h, W_ho, b_o = weights = [torch.tensor(w[0], requires_grad=True) for w in p.weights]
        optimizer = torch.optim.SGD(weights, lr=RATE)
        losses = []
        for _ in range(epochs):
            context, loss = torch.zeros(len(b_h), dtype=float), 0.0
            for x, target in zip(inputs, targets, strict=True):
                hidden = torch.sigmoid(W_ih @ x + W_hh @ context + b_h)
                squared = (torch.sigmoid(W_ho @ hidden + b_o) - target) ** 2
                optimizer.zero_grad()
                (squared.sum() / 2).backward()
                optimizer.step()
                context = hidden.detach()
                loss += squared.mean().item()
            losses.append(loss / len(inputs))
        return np.array([losses])

    return train


def jax(unroll: int = 1, precision: str = "float64") -> Callable:
    """A compiled scan over the steps of a compiled scan over the epochs, of all networks at once."""

    def way(p: Problem) -> Callable:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)

        def step(carry, row):
            (W_ih, W_hh, b_h, W_ho, b_o), context = carry
            x, target = row
            hidden = jax.nn.sigmoid(W_ih @ x + W_hh @ context + b_h)
            output = jax.nn.sigmoid(W_ho @ hidden + b_o)
            delta_o = (output - target) * output * (1 - output)
            delta_h = (W_ho.T @ delta_o) * hidden * (1 - hidden)
            weights = (
                W_ih - RATE * jnp.outer(delta_h, x),
                W_hh - RATE * jnp.outer(delta_h, context),
                b_h - RATE * delta_h,
                W_ho - RATE * jnp.outer(delta_o, hidden),
                b_o - RATE * delta_o,
            )
            return (weights, hidden), jnp.mean((output - target) ** 2)

        def one(weights, inputs, targets, epochs):
            def epoch(weights, _):
                carry = (weights, jnp.zeros_like(weights[2]))
                (weights, _), losses = jax.lax.scan(step, carry, (inputs, targets), unroll=unroll)
                return weights, losses.mean()

            return jax.lax.scan(epoch, weights, None, length=epochs)[1]

        compiled = jax.jit(jax.vmap(one, in_axes=(0, 0, 0, None)), static_argnums=3)
        weights = tuple(jnp.array(w, dtype=precision) for w in p.weights)
        inputs, targets = (jnp.array(bits, dtype=precision) for bits in (p.inputs, p.targets))
        return lambda epochs: np.asarray(compiled(weights, inputs, targets, epochs))

    return way


def jax_bptt(steps: int, one_product: bool) -> Callable:
    """The same with the error sent back through more steps; double precision.

    The changes of the steps are added up by one product of matrices, or one after another.
    """

    def way(p: Problem) -> Callable:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)

        def changes(deltas, carried):
            if one_product:
                return deltas.T @ carried
            return sum(jnp.outer(deltas[j], carried[j]) for j in range(steps))

        def step(carry, row):
            (W_ih, W_hh, b_h, W_ho, b_o), xs, contexts, carried = carry  # of the last steps, the newest first
            x, target = row
            hidden = jax.nn.sigmoid(W_ih @ x + W_hh @ contexts[0] + b_h)
            output = jax.nn.sigmoid(W_ho @ hidden + b_o)
            xs = jnp.concatenate([x[None], xs[: steps - 1]])
            delta_o = (output - target) * output * (1 - output)
            deltas = [(W_ho.T @ delta_o) * hidden * (1 - hidden)]
            for j in range(steps - 1):
                deltas.append(carried[j] * (W_hh.T @ deltas[j]) * contexts[j] * (1 - contexts[j]))
            delta_h = jnp.stack(deltas)
            weights = (
                W_ih - RATE * changes(delta_h, xs),
                W_hh - RATE * changes(delta_h, contexts[:steps]),
                b_h - RATE * delta_h.sum(axis=0),
                W_ho - RATE * jnp.outer(delta_o, hidden),
                b_o - RATE * delta_o,
            )
            contexts = jnp.concatenate([hidden[None], contexts[:-1]])
            carried = jnp.concatenate([jnp.ones(1, carried.dtype), carried[:-1]])
            return (weights, xs, contexts, carried), jnp.mean((output - target) ** 2)

        def one(weights, inputs, targets, epochs):
            def epoch(weights, _):
                (H, I), kind = weights[0].shape, weights[0].dtype
                first = jnp.zeros((steps, I), kind), jnp.zeros((steps, H), kind), jnp.zeros(steps, kind)
                (weights, *_), losses = jax.lax.scan(step, (weights, *first), (inputs, targets))
                return weights, losses.mean()

            return jax.lax.scan(epoch, weights, None, length=epochs)[1]

        compiled = jax.jit(jax.vmap(one, in_axes=(0, 0, 0, None)), static_argnums=3)
        weights = tuple(jnp.array(w, dtype=float) for w in p.weights)
        inputs, targets = (jnp.array(bits, dtype=float) for bits in (p.inputs, p.targets))
        return lambda epochs: np.asarray(compiled(weights, inputs, targets, epochs))

    return way


def built(source: str, *flags: str, function: str = "train"):
    """A loop in C, compiled with these flags."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        raise ImportError("no C compiler")
    library = BUILT / f"{source}{'_'.join(flags)}.so"
    if not library.exists():
        command = [compiler, *flags, "-shared", "-fPIC", str(HERE / source), "-o", str(library), "-lm"]
        subprocess.run(command, check=True, capture_output=True)
    loop = getattr(ctypes.CDLL(str(library)), function)
    loop.restype = None
    return loop


def pointers(arrays):
    return [array.ctypes.data_as(ctypes.POINTER(ctypes.c_double)) for array in arrays]


def c(*flags: str) -> Callable:
    def way(p: Problem) -> Callable:
        function = built("loop.c", *flags)
        (T, I), (H, O) = p.inputs.shape[1:], (p.weights.b_h.shape[1], p.weights.b_o.shape[1])
        streams = [p.inputs[0].astype(float), p.targets[0].astype(float)]

        def train(epochs):
            losses = np.empty(epochs)
            work = [np.zeros(n) for n in (H, H, H, O)]
            arrays = [*streams, *(w[0].copy() for w in p.weights), *work, losses]
            function(T, I, H, O, epochs, ctypes.c_double(RATE), *pointers(arrays))
            return losses[None]

        return train

    return way


def c_rule(rule: Rule, *flags: str) -> Callable:
    """One network by another rule: momentum, or more steps back."""

    def way(p: Problem) -> Callable:
        function = built("rules.c", *flags, function="momentum" if rule.momentum else "bptt")
        (T, I), (H, O), k = p.inputs.shape[1:], (p.weights.b_h.shape[1], p.weights.b_o.shape[1]), rule.bptt_steps
        streams = [p.inputs[0].astype(float), p.targets[0].astype(float)]

        def train(epochs):
            losses, weights = np.empty(epochs), [w[0].copy() for w in p.weights]
            velocity = [np.zeros(sum(w.size for w in weights))] if rule.momentum else []
            work, own = np.zeros((2 * k + 3) * H + 2 * O), ctypes.c_double(rule.momentum) if rule.momentum else k
            arrays = [*streams, *weights, *velocity, work, losses]
            function(T, I, H, O, epochs, ctypes.c_double(rule.learning_rate), own, *pointers(arrays))
            return losses[None]

        return train

    return way


def c_side_by_side(L: int, *flags: str) -> Callable:
    def way(p: Problem) -> Callable:
        function = built("lanes.c", *flags, f"-DL={L}")
        (R, T, I), (H, O) = p.inputs.shape, (p.weights.b_h.shape[1], p.weights.b_o.shape[1])
        if R % L:
            raise ImportError(f"a multiple of {L} networks only")

        def laid(array):  # (L, ...) -> (..., L), at the start of a cache line
            memory = np.empty(array.size + 16)
            first = -memory.ctypes.data % 64 // 8
            lanes = memory[first : first + array.size].reshape(*array.shape[1:], len(array))
            lanes[...] = np.moveaxis(array, 0, -1)
            return lanes

        W_ih, W_hh, b_h, W_ho, b_o = p.weights
        given = (p.inputs, p.targets, W_ih.swapaxes(1, 2), W_hh.swapaxes(1, 2), b_h, W_ho, b_o)
        streams = [[laid(array[r : r + L]) for array in given[:2]] for r in range(0, R, L)]

        def train(epochs):
            losses = np.empty((R, epochs))

            def block(r):
                weights = [laid(array[r : r + L]) for array in given[2:]]
                work = [laid(np.zeros((L, n))) for n in (H, H, H, epochs)]
                function(T, I, H, O, epochs, ctypes.c_double(RATE), *pointers([*streams[r // L], *weights, *work]))
                losses[r : r + L] = work[-1].T

            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(block, range(0, R, L)))
            return losses

        return train

    return way


FAST = ("-O3", "-march=native", "-ffast-math")
C_BEST = "C, side by side, the same flags"  # of which the table has the fastest
WIDE = (*FAST, "-mprefer-vector-width=512")
