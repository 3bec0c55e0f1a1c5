"""What is known of a run when it starts: the time, the versions, the machine and the commit of the code."""

import platform
import shutil
import sys
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

_GIT = shutil.which("git")  # at once: a job's settings may give it another PATH, so another program of this name


def circumstances() -> dict[str, Any]:
    """What is known of a run when it starts: the time, versions, the machine, the commit."""
    return {"start": now(), "versions": _versions(), "host": platform.node(), "git": _git()}


def now() -> str:
    """The time, with its zone."""
    return datetime.now(UTC).astimezone().isoformat(timespec="milliseconds")


def _versions() -> dict[str, str]:
    packages = ("elman", "numpy", "numba", "hydra-core", "omegaconf", "pandas", "matplotlib")
    return {"python": sys.version.split()[0], **{name: version(name) for name in packages}}


@cache  # the code that runs is that of the first look
def _git() -> dict[str, Any] | None:
    """The commit of elman's own checkout, if it runs from one, and whether a tracked file differs from it."""
    import subprocess

    if (program := _GIT) is None:
        return None

    def git(*arguments: str) -> str:
        command = [program, "-C", str(Path(__file__).parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", Path(__file__).name)
        commit = git("describe", "--always", "--abbrev=40", "--exclude=*", "--dirty")
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit.removesuffix("-dirty"), "dirty": commit.endswith("-dirty")}
