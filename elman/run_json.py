"""run.json: what is known of a run, read in one place, whichever version of elman wrote it."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from elman.config import NOT_IDENTITY
from elman.errors import RunDirectoryError

FORMAT = 2
NAME = "run.json"
# Settings of format 1: the name that each has now, and what became of its values.
_FORMAT_1: dict[str, tuple[str, dict[bool, str]]] = {
    "initial_weights": ("initial_scale", {}),
    "recurrent": ("context", {True: "hidden", False: "none"}),
    "reset_context": ("reset_context", {True: "epoch", False: "never"}),
}
# What a run of format 1 may have written, besides run.json.
_OUTPUTS_1 = [
    *(
        f"{table}.csv"
        for table in (
            "losses", "learning_curve", "position_errors", "bit_errors", "predictions", "hidden_states", "cycle_errors",
            "classes", "hidden_means", "occurrences", "clusters", "cluster_agreement", "likelihood", "summary",
        )
    ),
    "weights.npz",
    *(
        f"figures/{figure}.png"
        for figure in (
            "training_loss", "learning_curve", "error_over_12_steps", "error_by_letter", "error_of_bits_1_and_4",
            "error_in_words", "hidden_units", "principal_components", "phase_portrait", "clusters", "occurrences",
            "weights",
        )
    ),
    *(f".hydra/{file}.yaml" for file in ("config", "hydra", "overrides")),
]  # fmt: skip
# For settings that came later: the value that behaves as runs did before they had the setting.
_BEFORE: dict[str, Any] = {
    "initial_distribution": "normal",
    "activation": "logistic",
    "loss": "squared",
    "momentum": 0.0,
    "bptt_steps": 1,
    "context_decay": 0.0,
    "test_reset": None,
    "context_span": [],
    "test_items": None,
    "accept": None,
    "record_items": 200,
    "figure_formats": ["png"],
    "name": None,
    "tags": [],
    "objective": None,
}


def read(directory: Path) -> dict[str, Any]:
    """Read the run.json of a run, with the names and values that settings have today, and none missing.

    Its `outputs` are the names of all files that the run may have written besides run.json itself.

    Raises:
        FileNotFoundError: if there is none.
        RunDirectoryError: if it cannot be read, is damaged, or was written by a newer version of elman.
    """
    try:
        entry = json.loads((directory / NAME).read_bytes())
        version = entry.get("format", 1)
        problem = "" if version <= FORMAT else f"has format {version}, of a newer version of elman"
        problem = problem or ("" if _is_entry(entry) else "cannot be read")
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        problem = "cannot be read"
    if problem:
        raise RunDirectoryError(f"its {NAME} {problem}")
    outputs = _OUTPUTS_1 if version == 1 else entry["outputs"]
    return entry | {"settings": _translate(entry["settings"], version), "outputs": outputs}


def complete(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Give settings that are missing the values that behave as before they existed."""
    task = {"kind": settings["task"]["name"], **settings["task"]}
    return {**settings, "task": task, **{key: settings.get(key, value) for key, value in _BEFORE.items()}}


def fingerprint(settings: Mapping[str, Any], files: Mapping[str, str]) -> str:
    """Return a text that two runs share if and only if all that decides their tables is the same.

    Args:
        settings: all settings of a run, as plain values. The order of a mapping further down, such as
            `task.categories`, counts, because it decides what is drawn.
        files: the `files.file_hashes` of these settings.
    """
    decisive = {key: value for key, value in complete(settings).items() if key not in NOT_IDENTITY}
    decisive["task"] = dict(sorted(decisive["task"].items()))
    return json.dumps(dict(sorted(decisive.items())) | ({"files": dict(files)} if files else {}))


def maker(entry: Mapping[str, Any]) -> str:
    """Name the code that made a run: its commit and whether files differed from it, else the version of elman."""
    if git := entry.get("git"):
        return f"commit {str(git['commit'])[:7]}{' with uncommitted changes' if git.get('dirty') else ''}"
    return f"elman {(entry.get('versions') or {}).get('elman', 'of an unknown version')}"


def _translate(settings: Mapping[str, Any], version: int) -> dict[str, Any]:
    if version > 1:
        return complete(settings)
    renamed = {}
    for old, value in settings.items():
        new, values = _FORMAT_1.get(old, (old, {}))
        renamed[new] = values.get(value, value) if isinstance(value, bool) else value
    return complete(renamed)


def _is_entry(entry: Any) -> bool:
    """Whether what is used of a run.json is there and of its kind."""
    times = [entry[key] for key in ("start", "end") if key in entry]
    return (
        isinstance(entry["status"], str)
        and isinstance(entry["settings"]["task"]["name"], str)
        and isinstance(entry["settings"].get("replicates", 1), int)
        and all(isinstance(value, str) for key in ("files", "versions") for value in entry.get(key, {}).values())
        and all(isinstance(value, int | float) for key in ("bytes", "seconds") for value in entry.get(key, {}).values())
        and all(isinstance(value, str) for key in ("overrides", "figures") for value in entry.get(key, []))
        and (entry.get("format", 1) == 1 or all(isinstance(value, str) for value in entry["outputs"]))
        and isinstance(entry.get("error", ""), str)
        and (entry.get("git") is None or isinstance(entry["git"]["commit"], str))
        and all(datetime.fromisoformat(time) for time in times)
    )
