"""The files that settings name: each is read once a run, from wherever it can be read, a pipe too."""

import hashlib
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from elman.errors import ConfigError

FOLDER = "inputs"
"""Where a run's directory keeps small files that its settings name."""
_SMALL = 1_000_000  # bytes of a file that is kept with the run
_MOST = 32  # files that are remembered
_HERE = Path(__file__).parent
_CONF = _HERE / "conf" if (_HERE / "conf").is_dir() else _HERE.parent / "conf"  # in a wheel, or in a checkout
_OF_TASK = ("file", "codes", "code")  # settings of tasks that name a file

_remembered: dict[Path, tuple[object, bytes]] = {}
_of_run: ContextVar[dict[Path, bytes] | None] = ContextVar("_of_run", default=None)


@contextmanager
def one_run() -> Iterator[None]:
    """Read each file once until the end of the block, whatever becomes of it meanwhile."""
    token = _of_run.set({})
    try:
        yield
    finally:
        _of_run.reset(token)


def read(key: str, name: str) -> bytes:
    """The content of a file. What is not a regular file, such as a pipe, is read once a process.

    Args:
        key: the full key of the setting that names it, for the error.
        name: of the file; `~` is the home directory. That of test_items may be one that comes with elman.

    Raises:
        ConfigError: if it cannot be read.
    """
    try:
        path = _find(key, name)
        in_run = _of_run.get()
        if in_run is not None and path in in_run:
            return in_run[path]
        status = path.stat()
        version = (status.st_ino, status.st_mtime_ns, status.st_size) if stat.S_ISREG(status.st_mode) else None
        if path not in _remembered or _remembered[path][0] != version:
            _remembered[path] = version, path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no such file"
        raise ConfigError(f"{key} must be a file that can be read, and {name} is not: {reason}") from error
    content = _remembered[path][1]
    while len(_remembered) > _MOST:
        del _remembered[next(iter(_remembered))]
    if in_run is not None:
        in_run[path] = content
    return content


def read_text(key: str, name: str) -> str:
    """The content of a text file in UTF-8, without the mark that some editors put at the beginning.

    Raises:
        ConfigError: if it cannot be read, or is not in UTF-8.
    """
    try:
        return read(key, name).decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{key} must be in UTF-8, and {name} is not, at byte {error.start}") from error


def named(settings: Mapping[str, Any]) -> dict[str, str]:
    """The files that settings name, by the setting's full key, but for stored networks.

    Args:
        settings: all settings of a run, as plain values.
    """
    files = {f"task.{key}": settings["task"].get(key) for key in _OF_TASK} | {"test_items": settings.get("test_items")}
    return {key: name for key, name in files.items() if isinstance(name, str)}


def file_hashes(settings: Mapping[str, Any]) -> dict[str, str]:
    """The beginning of the SHA-256 of each file that settings name, by the setting's full key.

    Args:
        settings: all settings of a run, as plain values, which have been checked.
    """
    contents = {key: read(key, name) for key, name in named(settings).items()}
    if settings["weights_from"] is not None:
        weights = Path(settings["weights_from"]).expanduser() / "weights.npz"
        contents["weights_from"] = weights.read_bytes()  # large, so it is not remembered
    return {key: hashlib.sha256(content).hexdigest()[:16] for key, content in contents.items()}


def kept(settings: Mapping[str, Any]) -> dict[str, str]:
    """The text of each small file that settings name, by the name that it gets in a run's directory."""
    contents = {f"{FOLDER}/{key}{Path(name).suffix}": read(key, name) for key, name in named(settings).items()}
    return {name: content.decode() for name, content in contents.items() if len(content) <= _SMALL}


def _find(key: str, name: str) -> Path:
    path, shipped = Path(name).expanduser(), _CONF / "items" / name
    return shipped if key == "test_items" and not path.exists() and shipped.is_file() else path.absolute()
