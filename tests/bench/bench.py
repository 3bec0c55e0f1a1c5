"""How fast it is, beside what one would use instead: the article's loop, PyTorch, JAX, C. Prints one table.

    pip install -e '.[bench]' && python tests/bench/bench.py

Every way to train is measured in the same run, in turn, round after round; the table has medians over the rounds, and a
way that needs something that is not there says so. First each of them has to compute the same losses.
"""

import ctypes
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np

from elman import network
from elman.network import Rule, Weights
from elman.trainers import BACKENDS

RATE, ROUNDS, LEAST = 0.1, 5, 0.15  # seconds a measurement takes at least
HERE, BUILT = Path(__file__).parent, Path(tempfile.mkdtemp())
SHAPES = {"1-4-1": (1, 4, 1, 3000), "6-20-6": (6, 20, 6, 600), "31-150-31": (31, 150, 31, 200)}
THREADS = numba.config.NUMBA_NUM_THREADS


class Problem(NamedTuple):
    """R networks with their own streams: weights, inputs (R, T, I) and targets (R, T, O)."""

    weights: Weights
    inputs: np.ndarray
    targets: np.ndarray


def problem(shape: str, R: int) -> Problem:
    """The first k of R networks do not depend on R. 31 inputs are words, of which each has a bit of its own."""
    I, H, O, T = SHAPES[shape]
    networks, streams = [], []
    for r in range(R):
        rng = np.random.default_rng(r)
        networks.append(network.init(rng, inputs=I, hidden=H, outputs=O, scale=0.1))
        one_hot = rng.integers(I, size=(T + 1, 1)) == np.arange(I)
        streams.append(one_hot if I == 31 else rng.integers(2, size=(T + 1, I)))
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


def elman(backend: str) -> Callable:
    def way(p: Problem) -> Callable:
        train, _ = BACKENDS[backend]()
        rule = Rule(RATE)
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


def jax(unroll: int = 1) -> Callable:
    """A compiled scan over the steps of a compiled scan over the epochs, of all networks at once; double precision."""

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
        weights = tuple(jnp.array(w) for w in p.weights)
        inputs, targets = (jnp.array(bits, dtype=float) for bits in (p.inputs, p.targets))
        return lambda epochs: np.asarray(compiled(weights, inputs, targets, epochs))

    return way


def built(source: str, *flags: str):
    """A loop in C, compiled with these flags."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        raise ImportError("no C compiler")
    library = BUILT / f"{source}{'_'.join(flags)}.so"
    if not library.exists():
        command = [compiler, *flags, "-shared", "-fPIC", str(HERE / source), "-o", str(library), "-lm"]
        subprocess.run(command, check=True, capture_output=True)
    function = ctypes.CDLL(str(library)).train
    function.restype = None
    return function


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


def ways(shape: str) -> dict[tuple[str, int], Callable]:
    """Each way to train and the number of its networks, with the function that does it."""
    large = shape == "31-150-31"
    many = (1, 8, 64) if large else (1, 8, 64, 256, 1024)
    all_ways: dict[tuple[str, int], Callable] = {("the article's loop, numpy", 1): article}
    all_ways |= {("elman, backend=numpy", R): elman("numpy") for R in (1, 64)}
    all_ways |= {("elman, backend=numba", R): elman("numba") for R in many}
    all_ways[("PyTorch, step by step", 1)] = pytorch
    all_ways |= {("JAX, jit scan vmap", R): jax() for R in many}
    all_ways |= {("JAX, the same, unrolled by 4", R): jax(unroll=4) for R in (1, 64)}
    all_ways[("C, -O3", 1)] = c("-O3")
    all_ways[("C, -O3 -march=native -ffast-math", 1)] = c(*FAST)
    if not large:
        for L in (8, 16, 32):
            all_ways[(f"{C_BEST}, in {L}s", 256)] = c_side_by_side(L, *FAST)
            all_ways[(f"{C_BEST}, in {L}s, 512 bits", 256)] = c_side_by_side(L, *WIDE)
    return all_ways


def seconds(function: Callable, *arguments) -> float:
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def measured(shape: str) -> dict[tuple[str, int], float | str]:
    """Nanoseconds that a step of a network takes, for each way to train; or why there is none."""
    results, ready = {}, {}
    T = SHAPES[shape][-1]
    problems = {R: problem(shape, R) for _, R in ways(shape)}
    wanted = None
    for (name, R), way in ways(shape).items():
        try:
            train = way(problems[R])
        except (ImportError, OSError, subprocess.CalledProcessError) as error:
            results[name, R] = f"not measured: {error}"
            continue
        losses = train(1)
        wanted = losses[0] if wanted is None else wanted
        np.testing.assert_allclose(losses[0], wanted, rtol=1e-9)
        epochs = 1
        while (taken := seconds(train, epochs)) < LEAST:  # JAX compiles anew for each number of epochs
            epochs = max(epochs + 1, min(epochs * 64, int(epochs * LEAST / taken * 1.3)))
            train(epochs) if name.startswith("JAX") else None
        ready[name, R] = train, epochs
        results[name, R] = []
    for _ in range(ROUNDS):
        for (name, R), (train, epochs) in ready.items():
            results[name, R].append(seconds(train, epochs) / (epochs * T * R) * 1e9)
    medians = {key: value if isinstance(value, str) else statistics.median(value) for key, value in results.items()}
    rivals = [key for key in medians if key[0].startswith(C_BEST)]
    slower = sorted(rivals, key=lambda key: (isinstance(medians[key], str), medians[key]))[1:]
    return {key: value for key, value in medians.items() if key not in slower}


def bounds(shape: str, times: dict) -> list[str]:
    """What the ratios are to be, and what they are."""

    def best(start: str, *, least: int = 1, most: int = 10**6) -> float:
        found = [t for (name, R), t in times.items() if name.startswith(start) and least <= R <= most]
        return min((t for t in found if not isinstance(t, str)), default=float("nan"))

    ours, ours_256 = times["elman, backend=numba", 1], times.get(("elman, backend=numba", 256))
    strict = times["C, -O3", 1] if not isinstance(times["C, -O3", 1], str) else float("nan")
    lines = []
    if shape == "1-4-1":
        lines += [
            f"one network: {best('JAX, jit', most=1) / ours:.1f} times as fast as JAX (at least 10)",
            f"one network: {best('JAX, the same', most=1) / ours:.1f} times as fast as JAX unrolled by 4",
            f"one network: {best('the article') / ours:.0f} times as fast as the article's loop (at least 300)",
            f"one network: {ours / strict:.2f} times the time of C at -O3 (at most 1.2)",
        ]
    if ours_256:
        lines += [
            f"256 networks: {best('JAX') / ours_256:.1f} times as fast as JAX at its best (at least 3)",
            f"256 networks: {ours_256 / best('C, side by side'):.2f} times the time of C side by side (at most 2.5)",
        ]
    if shape == "31-150-31":
        lines += [
            f"one network: {ours / best('C, -O3 -march'):.2f} times the time of C with -ffast-math (at most 1.5)",
            f"one network: {strict / ours:.1f} times as fast as the strict loop, row by row (at least 3)",
        ]
    return lines


def commands() -> dict[str, float]:
    """Seconds that a user waits for a command."""
    program = [sys.executable, "-m", "elman"]
    waits = {
        "elman --help": ["--help"],
        "elman": [],
        "elman figures=false": ["figures=false"],
        "elman replicates=256 figures=false": ["replicates=256", "figures=false"],
        "elman task=sentences": ["task=sentences"],
    }
    with tempfile.TemporaryDirectory() as here:

        def wait(*arguments, **variables):
            options = {"cwd": here, "check": True, "capture_output": True, "env": os.environ | variables}
            return seconds(lambda: subprocess.run([*program, *arguments], **options))

        wait()
        rounds = [{name: wait(*arguments) for name, arguments in waits.items()} for _ in range(ROUNDS)]
        times = {name: statistics.median(times[name] for times in rounds) for name in waits}
        times["elman, the first time (compiling)"] = wait(NUMBA_CACHE_DIR=f"{here}/empty")
    return times


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def main() -> None:
    """Print the table, a part for each shape of network, and then the waits."""
    print(
        f"{processor()}, {os.cpu_count()} cores, {THREADS} threads, Python {platform.python_version()}, {date.today()}"
    )
    for shape in sys.argv[1:] or SHAPES:
        times = measured(shape)
        print(f"\n{'training, ' + shape:46} {'networks':>8} {'ns a step':>11} {'network-steps a second':>23}")
        for (name, R), value in times.items():
            print(f"{name:46} {R:8,} {value if isinstance(value, str) else f'{value:11,.1f} {1e9 / value:23,.0f}'}")
        print(*bounds(shape, times), sep="\n")
    if sys.argv[1:]:
        return
    print(f"\n{'command, default settings':46} {'seconds':>8}")
    for name, value in commands().items():
        print(f"{name:46} {value:8.2f}")
    shutil.rmtree(BUILT)


if __name__ == "__main__":
    main()
