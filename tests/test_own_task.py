import json
import subprocess
import sys

import pytest
from conftest import csvs

import elman
from elman.errors import ConfigError, TaskError
from elman.runner import run

CODE = '''
import elman
from alphabet import LETTERS  # beside this file


def echo(length, rng, delay: int, letters=LETTERS):
    """Random letters, each of which comes back later.

    Args:
        length: letters in the stream.
        delay: steps after which a letter comes back.
    """
    drawn = [letters[i] for i in rng.integers(len(letters), size=length)]
    for t in range(delay, length, 2 * delay):
        drawn[t : t + delay] = drawn[t - delay : t][: length - t]
    return elman.Stream(symbols=drawn)


def faulty(length):
    return length / 0


def listed(length):
    return ["a"] * length
'''
TASK = """\
# @package _global_
task:
  name: echo
  code: mine.py
  length: 60
  test_length: 40
  delay: 1
  letters: [a, b, c]
hidden_size: 3
epochs: 2
figures: false
"""
GIVEN = ("--config-dir", "mine", "task=echo", "hydra.run.dir=run")


@pytest.fixture
def own(here, monkeypatch):
    """A directory with a task in mine.py, and its settings in mine/task/echo.yaml."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (here / "mine" / "task").mkdir(parents=True)
    (here / "mine" / "task" / "echo.yaml").write_text(TASK)
    (here / "mine.py").write_text(CODE)
    (here / "alphabet.py").write_text('LETTERS = ["a", "b"]\n')
    return here


def write(own, name, **task):
    lines = "\n".join(f"  {key}: {value}" for key, value in task.items())
    head = f"# @package _global_\nhidden_size: 3\nepochs: 2\nfigures: false\ntask:\n  name: {name}\n"
    (own / "mine" / "task" / f"{name}.yaml").write_text(f"{head}{lines}\n")


def test_a_function_in_a_file_is_a_task_like_all_others(own, call):
    status, out, err = call(*GIVEN)
    assert (status, "Task echo: 3-3-3" in out) == (0, True), err
    entry = json.loads((own / "run" / "run.json").read_text())
    assert entry["settings"]["task"]["letters"] == ["a", "b", "c"]
    assert (own / "run" / "inputs" / "task.code.py").read_text() == CODE
    settings = elman.settings(f"hydra.searchpath=[file://{own / 'mine'}]", "task=echo", "task.delay=2")
    text = "".join(run(settings).test.symbols)
    assert len(text) == 40
    assert all(text[t : t + 2] == text[t + 2 : t + 4] for t in range(0, 40, 4))


def test_its_parameters_are_settings_with_types_help_and_corrections(own, call):
    assert "task.delay must be a whole number, not soon" in call(*GIVEN, "task.delay=soon")[2]
    assert "did you mean task.delay?" in call(*GIVEN, "task.dealy=2")[2]
    _, out, _ = call("--config-dir", "mine", "--help", "task=echo")
    assert "steps after which a letter comes back" in out


def test_a_parameter_without_annotation_has_the_type_of_its_value(own, call):
    code = "import elman\n\ndef coin(length, rng, bias):\n    return elman.Stream(symbols=[*'HT'] * length)\n"
    (own / "mine.py").write_text(code)
    write(own, "coin", code="mine.py", length=30, test_length=30, bias=0.5)
    search = f"hydra.searchpath=[file://{own / 'mine'}]"
    assert type(elman.settings(search, "task=coin", "task.bias=1").task.bias) is float
    message = "task.bias must be a number, not heavy"
    with pytest.raises(ConfigError, match=message):
        elman.settings(search, "task=coin", "task.bias=heavy")
    status, _, err = call("--config-dir", "mine", "-m", "task=coin", "task.bias=0.2,heavy")
    assert (status, err) == (2, f"elman: job task.bias=heavy: {message}\n")


def test_a_sweep_runs_it(own, call):
    status, out, err = call("--config-dir", "mine", "-m", "task=echo", "task.delay=1,2")
    assert status == 0, err
    assert "task.delay" in out


def test_a_fault_shows_one_line_and_the_users_part_of_the_traceback(own, call):
    write(own, "faulty", code="mine.py", length=30, test_length=30)
    status, _, err = call("--config-dir", "mine", "task=faulty")
    first, *rest = err.splitlines()
    assert (status, first) == (2, "elman: task.code: mine.py raised ZeroDivisionError: division by zero")
    assert "return length / 0" in err
    assert "elman/tasks" not in "".join(rest)
    (own / "mine.py").write_text("import elman\n\ndef echo(length)\n    pass\n")
    _, _, err = call(*GIVEN)
    assert err.startswith("elman: task.code: mine.py raised SyntaxError")


def test_a_task_that_cannot_be_used_is_refused_in_one_line(own):
    search = f"hydra.searchpath=[file://{own / 'mine'}]"
    write(own, "listed", code="mine.py", length=30, test_length=30)
    write(own, "missing", code="mine.py", length=30, test_length=30)
    write(own, "taken", code="mine.py", kind="words", length=30, test_length=30)
    write(own, "nowhere", code="nowhere.py", length=30, test_length=30)
    for task, message in {
        "listed": "listed in mine.py must return a Stream, not list",
        "missing": "task.kind must be a function of mine.py, echo, faulty, listed, not missing",
        "taken": "task.kind must be a name of its own, and words is elman's",
        "nowhere": "task.code must be a file that can be read, and nowhere.py is not",
    }.items():
        with pytest.raises(ConfigError, match=message) as refused:
            elman.settings(search, f"task={task}")
        assert not isinstance(refused.value, TaskError)


def test_reading_a_run_does_not_run_its_code(own, call):
    assert call(*GIVEN)[0] == 0
    (own / "mine.py").write_text("raise SystemExit('was run')\n")
    program = "import elman; elman.load('summary', 'run'); print(len(elman.compare('run').table))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100, cwd=own)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


def test_another_content_of_the_file_is_another_run(own, call):
    assert call(*GIVEN)[0] == 0
    before = csvs(own / "run")
    (own / "mine.py").write_text(CODE + "\n# changed\n")
    status, _, err = call(*GIVEN)
    assert status == 1
    assert "holds a run for which task.code held something else" in err
    assert csvs(own / "run") == before
