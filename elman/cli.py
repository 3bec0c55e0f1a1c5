"""The command line: the only module that knows Hydra. It composes and checks the settings, and calls the runner."""

import hashlib
import itertools
import logging
import math
import os
import re
import secrets
import statistics
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException, ValidationError

from elman import __version__
from elman.config import BadSetting, Settings, checked, unknown, wrong_type

if TYPE_CHECKING:
    import numpy as np

    from elman.runner import Progress, Result
    from elman.sweep import Sweep

_HERE = Path(__file__).parent
CONF = _HERE / "conf" if (_HERE / "conf").is_dir() else _HERE.parent / "conf"  # in a wheel, or in a checkout
# Hydra 1.3 wants to be told whose defaults to keep to, 1.4 wants not to; and its OmegaConf has renamed a function.
_IS_1_3 = hydra.__version__.startswith("1.3")
_DEFAULTS = {"version_base": "1.3"} if _IS_1_3 else {}
_BEGUN = time.perf_counter()  # composing, for a run that is the only one of its process
_LONGEST_NAME = 120  # characters of a job's directory in a sweep; file systems end at 255
# Where Hydra finds what comes with an extra of this package, and the extra.
_EXTRAS = {
    "hydra/launcher/joblib": "joblib",
    "hydra/launcher/ray": "ray",
    "hydra/launcher/submitit_slurm": "slurm",
    "hydra/launcher/submitit_local": "slurm",
}

log = logging.getLogger(__name__)


def settings(*overrides: str) -> Settings:
    """Compose settings from conf/, with the same overrides as on the command line.

    Args:
        overrides: such as "task=cv" or "hidden_size=8".

    Raises:
        BadSetting: for a key that is unknown, or a value that is of the wrong type or breaks its rule.
    """
    try:
        with _hydra_at(CONF), _null_choices_refused():
            composed = hydra.compose("config", overrides=list(overrides))
        return checked(composed)
    except (HydraException, OmegaConfBaseException) as error:
        raise BadSetting(_explained(error)) from error


def main() -> None:
    """The console script ``elman``. A user's mistake ends it with one line and exit status 1 or 2."""
    show_all = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # so that Hydra hands errors on, rather than printing them in its own way
    if sys.argv[1:] == ["--version"]:
        return print(f"elman {__version__}")
    try:
        flags = get_args_parser().parse_args()
        if flags.help and not (flags.config_dir or flags.config_path or flags.config_name):
            return _print_help(flags.overrides)
        sweep = _planned(flags)
        if sweep is None:
            _job()
        else:
            _swept(sweep)
    except KeyboardInterrupt:
        _end("interrupted", 130)
    except Exception as error:
        if show_all or not _foreseen(error):
            raise
        _end(_explained(error), _status(error))


def _end(message: str, status: int) -> NoReturn:
    print(f"elman: {message}", file=sys.stderr)
    raise SystemExit(status)


def _print_help(overrides: list[str]) -> None:
    """Fill in the template in conf/config.yaml; Hydra's own --help would first list every group of every plugin."""
    with _hydra_at(CONF):
        composed = hydra.compose("config", overrides=overrides, return_hydra_config=True)
    chosen = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
    choices = {group: sorted(path.stem for path in (CONF / group).glob("*.yaml")) for group in ("task", "experiment")}
    groups = "".join(f"  {group}: {', '.join(names)}\n" for group, names in choices.items())
    print(Template(composed.hydra.help.template).substitute(APP_CONFIG_GROUPS=groups, CONFIG=OmegaConf.to_yaml(chosen)))


def _planned(flags: Namespace) -> "Sweep | None":
    """The sweep that a command asks for, with the settings of all its jobs checked and its directory taken; or None.

    It is asked for by -m, or by hydra.mode in an override or in a file; without any of these there is no need to look.
    """
    other_command = flags.help or flags.hydra_help or flags.cfg or flags.info or flags.shell_completion
    files = flags.config_dir or flags.config_path or flags.config_name
    if other_command or not (
        flags.multirun or files or any("experiment" in o or "hydra" in o for o in flags.overrides)
    ):
        return None
    searched = [f"hydra.searchpath=[file://{Path(flags.config_dir).absolute()}]"] if flags.config_dir else []
    with _hydra_at(Path(flags.config_path or CONF).absolute()), _null_choices_refused():
        loader = GlobalHydra.instance().config_loader()
        master = loader.load_configuration(
            flags.config_name or "config",
            [*searched, *flags.overrides],
            run_mode=RunMode.MULTIRUN,
            validate_sweep_overrides=False,
        )
        if not flags.multirun and master.hydra.mode != RunMode.MULTIRUN:
            return None
        jobs = list(_jobs(master))
        for job in jobs:
            _check_job(job, jobs, loader.load_sweep_config, master)
    return _taken(master, jobs)


def _check_job(job: list[str], jobs: list[list[str]], compose: Callable[..., DictConfig], master: DictConfig) -> None:
    try:
        config = compose(master, job)
        with open_dict(config), read_write(config):
            del config["hydra"]
        checked(config)
    except (BadSetting, HydraException, OmegaConfBaseException) as error:
        from elman.sweep import name

        which = f"job {name(job, jobs)}: " if len(jobs) > 1 else ""
        raise BadSetting(f"{which}{_explained(error)}") from error


def _jobs(master: DictConfig) -> Iterator[list[str]]:
    """The overrides of each job of a sweep; without those that only a sweeper can choose, such as intervals."""
    params = [f"{key}={value}" for key, value in (master.hydra.sweeper.get("params") or {}).items()]
    choices: dict[str, list[str]] = {}
    parser = OverridesParser.create(GlobalHydra.instance().config_loader())
    for override in parser.parse_overrides([*params, *master.hydra.overrides.task]):
        key = override.get_key_element()
        if override.is_discrete_sweep():
            choices[key] = [f"{key}={value}" for value in override.sweep_string_iterator()]
        elif not override.is_sweep_override():
            choices[key] = [f"{key}={override.get_value_element_as_str()}"]
    return (list(job) for job in itertools.product(*choices.values()))


def _taken(master: DictConfig, jobs: list[list[str]]) -> "Sweep":
    """The sweep in its directory; unless the user named that, it is made here, so that no two sweeps share one."""
    from elman.record import Refused
    from elman.sweep import Sweep

    directory = Path(master.hydra.sweep.dir).absolute()
    if "elman_unique" in OmegaConf.to_yaml(master.hydra.sweep):
        try:
            directory.mkdir(parents=True)
        except FileExistsError:
            raise Refused(f"{directory}: another sweep has just taken this directory") from None
    basic = master.hydra.sweeper._target_.endswith(".BasicSweeper")
    return Sweep(directory, tuple(map(tuple, jobs)) if basic else None)


def _swept(sweep: "Sweep") -> None:
    """Run a sweep, and end it with the comparison of its runs, whatever became of them."""
    from elman.sweep import BrokenOff, ended, watched

    # Hydra composes anew; it is told the directory, because a timestamp would have moved on, and a relative directory
    # would be taken from wherever a worker was started. Hydra 1.4 wants to be told of a sweep that a file asks for.
    sys.argv += [f"hydra.sweep.dir={_quoted(str(sweep.directory))}", "hydra.mode=MULTIRUN"]
    trouble: BaseException | None = None
    try:
        with watched(sweep):
            _job()
    except KeyboardInterrupt as error:
        trouble = error
    except Exception as error:  # the launcher's: those of the jobs are in their run.json
        trouble = error if _foreseen(error) else BrokenOff(f"{type(error).__name__}: {str(error).strip()}")
        trouble.__cause__ = error.__cause__ if trouble is error else error
    _forget_if_empty(sweep.directory)
    unfinished = ended(sweep)
    if trouble:
        raise trouble
    if unfinished:
        raise SystemExit(1)


def _quoted(text: str) -> str:
    """Text as a value of an override; there a backslash counts only before a quote."""
    return "'" + re.sub(r"(\\+)(?='|$)", r"\1\1", text).replace("'", "\\'") + "'"


@contextmanager
def _hydra_at(config_dir: Path) -> Iterator[None]:
    """Hydra, ready to compose from a directory; also inside an application that uses Hydra itself."""
    outer = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(**_DEFAULTS, config_dir=str(config_dir)):
            yield
    finally:
        GlobalHydra.instance().hydra = outer


@contextmanager
def _null_choices_refused() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        if not _is_null_choice(error):
            raise
        raise BadSetting(_explained(error)) from error


def _foreseen(error: Exception) -> bool:
    """Whether an error is explained by its own text, so that a traceback would only hide it."""
    from elman.record import Refused
    from elman.runner import Diverged
    from elman.sweep import BrokenOff

    known = (
        BadSetting | HydraException | OmegaConfBaseException | OSError | MemoryError | Refused | Diverged | BrokenOff
    )
    return isinstance(error, known) or _is_null_choice(error)


def _is_null_choice(error: Exception) -> bool:
    """Whether Hydra was given task=null or the like; it complains with a plain ValueError."""
    return isinstance(error, ValueError) and str(error).startswith("Config group override must be")


def _status(error: Exception) -> int:
    """The exit status: 2 for settings that cannot be used, 1 for a run that came to nothing."""
    return 2 if isinstance(error, ValueError | HydraException | OmegaConfBaseException) else 1


def _explained(error: Exception) -> str:
    """One line that says what a user can do about an error."""
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    first = str(cause).partition("\n")[0]
    match error, cause:
        case MissingConfigException(missing_cfg_file=str(missing)), _ if extra := _EXTRAS.get(missing):
            return f"{missing.replace('launcher/', 'launcher=')} needs one more package: pip install 'elman[{extra}]'"
        case MissingConfigException(options=list(options)), _:
            group, _, choice = str(error.missing_cfg_file).rpartition("/")
            return f"{group} must be one of {', '.join(sorted(options))}, not {choice}"
        case OverrideParseException(), _:
            return f"cannot read {error.override!r} as SETTING=VALUE: {first}"
        case MemoryError(), _:
            return f"there is not enough memory for these settings: {first}"
        case OSError(filename=str(name), strerror=str(reason)), _:
            return f"{name}: {reason}"
        case _, ConfigAttributeError(full_key=str(key)) | ConfigKeyError(full_key=str(key)):
            return unknown(key)
        case _, ValidationError(full_key=str(key)):
            return wrong_type(key, first)
    if override := re.match(r"Error merging override (.*)", str(error)):  # such as a list in the place of a dictionary
        return f"cannot use {override[1]}: {first}"
    return f"{first}; to sweep over it, add -m" if first.startswith("Ambiguous value") else first


@hydra.main(**_DEFAULTS, config_path=str(CONF), config_name="config")
def _job(composed: DictConfig) -> float | None:
    """One run, in the directory that Hydra has chosen for it; in a sweep, the number that an optimiser minimises."""
    from elman import report, runs

    directory = Path(HydraConfig.get().runtime.output_dir)
    if HydraConfig.get().mode == RunMode.RUN:
        _alone(composed, directory)
        return None
    try:
        result = _run(composed, directory, lines=logging.DEBUG)
    except Exception as error:  # the other jobs of the sweep go on
        _forget_if_empty(directory)
        log.debug("failed", exc_info=True)  # to the run's log
        entry = runs.entry_of(directory)
        if entry is None or entry["status"] != "failed":  # the sweep's log cannot know
            print(f"{directory.name}: {_explained(error)}", file=sys.stderr)
        return math.inf  # an optimiser's worst
    if result is not None:
        log.debug("%s", report.report(result))
    return report.objective(runs.read(directory, "summary"))


def _alone(composed: DictConfig, directory: Path) -> None:
    """A run that is not part of a sweep: its report is printed."""
    from elman import report

    try:
        result = _run(composed, directory, bar=_can_draw(sys.stderr))
    except Exception as error:
        _forget_if_empty(directory)
        if _foreseen(error):
            _end(_explained(error), _status(error))
        raise
    shown = Path(os.path.relpath(directory)) if directory.is_relative_to(Path.cwd()) else directory
    if result is None:
        return report.say(f"{shown} holds the finished run of these settings already; overwrite=true runs it again")
    text = report.report(result)
    log.debug("%s", text)
    report.say(f"\n{text}\n\nFiles are in {shown}")


def _run(composed: DictConfig, directory: Path, *, bar: bool = False, lines: int = logging.INFO) -> "Result | None":
    # Imported here, not above: for a quick --help, and because a compiled function among the globals of the module that
    # holds Hydra's main function would lose numba's cache in the workers of a launcher.
    from elman import runner

    config = HydraConfig.get()
    overrides = list(config.overrides.task)
    chosen = checked(composed)
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
            seconds={"compose": time.perf_counter() - _BEGUN} if config.mode == RunMode.RUN else {},
        )


def _node() -> str | None:
    """The node of a Ray cluster on which this is run, if it is one."""
    if (ray := sys.modules.get("ray")) and ray.is_initialized():
        return str(ray.get_runtime_context().get_node_id())
    return None


def _can_draw(stream: TextIO) -> bool:
    """Whether the stream is a terminal with room for a progress bar; some have no size."""
    return stream.isatty() and os.get_terminal_size(stream.fileno()).columns > 0


def _forget_if_empty(directory: Path) -> None:
    """Remove the directory that Hydra made for a run, and empty ones above it, up to the current directory."""
    with suppress(OSError):
        directory.rmdir()
        for parent in directory.parents:
            if not parent.is_relative_to(Path.cwd()) or parent == Path.cwd():
                break
            parent.rmdir()


@contextmanager
def _progress(chosen: Settings, *, bar: bool, level: int) -> "Iterator[Progress]":
    """A function that reports the loss: on a progress bar, if there is one, and in a line of this level."""
    of = f" (median of {chosen.replicates} networks)" if chosen.replicates > 1 else ""
    with ExitStack() as stack:
        if bar:
            from tqdm import tqdm

            shown = stack.enter_context(tqdm(total=chosen.epochs, unit="epoch", leave=False))

        def progress(epoch: int, losses: "np.ndarray") -> None:
            loss = statistics.median(losses)
            if bar:
                shown.set_postfix_str(f"loss {loss:.6f}", refresh=False)
                shown.update(epoch - shown.n)
            log.log(level, "Epoch %d/%d, loss: %.6f%s", epoch, chosen.epochs, loss, of)

        yield progress


def _subdirectory(overrides: Iterable[str]) -> str:
    """The name of a job's directory in a sweep: its overrides, made safe and short; no two jobs have the same."""
    text = ",".join(o for o in overrides if not o.startswith("overwrite=")) or "defaults"
    safe = re.sub(r"[^\w=.,+-]", "_", text, flags=re.ASCII)[:_LONGEST_NAME]
    return safe if safe == text else f"{safe}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"


ConfigStore.instance().store(name="schema", node=Settings, provider="elman")
_register: Any = OmegaConf.register_new_resolver if _IS_1_3 else OmegaConf.register_resolver
_register("elman_unique", lambda: secrets.token_hex(3), use_cache=True, replace=True)
_register("elman_subdir", _subdirectory, replace=True)
