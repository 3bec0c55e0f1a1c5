"""A run's directory: claimed by one process, with the run's status in run.json and files that are whole or absent."""

import hashlib
import json
import platform
import shutil
import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from elman.config import NOT_IDENTITY
from elman.errors import RunDirectoryError
from elman.tasks import FILES

FORMAT = 1
_LOCK = ".lock"
_PART = ".part"  # ends the name of a file that is being written


@contextmanager
def claimed(
    directory: Path, settings: Mapping[str, Any], *, files: Mapping[str, str], outputs: Iterable[str]
) -> Iterator[bool]:
    """Hold a directory for this process alone.

    Args:
        directory: made if it does not exist.
        settings: all settings of the run, as plain values.
        files: the `digests` of the files that these name.
        outputs: names of the files and folders that a run makes there, besides run.json.

    Yields:
        False if it holds the finished run of these settings already, and is to be left as it is.

    Raises:
        RunDirectoryError: if it holds something else, or another process writes to it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lock = FileLock(directory / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise RunDirectoryError(f"{directory}: another process is writing to this directory") from None
    try:
        yield _is_free(directory, settings, files, outputs)
    finally:
        with suppress(PermissionError):  # Windows keeps a file that is open
            (directory / _LOCK).unlink(missing_ok=True)  # while it is still held, so nobody else holds it
        lock.release()
        with suppress(OSError):
            directory.rmdir()  # if nothing came of it, nothing is left of it


def is_being_written(directory: Path) -> bool:
    """Whether a process holds a directory."""
    lock = FileLock(directory / _LOCK, timeout=0)
    if not (directory / _LOCK).exists():
        return False
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False


def _is_free(directory: Path, settings: Mapping[str, Any], files: Mapping[str, str], outputs: Iterable[str]) -> bool:
    if settings["overwrite"]:
        return True
    try:
        entry = json.loads((directory / "run.json").read_bytes())
        same = identity(entry["settings"], {}) == identity(settings, {})
        other = [key for key, digest in files.items() if entry.get("files", {}).get(key) != digest]
        finished = entry["status"] == "finished" and _is_whole(directory, entry.get("bytes", {}))
    except FileNotFoundError:
        if there := [name for name in outputs if (directory / name).exists()]:
            reason = f"holds {there[0]} but no run.json; overwrite=true would replace it"
            raise RunDirectoryError(f"{directory}: this directory {reason}") from None
        return True
    except (ValueError, KeyError, TypeError, AttributeError):
        reason = "holds a run.json that cannot be read; overwrite=true would replace that run"
        raise RunDirectoryError(f"{directory}: this directory {reason}") from None
    if not same:
        reason = "holds a run of other settings; overwrite=true would replace it"
        raise RunDirectoryError(f"{directory}: this directory {reason}")
    if other:
        reason = f"holds a run for which {other[0]} held something else; overwrite=true would replace it"
        raise RunDirectoryError(f"{directory}: this directory {reason}")
    return not finished


def identity(settings: Mapping[str, Any], files: Mapping[str, str]) -> str:
    """What is the same for two runs if and only if all is that decides what is in their tables.

    Args:
        settings: all settings of a run, as plain values.
        files: the `digests` of the files that these name.
    """
    decisive = {key: value for key, value in settings.items() if key not in NOT_IDENTITY}
    return json.dumps(decisive | ({"files": dict(files)} if files else {}), sort_keys=True)


def digests(settings: Mapping[str, Any]) -> dict[str, str]:
    """The beginning of the SHA-256 of each file that settings name, by the setting's full key: its content decides too.

    Args:
        settings: all settings of a run, as plain values, which have been checked.
    """
    named = {f"task.{key}": settings["task"].get(key) for key in FILES}
    if settings["weights_from"] is not None:
        named["weights_from"] = Path(settings["weights_from"]) / "weights.npz"
    found = {key: Path(name).expanduser() for key, name in named.items() if name is not None}
    return {key: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for key, path in found.items()}


def _is_whole(directory: Path, sizes: Mapping[str, int]) -> bool:
    """Whether no table has been lost or changed its size since it was written."""
    return all((path := directory / name).exists() and path.stat().st_size == size for name, size in sizes.items())


def _clear(directory: Path, outputs: Iterable[str]) -> None:
    for path in [directory / name for name in outputs] + list(directory.glob(f"*{_PART}")):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


@contextmanager
def recorded(
    directory: Path,
    settings: Mapping[str, Any],
    *,
    about: Mapping[str, object],
    attachments: Mapping[str, str],
    outputs: Iterable[str],
) -> Iterator[dict[str, float]]:
    """Clear what an earlier run left, and keep run.json while this one goes on: running, then finished or failed.

    Where a file cannot be written, as on a full disk, none of the run's outputs is left.

    Args:
        directory: claimed by this process.
        settings: all settings of the run, as plain values.
        about: more entries for run.json.
        attachments: more files, as text by their names in the directory.
        outputs: names of the files and folders that a run makes there, besides these.

    Yields:
        The seconds by stage, to be filled in.
    """
    start, seconds = time.perf_counter(), dict[str, float]()
    entry = {
        "format": FORMAT,
        "status": "running",
        "settings": settings,
        **about,
        "start": _now(),
        "versions": _versions(),
        "host": platform.node(),
        "git": _git(),
    }

    def save(status: str, **more: object) -> None:
        times = {name: round(value, 4) for name, value in {**seconds, "total": time.perf_counter() - start}.items()}
        ended = {} if status == "running" else {"end": _now(), "seconds": times}
        text = json.dumps({**entry, "status": status, **more, **ended}, indent=2, ensure_ascii=False) + "\n"
        publish(directory, {"run.json": text.encode()})

    save("running")  # before anything goes: a run that is killed from here on is run anew
    _clear(directory, outputs)
    try:
        for name, text in attachments.items():
            path = directory / name
            publish(path.parent, {path.name: text.encode()})
        yield seconds
    except BaseException as error:
        if isinstance(error, OSError | MemoryError):
            _clear(directory, [*outputs, *{Path(name).parts[0] for name in attachments}])
        status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        try:
            save(status, error=f"{type(error).__name__}: {error}", traceback=traceback.format_exc())
        except OSError:
            (directory / "run.json").unlink(missing_ok=True)
        raise
    whole = [directory / name for name in outputs if (directory / name).is_file()]
    save("finished", bytes={path.name: path.stat().st_size for path in whole})


def publish(directory: Path, contents: Mapping[str, bytes | Iterator[bytes]]) -> None:
    """Write files, whole or in pieces, under temporary names, and give them their own when all of them are complete."""
    directory.mkdir(parents=True, exist_ok=True)
    parts = {name: directory / f"{name}{_PART}" for name in contents}
    try:
        for name, content in contents.items():
            try:
                with parts[name].open("wb") as file:
                    file.writelines([content] if isinstance(content, bytes) else content)
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(directory / name)) from error
        for name, part in parts.items():
            part.replace(directory / name)
    except BaseException:
        for part in parts.values():
            part.unlink(missing_ok=True)
        raise


def _now() -> str:
    return datetime.now(UTC).astimezone().isoformat(timespec="milliseconds")


def _versions() -> dict[str, str]:
    packages = ("elman", "numpy", "numba", "hydra-core", "omegaconf", "pandas", "matplotlib")
    return {"python": sys.version.split()[0], **{name: version(name) for name in packages}}


def _git() -> dict[str, Any] | None:
    """The commit of elman's own checkout, if it runs from one, and whether a tracked file differs from it."""
    import subprocess

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(Path(__file__).parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", Path(__file__).name)
        commit = git("describe", "--always", "--abbrev=40", "--exclude=*", "--dirty")
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit.removesuffix("-dirty"), "dirty": commit.endswith("-dirty")}
