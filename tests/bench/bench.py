"""How fast it is, beside what one would use instead: the article's loop, PyTorch, JAX, C. Prints one table.

    pip install -e '.[bench]' && python tests/bench/bench.py

Every way to train is measured in the same run, in turn, round after round; the table has medians over the rounds, and a
way that needs something that is not there says so. First each of them has to compute the same losses. On a busy machine
the time that passes grows, and that of the processor (of all threads) hardly does.
"""

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np
from ways import (
    BUILT,
    C_BEST,
    FAST,
    SHAPES,
    THREADS,
    WIDE,
    article,
    c,
    c_rule,
    c_side_by_side,
    elman,
    jax,
    jax_bptt,
    problem,
    pytorch,
)

from elman.network import Rule

ROUNDS, LEAST = 5, 0.15  # seconds a measurement takes at least
RULES = {
    "Elman's rule": Rule(0.1),
    "cross-entropy": Rule(0.1, loss="cross_entropy"),
    "tanh": Rule(0.1, activation="tanh"),
    "softmax": Rule(0.1, loss="softmax"),
    "momentum": Rule(0.01, momentum=0.9),
    "bptt_steps=4": Rule(0.1, bptt_steps=4),
    "bptt_steps=10": Rule(0.1, bptt_steps=10),
}
# How many times as long as today's Elman's rule took, measured in turn, when the bounds were set; and what a step may
# cost, as a multiple of that, in the order of RULES.
BEFORE = {("1-4-1", 1): 1.0, ("1-4-1", 16): 1.02, ("6-20-6", 1): 1.16, ("6-20-6", 16): 1.03, ("31-150-31", 1): 1.07}
BOUNDS = {
    ("1-4-1", 1): (1.03, 1.1, 1.1, None, 1.25, 2.0, 3.4),
    ("1-4-1", 16): (1.03, 1.1, 1.1, None, 1.35, 2.2, 4.8),
    ("6-20-6", 1): (1.03, 1.1, 1.1, 1.1, 1.45, 2.3, 5.0),
    ("6-20-6", 16): (1.03, 1.15, 1.15, 1.15, 1.5, 2.5, 6.0),
    ("31-150-31", 1): (0.94, 1.15, 1.15, 1.15, 2.0, 3.1, 8.0),
}


class Times(NamedTuple):
    """Nanoseconds a network-step."""

    wall: float
    """That pass."""
    cpu: float
    """Of the processor, in all threads."""


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
    all_ways |= {("JAX, single precision", R): jax(precision="float32") for R in many[:1] + many[2:]}
    all_ways[("C, -O3", 1)] = c("-O3")
    all_ways[("C, -O3 -march=native -ffast-math", 1)] = c(*FAST)
    if not large:
        for L in (8, 16, 32):
            all_ways[(f"{C_BEST}, in {L}s", 256)] = c_side_by_side(L, *FAST)
            all_ways[(f"{C_BEST}, in {L}s, 512 bits", 256)] = c_side_by_side(L, *WIDE)
    return all_ways


def ways_of_rule(shape: str, name: str) -> dict[tuple[str, int], Callable]:
    """The same for another rule of learning."""
    rule, large = RULES[name], shape == "31-150-31"
    all_ways = {(f"elman, {name}", R): elman("numba", rule) for R in ((1,) if large else (1, 256))}
    all_ways[(f"C, {name}, -O3 -march=native -ffast-math", 1)] = c_rule(rule, *FAST)
    if rule.bptt_steps == 4 and not large:
        all_ways |= {(f"JAX, {name}", R): jax_bptt(4, one_product=False) for R in (1, 64, 256)}
        all_ways |= {(f"JAX, {name}, changes as one product", R): jax_bptt(4, one_product=True) for R in (64, 256)}
    return all_ways


def timed(function: Callable, *arguments) -> Times:
    """Seconds that a call takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    function(*arguments)
    return Times(time.perf_counter() - wall, time.process_time() - cpu)


def measured(shape: str, all_ways: dict[tuple[str, int], Callable]) -> dict[tuple[str, int], Times | str]:
    """What a step of a network takes, for each way to train; or why there is none."""
    results, ready = {}, {}
    T = SHAPES[shape][-1]
    problems = {R: problem(shape, R) for _, R in all_ways}
    wanted = None
    for (name, R), way in all_ways.items():
        try:
            train = way(problems[R])
        except (ImportError, OSError, subprocess.CalledProcessError) as error:
            results[name, R] = f"not measured: {error}"
            continue
        losses = train(1)
        wanted = losses[0] if wanted is None else wanted
        np.testing.assert_allclose(losses[0], wanted, rtol=1e-3 if "single" in name else 1e-9)
        epochs = 1
        while (taken := timed(train, epochs).wall) < LEAST:  # JAX compiles for each number of epochs
            epochs = max(epochs + 1, min(epochs * 64, int(epochs * LEAST / taken * 1.3)))
            train(epochs) if name.startswith("JAX") else None
        ready[name, R] = train, epochs
        results[name, R] = []
    for _ in range(ROUNDS):
        for (name, R), (train, epochs) in ready.items():
            results[name, R].append([each / (epochs * T * R) * 1e9 for each in timed(train, epochs)])
    medians = {key: value if isinstance(value, str) else medians_of(value) for key, value in results.items()}
    rivals = [key for key in medians if key[0].startswith(C_BEST)]
    slower = sorted(rivals, key=lambda key: (isinstance(medians[key], str), medians[key]))[1:]
    return {key: value for key, value in medians.items() if key not in slower}


def medians_of(rounds: list[list[float]]) -> Times:
    return Times(*map(statistics.median, zip(*rounds, strict=True)))


def print_table(title: str, times: dict) -> None:
    print(f"\n{title:54} {'networks':>8} {'ns a step':>11} {'CPU':>11} {'network-steps a second':>23}")
    for (name, R), value in times.items():
        row = value if isinstance(value, str) else f"{value.wall:11,.1f} {value.cpu:11,.1f} {1e9 / value.wall:23,.0f}"
        print(f"{name:54} {R:8,} {row}")


def ratios(shape: str, R: int) -> None:
    """Print what a step costs by each rule, on one thread: the least CPU time of some rounds, in turn."""
    T, threads = SHAPES[shape][-1], numba.config.NUMBA_NUM_THREADS
    numba.config.NUMBA_NUM_THREADS = 1
    rules = {name: rule for name, rule in RULES.items() if name != "softmax" or shape != "1-4-1"}
    trains = {name: elman("numba", rule)(problem(shape, R, one_hot=name == "softmax")) for name, rule in rules.items()}
    epochs = {}
    for name, train in trains.items():
        train(1)
        epochs[name] = max(20, int(LEAST / timed(train, 10).cpu * 10))
    least = dict.fromkeys(trains, float("inf"))
    for _ in range(2 * ROUNDS):
        for name, train in trains.items():
            least[name] = min(least[name], timed(train, epochs[name]).cpu / (epochs[name] * T * R) * 1e9)
    numba.config.NUMBA_NUM_THREADS = threads
    form = "alone" if R == 1 else f"{R} side by side"
    print(f"\n{f'learning rules, {shape}, {form}':54} {'CPU ns':>11} {'ratio':>7} {'at most':>8}")
    before = least["Elman's rule"] * BEFORE[shape, R]
    for name, bound in zip(RULES, BOUNDS[shape, R], strict=True):
        if name in least:
            print(f"{name:54} {least[name]:11,.1f} {least[name] / before:7.2f} {bound:8}")


def bounds(shape: str, times: dict) -> list[str]:
    """What the ratios are to be, and what they are."""

    def best(start: str, *, least: int = 1, most: int = 10**6) -> float:
        found = [t for (name, R), t in times.items() if name.startswith(start) and least <= R <= most]
        return min((t.wall for t in found if not isinstance(t, str)), default=float("nan"))

    ours, ours_256 = best("elman, backend=numba", most=1), best("elman, backend=numba", least=256, most=256)
    strict = best("C, -O3", most=1) if isinstance(times["C, -O3", 1], str) else times["C, -O3", 1].wall
    double = min(best("JAX, jit"), best("JAX, the same"))
    lines = []
    if shape == "1-4-1":
        lines += [
            f"one network: {best('JAX, jit', most=1) / ours:.1f} times as fast as JAX (at least 10)",
            f"one network: {best('JAX, the same', most=1) / ours:.1f} times as fast as JAX unrolled by 4",
            f"one network: {best('the article') / ours:.0f} times as fast as the article's loop (at least 300)",
            f"one network: {ours / strict:.2f} times the time of C at -O3 (at most 1.2)",
        ]
    if ours_256 == ours_256:
        lines += [
            f"256 networks: {double / ours_256:.1f} times as fast as JAX at its best (at least 3)",
            f"256 networks: {best('JAX, single') / ours_256:.1f} times as fast as in single precision (at least 1.8)",
            f"256 networks: {ours_256 / best('C, side by side'):.2f} times the time of C side by side (at most 2.5)",
        ]
    if shape == "31-150-31":
        lines += [
            f"one network: {ours / best('C, -O3 -march'):.2f} times the time of C with -ffast-math (at most 1.5)",
            f"one network: {strict / ours:.1f} times as fast as the strict loop, row by row (at least 3)",
        ]
    return lines


def bounds_of_rule(shape: str, name: str, times: dict) -> list[str]:
    """The same for another rule."""

    def of(start: str) -> float:
        found = [t.wall for (way, _), t in times.items() if way.startswith(start) and not isinstance(t, str)]
        return min(found, default=float("nan"))

    ours, theirs = times[f"elman, {name}", 1].wall, of("C, ")
    most = {"1-4-1": 0.8 if RULES[name].momentum else 0.65, "6-20-6": 0.65, "31-150-31": 0.6}[shape]
    lines = [f"one network: {ours / theirs:.2f} times the time of C (at most {most})"]
    if (f"JAX, {name}", 256) in times:
        ours_256, least = times[f"elman, {name}", 256].wall, {"1-4-1": 8, "6-20-6": 4}[shape]
        product = of(f"JAX, {name}, changes") / ours_256
        lines += [
            f"256 networks: {of('JAX') / ours_256:.1f} times as fast as JAX at its best (at least {least})",
            f"256 networks: {product:.1f} times as fast as JAX with the changes as one product",
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
            return timed(lambda: subprocess.run([*program, *arguments], **options)).wall

        wait()
        rounds = [{name: wait(*arguments) for name, arguments in waits.items()} for _ in range(ROUNDS)]
        times = {name: statistics.median(times[name] for times in rounds) for name in waits}
        for title, arguments in {
            "elman, the first time (compiling, at most 8 s of it)": [],
            "elman bptt_steps=2, the first time (compiling)": ["bptt_steps=2"],
            "elman bptt_steps=7, after that": ["bptt_steps=7"],
            "elman loss=cross_entropy, the first time (compiling)": ["loss=cross_entropy"],
        }.items():
            times[title] = wait("epochs=1", "figures=false", *arguments, NUMBA_CACHE_DIR=f"{here}/empty")
    return times


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def main() -> None:
    """Print the tables, some for each shape of network, and then the waits."""
    print(
        f"{processor()}, {os.cpu_count()} cores, {THREADS} threads, Python {platform.python_version()}, {date.today()}"
    )
    for shape in sys.argv[1:] or SHAPES:
        times = measured(shape, ways(shape))
        print_table(f"training, {shape}", times)
        print(*bounds(shape, times), sep="\n")
        for R in (1, 16):
            if (shape, R) in BOUNDS:
                ratios(shape, R)
        for name in ("momentum", "bptt_steps=4", "bptt_steps=10"):
            times = measured(shape, ways_of_rule(shape, name))
            print_table(f"{name}, {shape}", times)
            print(*bounds_of_rule(shape, name, times), sep="\n")
    if not sys.argv[1:]:
        print(f"\n{'command, default settings':54} {'seconds':>8}")
        for name, value in commands().items():
            print(f"{name:54} {value:8.2f}")
    shutil.rmtree(BUILT)


if __name__ == "__main__":
    main()
