"""From settings to a Result, and from a Result to the files of a run."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elman import checkpoint, item_scores, metrics, network, run_json, runs
from elman.checks import check
from elman.config import Settings
from elman.errors import ConfigError, DivergenceError, reason_of
from elman.files import file_hashes, kept, one_run
from elman.items import Items
from elman.metrics import Errors
from elman.network import Rule, State, Weights
from elman.progress import Progress, every
from elman.random_draws import Drawn, draw_all
from elman.result import Result, blocks, pieces, read_items, rule_of
from elman.stream import Stream
from elman.trainers import BACKENDS, Backend

if TYPE_CHECKING:
    from elman.plots import Source

_PIECE = 0.25  # seconds that the epochs trained at a time take, unless a single one takes longer
_MOST = 100  # epochs trained at a time, whose losses are held twice
_NOTED = 5.0  # seconds between two notes in run.json of how much is done

log = logging.getLogger(__name__)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - start


@one_run()
def run(settings: Settings, progress: Progress | None = None) -> Result:
    """Train and test networks. Nothing is written.

    Args:
        settings: as `elman.settings` returns them.
        progress: called several times a second with the epochs done and the losses (R,) of the last.

    Raises:
        ConfigError: for a value that breaks its rule.
        DivergenceError: when a loss is no longer a finite number.
    """
    check(settings)
    return _run(deepcopy(settings), progress)  # a Result is drawn from its settings later on


def _run(settings: Settings, progress: Progress | None) -> Result:
    losses = np.empty((settings.replicates, settings.epochs))  # first, so that far too many are refused at once
    seconds: dict[str, float] = {}
    with _timed(seconds, "streams"), np.errstate(over="ignore"):
        drawn = draw_all(settings)
    with _timed(seconds, "compile"):
        backend = BACKENDS[settings.backend](settings.replicates)
    with np.errstate(over="ignore", invalid="ignore"):  # the loss is checked instead
        return _trained(settings, drawn, losses, backend, seconds, progress)


def reopen(directory: Path, settings: Settings) -> Result:
    """The networks of a finished run, with their streams drawn again; it holds no errors by epoch.

    Args:
        directory: of the run.
        settings: those of the run.

    Raises:
        ConfigError: for a task of a user's own, whose code is not run because a directory is read.
        RunDirectoryError: for damaged networks.
    """
    if "code" in settings.task.options():
        raise ConfigError(f"{directory}: streams and predictions of a task of your own are not drawn again; run it")
    stored = checkpoint.read(directory, run_json.complete(asdict(settings)))
    drawn = draw_all(settings, stored.initial)
    losses = runs.read(directory, "losses").pivot(index="replicate", columns="epoch", values="loss")
    return _result(
        settings,
        drawn,
        weights=stored.weights,
        context=stored.context,
        losses=losses.to_numpy().reshape(settings.replicates, -1),
        evaluated=np.empty(0, int),
        curve=(),
        item_curve=(),
        backend=BACKENDS[settings.backend](settings.replicates),
    )


def _trained(
    settings: Settings,
    drawn: Drawn,
    losses: np.ndarray,
    backend: Backend,
    seconds: dict[str, float],
    progress: Progress | None,
) -> Result:
    rule = rule_of(settings)
    state = start = network.begin(drawn.initial, rule)
    training = _Training(drawn, backend, rule, losses, progress or (lambda done, losses: None))
    evaluated, curve, item_curve = [], [], []
    is_carried_on = (settings.test_reset or settings.reset_context) == "never"
    done = 0
    while True:
        is_last = done == settings.epochs
        if is_last or (settings.evaluate_every and done and done % settings.evaluate_every == 0):
            with _timed(seconds, "evaluate"):
                test_context = (state if is_carried_on else start).context
                evaluated.append(done)
                curve.append(_tested(state.weights, test_context, drawn.test, backend, rule))
                item_curve += _score_items(state.weights, drawn.items, backend, rule, settings.accept)
        if is_last:
            break
        stop = _next_test(done, settings)
        with _timed(seconds, "train"):
            state = training.go_on(state, done, stop)
        done = stop
    return _result(
        settings,
        drawn,
        weights=state.weights,
        context=test_context,
        losses=losses,
        evaluated=np.array(evaluated),
        curve=tuple(curve),
        item_curve=tuple(item_curve),
        backend=backend,
        seconds=seconds,
    )


class _Training:
    """Trains networks in pieces of about `_PIECE` seconds, between which Ctrl-C is heard and progress told."""

    def __init__(self, drawn: Drawn, backend: Backend, rule: Rule, losses: np.ndarray, progress: Progress) -> None:
        """Take what `Backend.train` does, the losses (R, epochs) to fill in, and whom to tell."""
        self._drawn, self._backend, self._rule = drawn, backend, rule
        self._losses, self._progress = losses, progress
        self._piece = 1  # epochs

    def go_on(self, state: State, done: int, stop: int) -> State:
        """Train from one epoch to another, and return the state after that."""
        while done < stop:
            epochs, start = min(self._piece, stop - done), time.perf_counter()
            state = self._train(state, done, epochs)
            taken = max(time.perf_counter() - start, 1e-9)
            self._piece = max(1, min(10 * epochs, _MOST, int(epochs * _PIECE / taken)))
            done += epochs
        return state

    def _train(self, state: State, done: int, epochs: int) -> State:
        last = self._losses[:, done - 1] if done else np.full(len(self._losses), np.nan)
        state, losses = self._backend.train(
            state,
            self._drawn.vectors[:, :-1],
            self._drawn.vectors[:, 1:],
            self._rule,
            epochs=epochs,
            resets=self._drawn.resets,
            counted=self._drawn.counted,
            tick=lambda share: self._progress(done + share * epochs, last) if share < 1 else None,
        )
        self._losses[:, done : done + epochs] = losses
        _check_finite(losses, done, self._rule.learning_rate)
        self._progress(done + epochs, losses[:, -1])
        return state


def _score_items(
    weights: Weights, items: Items | None, backend: Backend, rule: Rule, accept: float | None
) -> list[item_scores.Scores]:
    """The scores of the test items, if there are any."""
    return [item_scores.score(read_items(weights, items, backend, rule), items, accept)] if items else []


def _result(settings: Settings, drawn: Drawn, **more: Any) -> Result:
    """A Result of what was drawn and what became of it."""
    return Result(
        settings=settings,
        training=drawn.training,
        baselines=drawn.baselines,
        ngrams=drawn.ngrams,
        test=drawn.test,
        initial=drawn.initial,
        items=drawn.items,
        **more,
    )


def _next_test(done: int, settings: Settings) -> int:
    """The next epoch after which networks are tested."""
    period = settings.evaluate_every or settings.epochs
    return min(settings.epochs, done - done % period + period)


def _check_finite(losses: np.ndarray, done: int, learning_rate: float) -> None:
    replicates, epochs = np.nonzero(~np.isfinite(losses))
    if len(epochs):
        first = epochs.argmin()
        raise DivergenceError(
            f"the loss of replicate {replicates[first]} is not finite in epoch {done + epochs[first] + 1}; "
            f"a learning_rate below {learning_rate:g} may help"
        )


def _tested(weights: Weights, context: np.ndarray, test: Stream, backend: Backend, rule: Rule) -> Errors:
    tested = []
    for some, start in blocks(weights, context, test):
        outputs = (outputs for outputs, _ in pieces(some, start, test, backend, rule))
        tested.append(metrics.errors_of_pieces(outputs, test))
    return Errors(*(np.concatenate(arrays) for arrays in zip(*tested, strict=True)))


@one_run()
def run_into(
    directory: Path,
    settings: Settings,
    *,
    about: Mapping[str, object] | None = None,
    attachments: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    seconds: Mapping[str, float] | None = None,
    train: Callable[[], Result] | None = None,
) -> Result | None:
    """Train and test networks, and write the files of a run into its directory.

    Args:
        directory: made if it does not exist.
        settings: as `elman.settings` returns them.
        about: more entries for run.json, such as the command line.
        attachments: more files, as text by their names in the directory.
        progress: as for `run`.
        seconds: the time that stages before this one took.
        train: returns the result; by default networks are trained and tested with the settings.

    Returns:
        The result, or None if the directory holds the finished run of these settings; then missing figures are drawn.

    Raises:
        rundir.RunDirectoryError: if the directory holds something else, or another process writes to it.
        DivergenceError: when a loss is no longer a finite number; run.json then says so.
    """
    from elman import rundir, tables

    check(settings)
    _check_source(directory, settings)
    plain = asdict(settings)
    files, result = file_hashes(plain), None
    attachments = {**(attachments or {}), **kept(plain)}
    outputs = [*(f"{name}.csv" for name in tables.TABLES), checkpoint.FILE]
    every = [*outputs, "figures", *attachments]
    is_finished = partial(rundir.is_finished, directory, plain, files=files, outputs=every)
    if is_finished() and not (settings.figures and _lacks_figures(directory, settings.figure_formats)):
        return None  # without a lock, so also where nothing can be written
    with rundir.lock(directory):
        if not is_finished():
            more = {**(about or {}), "files": files}
            with rundir.track_status(directory, plain, about=more, attachments=attachments, outputs=outputs) as stages:
                stages.update(seconds or {})
                result = train() if train else _run(deepcopy(settings), _noted(directory, settings.epochs, progress))
                _write(directory, result, stages)
        if settings.figures:
            _draw_missing(directory, settings.figure_formats)
    return result


def _noted(directory: Path, epochs: int, progress: Progress | None) -> Progress:
    """Progress that is also noted in run.json now and then, for those who look from elsewhere."""
    from elman import rundir

    note = every(_NOTED, partial(rundir.set_progress, directory))

    def told(done: float, losses: np.ndarray) -> None:
        if progress:
            progress(done, losses)
        note(round(done / epochs, 3))

    return told


def _check_source(directory: Path, settings: Settings) -> None:
    """Refuse a run that would replace the networks that it goes on from."""
    if settings.weights_from is not None and Path(settings.weights_from).expanduser().resolve() == directory.resolve():
        raise ConfigError(f"weights_from must be another directory than that of this run, not {settings.weights_from}")


def _write(directory: Path, result: Result, stages: dict[str, float]) -> None:
    """Write the tables and networks of a result."""
    from elman import rundir, tables

    stages.update(result.seconds)
    with _timed(stages, "tables"):
        networks = checkpoint.Stored(result.initial, result.weights, result.context)
        packed = checkpoint.pack(networks, checkpoint.units_of(result.test, result.training[0]))
        rundir.write_atomic(directory, {**tables.files(result), checkpoint.FILE: packed})


def _lacks_figures(directory: Path, formats: Sequence[str]) -> bool:
    """Whether figures of a finished run are missing; run.json lists those that apply to it once they were drawn."""
    listed = run_json.read(directory).get("figures")
    files = [(directory / "figures" / name).with_suffix(f".{kind}") for name in listed or [] for kind in formats]
    return listed is None or not all(file.exists() for file in files)


def _draw_missing(directory: Path, formats: Sequence[str]) -> None:
    """Draw the figures of a finished run that are not there in all formats; one that fails is a warning."""
    from elman import rundir

    if not _lacks_figures(directory, formats):
        return
    start = time.perf_counter()
    try:
        from elman import plots

        rundir.add_outputs(directory, [f"figures/{name}.{kind}" for name in plots.PLOTS for kind in formats])
        source = plots.from_directory(directory)
        drawn = [name for name in plots.PLOTS if _is_drawn(directory, name, formats, source)]
        listed = run_json.read(directory).get("figures", [])
        files = dict.fromkeys([*listed, *(f"{name}.{kind}" for name in drawn for kind in formats)])
        rundir.set_figures(directory, list(files), time.perf_counter() - start)
    except Exception as error:
        log.warning("the figures were not drawn: %s", reason_of(error))


def _is_drawn(directory: Path, name: str, formats: Sequence[str], source: "Source") -> bool:
    """Draw a figure unless it is there in all formats; whether it applies to the run, also if drawing it failed."""
    from elman import plots, rundir

    missing = [kind for kind in formats if not (directory / "figures" / f"{name}.{kind}").exists()]
    if not missing:
        return True
    try:
        if not (figure := plots.figure(source, name)):
            return False
        files = {f"{name}.{kind}": plots.render(figure, kind) for kind in missing}
        rundir.write_atomic(directory / "figures", files)
    except Exception as error:
        log.warning("the figure %s was not drawn: %s", name, reason_of(error))
    return True
