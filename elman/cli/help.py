"""What `elman --help` and docs/settings.md say of the settings, from their declaration.

python -m elman.cli.help > docs/settings.md
"""

import re
from collections.abc import Iterable, Mapping
from inspect import getdoc
from typing import Any

from omegaconf import OmegaConf

from elman.config import SHARED
from elman.declaration import OneOf, Rule, kind_name
from elman.defaults import CONF

_HELP = """\
elman - run, sweep and compare experiments with Elman's simple recurrent network

elman [SETTING=VALUE ...]            one run
elman -m SETTING=VALUE,VALUE ...     a sweep, one run for each combination

Settings:
{settings}
Choices:
{choices}
Values with the settings above:

{values}
Results go to runs/<task>/<date>_<time>_<unique>/ below the current directory; hydra.run.dir=DIR names another.
--cfg job prints the settings a command would use; --hydra-help explains Hydra's own flags.
{docs} holds settings.md, which lists all settings, and files.md, which describes what a run writes."""

_PAGE = """\
# Settings

<!-- Made from elman/config.py, conf/ and the tasks' docstrings by: python -m elman.cli.help > docs/settings.md -->

A setting is given on the command line as `SETTING=VALUE`, in a file of `conf/`, or from Python as
`elman.settings("SETTING=VALUE")` and as an attribute of what that returns.

| setting | type and rule | default | meaning |
|---|---|---|---|
{settings}

`task` chooses one of the tasks below, and `experiment` one of the files in `conf/experiment`. A setting that changes
nothing in a run's tables is no part of what identifies the run: {neutral}.

# Settings of the tasks
{tasks}"""


def help_text(
    values: Mapping[str, Any],
    choices: Mapping[str, Iterable[str]],
    task: str | None = None,
    code: str | None = None,
) -> str:
    """The text of `elman --help`.

    Args:
        values: the settings that the command would use.
        choices: the names in each group of files.
        task: explain the settings of this kind of task.
        code: the file that has it, where it is a user's own.
    """
    lines = {"task": "which experiment; sets task.* and its own hidden_size and epochs"}
    if task:
        lines |= {f"task.{key}": text for key, text in explain_task(task, code).items()}
    else:
        lines["task.*"] = "the task's own settings; --help task=NAME explains them"
    for key, field in SHARED.items():
        rule = field.metadata["rule"]
        lines[key] = field.metadata["meaning"] + (f" ({rule.text})" if isinstance(rule, Rule) else "")
    lines["experiment"] = "a file of settings that reproduces one result; nothing else by default"
    width = max(map(len, lines)) + 2
    return _HELP.format(
        settings="".join(f"  {key:{width}}{text}\n" for key, text in lines.items()),
        docs=CONF.parent / "docs",
        choices="".join(f"  {group}: {', '.join(names)}\n" for group, names in choices.items()),
        values=OmegaConf.to_yaml({key: values[key] for key in ("task", *SHARED) if key in values}),
    )


def explain_task(kind: str, code: str | None = None) -> dict[str, str]:
    """A sentence on each setting of a task, from the docstring of its function."""
    from elman.tasks import find, options

    arguments = re.search(r"^Args:\n(.*?)(?:\n\n|\Z)", getdoc(find(kind, code)) or "", re.DOTALL | re.MULTILINE)
    entries = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", arguments[1] if arguments else "", re.MULTILINE)
    told = {"test_length": "the length of the test stream", "code": "the file that draws the streams"}
    told |= {key: " ".join(text.split()).removesuffix(".") for key, text in entries}
    return {key: told.get(key, "") for key in options(kind, code)}


def settings_page() -> str:
    """The text of docs/settings.md."""
    from elman.tasks import TASKS

    shared: Any = OmegaConf.load(CONF / "config.yaml")
    rows = []
    for key, field in SHARED.items():
        rule, kind = field.metadata["rule"], kind_name(field.type)
        kind = rule.text if isinstance(rule, OneOf) else f"{kind}, {rule.text}" if rule else kind
        default = f"`{_as_yaml(shared[key])}`" if key in shared else "by task"
        rows.append(f"| `{key}` | {kind} | {default} | {field.metadata['meaning']} |")
    neutral = ", ".join(f"`{key}`" for key, field in SHARED.items() if field.metadata["changes"] == "nothing")
    return _PAGE.format(settings="\n".join(rows), neutral=neutral, tasks="\n".join(map(_task_section, TASKS)))


def _task_section(name: str) -> str:
    from elman.tasks import options

    values: Any = OmegaConf.load(CONF / "task" / f"{name}.yaml")
    own, help_of = values.pop("task"), explain_task(name)
    rows = [
        f"| `task.{key}` | {kind_name(kind)} | {_default(own, key)} | {help_of[key].replace('|', chr(92) + '|')} |"
        for key, kind in options(name).items()
    ]
    shared = ", ".join(f"`{key}={_as_yaml(value)}`" for key, value in values.items())
    head = "| setting | type | default | meaning |\n|---|---|---|---|"
    return f"\n## {name}\n\nIt also sets {shared}.\n\n{head}\n" + "\n".join(rows)


def _default(own: Any, key: str) -> str:
    if OmegaConf.is_missing(own, key):
        return "none"
    value = own[key]
    is_long = (OmegaConf.is_config(value) and len(value)) or "\n" in str(value)
    return "in its file" if is_long else f"`{_as_yaml(value)}`"


def _as_yaml(value: Any) -> str:
    if OmegaConf.is_config(value):
        return "[" + ", ".join(map(str, value)) + "]" if OmegaConf.is_list(value) else str(value)
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    print(settings_page())
