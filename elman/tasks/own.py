"""A user's own task: a function in a Python file that a setting names."""

import sys
import traceback
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from elman.errors import ConfigError, TaskError
from elman.files import read_text
from elman.stream import Stream

KEY = "task.code"


def load(code: str, kind: str) -> Callable[..., Stream]:
    """The function of a user's file; the file is run once for each content that it has.

    Args:
        code: the Python file. What lies beside it can be imported there.
        kind: the name of the function.

    Raises:
        ConfigError: if the file cannot be read or has no such function.
        TaskError: if it raises an error.
    """
    module = _run(str(Path(code).expanduser().absolute()), read_text(KEY, code), code)
    found = getattr(module, kind, None)
    if not isinstance(found, FunctionType):
        functions = [name for name, value in vars(module).items() if _is_own(value, module) and name[0] != "_"]
        raise ConfigError(
            f"task.kind must be a function of {code}, {', '.join(functions) or 'which has none'}, not {kind}"
        )
    return found


def call(function: Callable[..., Stream], code: str, arguments: dict[str, Any]) -> Stream:
    """Call a user's function.

    Raises:
        ConfigError: as it raises them itself, or if it returns something else than a Stream.
        TaskError: if it raises another error.
    """
    try:
        found = function(**arguments)
    except ConfigError:
        raise
    except Exception as error:
        raise _fault(error, code) from error
    if not isinstance(found, Stream):
        raise ConfigError(f"{function.__name__} in {code} must return a Stream, not {type(found).__name__}")
    return found


@lru_cache(maxsize=32)
def _run(path: str, text: str, code: str) -> ModuleType:
    module = ModuleType(f"elman_task_{sha256(text.encode()).hexdigest()[:16]}")
    module.__file__ = path
    sys.modules[module.__name__] = module  # dataclasses and pickle look for it there
    if (folder := str(Path(path).parent)) not in sys.path:
        sys.path.append(folder)
    try:
        exec(compile(text, path, "exec"), vars(module))
    except ConfigError:
        raise
    except Exception as error:
        raise _fault(error, code) from error
    return module


def _is_own(value: Any, module: ModuleType) -> bool:
    return isinstance(value, FunctionType) and value.__module__ == module.__name__


def _fault(error: Exception, code: str) -> TaskError:
    """The error with the user's part of its traceback."""
    below = error.__traceback__
    while below and below.tb_next and below.tb_frame.f_code.co_filename == __file__:
        below = below.tb_next
    lines = traceback.format_exception(type(error), error, below, chain=error.__suppress_context__)
    return TaskError(f"{KEY}: {code} raised {type(error).__name__}: {error}".partition("\n")[0], "".join(lines))
