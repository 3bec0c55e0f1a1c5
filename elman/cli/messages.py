"""Errors that a user can do something about, in one line each."""

import os
import re
import shlex
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    InterpolationResolutionError,
    OmegaConfBaseException,
    ValidationError,
)

from elman.config import unknown
from elman.declaration import shown
from elman.defaults import CONF
from elman.errors import ConfigError, DivergenceError, LauncherError, RunDirectoryError, TaskError

_LONGEST = 400  # characters of a message
_TOO_DEEP = "the settings refer to themselves, or are nested too deep"
# Where Hydra finds what comes with an extra of this package, and the extra.
_EXTRAS = {
    "hydra/launcher/joblib": "joblib",
    "hydra/launcher/ray": "ray",
    "hydra/launcher/submitit_slurm": "slurm",
    "hydra/launcher/submitit_local": "slurm",
    "hydra/sweeper/optuna": "optuna",
}


@contextmanager
def user_errors() -> Iterator[None]:
    """Turn what goes wrong while composing, reading files of the user and checking into one line: it is theirs to mend.

    Raises:
        ConfigError: in place of every error but those of the system and of a directory.
    """
    try:
        yield
    except Exception as error:
        is_of_system = isinstance(error, OSError | MemoryError) and not isinstance(error, HydraException)
        if is_of_system or isinstance(error, ConfigError | RunDirectoryError):
            raise
        raise ConfigError(user_message(error)) from error


def check_readable(overrides: Iterable[str]) -> None:
    """Raise an error that names the override that Hydra cannot parse, such as a number of too many digits."""
    parser = OverridesParser.create()
    for override in overrides:
        try:
            parser.parse_overrides([override])
        except OverrideParseException:
            raise
        except Exception as error:
            reason = str(error).partition("; use")[0]
            if not __debug__ and isinstance(error, AttributeError):  # Hydra's parser tells by its asserts what it reads
                reason = "Hydra reads functions only where PYTHONOPTIMIZE is not set"
            raise ConfigError(f"cannot read {shown(override)}: {reason}") from error


def is_user_error(error: Exception) -> bool:
    """Whether an error of a run or sweep is told in one line; every other one is ours, and shows its traceback."""
    return isinstance(error, ConfigError | RunDirectoryError | DivergenceError | LauncherError | OSError | MemoryError)


def _is_null_choice(error: Exception) -> bool:
    """Whether Hydra was given task=null or the like; it complains with a plain ValueError."""
    return isinstance(error, ValueError) and str(error).startswith("Config group override must be")


def exit_status(error: Exception) -> int:
    """The exit status: 2 for settings that cannot be used, 1 for a run that came to nothing."""
    return 2 if isinstance(error, ConfigError) else 1


def user_traceback(error: BaseException | None) -> str:
    """The traceback of an error in a user's own task, if that is the cause."""
    while error is not None:
        if isinstance(error, TaskError):
            return error.user_traceback
        error = error.__cause__
    return ""


def user_message(error: Exception) -> str:
    """One line that says what a user can do about an error: the setting or file, the rule and the value."""
    line = " ".join(str(error).split()) if isinstance(error, ConfigError) else _message(error)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST // 2]} … {line[-_LONGEST // 2 :]}"


def _message(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    first, _, rest = str(cause).partition("\n")
    if first.endswith(":"):
        first = f"{first} {rest.partition(chr(10))[0]}"
    match error, cause:
        case MissingConfigException(missing_cfg_file=str(missing)), _ if extra := _EXTRAS.get(missing):
            return f"{'='.join(missing.rsplit('/', 1))} needs one more package: pip install 'elman[{extra}]'"
        case MissingConfigException(options=list(options)), _:
            return _no_such_choice(str(error.missing_cfg_file), sorted(options))
        case OverrideParseException(override=str(text)), _:
            return _cannot_read(text)
        case MemoryError(), _:
            return f"there is not enough memory for these settings: {first}"
        case OSError(filename=str(name), strerror=str(reason)), _:
            return f"{name}: {reason}"
        case RecursionError(), _:
            file = _file_of(error)
            return f"{file}: refers to itself, or is nested too deep" if file else _TOO_DEEP
        case _, ConfigAttributeError(full_key=str(key)) | ConfigKeyError(full_key=str(key)):
            there = cause.parent_node.keys() if isinstance(cause.parent_node, DictConfig) else ()
            return unknown(key, there=[str(name) for name in there] if key.startswith("task.") else ())
        case _, ValidationError(full_key=str(key)):
            return f"{key}: {first}"
        case _, InterpolationResolutionError(full_key=str(key)) if key:
            return f"{key} has a value that cannot be resolved: {first}"
    if file := _file_of(error):
        mark = getattr(error, "problem_mark", None)
        place = f"{file}, line {mark.line + 1}" if mark else file
        return f"{place}: cannot be read as YAML: {getattr(error, 'problem', None) or first}"
    if isinstance(error, ValueError) and _is_null_choice(error):
        return "a choice such as task must be one of its names, not null; --help lists them"
    if override := re.match(r"Error merging override (.*)", str(error)):  # such as a list in the place of a dictionary
        return f"cannot use {override[1]}: {first}"
    return f"{first}; to sweep over it, add -m" if first.startswith("Ambiguous value") else first


def _file_of(error: Exception) -> str:
    """The settings file that Hydra was reading when an error came up; neither the error nor Hydra names it."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if "full_path" in frame.f_locals:
            return os.path.relpath(frame.f_locals["full_path"])
    return ""


def _no_such_choice(missing: str, options: list[str]) -> str:
    group, _, choice = missing.rpartition("/")
    if group == "task" and choice == "both":
        return "task must be one of its names, not both; elman -m task=xor,cv runs two"
    near = [option for option in options if option == choice.lower()] or get_close_matches(choice, options, n=1)
    hint = f"; did you mean {group}={near[0]}?" if near else ""
    return f"{group} must be one of {', '.join(options)}, not {choice}{hint}"


def _cannot_read(override: str) -> str:
    """The message for what Hydra cannot parse, with the same in quotes if it then can."""
    key, sign, value = override.partition("=")
    if not sign and key[:1] not in ("~", "+"):
        for group in ("task", "experiment"):
            if key.lower() in {path.stem for path in (CONF / group).glob("*.yaml")}:
                return f"cannot read {shown(key)} as a setting; elman {group}={key.lower()} runs that {group}"
        return f"cannot read {shown(key)} as a setting; it is written SETTING=VALUE"
    if len(override) > _LONGEST // 2:
        return f"cannot read {shown(override)} as SETTING=VALUE"
    parts = re.sub(r"[^\[\]{},:\s]+", lambda part: _in_quotes(part[0]), value)
    for quoted in (parts, _in_quotes(value)) if value[:1] in ("[", "{") else (_in_quotes(value),):
        with suppress(HydraException):
            typed = f"{key}={quoted}"
            OverridesParser.create().parse_overrides([typed])
            return f"cannot read {shown(override)}; type {shlex.quote(typed)}"
    return f"cannot read {shown(override)} as SETTING=VALUE"


def _in_quotes(text: str) -> str:
    return '"' + text.strip("'\"").replace('"', '\\"') + '"'
