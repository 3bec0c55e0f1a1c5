"""How fast it is: training beside the article's loop and a loop in C, and the whole command. Prints one table.

    python tests/bench/bench.py

Everything is measured in the same run, in turn, round after round; the table has medians over the rounds.
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
from datetime import date
from pathlib import Path

import numpy as np

from elman import network
from elman.tasks import TASKS
from elman.train import TRAINERS

T, H, RATE, ROUNDS = 3000, 4, 0.1, 7
HERE = Path(__file__).parent


def article(stream, weights, epochs):
    """The article's form: one step after another, in numpy, with column vectors."""
    W_ih, W_hh, b_h, W_ho, b_o = (w[0].copy() for w in weights)
    b_h, b_o = b_h[:, None], b_o[:, None]
    inputs, targets = stream.inputs.astype(float), stream.targets.astype(float)
    for _ in range(epochs):
        context = np.zeros((H, 1))
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
    return loss / len(inputs)


def ours(backend, stream, weights, epochs):
    options = {"epochs": epochs, "learning_rate": RATE, "reset_to": 0.0, "recurrent": True}
    R = len(weights.b_h)
    return TRAINERS[backend]().train(weights, np.zeros((R, H)), stream.inputs[None], stream.targets[None], **options)[
        2
    ][0, -1]


def compiled_c():
    """The loop in C at -O3, or None where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        return None
    library = Path(tempfile.mkdtemp()) / "loop.so"
    subprocess.run([compiler, "-O3", "-shared", "-fPIC", HERE / "loop.c", "-o", library, "-lm"], check=True)
    function = ctypes.CDLL(str(library)).train
    pointer = np.ctypeslib.ndpointer(dtype=float, flags="C")
    function.argtypes = [ctypes.c_int] * 5 + [ctypes.c_double] + [pointer] * 12
    function.restype = None

    def train(stream, weights, epochs):
        inputs, targets = stream.inputs.astype(float), stream.targets.astype(float)
        arrays, losses = [w[0].copy() for w in weights], np.empty(epochs)
        work = [np.zeros(H), np.zeros(H), np.zeros(H), np.zeros(targets.shape[1])]
        sizes = (len(inputs), inputs.shape[1], H, targets.shape[1], epochs)
        function(*sizes, RATE, inputs, targets, *arrays, *work, losses)
        return losses[-1]

    return train


def training():
    """Nanoseconds a step of each way to train, by name; checks first that all of them compute the same."""
    rng = np.random.default_rng(0)
    stream = TASKS["xor"](T, rng)
    one = network.stack([network.init(rng, inputs=1, hidden=H, outputs=1, scale=0.1)])
    ways = {
        "the article's loop, numpy": (article, 1),
        "elman, backend=numpy": (lambda *a: ours("numpy", *a), 1),
        "elman, backend=numba": (lambda *a: ours("numba", *a), 600),
    }
    if c := compiled_c():
        ways["loop in C, -O3"] = (c, 600)
    losses = [train(stream, one, 2) for train, _ in ways.values()]
    np.testing.assert_allclose(losses, losses[0], rtol=1e-12)
    times = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (train, epochs) in ways.items():
            start = time.perf_counter()
            train(stream, one, epochs)
            times[name].append((time.perf_counter() - start) / (epochs * (T - 1)) * 1e9)
    return {name: statistics.median(values) for name, values in times.items()}


def commands():
    """Seconds that a user waits for a command, by name."""
    program, times = [sys.executable, "-m", "elman"], {}
    with tempfile.TemporaryDirectory() as here:

        def wait(*arguments, **variables):
            start = time.perf_counter()
            subprocess.run(
                [*program, *arguments], cwd=here, check=True, capture_output=True, env=os.environ | variables
            )
            return time.perf_counter() - start

        wait()
        times["elman --help"] = statistics.median(wait("--help") for _ in range(ROUNDS))
        times["elman"] = statistics.median(wait() for _ in range(ROUNDS))
        times["elman, the first time (compiling)"] = wait(NUMBA_CACHE_DIR=f"{here}/empty")
    return times


def main():
    steps = training()
    numba = steps["elman, backend=numba"]
    machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    print(f"{machine}, Python {platform.python_version()}, {date.today()}\n")
    print(f"{'training, 1-4-1, one network':36} {'ns a step':>10} {'steps a second':>15} {'time / numba':>13}")
    for name, value in steps.items():
        print(f"{name:36} {value:10,.0f} {1e9 / value:15,.0f} {value / numba:13.2f}")
    print(f"\n{'command, default settings':36} {'seconds':>10}")
    for name, value in commands().items():
        print(f"{name:36} {value:10.2f}")


if __name__ == "__main__":
    main()
