"""Every exception that elman raises of its own."""

import re

_LONG = 200  # characters of a word, such as a file name


def _shortened(word: re.Match[str]) -> str:
    return f"{word[0][: _LONG // 2]}…{word[0][-_LONG // 2 :]}"


class ConfigError(ValueError):
    """A setting that cannot be used; its text, in one line, names the setting, the rule and the value given."""

    def __init__(self, message: str) -> None:
        """Put a message in one line, with long words shortened, whatever file names and values it holds."""
        line = " ".join(message.split("\n"))
        super().__init__(re.sub(rf"\S{{{_LONG + 1},}}", _shortened, line))


class TaskError(ConfigError):
    """An error that a user's own task raised; its text is one line, and `user_traceback` says where."""

    def __init__(self, message: str, user_traceback: str = "") -> None:
        super().__init__(message)
        self.user_traceback = user_traceback


class RunDirectoryError(RuntimeError):
    """A directory that a run may not write to; its text names it and says why."""


class DivergenceError(ArithmeticError):
    """A loss that is no longer a finite number."""


class LauncherError(RuntimeError):
    """A launcher that gave up; its text says why."""


def reason_of(error: Exception) -> str:
    """What went wrong, in one line: elman's own words, or the first line of another error and its kind."""
    text = str(error).partition("\n")[0]
    return text if isinstance(error, RunDirectoryError) else f"{type(error).__name__}: {text}"
