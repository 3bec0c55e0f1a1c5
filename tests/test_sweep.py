import json
import math
import os
import re
import signal
import time
from argparse import Namespace
from pathlib import Path

import pandas as pd
import pytest
from conftest import TINY, csvs
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import OmegaConf, open_dict

import elman
from elman import checks, rundir, runner
from elman.cli import compose, plan, sweep, watch
from elman.cli import main as cli
from elman.cli.loader import SweepLoader
from elman.errors import RunDirectoryError
from elman.run_json import fingerprint

SWEEP = ("-m", *TINY, "figures=false", "hydra.sweep.dir=sweep")


def runs(directory):
    """The files of each run of a sweep, by the name of its directory."""
    return {path.parent.name: csvs(path.parent) for path in directory.glob("*/run.json")}


def times(directory):
    return {path: path.stat().st_mtime_ns for path in directory.glob("*/*") if path.is_file()}


def test_a_sweep_counts_its_runs_and_ends_with_their_comparison(call, here):
    status, out, err = call(*SWEEP, "hidden_size=2,3", "replicates=2")
    assert status == 0
    lines = err.splitlines()
    assert lines[0] == "0 of 2 runs done, 0 running, 0 failed | sweep"
    assert sorted(re.search(r"hidden_size=\d: loss 0\.", line)[0] for line in lines[1:]) == [
        "hidden_size=2: loss 0.", "hidden_size=3: loss 0.",
    ]  # fmt: skip
    assert lines[-1].startswith("2 of 2 runs done, 0 running, 0 failed | ")
    common = "task.length=30,task.test_length=60,epochs=20,figures=False"
    assert set(runs(here / "sweep")) == {f"{common},hidden_size={H},replicates=2" for H in (2, 3)}
    table = pd.read_csv(here / "sweep" / "comparison.csv")
    assert table[["hidden_size", "networks"]].to_numpy().tolist() == [[2, 2], [3, 2]]
    assert (here / "sweep" / "comparison.png").read_bytes().startswith(b"\x89PNG")
    assert re.search(r"hidden_size +n +learned", out)
    assert "comparison.csv, comparison.png and the runs are in sweep" in out
    log = next((here / "sweep").glob("*hidden_size=2*/elman.log")).read_text()
    assert "Epoch 20/20, loss 0." in log
    assert "Errors over 59 test steps" in log


@pytest.mark.parametrize(
    ("overrides", "compositions"),
    [(("hidden_size=2,3,4",), 2), (("hidden_size=2,3", "task=xor,cv"), 3)],
)
def test_jobs_that_differ_in_values_are_composed_once_and_each_is_checked_once(
    call, here, monkeypatch, overrides, compositions
):
    composed, checked = [], []
    compose, check = ConfigLoaderImpl.load_configuration, checks._check
    monkeypatch.setattr(
        ConfigLoaderImpl, "load_configuration", lambda *args, **more: composed.append(1) or compose(*args, **more)
    )
    monkeypatch.setattr(checks, "_check", lambda settings: checked.append(settings) or check(settings))
    start = time.perf_counter()
    status = call(*SWEEP, *overrides, f"seed={time.time_ns()}")[0]  # settings that this process has not seen
    taken = time.perf_counter() - start
    entries = [json.loads(path.read_text()) for path in (here / "sweep").rglob("run.json")]
    assert (status, len(composed), len(checked)) == (0, compositions, len(entries))
    assert 0 < sum(entry["seconds"]["compose"] for entry in entries) < taken


def test_a_job_is_composed_as_hydra_alone_would(here):
    flags = Namespace(config_dir=None, config_path=None, config_name=None)
    with compose.hydra_told(flags) as (application, name):
        loader = application.config_loader
        overrides = ["hidden_size=2,3", "seed=1", "hydra.sweep.dir=sweep"]
        master = loader.load_configuration(name, overrides, RunMode.MULTIRUN, validate_sweep_overrides=False)
        for job in (["task=cv", "hidden_size=2", "seed=1"], ["task=cv", "hidden_size=3", "seed=1"]):
            ours = loader.load_sweep_config(master, job)
            hydras = super(SweepLoader, loader).load_sweep_config(master, job)
            with open_dict(ours):
                del ours.hydra.job.compose_seconds
            assert OmegaConf.to_container(ours, resolve=False) == OmegaConf.to_container(hydras, resolve=False)


@pytest.mark.parametrize(
    ("combined", "jobs"),
    [
        (False, ["2 1", "3 1", "4 1", "2 5"]),
        (True, ["2 1", "2 5", "3 1", "3 5", "4 1", "4 5"]),
    ],
)
def test_each_choice_is_checked_also_where_the_sweeper_will_not_run_all_combinations(combined, jobs):
    params, task = {"hidden_size": "choice(2,3,4)"}, ["seed=1,5", "learning_rate=interval(0.1,1)", "epochs=7"]
    master = OmegaConf.create({"hydra": {"sweeper": {"params": params}, "overrides": {"task": task}}})
    with compose.hydra_at(compose.CONF):
        found = plan._jobs(master, GlobalHydra.instance().config_loader(), combined=combined)
    assert found == [[f"hidden_size={job[0]}", f"seed={job[2]}", "epochs=7"] for job in jobs]


def test_an_optimiser_is_told_the_objective_of_each_run_and_infinity_for_one_that_failed(call, here, monkeypatch):
    told, job = [], cli._job

    def _job(composed):
        told.append(job(composed))

    monkeypatch.setattr(cli, "_job", _job)
    call(*SWEEP, "hidden_size=20", "initial_scale=0.1,1e308")
    (summary,) = (here / "sweep").glob("*/summary.csv")
    assert told == [pd.read_csv(summary)["predictable_error_rate"][0], math.inf]


def test_an_optimiser_is_told_the_objective_that_is_named(call, here, monkeypatch):
    told, job = [], cli._job
    monkeypatch.setattr(cli, "_job", lambda composed: told.append(job(composed)))
    _, _, err = call(*SWEEP, "objective=success_rate", "hidden_size=2", "task=xor,sentences")
    assert told == [0.0, math.inf]
    assert "objective must be known for this task, and success_rate is not" in err
    assert call(*SWEEP, "objective=successes", "seed=1")[0] == 2
    refused = call(*SWEEP, "+hydra.sweeper.direction=maximize", "seed=1")
    assert (refused[0], refused[2].splitlines()[0][:55]) == (
        2,
        "elman: hydra.sweeper.direction must be minimize, because a j"[:55],
    )


def test_a_sweep_given_again_does_nothing_and_with_overwrite_everything(call, here):
    assert call(*SWEEP, "hidden_size=2")[0] == 0
    before = times(here / "sweep")
    status, _, err = call(*SWEEP, "hidden_size=2")
    assert status == 0
    assert err == "1 of 1 runs done, 0 running, 0 failed | sweep\n"
    assert times(here / "sweep") == before
    assert call(*SWEEP, "hidden_size=2", "overwrite=true")[0] == 0
    assert all(new > before[path] for path, new in times(here / "sweep").items())


@pytest.mark.parametrize("batches", [(), ("hydra.sweeper.max_batch_size=1",)])
def test_a_job_that_fails_stops_no_other_and_is_listed_at_the_end(call, here, batches):
    status, out, err = call(*SWEEP, "hidden_size=20", "initial_scale=1e308,0.1", *batches)
    assert status == 1
    assert "Traceback" not in err
    assert "1 of 2 runs did not finish:\n  initial_scale=1e+308: failed: DivergenceError: the loss " in err
    assert err.endswith("The same command with hydra.sweep.dir=sweep does only what is missing.\n")
    assert re.search(r"initial_scale|networks", out)
    (failed,) = (here / "sweep").glob("*1e+308*")
    entry = json.loads((failed / "run.json").read_text())
    assert entry["status"] == "failed"
    assert "Traceback" in entry["traceback"]
    assert "Traceback" in (failed / "elman.log").read_text()


def test_a_job_whose_directory_holds_other_settings_is_refused_and_listed(call, here):
    assert call(*SWEEP, "hidden_size=2", "hydra.sweep.subdir=same")[0] == 0
    status, _, err = call(*SWEEP, "hidden_size=3", "hydra.sweep.subdir=same")
    assert status == 1
    assert "this directory holds a run of other settings" in err
    assert re.search(r"  .*hidden_size=3.*: .*/same: this directory holds a run of other settings", err)
    kept = (here / "sweep" / "same" / "elman.log").read_text()
    assert "Traceback" not in kept
    assert "Epoch 20/20" in kept


def test_a_run_of_other_settings_in_the_place_of_a_job_is_neither_counted_nor_compared_as_it(call, here):
    chosen = experiment(here, hidden_size="2,3")
    assert call(*chosen)[0] == 0
    file = here / "mine" / "experiment" / "own.yaml"
    file.write_text(file.read_text().replace('"figures": false', '"figures": false, "seed": 7'))
    status, _, err = call(*chosen)
    assert status == 1
    assert "0 of 2 runs done" in err.splitlines()[0]
    assert re.search(r"  hidden_size=2: .*: this directory holds a run of other settings", err)


def test_runs_are_known_by_their_settings_however_these_were_given(call, here):
    assert call(*SWEEP, "hidden_size=2,3", "hydra.sweep.subdir=${hidden_size}", "overwrite=true")[0] == 0
    status, _, err = call(*SWEEP, "hidden_size=2,3,3", "seed=42", "hydra.sweep.subdir=${hidden_size}")
    assert (status, err) == (0, "2 of 2 runs done, 0 running, 0 failed | sweep\n")


def test_jobs_of_the_same_settings_count_once(call, here):
    status, _, err = call(*SWEEP, "seed=1,1", "hydra.sweep.subdir=${hydra.job.num}")
    assert status == 0
    assert err.splitlines()[-1].startswith("1 of 1 runs done, 0 running, 0 failed | ")
    assert len(runs(here / "sweep")) == 2


def test_a_run_whose_table_was_cut_or_lost_or_has_grown_is_run_again(call, here):
    assert call(*SWEEP, "hidden_size=2,3,4")[0] == 0
    whole = runs(here / "sweep")
    losses, summary, curve = (
        next((here / "sweep").glob(f"*hidden_size={H}*/{table}.csv"))
        for H, table in ((2, "losses"), (3, "summary"), (4, "learning_curve"))
    )
    losses.write_bytes(losses.read_bytes()[:-20])
    summary.unlink()
    curve.write_bytes(curve.read_bytes() + b"0,")
    assert call(*SWEEP, "hidden_size=2,3,4")[0] == 0
    assert runs(here / "sweep") == whole


def experiment(here, mine="mine", **params):
    """A file of the user's own that makes a sweep."""
    (here / mine / "experiment").mkdir(parents=True)
    settings = {
        "hydra": {"mode": "MULTIRUN", "sweep": {"dir": "sweep"}, "sweeper": {"params": params}},
        "figures": False,
    }
    (here / mine / "experiment" / "own.yaml").write_text(f"# @package _global_\n{json.dumps(settings)}\n")
    return ("--config-dir", mine, "experiment=own", *TINY)


def test_an_experiment_can_be_a_sweep_and_needs_no_flag(call, here):
    chosen = experiment(here, "my, own = files", hidden_size="2,3")
    (here / "more").mkdir()
    status, _, err = call(*chosen, "seed=1", f"hydra.searchpath=[file://{here}/more]")
    assert status == 0
    assert err.count("| hidden_size=") == 2
    assert len(runs(here / "sweep")) == 2


def test_a_bad_value_in_the_sweep_of_an_experiment_stops_it_before_anything_is_written(call, here):
    status, out, err = call(*experiment(here, hidden_size="2,0"))
    assert (status, out) == (2, "")
    assert err == "elman: job hidden_size=0: hidden_size must be at least 1, not 0\n"
    assert [path.name for path in here.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("hidden_size=3,x", "seed=1,2"), "job hidden_size=x seed=1: hidden_size must be a whole number, not x"),
        (("task=xor,cv", "learning_rate=0.1,nan"), "job task=xor learning_rate=nan: learning_rate must be above 0"),
        (("task=text,xor", "task.length=30,40"), "job task=text task.length=30: unknown setting task.length"),
        (("+seed=1,2",), "job +seed=1: "),
        (("cluster_method=average,ward", "cluster_metric=cosine"), "job cluster_method=ward: cluster_metric must be"),
    ],
)
def test_a_bad_value_is_named_with_its_job(call, here, overrides, message):
    status, out, err = call("-m", *overrides)
    assert (status, out) == (2, "")
    assert err.startswith(f"elman: {message}")
    assert list(here.iterdir()) == []


def test_a_sweep_is_refused_a_directory_that_is_a_run_or_none(call, here):
    assert call(*TINY, "figures=false", "hydra.run.dir=sweep")[0] == 0
    before = times(here)
    assert call(*SWEEP, "seed=1,2") == (
        1,
        "",
        f"elman: {here}/sweep: this directory holds a run; a sweep needs one of its own\n",
    )
    assert times(here) == before
    (here / "file").write_text("in the way")
    assert call(*SWEEP, "seed=1,2", "hydra.sweep.dir=file") == (1, "", f"elman: {here}/file: this is not a directory\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-m", "seed=1,2", "hydra.run.dir=here"), "hydra.run.dir must be hydra.sweep.dir for a sweep"),
        (("seed=1", "hydra.run.dir="), "hydra.run.dir must name a directory"),
        (("seed=1", "hydra.sweep.dir=here"), "hydra.sweep.dir must be hydra.run.dir for one run; a sweep needs -m"),
        (("experiment=luck", "hydra.run.dir=here"), "hydra.run.dir must be hydra.sweep.dir for a sweep"),
    ],
)
def test_a_directory_that_would_be_ignored_is_refused(call, here, arguments, message):
    assert call(*arguments) == (2, "", f"elman: {message}\n")
    assert list(here.iterdir()) == []


def test_the_directories_of_runs_and_sweeps_may_both_be_named(call, here):
    assert call("-m", "seed=1", *TINY, "figures=false", "hydra.run.dir=one", "hydra.sweep.dir=many")[0] == 0
    assert [path.name for path in here.iterdir()] == ["many"]


def test_a_sweep_whose_files_are_elsewhere_is_refused(call, here):
    message = "elman: --config-dir must be a directory, not elsewhere\n"
    assert call("-m", "--config-dir", "elsewhere", "seed=1,2") == (2, "", message)
    assert list(here.iterdir()) == []


def test_no_two_sweeps_share_a_directory_that_neither_has_named(here):
    plan._take(here / "sweep", is_new=True)
    with pytest.raises(RunDirectoryError, match="another sweep has just taken this directory"):
        plan._take(here / "sweep", is_new=True)
    plan._take(here / "sweep", is_new=False)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("learning_rate=glob(*)",), "learning_rate=glob(*) must name at least one value to sweep over"),
        (("seed=1,2", "hydra.sweeper.max_batch_size=0"), "hydra.sweeper.max_batch_size must be at least 1, not 0"),
        (
            ("experiment=hidden_units,memory",),
            "job experiment=hidden_units: a file of these settings makes a sweep of its own; run it by itself",
        ),
    ],
)
def test_a_sweep_that_would_not_be_what_was_meant_is_refused(call, here, overrides, message):
    assert call("-m", *overrides) == (2, "", f"elman: {message}\n")
    assert list(here.iterdir()) == []


def test_a_sweep_may_have_a_directory_of_any_name(call, here, monkeypatch):
    name = "it's a=b, \\ or c"
    (here / name).mkdir()
    monkeypatch.chdir(here / name)
    assert call("-m", *TINY, "figures=false", "hidden_size=2")[0] == 0
    assert len(list((here / name / "runs" / "sweeps").glob("*/*/run.json"))) == 1


def until_one_is_finished(process):
    """Wait until a sweep says that a run is finished."""
    while not re.match(r"[1-9] of", process.stderr.readline()):
        assert process.poll() is None
    return process


def test_a_killed_sweep_given_again_ends_as_if_undisturbed_and_leaves_finished_runs_alone(start, call, here):
    long = ("hidden_size=2,3,4,5", "task.length=3000", "epochs=2000", "evaluate_every=0")
    process = until_one_is_finished(start(*SWEEP, *long))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    finished = {
        path.parent
        for path in (here / "sweep").glob("*/run.json")
        if json.loads(path.read_text())["status"] == "finished"
    }
    assert 1 <= len(finished) < 4
    before = {path: when for path, when in times(here / "sweep").items() if path.parent in finished}
    assert call(*SWEEP, *long)[0] == 0
    assert {path: times(here / "sweep")[path] for path in before} == before
    assert call(*SWEEP, *long, "hydra.sweep.dir=whole")[0] == 0
    assert runs(here / "sweep") == runs(here / "whole")
    assert len(runs(here / "whole")) == 4
    assert (here / "sweep" / "comparison.csv").read_bytes() == (here / "whole" / "comparison.csv").read_bytes()


def test_ctrl_c_ends_a_sweep_with_the_comparison_of_what_is_finished(start, here):
    process = until_one_is_finished(start(*SWEEP, "epochs=20,100000000"))
    while not list((here / "sweep").glob("*epochs=100000000*/run.json")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "1 of 2 runs done, 0 running, 0 failed, 1 interrupted | epochs=100000000: interrupted\n" in err
    assert "1 of 2 runs did not finish:\n  epochs=100000000: interrupted\n" in err
    assert err.endswith("elman: interrupted\n")
    assert pd.read_csv(here / "sweep" / "comparison.csv")[["epochs", "networks"]].to_numpy().tolist() == [[20, 1]]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seed=interval(1,3)", "BasicSweeper does not support sweep type"),
        ("+hydra.launcher.bogus=1", ".*TypeError.* unexpected keyword argument 'bogus'"),
    ],
)
def test_a_sweep_that_hydra_gives_up_ends_with_its_reason(call, here, override, message):
    status, out, err = call("-m", *TINY, override)
    assert (status > 0, out) == (True, "")
    assert re.fullmatch(rf"0 of 1 runs done, 0 running, 0 failed \| .*\nelman: {message}.*\n", err)


def test_a_run_that_a_program_wrote_into_the_directory_of_a_sweep_is_left_alone(call, here):
    runner.run_into(here / "sweep" / "mine", elman.settings(*TINY, "figures=false", "seed=9"))
    before = csvs(here / "sweep" / "mine")
    assert call(*SWEEP, "seed=1,2")[0] == 0
    assert csvs(here / "sweep" / "mine") == before


def test_what_an_earlier_command_left_unfinished_is_not_counted(tmp_path, capsys):
    directory = tmp_path / "a"
    directory.mkdir()
    start = "2026-01-01T00:00:00+00:00"
    entry = {
        "status": "running",
        "settings": {"task": {"name": "xor"}, "seed": 1},
        "overrides": ["seed=1"],
        "start": start,
    }
    (directory / "run.json").write_text(json.dumps(entry))
    jobs = {fingerprint({"task": {"name": "xor"}, "seed": seed}, {}): [f"seed={seed}"] for seed in (1, 2)}
    planned = sweep.Sweep(tmp_path, jobs, tmp_path)
    with watch.watch(planned):
        pass
    assert capsys.readouterr().err.startswith("0 of 2 runs done, 0 running, 0 failed | ")
    assert sweep.finish(planned, {}) == 2
    assert "seed=1: it was killed\n  seed=2: it left no run\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("elapsed", "took", "running", "unfinished", "left"),
    [
        (10, [], [(10, 0)], 4, None),  # nothing is known yet
        (10, [10], [], 0, None),  # nothing is left
        (20, [10, 10], [], 3, 30),  # one at a time
        (20, [20, 20], [], 6, 60),  # two at a time
        (0.5, [0.5], [], 7, 3.5),  # after runs that were skipped, which took no time
        (10, [], [(10, 0.25)], 1, 30),  # by its own share
        (30, [10, 20], [(5, 0)], 2, (2 - 1 / 3) * 30 / (2 + 1 / 3)),  # as far as runs of 15 s are after 5
        (100, [90] * 8, [(10, 0.1)], 1, 90.0),  # eight at a time, but a last one cannot be shared
    ],
)
def test_the_time_left_of_a_sweep_follows_from_how_fast_its_runs_went(elapsed, took, running, unfinished, left):
    found = watch.seconds_left(elapsed, took, running, unfinished)
    assert found is None if left is None else found == pytest.approx(left)


def test_a_sweep_says_how_far_runs_are_that_take_long(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(watch, "_SILENCE", 0.0)
    settings = [{"task": {"name": "xor"}, "seed": seed} for seed in (1, 2)]
    planned = sweep.Sweep(tmp_path, {fingerprint(s, {}): [f"seed={s['seed']}"] for s in settings}, tmp_path)
    watcher = watch._Watcher(planned)
    watcher.begin()
    (tmp_path / "a").mkdir()
    entry = {"format": 2, "status": "running", "settings": settings[0], "overrides": ["seed=1"], "outputs": []}
    (tmp_path / "a" / "run.json").write_text(json.dumps(entry | {"start": "2026-01-01T00:00:00+00:00"}))
    rundir.set_progress(tmp_path / "a", 0.25)
    watcher.look()
    last = capsys.readouterr().err.splitlines()[-1]
    assert re.fullmatch(r"0 of 2 runs done, 1 running, 0 failed(, about \d+ s left)? \| seed=1: 25%", last)


def test_the_job_gives_an_optimiser_the_median_error_rate(call, here, monkeypatch):
    returned = []
    job = cli._job

    def keep(composed):
        returned.append(job(composed))

    monkeypatch.setattr(cli, "_job", keep)
    call(*SWEEP, "seed=1,2")
    summaries = [pd.read_csv(path) for path in sorted(Path("sweep").glob("*/summary.csv"))]
    assert returned == [summary["predictable_error_rate"].median() for summary in summaries]
