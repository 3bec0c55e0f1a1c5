"""The command `elman`: it composes and checks the settings, and calls the runner."""

import logging
import os
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO, cast

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from elman import circumstances  # noqa: F401 - it finds git, before Hydra sets the environment of a job
from elman.cli.compose import DEFAULTS, hydra_told, to_settings
from elman.cli.echo import echo
from elman.cli.messages import exit_status, is_user_error, user_errors, user_message, user_traceback
from elman.cli.plan import plan
from elman.config import Settings
from elman.defaults import CONF

if TYPE_CHECKING:
    import numpy as np

    from elman.cli.sweep import Sweep
    from elman.progress import Progress
    from elman.result import Result

# Flags that say what to run, or what to show of that.
_OF_PLANS = (
    "overrides", "run", "multirun", "config_path", "config_name", "config_dir", "cfg", "package", "resolve",
)  # fmt: skip
_BEGUN = time.perf_counter()  # composing, for a run that is the only one of its process

log = logging.getLogger(__name__)


def main() -> None:
    """The console script ``elman``. A user's mistake ends it with one line and exit status 1 or 2."""
    show_all = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # so that Hydra hands errors on, rather than printing them in its own way
    if sys.argv[1:] == ["--version"]:
        return print(f"elman {version('elman')}")
    for stream in ("stdout", "stderr"):
        if getattr(sys, stream) is None:  # closed, as by >&-
            setattr(sys, stream, open(os.devnull, "w"))  # noqa: SIM115 - for the rest of the process
    try:
        flags = _flags()
        if flags.help:
            return _print_help(flags)
        if any(value for flag, value in vars(flags).items() if flag not in _OF_PLANS):
            return _information()
        with hydra_told(flags) as (application, name):
            with user_errors():
                if flags.cfg:
                    return application.show_cfg(name, flags.overrides, flags.cfg, flags.package, flags.resolve)
                planned = plan(flags, application.config_loader, name)
            if isinstance(planned, Path):
                application.run(name, partial(_alone, nearest=planned), flags.overrides)
            else:
                _sweep(planned, application, name, flags.overrides)
    except KeyboardInterrupt:
        _end("interrupted", 130)
    except Exception as error:
        if show_all or not is_user_error(error):
            raise
        _end(f"{user_message(error)}\n{user_traceback(error)}".rstrip(), exit_status(error))


def _information() -> None:
    """What flags of Hydra's own ask for, such as --info."""
    show: Any = hydra.main(**DEFAULTS, config_path=str(CONF), config_name="config")(lambda composed: None)
    with user_errors():
        show()


def _flags() -> Namespace:
    """The command line as Hydra understands it; what it does not ends the command in one line."""
    parser: Any = get_args_parser()
    parser.error = lambda message: _end(f"{message}; settings are written SETTING=VALUE", 2)
    return cast("Namespace", parser.parse_intermixed_args())


def _end(message: str, status: int) -> NoReturn:
    print(f"elman: {message}", file=sys.stderr)
    raise SystemExit(status)


def _print_help(flags: Namespace) -> None:
    """Print our own help; Hydra's would first list every group of every plugin."""
    from elman.cli.help import help_text

    with user_errors(), hydra_told(flags) as (application, name):
        composed = application.config_loader.load_configuration(name, flags.overrides, RunMode.RUN)
        choices = {group: application.config_loader.get_group_options(group) for group in ("task", "experiment")}
        chosen = composed.task if any(override.startswith("task=") for override in flags.overrides) else {}
        task = chosen.get("kind", chosen.get("name"))
        echo(help_text(composed, choices, task, chosen.get("code")))


def _sweep(sweep: "Sweep", application: Any, name: str, overrides: list[str]) -> None:
    """Run a sweep, and end it with the comparison of its runs, whatever became of them."""
    from elman.cli.sweep import finish, reasons_in
    from elman.cli.watch import watch
    from elman.errors import LauncherError

    trouble: BaseException | None = None
    batches = None
    try:
        with watch(sweep):
            batches = application.multirun(name, _job, overrides)
    except KeyboardInterrupt as error:
        trouble = error
    except Exception as error:  # the launcher's: those of the jobs are in their run.json
        if isinstance(error, OSError) and not error.filename and error.strerror:  # as Hydra's, of its own files
            error = OSError(error.errno, error.strerror, str(sweep.directory))
        kind = "" if isinstance(error, HydraException) else f"{type(error).__name__}: "
        trouble = error if is_user_error(error) else LauncherError(f"{kind}{user_message(error)}")
        trouble.__cause__ = error.__cause__ if trouble is error else error
    _forget_if_empty(sweep.directory, sweep.nearest)
    unfinished = finish(sweep, reasons_in(batches)) if sweep.directory.exists() else 0
    if trouble:
        raise trouble
    if unfinished:
        raise SystemExit(1)


def _alone(composed: DictConfig, *, nearest: Path) -> None:
    """A run that is not part of a sweep: its report is printed. The nearest directory was there before it."""
    from elman import report, rundir

    directory = Path(HydraConfig.get().runtime.output_dir)
    try:
        chosen, seconds = to_settings(composed), time.perf_counter() - _BEGUN
        result = _run(chosen, composed, directory, compose=seconds, bar=_can_draw(sys.stderr))
    except Exception as error:
        _forget_if_empty(directory, nearest)
        if is_user_error(error):  # Hydra would print more than that
            _end(user_message(error), exit_status(error))
        raise
    shown = Path(os.path.relpath(directory)) if directory.is_relative_to(Path.cwd()) else directory
    if result is None:
        maker = rundir.differing_maker(directory)
        note = f" ({maker})" if maker else ""
        return echo(f"{shown} holds the finished run of these settings already{note}; overwrite=true runs it again")
    text = report.report(result)
    log.debug("%s", text)
    echo(f"\n{text}\n\nFiles are in {shown}")


def _job(composed: DictConfig) -> float:
    """One run of a sweep; returns the number that an optimiser minimises."""
    from elman import report, runs
    from elman.cli.sweep import Failed, find_finished
    from elman.errors import ConfigError, RunDirectoryError, reason_of
    from elman.objective import objective

    config: Any = HydraConfig.get()
    runtime, job = config.runtime, config.job
    directory = Path(runtime.output_dir)
    try:
        os.chdir(runtime.cwd)  # a worker may have been started anywhere; task.file=book.txt is here
        chosen = to_settings(composed)
        if not chosen.overwrite and (same := find_finished(Path(config.sweep.dir), chosen)):
            _forget_if_empty(directory, Path(config.sweep.dir))
            directory = same
        result = _run(chosen, composed, directory, compose=job.get("compose_seconds"), lines=logging.DEBUG)
    except Exception as error:  # the other jobs of the sweep go on
        if isinstance(error, RunDirectoryError | ConfigError):  # nothing of it is in run.json
            print(f"{directory.name}: {user_message(error)}", file=sys.stderr)
        else:
            log.debug("failed", exc_info=True)
        _forget_if_empty(directory, Path(config.sweep.dir))
        return Failed(user_message(error) if is_user_error(error) else reason_of(error))
    if result is not None:
        log.debug("%s", report.report(result))
    try:
        return objective(runs.read(directory, "summary"), chosen.objective)
    except (ConfigError, RunDirectoryError) as error:
        print(f"{directory.name}: {error}", file=sys.stderr)
        return Failed(str(error))


def _run(
    chosen: Settings,
    composed: DictConfig,
    directory: Path,
    *,
    compose: float | None,
    bar: bool = False,
    lines: int = logging.INFO,
) -> "Result | None":
    from elman import runner

    config = HydraConfig.get()
    overrides = list(config.overrides.task)
    with _progress(chosen, bar=bar, level=logging.DEBUG if bar else lines) as progress:
        return runner.run_into(
            directory,
            chosen,
            about={
                "command": sys.argv if config.mode == RunMode.RUN else ["elman", *overrides],
                "overrides": overrides,
                "experiment": config.runtime.choices.get("experiment"),
                "launcher": config.runtime.choices.get("hydra/launcher"),
                "node": _node(),
            },
            attachments={
                ".hydra/config.yaml": OmegaConf.to_yaml(composed),
                ".hydra/hydra.yaml": OmegaConf.to_yaml(HydraConfig.instance().cfg),
                ".hydra/overrides.yaml": OmegaConf.to_yaml(config.overrides.task),
            },
            progress=progress,
            seconds={} if compose is None else {"compose": compose},
        )


def _node() -> str | None:
    """The node of a Ray cluster on which this is run, if it is one."""
    if (ray := sys.modules.get("ray")) and ray.is_initialized():
        return str(ray.get_runtime_context().get_node_id())
    return None


def _can_draw(stream: TextIO | None) -> bool:
    """Whether the stream is a terminal with room for a progress bar; some have no size."""
    return stream is not None and stream.isatty() and os.get_terminal_size(stream.fileno()).columns > 0


def _forget_if_empty(directory: Path, nearest: Path) -> None:
    """Remove the directory that Hydra made for a run and those above it, if empty, below one that was there before."""
    with suppress(OSError):
        for made in (directory, *directory.parents):
            if made == nearest or not made.is_relative_to(nearest):
                break
            made.rmdir()


@contextmanager
def _progress(chosen: Settings, *, bar: bool, level: int) -> "Iterator[Progress]":
    """A function that tells how far training has come: on a bar, if there is one, and in lines of this level."""
    from elman.progress import in_lines, on_bar

    lines = in_lines(chosen.epochs, level)
    if not bar:
        yield lines
        return
    from tqdm import tqdm

    with on_bar(tqdm, chosen.epochs) as shown:

        def both(done: float, losses: "np.ndarray") -> None:
            shown(done, losses)
            lines(done, losses)

        yield both
