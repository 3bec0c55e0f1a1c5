"""Errors that a user can do something about, in one line each."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException, ValidationError

from elman.config import unknown
from elman.errors import ConfigError, DivergenceError, LauncherError, RunDirectoryError, TaskError

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
    """One line that says what a user can do about an error."""
    told = isinstance(error, ConfigError) or not isinstance(error.__cause__, OmegaConfBaseException)
    cause = error if told else error.__cause__
    first, _, rest = str(cause).partition("\n")
    if first.endswith(":"):
        first = f"{first} {rest.partition(chr(10))[0]}"
    match error, cause:
        case MissingConfigException(missing_cfg_file=str(missing)), _ if extra := _EXTRAS.get(missing):
            return f"{'='.join(missing.rsplit('/', 1))} needs one more package: pip install 'elman[{extra}]'"
        case MissingConfigException(options=list(options)), _:
            group, _, choice = str(error.missing_cfg_file).rpartition("/")
            return f"{group} must be one of {', '.join(sorted(options))}, not {choice}"
        case OverrideParseException(override=str(text)), _ if "=" not in text and text[:1] not in "~+":
            return f"cannot read {text!r} as a setting; it is written SETTING=VALUE"
        case OverrideParseException(), _:
            quoted = "a value with signs such as = or , is quoted twice: 'SETTING=\"VALUE\"'"
            return f"cannot read {error.override!r} as SETTING=VALUE; {quoted}"
        case MemoryError(), _:
            return f"there is not enough memory for these settings: {first}"
        case OSError(filename=str(name), strerror=str(reason)), _:
            return f"{name}: {reason}"
        case _, ConfigAttributeError(full_key=str(key)) | ConfigKeyError(full_key=str(key)):
            there = cause.parent_node.keys() if isinstance(cause.parent_node, DictConfig) else ()
            return unknown(key, there=[str(name) for name in there] if key.startswith("task.") else ())
        case _, ValidationError(full_key=str(key)):
            return f"{key}: {first}"
    if isinstance(error, ValueError) and _is_null_choice(error):
        return "a choice such as task must be one of its names, not null; --help lists them"
    if override := re.match(r"Error merging override (.*)", str(error)):  # such as a list in the place of a dictionary
        return f"cannot use {override[1]}: {first}"
    return f"{first}; to sweep over it, add -m" if first.startswith("Ambiguous value") else first
