import copy
import dataclasses
import json
import pickle
import re
import sys
from pathlib import Path
from types import ModuleType

import hydra
import numpy as np
import pytest
import yaml
from conftest import SMALL
from omegaconf import OmegaConf

import elman
from elman.cli import compose
from elman.cli.help import settings_page
from elman.config import NEUTRAL, NOT_IDENTITY, SHARED, TESTING
from elman.declaration import OneOf
from elman.errors import ConfigError
from elman.runner import run
from elman.tasks import TASKS

CONF = Path(__file__).parents[1] / "conf"


def test_the_defaults_are_those_of_the_article():
    shared = {
        "learning_rate": 0.1, "seed": 42, "replicates": 1, "shared_stream": False, "initial_scale": 0.1,
        "weights_from": None, "initial_context": 0.0, "initial_distribution": "normal",
        "loss": "squared", "momentum": 0.0, "bptt_steps": 1, "activation": "logistic",
        "reset_context": "epoch", "test_reset": None, "context_span": [], "context": "hidden", "context_decay": 0.0,
        "evaluate_every": 10, "record_steps": 60,
        "test_items": None, "accept": None, "record_items": 200,
        "occurrences": [], "cluster_method": "ward", "cluster_metric": "euclidean",
        "backend": "numba", "objective": None, "figures": True, "figure_formats": ["png"],
        "name": None, "tags": [], "overwrite": False,
    }  # fmt: skip
    xor = {"task": {"name": "xor", "kind": "xor", "length": 3000, "test_length": 3000}, "hidden_size": 4, "epochs": 600}
    cv = {"task": {"name": "cv", "kind": "cv", "length": 300, "test_length": 3000}, "hidden_size": 20, "epochs": 200}
    assert dataclasses.asdict(elman.settings()) == xor | shared
    assert dataclasses.asdict(elman.settings("task=cv")) == cv | shared


@pytest.mark.parametrize("name", [path.stem for path in (CONF / "experiment").glob("*.yaml")])
def test_an_experiment_changes_only_what_differs_from_its_task_or_from_the_experiment_it_starts_from(name):
    text = (CONF / "experiment" / f"{name}.yaml").read_text()
    values = yaml.safe_load(text)
    start = values.pop("defaults", [{"override /task": "xor"}])[0]
    values.pop("hydra", None)
    before = f"experiment={start}" if isinstance(start, str) else f"task={start['override /task']}"
    with compose.hydra_at(CONF):  # not elman.settings, because an experiment may want a finished run
        plain, chosen = (
            OmegaConf.to_container(hydra.compose("config", overrides=[override]))
            for override in (before, f"experiment={name}")
        )
    for key, value in values.items():
        if isinstance(value, dict):
            assert all(plain[key][k] != v == chosen[key][k] for k, v in value.items())
        else:
            assert plain[key] != value == chosen[key]
    assert f"elman experiment={name}" in text


def test_the_page_of_settings_is_the_one_that_their_declaration_makes():
    """If not: python -m elman.cli.help > docs/settings.md."""
    assert (CONF.parent / "docs" / "settings.md").read_text() == f"{settings_page()}\n"


@pytest.mark.parametrize("key", [key for key, field in SHARED.items() if isinstance(field.metadata["rule"], OneOf)])
def test_the_help_of_a_setting_names_each_of_its_choices(key):
    for choice in SHARED[key].metadata["rule"].names():
        assert re.search(rf"\b{choice}\b", SHARED[key].metadata["meaning"])


def test_what_a_setting_changes_is_declared_with_it():
    assert {"overwrite", "figures", "name", "tags"} <= NOT_IDENTITY <= NEUTRAL
    assert {"replicates", "record_steps"} <= NEUTRAL - NOT_IDENTITY
    assert "evaluate_every" in TESTING
    assert not TESTING & NEUTRAL
    assert {field.metadata["changes"] for field in SHARED.values()} == {"networks", "tests", "tables", "nothing"}


def test_the_papers_experiments_have_the_papers_settings():
    xor, cv = elman.settings("experiment=elman_xor"), elman.settings("experiment=elman_cv")
    assert (xor.task.name, xor.task.length, xor.hidden_size, xor.epochs) == ("xor", 3000, 2, 600)
    assert (cv.task.name, cv.task.length, cv.hidden_size, cv.epochs) == ("cv", 3000, 20, 200)
    assert {s.initial_context for s in (xor, cv)} == {0.5}
    assert xor.reset_context == "never"
    assert cv.reset_context == "never"


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_a_configuration_of_its_own_name(name):
    assert elman.settings(*SMALL[name]).task.name == name


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("hidden_size=0", "hidden_size must be at least 1, not 0"),
        ("epochs=0", "epochs must be at least 1, or 0 with weights_from, not 0"),
        ("epochs=-1", "epochs must be at least 1, or 0 with weights_from, not -1"),
        ("learning_rate=0", "learning_rate must be above 0 and finite, not 0.0"),
        ("learning_rate=nan", "learning_rate must be above 0 and finite, not nan"),
        ("learning_rate=inf", "learning_rate must be above 0 and finite, not inf"),
        ("seed=-1", "seed must be at least 0, not -1"),
        ("replicates=0", "replicates must be at least 1, not 0"),
        ("initial_scale=-0.1", "initial_scale must be at least 0 and finite, not -0.1"),
        ("initial_scale=nan", "initial_scale must be at least 0 and finite, not nan"),
        ("initial_context=1.01", "initial_context must be from 0 to 1, or from -1 with activation=tanh, not 1.01"),
        ("momentum=1", "momentum must be at least 0 and below 1, not 1.0"),
        ("bptt_steps=0", "bptt_steps must be at least 1, not 0"),
        ("context_decay=1", "context_decay must be at least 0 and below 1, not 1.0"),
        ("context_span=[4,3]", "context_span must be [] or two whole numbers, at least 1 and in order, such as [3,4]"),
        ("context_span=[3]", "context_span must be [] or two whole numbers"),
        ("context_span=[0,3]", "context_span must be [] or two whole numbers"),
        ("loss=softmax", "loss must be squared or cross_entropy where a symbol of xor is not one bit, not softmax"),
        ("loss=hinge", "loss must be one of squared, cross_entropy, softmax, not hinge"),
        ("test_reset=false", "test_reset must be"),
        ("evaluate_every=-1", "evaluate_every must be at least 0, not -1"),
        ("record_steps=-1", "record_steps must be at least 0, not -1"),
        ("backend=torch", "backend must be one of numba, numpy, not torch"),
        ("task.name=words2", "task.name must be one of xor, cv, "),
        ("task.length=2", "task.length must be at least 3, the longest unit of xor, not 2"),
        ("task.test_length=2", "task.test_length must be at least 3, the longest unit of xor, not 2"),
        ("task=tea", "task must be one of anbn, cv, "),
        ("experiment=tea", "elman_cv, elman_xor, "),
        ("cluster_method=k-means", "cluster_method must be one of ward, average, complete, single, weighted, centroid"),
        ("cluster_metric=hamming", "cluster_metric must be one of euclidean, cityblock, cosine, not hamming"),
        ("cluster_metric=cosine", "cluster_metric must be euclidean with cluster_method=ward, not cosine"),
        ("occurrences=[0,x]", "occurrences must be different symbols of the test stream, 0, 1, not x"),
        ("occurrences=[0,0]", "occurrences must be different symbols of the test stream, 0, 1, not 0"),
        ("occurrences=b", "occurrences must be a list, such as [a,b], not b"),
        ("occurrences=null", "occurrences must be a list, such as [a,b], not null"),
        ("hidden_size=3.5", "hidden_size must be a whole number, not 3.5"),
        ("hidden_size=many", "hidden_size must be a whole number, not many"),
        ("learning_rate=fast", "learning_rate must be a number, not fast"),
        ("figures=maybe", "figures must be true or false, not maybe"),
        ("shared_stream=7", "shared_stream must be true or false, not 7"),
        ("overwrite=-1", "overwrite must be true or false, not -1"),
        ("epochs=true", "epochs must be a whole number, not true"),
        ("occurrences=[true]", "occurrences[0] must be text, not true; quote it"),
        ("reset_context=false", "reset_context must be epoch (was true) or never (was false), not false"),
        ("seed=null", "seed must be a whole number, not null"),
        ("hiden_size=3", "unknown setting hiden_size; did you mean hidden_size?"),
        ("task.lenght=3", "unknown setting task.lenght; did you mean task.length?"),
        ("+noise=0.9", "unknown setting noise; elman --help lists all"),
        ("+task.noise=0.1", "unknown setting task.noise; there are task.name, task.kind, task.length"),
        ("task.spare=1", "unknown setting task.spare: only sentences has it"),
        ("+lexicon=[a]", "unknown setting lexicon; did you mean task.lexicon?"),
        ("~seed", "seed has no value"),
        ("hidden_size=3,4", "to sweep over it, add -m"),
        ("hidden_size", "cannot read hidden_size as a setting; it is written SETTING=VALUE"),
        ("seed=a=b", "cannot read seed=a=b; type 'seed=\"a=b\"'"),
        ("=3", "a choice such as task must be one of its names, not null"),
        ("task=null", "a choice such as task must be one of its names, not null"),
        ("hydra.mode=TEA", "hydra.mode: Invalid value 'TEA'"),
        ("experiment=hidden_units", "these settings make a sweep, not one run: experiment=hidden_units"),
    ],
)  # fmt: skip
def test_a_bad_setting_is_refused_in_one_line_that_names_it(override, message):
    with pytest.raises(ConfigError, match=re.escape(message)) as refused:
        elman.settings(override)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("shared_stream", 7, "shared_stream must be true or false, not 7"),
        ("shared_stream", -1.0, "shared_stream must be true or false, not -1.0"),
        ("hidden_size", "many", "hidden_size must be a whole number, not many"),
        ("hidden_size", 4.5, "hidden_size must be a whole number, not 4.5"),
        ("hidden_size", 10**12, "hidden_size must be at most 2147483647, not 1000000000000"),
        ("seed", None, "seed must be a whole number, not null"),
        ("epochs", True, "epochs must be a whole number, not true"),
        ("learning_rate", np.True_, "learning_rate must be a number, not true"),
        ("learning_rate", 10**400, "learning_rate must be a number, not 1000"),
        ("occurrences", ["a", None], "occurrences[1] must be text, not null"),
        ("occurrences", ["a", False], "occurrences[1] must be text, not false; quote it"),
        ("occurrences", "ab", "occurrences must be a list, such as [a,b], not ab"),
        ("weights_from", [1], "weights_from must be text or null, not [1]"),
        ("reset_context", True, "reset_context must be epoch (was true) or never (was false), not true"),
        ("task", "cv", "task must be a Task, such as elman.settings('task=cv').task, not 'cv'"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_when_it_is_set_in_python(key, value, message):
    settings = elman.settings()
    with pytest.raises(ConfigError, match=re.escape(message)) as refused:
        setattr(settings, key, value)
    assert "\n" not in str(refused.value)
    assert settings == elman.settings()


@pytest.mark.parametrize(
    ("key", "value", "converted"),
    [
        ("initial_context", 0, 0.0),
        ("learning_rate", np.float32(0.5), 0.5),
        ("hidden_size", np.int64(8), 8),
        ("shared_stream", np.True_, True),
        ("weights_from", Path("runs/mine"), "runs/mine"),
        ("weights_from", None, None),
        ("occurrences", np.array(["a", "b"]), ["a", "b"]),
        ("occurrences", ("a", 1), ["a", "1"]),
        ("seed", 2**70, 2**70),
    ],
)
def test_a_value_that_is_set_in_python_is_converted_to_the_type_of_its_setting(key, value, converted):
    settings = elman.settings()
    setattr(settings, key, value)
    assert (getattr(settings, key), type(getattr(settings, key))) == (converted, type(converted))


def test_settings_of_a_task_are_converted_and_refused_in_python_too():
    settings = elman.settings("task=sentences")
    settings.task.length = np.int32(90)
    assert type(settings.task.length) is int
    with pytest.raises(ConfigError, match=r"task.spare must be a whole number, not true"):
        settings.task.spare = True
    settings.task.categories["HUM"] = 3  # which only a check can see
    with pytest.raises(ConfigError, match=r"task.categories.HUM must be a list, such as \[a,b\], not 3"):
        run(settings)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("hiden_size", "unknown setting hiden_size; did you mean hidden_size?"),
        ("task.lenght", "unknown setting task.lenght; did you mean task.length?"),
        ("initial_weights", "initial_weights is now initial_scale"),
        ("recurrent", "recurrent is now context: hidden (was true) or none (was false)"),
    ],
)
def test_a_setting_that_does_not_exist_is_refused_in_python_too(key, message):
    settings = elman.settings()
    parent, name = (settings.task, key.removeprefix("task.")) if "." in key else (settings, key)
    with pytest.raises(AttributeError, match=re.escape(message)):
        setattr(parent, name, 40)
    with pytest.raises(ConfigError, match=re.escape(message)):
        elman.settings(f"{key}=40")


def test_settings_can_be_composed_inside_another_application_of_hydra(tmp_path):
    (tmp_path / "config.yaml").write_text("own: 1\n")
    with hydra.initialize_config_dir(**compose.DEFAULTS, config_dir=str(tmp_path)):
        assert elman.settings("hidden_size=9").hidden_size == 9
        assert hydra.compose("config").own == 1


def test_settings_that_were_changed_in_python_are_checked_too():
    settings = elman.settings()
    settings.hidden_size = 0
    with pytest.raises(ConfigError, match="hidden_size must be at least 1"):
        run(settings)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("task=sentences", "task.spare=some"), "task.spare must be a whole number, not some"),
        (("task=sentences", "task.templates=HUM EAT"), "task.templates must be a list, such as [a,b], not HUM EAT"),
        (("task=sentences", "task.categories.HUM=3"), "task.categories.HUM must be a list, such as [a,b], not 3"),
        (
            ("task=sentences", "task.categories.MEN=[man]"),
            "task.categories has no MEN; +task.categories.MEN=... adds it",
        ),
        (("task=sentences", "task.templates=[MEN EAT]"), "task.templates must name categories, and MEN in 'MEN EAT'"),
        (("task=sentences", "task.length=1"), "task.length must be at least 2, not 1"),
        (("task=words", "task.lexicon=[a,B]"), "task.lexicon must be words of the letters a to z, not 'B'"),
        (("task=words", "task.lexicn=[a,b]"), "unknown setting task.lexicn; did you mean task.lexicon?"),
        (("task=sentences", "task.replace={man: zog}"), "cannot use task.replace={man: zog}: Cannot merge"),
        (("task=text",), "task.file has no value"),
        (("task=text", "task.file=nowhere.txt"), "task.file must be a file that can be read, and nowhere.txt is not"),
        (("task=text", "task.file=null"), "task.file must be text, not null"),
    ],
)
def test_settings_of_a_task_are_checked_like_all_others(overrides, message):
    with pytest.raises(ConfigError, match=re.escape(message)) as refused:
        elman.settings(*overrides)
    assert "\n" not in str(refused.value)


def test_settings_of_a_task_are_plain_values_that_can_be_copied_and_sent_to_another_process():
    settings = elman.settings("task=sentences", "+task.categories.MEN=[man,1]", "task.spare=5")
    assert settings.task.categories["MEN"] == ["man", "1"]
    assert settings.task.spare == 5
    for other in (pickle.loads(pickle.dumps(settings)), copy.deepcopy(settings)):
        assert other == settings
    assert json.loads(json.dumps(dataclasses.asdict(settings))) == dataclasses.asdict(settings)


def test_a_new_task_is_a_function_and_a_yaml(tmp_path, monkeypatch):
    """Its parameters are its settings, typed and checked like all others; nothing else is told of it."""

    def coin(length: int, rng: np.random.Generator, *, bias: float) -> elman.Stream:
        bits = (rng.random((length, 1)) < bias).astype(np.uint8)
        names = np.where(bits[:, 0], "head", "tail")
        return elman.Stream(symbols=names, vectors=bits, expected=np.full((length, 1), bias), features=("head",))

    module = ModuleType("elman.tasks.coin")
    monkeypatch.setattr(module, "coin", coin, raising=False)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(elman.tasks, "TASKS", (*TASKS, "coin"))
    (tmp_path / "task").mkdir()
    values = {"task": {"name": "coin", "length": 50, "test_length": 60, "bias": 1}, "hidden_size": 2, "epochs": 3}
    (tmp_path / "task" / "coin.yaml").write_text("# @package _global_\n" + yaml.safe_dump(values))
    own = (f"hydra.searchpath=[file://{tmp_path}]", "task=coin")
    assert elman.settings(*own).task.bias == 1.0
    with pytest.raises(ConfigError, match=r"task.bias must be a number, not heavy"):
        elman.settings(*own, "task.bias=heavy")
    result = run(elman.settings(*own, "task.bias=0.25"))
    assert len(result.test.vectors) == 60
    assert 0 < result.test.vectors.mean() < 0.5


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("bptt_steps=2", "context=output"), "bptt_steps must be 1 with context=output, not 2"),
        (("bptt_steps=2", "context=none"), "bptt_steps must be 1 with context=none, not 2"),
        (("bptt_steps=2", "context_decay=0.5"), "bptt_steps must be 1 with context_decay=0.5, not 2"),
        (("context_decay=0.5", "context=none"), "context_decay must be 0 with context=none, not 0.5"),
        (("context_span=[3,4]", "context=none"), "context_span must be [] with context=none, not [3, 4]"),
        (("initial_context=-0.5",), "initial_context must be from 0 to 1 with activation=logistic, not -0.5"),
        (
            ("initial_context=-0.5", "activation=tanh", "context=output"),
            "initial_context must be from 0 to 1 with context=output, not -0.5",
        ),
        (
            ("task=text", f"task.file='{Path(__file__).parent / 'twinkle.txt'}'", "reset_context=sequence"),
            "reset_context must be epoch or never for a stream of a single sequence, not sequence",
        ),
    ],
)
def test_settings_of_the_learning_rule_that_do_not_go_together_are_refused(overrides, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        elman.settings(*overrides)


def test_a_context_of_tanh_units_may_start_below_0():
    assert elman.settings("activation=tanh", "initial_context=-0.5").initial_context == -0.5
