"""What a sweep costs beyond training, and how long reading and comparing 5,000 runs takes. Prints one table.

python tests/bench/sweeps.py
"""

import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import elman

FEW, MANY, RUNS, ROUNDS = 2, 12, 5000, 3


def seconds(function, *arguments):
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def command(module, *arguments):
    """Processor seconds of a command in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", f"from {module} import main; main()", *arguments], check=True, capture_output=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(getattr(after, kind) - getattr(before, kind) for kind in ("ru_utime", "ru_stime"))


def swept(here, jobs, figures):
    """Seconds of a sweep of the default settings with 20 epochs, without those spent on training."""
    shutil.rmtree(here / "sweep", ignore_errors=True)
    seeds = ",".join(map(str, range(jobs)))
    program = [sys.executable, "-m", "elman", "-m", f"seed={seeds}", "epochs=20", f"figures={figures}"]
    quiet = {"cwd": here, "check": True, "capture_output": True}
    total = seconds(lambda: subprocess.run([*program, "hydra.sweep.dir=sweep"], **quiet))
    entries = [json.loads(path.read_text()) for path in (here / "sweep").glob("*/run.json")]
    return total - sum(entry["seconds"]["train"] for entry in entries)


def a_job(here, figures):
    """Seconds a job, from two sweeps of different length."""
    return (swept(here, MANY, figures) - swept(here, FEW, figures)) / (MANY - FEW)


def tree(here):
    """A directory of so many finished runs, copies of one that differ in their seed."""
    swept(here, 1, "false")
    (run,) = (here / "sweep").glob("*/run.json")
    entry = json.loads(run.read_text())
    for seed in range(RUNS):
        copy = here / "runs" / f"seed={seed}"
        shutil.copytree(run.parent, copy)
        entry["settings"]["seed"] = seed
        (copy / "run.json").write_text(json.dumps(entry))
    return here / "runs"


def main():
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        runs = tree(here)
        some = here / "some"
        some.mkdir()
        for run in sorted(runs.iterdir())[::10]:
            (some / run.name).symlink_to(run)
        ways = {
            "a job of a sweep beyond training, figures=false": lambda: a_job(here, "false"),
            "a job of a sweep beyond training, with figures": lambda: a_job(here, "true"),
            f'elman.load("summary", DIR), {RUNS:,} runs': lambda: seconds(elman.load, "summary", runs),
            f"elman.load_runs(DIR), {RUNS:,} runs": lambda: seconds(elman.load_runs, runs),
            f"elman.compare(DIR), {RUNS:,} runs": lambda: seconds(elman.compare, runs),
            f"elman-compare DIR, {RUNS:,} runs, processor": lambda: command("elman.cli.compare", str(runs)),
            f"elman-compare DIR, {RUNS // 10:,} runs, processor": lambda: command("elman.cli.compare", str(some)),
        }
        times = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                times[name].append(way())
    machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    print(f"{machine}, Python {platform.python_version()}, {date.today()}\n")
    for name, values in times.items():
        print(f"{name:50} {statistics.median(values):6.2f} s")


if __name__ == "__main__":
    main()
