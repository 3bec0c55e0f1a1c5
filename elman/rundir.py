"""A run's directory: locked by one process, with the run's status in run.json and files that are whole or absent."""

import errno
import json
import logging
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from elman import run_json
from elman.circumstances import circumstances, now
from elman.errors import RunDirectoryError

_LOCK = ".lock"
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
_PART = ".part"  # ends the name of a file that is being written

log = logging.getLogger(__name__)


@contextmanager
def lock(directory: Path, *, name: str = _LOCK, patience: float = 0.0) -> Iterator[None]:
    """Hold a directory for this process alone; it is made if it does not exist, and then removed if it ends up empty.

    On a file system without locks nothing is held, and a warning says so.

    Args:
        directory: to be held.
        name: of the file that is locked there; those who use different ones do not wait for each other.
        patience: seconds to wait for another process.

    Raises:
        RunDirectoryError: if another process holds it.
    """
    is_new = not directory.exists()
    directory.mkdir(parents=True, exist_ok=True)
    held = FileLock(directory / name, timeout=patience)
    try:
        held.acquire()
    except Timeout:
        raise RunDirectoryError(f"{directory}: another process is writing to this directory") from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        log.warning("%s: this file system has no locks; only one command at a time may write there", directory)
    try:
        yield
    finally:
        with suppress(OSError):  # Windows keeps a file that is open
            (directory / name).unlink(missing_ok=True)  # while it is still held, so nobody else holds it
        held.release()
        with suppress(OSError):
            if is_new:
                directory.rmdir()


def is_locked(directory: Path) -> bool:
    """Whether a process holds a directory."""
    held = FileLock(directory / _LOCK, timeout=0)
    if not (directory / _LOCK).exists():
        return False
    try:
        held.acquire()
    except Timeout:
        return True
    except OSError:
        return False
    held.release()
    return False


def is_finished(
    directory: Path, settings: Mapping[str, Any], *, files: Mapping[str, str], outputs: Iterable[str]
) -> bool:
    """Whether a directory holds the finished run of these settings; if not, it may be used for it.

    Args:
        directory: of a run; it may be empty.
        settings: all settings of the run, as plain values.
        files: the `files.file_hashes` of these settings.
        outputs: names of the files and folders that the run makes there, besides run.json.

    Raises:
        RunDirectoryError: if it holds something else.
    """
    try:
        entry = run_json.read(directory)
    except FileNotFoundError:
        if there := [name for name in outputs if (directory / name).exists()]:
            reason = f"holds {there[0]} but no run.json, so it is not a run's; name another directory"
            raise RunDirectoryError(f"{directory}: this directory {reason}") from None
        return False
    except RunDirectoryError as error:
        if settings["overwrite"]:
            return False
        reason = f"holds a run, but {error}; overwrite=true would replace that run"
        raise RunDirectoryError(f"{directory}: this directory {reason}") from None
    if settings["overwrite"]:
        return False
    if run_json.fingerprint(entry["settings"], {}) != run_json.fingerprint(settings, {}):
        reason = "holds a run of other settings; overwrite=true would replace it"
        raise RunDirectoryError(f"{directory}: this directory {reason}")
    if other := [key for key, value in files.items() if entry.get("files", {}).get(key) != value]:
        reason = f"holds a run for which {other[0]} held something else; overwrite=true would replace it"
        raise RunDirectoryError(f"{directory}: this directory {reason}")
    return entry["status"] == "finished" and _is_whole(directory, entry.get("bytes", {}))


def _is_whole(directory: Path, sizes: Mapping[str, int]) -> bool:
    """Whether no table has been lost or changed its size since it was written."""
    return all((path := directory / name).exists() and path.stat().st_size == size for name, size in sizes.items())


def _outputs_of_earlier_run(directory: Path, outputs: Iterable[str]) -> list[str]:
    """The files that a run.json lists; none where there is none, and those of today's runs where it is damaged."""
    try:
        return [str(name) for name in run_json.read(directory)["outputs"]]
    except FileNotFoundError:
        return []
    except RunDirectoryError:
        return list(outputs)


def _clear(directory: Path, names: Iterable[str]) -> None:
    """Remove files of a run, and the folders that this leaves empty; nothing else."""
    for name in names:
        for path in (directory / name, directory / f"{name}{_PART}"):
            with suppress(FileNotFoundError, IsADirectoryError, NotADirectoryError):
                path.unlink()
    for folder in {Path(name).parent for name in names} - {Path()}:
        with suppress(OSError):
            (directory / folder).rmdir()


@contextmanager
def track_status(
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
        directory: locked by this process.
        settings: all settings of the run, as plain values.
        about: more entries for run.json.
        attachments: more files, as text by their names in the directory.
        outputs: names of the files that the run makes there, besides these.

    Yields:
        The seconds by stage, to be filled in.
    """
    start, seconds = time.perf_counter(), dict[str, float]()
    every = [*outputs, *attachments]
    stale = _outputs_of_earlier_run(directory, every)
    if folders := [name for name in every if (directory / name).is_dir()]:
        raise RunDirectoryError(f"{directory}: {folders[0]} is a directory, where the run has a file of that name")
    entry = {"format": run_json.FORMAT, "status": "running", "settings": settings, **about, **circumstances()}
    # Before anything is removed, with all that is to be removed: a run that is killed from here on is run again.
    _save(directory, entry | {"outputs": sorted({*every, *stale})})
    _clear(directory, stale)
    entry["outputs"] = every
    try:
        for name, text in attachments.items():
            path = directory / name
            write_atomic(path.parent, {path.name: text.encode()})
        yield seconds
    except BaseException as error:
        if isinstance(error, OSError | MemoryError):
            _clear(directory, every)
        status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        reason = {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
        try:
            _save(directory, entry | {"status": status} | reason | _ended(start, seconds))
        except OSError:
            (directory / run_json.NAME).unlink(missing_ok=True)
        raise
    sizes = {name: (directory / name).stat().st_size for name in outputs if (directory / name).is_file()}
    _save(directory, entry | {"status": "finished", "bytes": sizes} | _ended(start, seconds))


def add_outputs(directory: Path, names: Iterable[str]) -> None:
    """List in the run.json of a finished run what is going to be written into its directory from now on."""
    entry = json.loads((directory / run_json.NAME).read_bytes())
    if entry.get("format", 1) > 1:  # in format 1 they are known
        _save(directory, entry | {"outputs": list(dict.fromkeys([*entry["outputs"], *names]))})


def set_figures(directory: Path, names: Sequence[str], seconds: float) -> None:
    """List in the run.json of a finished run the figures that apply to it, and add the seconds that drawing took."""
    entry = json.loads((directory / run_json.NAME).read_bytes())
    times = entry.get("seconds", {})
    total = {"figures": round(seconds, 4), "total": round(times.get("total", 0.0) + seconds, 4)}
    _save(directory, entry | {"figures": names, "seconds": {**times, **total}})


def set_progress(directory: Path, share: float) -> None:
    """Note in the run.json of a run that goes on which share of its epochs is done; where that fails, it goes on."""
    with suppress(OSError):
        _save(directory, json.loads((directory / run_json.NAME).read_bytes()) | {"progress": share})


def _save(directory: Path, entry: Mapping[str, object]) -> None:
    text = json.dumps(entry, indent=2, ensure_ascii=False) + "\n"
    write_atomic(directory, {run_json.NAME: text.encode()})


def write_atomic(directory: Path, contents: Mapping[str, bytes | Iterator[bytes]]) -> None:
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


def differing_maker(directory: Path) -> str:
    """Say which code made a run, if that is not the code that is running; else nothing.

    Raises:
        RunDirectoryError: if its run.json cannot be read.
    """
    made, today = run_json.maker(run_json.read(directory)), run_json.maker(circumstances())
    return "" if made == today else f"made by {made}; this is {today}"


def _ended(start: float, seconds: Mapping[str, float]) -> dict[str, Any]:
    times = {**seconds, "total": time.perf_counter() - start}
    return {"end": now(), "seconds": {name: round(value, 4) for name, value in times.items()}}
