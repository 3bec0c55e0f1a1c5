import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import csvs

pytest.importorskip("hydra_plugins", reason="needs the extras joblib, ray, slurm and optuna")
pytestmark = pytest.mark.cluster

SWEEP = ("-m", "hidden_size=2,3", "seed=1,2", "task.length=300", "task.test_length=300", "epochs=50", "figures=false")
LONG = ("-m", "seed=1,2,3,4,5,6", "task.length=3000", "task.test_length=300", "epochs=4000", "figures=false")


def runs(directory):
    """The tables of each run of a sweep, by the name of its directory; each says how long composing it took."""
    found = {path.parent: json.loads(path.read_text()) for path in directory.glob("*/run.json")}
    assert all(entry["seconds"]["compose"] > 0 for entry in found.values())
    return {path.name: csvs(path) for path in found}


def elman(here, *overrides, **variables):
    return subprocess.run(
        [sys.executable, "-m", "elman", *overrides],
        cwd=here, env=os.environ | variables, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.fixture(scope="module")
def by_basic(tmp_path_factory):
    """The tables of the two sweeps, as the basic launcher makes them."""
    here = tmp_path_factory.mktemp("basic")
    for name, sweep in (("short", SWEEP), ("long", LONG)):
        done = elman(here, *sweep, f"hydra.sweep.dir={name}")
        assert done.returncode == 0, done.stderr
    return {name: runs(here / name) for name in ("short", "long")}


@pytest.fixture
def cluster(tmp_path):
    """A Ray cluster of two nodes; its address and its process."""
    pytest.importorskip("hydra_plugins.hydra_ray_launcher")
    (tmp_path / "cluster").mkdir()
    program = [sys.executable, Path(__file__).parent / "ray_cluster.py"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    env = os.environ | {"RAY_AUTH_MODE": "disabled"}
    with subprocess.Popen(program, cwd=tmp_path / "cluster", env=env, **pipes) as process:
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"127\.0\.0\.2:\d+", address)
        yield address, process
        process.stdin.close()


def test_a_sweep_on_a_ray_cluster_runs_on_all_nodes_and_writes_here_what_the_basic_launcher_writes(
    cluster, tmp_path, by_basic
):
    done = elman(
        tmp_path, *SWEEP, "hydra/launcher=ray_cluster", "hydra.sweep.dir=ray",
        RAY_ADDRESS=cluster[0], RAY_AUTH_MODE="disabled",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "4 of 4 runs done" in done.stderr
    assert runs(tmp_path / "ray") == by_basic["short"]
    assert (tmp_path / "ray" / "comparison.csv").exists()
    entries = [json.loads(path.read_text()) for path in (tmp_path / "ray").glob("*/run.json")]
    assert len({entry["node"] for entry in entries} - {None}) == 2
    assert list((tmp_path / "cluster").glob("*/*")) == []


def test_a_sweep_survives_the_death_of_a_node(cluster, tmp_path, by_basic):
    address, nodes = cluster
    program = [sys.executable, "-m", "elman", *LONG, "hydra/launcher=ray_cluster", "hydra.sweep.dir=ray"]
    env = os.environ | {"RAY_ADDRESS": address, "RAY_AUTH_MODE": "disabled"}
    with subprocess.Popen(program, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True) as process:
        while not re.match(r"[1-6] of 6 runs done", process.stderr.readline()):
            assert process.poll() is None
        nodes.stdin.write("kill\n")
        nodes.stdin.flush()
        assert nodes.stdout.readline() == "killed\n"
        _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert runs(tmp_path / "ray") == by_basic["long"]
    assert list((tmp_path / "ray").rglob("*.part")) == []


def test_joblib_gives_the_same_bytes_and_finishes_a_sweep_whose_worker_was_killed(tmp_path, by_basic):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    sweep = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "hydra.sweep.dir=joblib")
    program = [sys.executable, "-m", "elman", *LONG, *sweep]
    with subprocess.Popen(program, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        while not re.match(r"[1-6] of 6 runs done", process.stderr.readline()):
            assert process.poll() is None
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        worker = next(c for c in children if b"popen_loky" in Path(f"/proc/{c}/cmdline").read_bytes())
        os.kill(int(worker), signal.SIGKILL)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "Traceback" not in err
    assert re.search(r"runs did not finish:\n(  seed=\d: .+\n)+", err)
    assert err.splitlines()[-1].startswith("elman: TerminatedWorkerError: A worker process")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "joblib").glob("*/summary.csv")}
    again = elman(tmp_path, *LONG, *sweep)
    assert again.returncode == 0, again.stderr
    assert runs(tmp_path / "joblib") == by_basic["long"]
    assert before
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_submitit_gives_the_same_bytes_and_a_failing_job_stops_no_other(tmp_path, by_basic):
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    done = elman(tmp_path, *SWEEP, "hydra/launcher=submitit_local", "hydra.sweep.dir=submitit")
    assert done.returncode == 0, done.stderr
    assert runs(tmp_path / "submitit") == by_basic["short"]
    failing = elman(
        tmp_path, "-m", "initial_scale=1e308,0.1", "hidden_size=20", "task.length=30", "epochs=20", "figures=false",
        "hydra/launcher=submitit_local", "hydra.sweep.dir=failing",
    )  # fmt: skip
    assert failing.returncode == 1
    assert "1 of 2 runs did not finish:\n  initial_scale=1e+308: failed: DivergenceError: " in failing.stderr
    assert sorted(bool(tables) for tables in runs(tmp_path / "failing").values()) == [False, True]


def test_the_slurm_preset_composes(tmp_path):
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    done = elman(
        tmp_path, "hydra/launcher=slurm", "hydra.launcher.partition=short", "--cfg", "hydra", "-p", "hydra.launcher"
    )
    assert done.returncode == 0, done.stderr
    assert "partition: short" in done.stdout
    assert "SlurmLauncher" in done.stdout


def test_optuna_minimises_the_median_error_rate_and_takes_a_failure_for_the_worst(tmp_path):
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    done = elman(
        tmp_path, "-m", "hydra/sweeper=optuna", "hydra.sweeper.n_trials=4",
        "hydra.sweeper.sampler.seed=1", "hidden_size=choice(2,20)", "initial_scale=choice(0.1,1e308)",
        "task.length=30", "task.test_length=60", "epochs=20", "figures=false", "hydra.sweep.dir=optuna",
    )  # fmt: skip
    found = [(json.loads(path.read_text()), path.parent) for path in (tmp_path / "optuna").glob("*/run.json")]
    rates = [
        pd.read_csv(run / "summary.csv")["predictable_error_rate"].median()
        for entry, run in found
        if entry["status"] == "finished"
    ]
    assert {entry["status"] for entry, _ in found} == {"finished", "failed"}, done.stderr
    best = yaml.safe_load((tmp_path / "optuna" / "optimization_results.yaml").read_text())
    assert best["best_value"] == min(rates)
    assert (tmp_path / "optuna" / "comparison.csv").exists()
