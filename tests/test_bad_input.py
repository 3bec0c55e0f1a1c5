"""Bad input of every kind for every setting, generated from their declaration: each ends in one line.

A share of the cases is tried; all of them with ELMAN_EVERY_BAD_INPUT=1.
"""

import os
from argparse import Namespace
from itertools import product

import pytest
from conftest import SMALL
from hydra.types import RunMode
from omegaconf import OmegaConf

import elman
from elman.cli import compose
from elman.cli.messages import check_readable, user_errors
from elman.config import SHARED
from elman.declaration import MOST, convert
from elman.errors import ConfigError
from elman.tasks import options

FLAGS = Namespace(config_dir=None, config_path=None, config_name=None)
VALUES = [
    "null", "true", "-1", "7.5", "nan", "inf", "-1e400", f"1{'0' * 30}", f"{MOST}", "'many words'", "'two\nlines'",
    f"{'x' * 3000}", "'???'", "'${nope}'", "${oc.env:NO_SUCH_VARIABLE}", "[]", "[a,b]", "[1,[2]]", "[null,true]",
    "{a: 1}", "{a: [b]}", "''",
]  # fmt: skip
LONGEST = 500
SHARE = 1 if os.environ.get("ELMAN_EVERY_BAD_INPUT") else 7  # one in so many values of each setting is tried


def is_one_short_line(message):
    return 0 < len(message) < LONGEST and "\n" not in message and "Traceback" not in message


def refusal(loader, master, job):
    """The message with which a job is refused, or its settings."""
    try:
        with user_errors():
            return "", compose.to_settings(compose.without_hydra(loader.load_sweep_config(master, job)))
    except ConfigError as error:
        return str(error), None


@pytest.mark.parametrize("task", SMALL)
def test_a_value_that_a_setting_cannot_have_is_refused_in_one_line_that_names_it(task, here):
    types = {key: field.type for key, field in SHARED.items()} if task == "xor" else {}
    types |= {f"task.{key}": kind for key, kind in options(task).items()}
    refused = 0
    with compose.hydra_told(FLAGS) as (application, name):
        loader = application.config_loader
        master = loader.load_configuration(name, [], RunMode.MULTIRUN, validate_sweep_overrides=False)
        cases = list(product(types.items(), VALUES))[::SHARE]
        for (key, kind), value in cases:
            message, chosen = refusal(loader, master, [*SMALL[task], f"{key}={value}"])
            if chosen is None:
                # Categories of one's own are what the templates must name.
                assert ("task.templates" if (key, value) == ("task.categories", "{a: [b]}") else key) in message, value
                assert is_one_short_line(message), value
                refused += 1
            else:
                assert convert(key, kind, chosen.values()[key]) == chosen.values()[key]
    assert refused > 0.6 * len(cases)
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    "change", ["hiden_size=3", "+task.lenght=3", "++a.b=1", "~epochs", "~task.length", "task.length.x=1"]
)
def test_a_key_that_is_no_setting_or_is_missing_is_refused_in_one_line_that_names_it(change):
    with pytest.raises(ConfigError, match=change.lstrip("+~").partition("=")[0].partition(".")[0]) as refused:
        elman.settings(change)
    assert is_one_short_line(str(refused.value))


HEAD = "# @package _global_\n"
FILES = {
    "a list without end": (f"{HEAD}hidden_size: [1\n", "own.yaml, line 3: cannot be read as YAML: expected ',' or ']'"),
    "a tab": (f"{HEAD}\thidden_size: 1\n", "own.yaml, line 2: cannot be read as YAML: found character '\\t'"),
    "a key twice": (f"{HEAD}seed: 3\nseed: 4\n", "own.yaml, line 3: cannot be read as YAML: found duplicate key seed"),
    "Latin-1": (
        HEAD.encode() + b"weights_from: caf\xe9\n",
        "own.yaml: cannot be read as YAML: 'utf-8' codec can't decode",
    ),
    "a character of code 0": (f"{HEAD}seed: 3\0\n", "own.yaml: cannot be read as YAML: unacceptable character #x0000"),
    "a number of 5,000 digits": (f"{HEAD}seed: {'1' * 5000}\n", "own.yaml: cannot be read as YAML: Exceeds the limit"),
    "lists 3,000 deep": (f"{HEAD}occurrences: {'[' * 3000}\n", "own.yaml: refers to itself, or is nested too deep"),
    "no package": (
        "seed: 3\n",
        "experiment is no setting; a file of experiments begins with the line # @package _global_",
    ),
    "a byte order mark": (f"\ufeff{HEAD}seed: 3\n", "experiment is no setting; a file of experiments begins with"),
    "a list": (f"{HEAD}- 1\n", "In 'experiment/own': ConfigTypeError"),
    "defaults that are no list": (f"{HEAD}defaults: 3\n", "Invalid defaults list in 'experiment/own'"),
    "defaults that are not there": (f"{HEAD}defaults: [nowhere]\n", "In 'experiment/own': Could not load"),
    "itself": (f"{HEAD}defaults: [own]\n", "the settings refer to themselves, or are nested too deep"),
    "a task that is not there": (f"{HEAD}defaults: [override /task: tea]\n", "task must be one of"),
    "a misspelt key": (f"{HEAD}hiden_size: 3\n", "unknown setting hiden_size; did you mean hidden_size?"),
    "an old name": (f"{HEAD}initial_weights: .1\n", "initial_weights is now initial_scale"),
    "a wrong type": (f"{HEAD}hidden_size: many\n", "hidden_size must be a whole number, not many"),
    "no for a word": (f"{HEAD}occurrences: [no]\n", "occurrences[0] must be text, not false; quote it"),
    "an unknown interpolation": (f"{HEAD}seed: ${{nope}}\n", "seed has a value that cannot be resolved"),
    "a broken interpolation": (f"{HEAD}seed: ${{\n", "own.yaml: cannot be read as YAML: no viable alternative"),
    "a value for a mapping": (f"{HEAD}task: 3\n", "task"),
    "hydra without settings": (f"{HEAD}hydra: 3\n", "In 'experiment/own': ValidationError"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_settings_file_that_cannot_be_used_is_refused_in_one_line_that_names_it(kind, tmp_path):
    content, message = FILES[kind]
    (tmp_path / "experiment").mkdir()
    file = tmp_path / "experiment" / "own.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError) as refused:
        elman.settings(f"hydra.searchpath=[{compose.quoted(f'file://{tmp_path}')}]", "experiment=own")
    assert message in str(refused.value)
    assert is_one_short_line(str(refused.value))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("task.file=日本.txt", "cannot read task.file=日本.txt; type 'task.file=\"日本.txt\"'"),
        ("task.file=#1.txt", "cannot read task.file=#1.txt; type 'task.file=\"#1.txt\"'"),
        ("occurrences=[␣,t]", "cannot read occurrences=[␣,t]; type 'occurrences=[\"␣\",\"t\"]'"),
        (f"seed={'1' * 5000}", "cannot read seed=1111"),
        (f"occurrences={'[' * 3000}", "cannot read occurrences=[[[["),
        ("xor", "cannot read xor as a setting; elman task=xor runs that task"),
        ("Reber", "cannot read Reber as a setting; elman task=reber runs that task"),
        ("truncation", "cannot read truncation as a setting; elman experiment=truncation runs that experiment"),
        ("task=XOR", "; did you mean task=xor?"),
        ("task=both", "task must be one of its names, not both; elman -m task=xor,cv runs two"),
        ("hydra.searchpath=[nope://x]", "nope"),
        ("task.length=2147483647", "task.length must be so small that memory holds it: 2147483647 takes "),
        ("hidden_size=2147483647", "hidden_size must be so small that memory holds it: 2147483647 takes "),
        ("replicates=2147483647", "replicates must be so small that memory holds it: 2147483647 takes "),
    ],
)  # fmt: skip
def test_what_is_typed_wrong_is_answered_with_what_to_type(override, message):
    with pytest.raises(ConfigError) as refused:
        elman.settings(override)
    assert message in str(refused.value)
    assert is_one_short_line(str(refused.value))
    typed = str(refused.value).partition("; type '")[2].removesuffix("'")
    check_readable([typed] if typed else [])


def test_the_settings_file_of_a_run_runs_it_again(call, here):
    assert call(*SMALL["words"], "seed=9", "figures=false", "hydra.run.dir=one")[0] == 0
    status, _, err = call("--config-dir", "one/.hydra", "--config-name", "config", "hydra.run.dir=two")
    assert status == 0, err
    assert (here / "one" / "losses.csv").read_bytes() == (here / "two" / "losses.csv").read_bytes()
    assert OmegaConf.load(here / "one/.hydra/config.yaml").task == OmegaConf.load(here / "two/.hydra/config.yaml").task
    message = "elman: --config-dir=one/.hydra has a config.yaml: --config-name=config reads it\n"
    assert call("--config-dir", "one/.hydra", "hydra.run.dir=three") == (2, "", message)
    assert "seed: 9\n" in call("--cfg", "job", "--config-dir", "one/.hydra", "--config-name", "config")[1]


def test_a_setting_that_no_file_has_is_to_be_added(tmp_path):
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "mine.yaml").write_text("name: mine\ncode: mine.py\n")
    with pytest.raises(ConfigError, match=r"^epochs has no value in the files of these settings; \+epochs="):
        elman.settings(f"hydra.searchpath=[{compose.quoted(f'file://{tmp_path}')}]", "task=mine", "epochs=3")


@pytest.mark.parametrize("sign", ["file", "", "+", "++"])
def test_a_mapping_of_lists_replaces_the_one_of_the_task(sign, tmp_path):
    categories, templates, classes = "{N: [a, b], V: [c]}", "[N V]", "{n: [N]}"
    typed = (f"{sign}task.categories={categories}", f"task.templates={templates}", f"{sign}task.classes={classes}")
    if sign == "file":
        (tmp_path / "experiment").mkdir()
        task = f"{{categories: {categories}, templates: {templates}, classes: {classes}}}"
        own = f"{HEAD}defaults: [override /task: sentences]\ntask: {task}\n"
        (tmp_path / "experiment" / "own.yaml").write_text(own)
        typed = (f"hydra.searchpath=[{compose.quoted(f'file://{tmp_path}')}]", "experiment=own")
    chosen = elman.settings("task=sentences", *typed)
    assert chosen.task.categories == {"N": ["a", "b"], "V": ["c"]}
    assert chosen.task.classes == {"n": ["N"]}
    items = elman.settings("task=embedded_reber", "test_items={short: [BTBTXSETE]}").test_items
    assert items == {"short": ["BTBTXSETE"]}
    assert elman.settings(*typed, "task=sentences", "+task.categories.W=[d]").task.categories["W"] == ["d"]


@pytest.mark.parametrize(("name", "value"), [("NUMBA_NUM_THREADS", "0"), ("NUMBA_DISABLE_JIT", "1")])
def test_an_environment_that_numba_cannot_work_in_is_refused(call, here, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    status, out, err = call(f"seed={id(here)}")
    assert (status, out) == (2, "")
    assert err.startswith(f"elman: the environment variable {name} must be ")
    assert list(here.iterdir()) == []
