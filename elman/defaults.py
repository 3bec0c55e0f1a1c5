"""The values of conf/, and settings described by what differs from them."""

from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from elman.declaration import shown

_HERE = Path(__file__).parent
CONF = _HERE / "conf" if (_HERE / "conf").is_dir() else _HERE.parent / "conf"
"""The folder of settings files: in a wheel, or in a checkout."""
_LISTED = 12  # settings in a description


@cache
def defaults(task: str) -> dict[str, Any]:
    """The values of all settings by full key where a command names the task alone; a user's own has shared ones."""
    files = [path for path in (CONF / "config.yaml", CONF / "task" / f"{task}.yaml") if path.exists()]
    merged: Any = OmegaConf.to_container(OmegaConf.merge(*map(OmegaConf.load, files)), resolve=False)
    own = {f"task.{key}": value for key, value in (merged.pop("task", None) or {}).items()}
    return {"task.kind": task, **merged, **own}


def differences(values: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The settings that differ from the defaults of their task.

    Args:
        values: of all settings by full key.

    Returns:
        Value and default by full key; a default is None where there is none.
    """
    default = defaults(values["task.name"])
    return {key: (value, default.get(key)) for key, value in values.items() if value != default.get(key)}


def as_text(values: Mapping[str, Any]) -> str:
    """Settings as the call of `elman.settings` that makes them, in at most 15 lines."""
    chosen = [f"{key}={shown(value)}" for key, (value, _) in differences(values).items() if key != "task.name"]
    lines = [f"    {text!r}," for text in (f"task={values['task.name']}", *chosen[:_LISTED])]
    if len(chosen) > _LISTED:
        lines.append(f"    # and {len(chosen) - _LISTED} more that differ from the defaults")
    return "\n".join(["elman.settings(", *lines, ")"])


def as_html(values: Mapping[str, Any]) -> str:
    """Settings as a table of those that differ from their defaults."""
    name = f"<p><strong>task={escape(values['task.name'])}</strong></p>"
    rows = "".join(
        f"<tr><td>{escape(key)}</td><td>{escape(shown(value))}</td><td>{escape(shown(default))}</td></tr>"
        for key, (value, default) in differences(values).items()
    )
    if not rows:
        return f"{name}<p>All settings have their defaults.</p>"
    return f"{name}<table><tr><th>setting</th><th>value</th><th>default</th></tr>{rows}</table>"
