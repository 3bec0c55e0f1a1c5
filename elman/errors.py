"""Every exception that elman raises of its own."""


class ConfigError(ValueError):
    """A setting that cannot be used; its text names the setting, the rule and the value given."""


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
