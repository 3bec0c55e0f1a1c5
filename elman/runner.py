"""From settings to a Result, and from a Result to the files of a run."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from elman import checkpoint, item_scores, metrics, network, resets, run_json, runs
from elman.checks import check
from elman.config import Settings
from elman.errors import ConfigError, DivergenceError
from elman.files import file_hashes, kept, one_run
from elman.items import Items, of_run
from elman.metrics import Errors
from elman.network import Rule, Weights
from elman.ngrams import NGrams, ngrams_of_networks
from elman.result import Result, TrainingStreams, blocks, pieces, read_items, rule_of
from elman.stream import Stream
from elman.tasks import draw, is_drawn
from elman.trainers import BACKENDS, Backend

if TYPE_CHECKING:
    from elman.plots import Source

REPORT_EVERY = 10  # epochs between two reports of the loss, as the article prints them

Progress = Callable[[int, np.ndarray], None]

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
        progress: called with the epoch and its losses (R,), every 10 epochs and after the last.

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
        drawn = _drawn(settings)
    with _timed(seconds, "compile"):
        backend = BACKENDS[settings.backend]()
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
    drawn = _drawn(settings, stored.initial)
    losses = runs.read(directory, "losses").pivot(index="replicate", columns="epoch", values="loss")
    return Result(
        settings=settings,
        training=drawn.training,
        baselines=drawn.baselines,
        ngrams=drawn.ngrams,
        test=drawn.test,
        initial=stored.initial,
        weights=stored.weights,
        context=stored.context,
        losses=losses.to_numpy().reshape(settings.replicates, -1),
        evaluated=np.empty(0, int),
        curve=(),
        items=drawn.items,
        item_curve=(),
        backend=BACKENDS[settings.backend](),
    )


class _Drawn(NamedTuple):
    """What R networks begin with."""

    test: Stream
    training: Sequence[Stream]
    vectors: np.ndarray
    """(R, T, n): those of the training streams; (1, T, n) if they are one."""
    resets: np.ndarray | None
    """(R, T-1) or (1, T-1) bool: training steps before which the context is set back; None where it never is."""
    counted: np.ndarray | None
    """(R, T-1) or (1, T-1) bool: training steps that are learned from and counted; None where all are."""
    baselines: np.ndarray
    """(R, 2): as in Result."""
    ngrams: NGrams
    initial: Weights
    items: Items | None


def _drawn(settings: Settings, initial: Weights | None = None) -> _Drawn:
    """Draw the streams and, if not given, initial weights. The first k networks do not depend on how many there are."""
    R, task = settings.replicates, settings.task.kind
    for_test, for_replicates, for_items = np.random.SeedSequence(settings.seed).spawn(3)
    test_rng, separate = np.random.default_rng(for_test), settings.separate(test=True)
    test = draw(task, settings.task.options(), test_rng, test=True, separate=separate)
    seeds = [seed.spawn(3) for seed in for_replicates.spawn(R)]
    one = settings.shared_stream or not is_drawn(task, settings.task.options().get("code"))
    different = TrainingStreams(settings, tuple(seed for seed, _, _ in seeds))
    training: Sequence[Stream] = (different[0],) * R if one else different
    vectors, counted, baselines, set_back = [], [], [], list[np.ndarray]()

    def streams() -> Iterator[tuple[Stream, np.ndarray | None]]:
        """Each training stream, once, with the resets of each network on it, or of one where they are the same."""
        for number, stream in enumerate(training[:1] if one else training):
            vectors.append(stream.vectors)
            counted.append(stream.counted)
            baselines.append(metrics.loss_baselines(stream, settings.loss))
            of_networks = seeds if one and settings.context_span else seeds[number : number + 1]
            found = [resets for _, _, seed in of_networks for resets in _resets(settings, stream, seed)]
            set_back.extend(found)
            if not found:
                yield stream, None
            yield from ((stream, resets) for resets in found)

    is_by_epoch = settings.reset_context == "epoch" and not settings.context_span  # so the same for all
    tables = ngrams_of_networks(streams(), test, _test_resets(settings, test))
    shown = [test] if test.one_hot else [test, training[0]]
    return _Drawn(
        test=test,
        training=training,
        vectors=np.stack(vectors),
        resets=np.stack(set_back[:1] if is_by_epoch else set_back) if set_back else None,
        counted=np.stack(counted) if settings.separate(test=False) else None,
        baselines=np.resize(baselines, (R, 2)),
        ngrams=NGrams(*(np.resize(array, (R, *array.shape[1:])) for array in tables)),
        initial=initial or _initial(settings, test, training[0], [seed for _, seed, _ in seeds]),
        items=of_run(settings.test_items, shown, task, settings.task.options(), np.random.default_rng(for_items)),
    )


def _test_resets(settings: Settings, test: Stream) -> np.ndarray | None:
    """(T-1,) bool: the test steps before which the context is set back; None where it never is."""
    how = settings.test_reset or settings.reset_context
    return resets.of_training(
        len(test.inputs), reset_context=how, starts=test.resets, span=[], rng=np.random.default_rng(0)
    )


def _resets(settings: Settings, stream: Stream, seed: np.random.SeedSequence) -> list[np.ndarray]:
    """The resets of one network, (T-1,) bool; none where its context is always carried on."""
    found = resets.of_training(
        len(stream.inputs),
        reset_context=settings.reset_context,
        starts=stream.resets,
        span=settings.context_span,
        rng=np.random.default_rng(seed),
    )
    return [] if found is None else [found]


def _initial(settings: Settings, test: Stream, training: Stream, seeds: list[np.random.SeedSequence]) -> Weights:
    """The weights of each network before training: drawn from its seed, or those of a finished run."""
    if settings.weights_from is not None:
        return checkpoint.weights(settings.weights_from, asdict(settings), checkpoint.units_of(test, training))
    n, H = test.vectors.shape[1], settings.hidden_size
    return network.stack(
        [
            network.init(
                np.random.default_rng(seed),
                inputs=n,
                hidden=H,
                outputs=n,
                context=network.context_units(settings.context, hidden=H, outputs=n),
                scale=settings.initial_scale,
                distribution=settings.initial_distribution,
            )
            for seed in seeds
        ]
    )


def _trained(
    settings: Settings,
    drawn: _Drawn,
    losses: np.ndarray,
    backend: Backend,
    seconds: dict[str, float],
    progress: Progress | None,
) -> Result:
    rule = rule_of(settings)
    state = start = network.begin(drawn.initial, rule)
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
                if drawn.items:
                    steps = read_items(state.weights, drawn.items, backend, rule)
                    item_curve.append(item_scores.score(steps, drawn.items, settings.accept))
        if progress and done and (is_last or done % REPORT_EVERY == 0):
            progress(done, losses[:, done - 1])
        if is_last:
            break
        stop = _next_stop(done, settings)
        with _timed(seconds, "train"):
            state, losses[:, done:stop] = backend.train(
                state,
                drawn.vectors[:, :-1],
                drawn.vectors[:, 1:],
                rule,
                epochs=stop - done,
                resets=drawn.resets,
                counted=drawn.counted,
            )
        _check_finite(losses[:, done:stop], done, settings)
        done = stop
    return Result(
        settings=settings,
        training=drawn.training,
        baselines=drawn.baselines,
        ngrams=drawn.ngrams,
        test=drawn.test,
        initial=drawn.initial,
        weights=state.weights,
        context=test_context,
        losses=losses,
        evaluated=np.array(evaluated),
        curve=tuple(curve),
        items=drawn.items,
        item_curve=tuple(item_curve),
        backend=backend,
        seconds=seconds,
    )


def _next_stop(done: int, settings: Settings) -> int:
    """The next epoch after which there is something to report, to test or to end."""
    periods = [period for period in (REPORT_EVERY, settings.evaluate_every) if period]
    return min(settings.epochs, *(done - done % period + period for period in periods))


def _check_finite(losses: np.ndarray, done: int, settings: Settings) -> None:
    replicates, epochs = np.nonzero(~np.isfinite(losses))
    if len(epochs):
        first = epochs.argmin()
        raise DivergenceError(
            f"the loss of replicate {replicates[first]} is not finite in epoch {done + epochs[first] + 1}; "
            f"a learning_rate below {settings.learning_rate:g} may help"
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
        The result, or None if the directory holds the finished run of the same settings already. Then only figures
        that are wanted and not there are drawn. A figure that fails is logged as a warning, and the run is finished.

    Raises:
        rundir.RunDirectoryError: if the directory holds something else, or another process writes to it.
        DivergenceError: when a loss is no longer a finite number; run.json then says so.
    """
    from elman import rundir, tables

    check(settings)
    if settings.weights_from is not None and Path(settings.weights_from).expanduser().resolve() == directory.resolve():
        raise ConfigError(f"weights_from must be another directory than that of this run, not {settings.weights_from}")
    plain = asdict(settings)
    files, result = file_hashes(plain), None
    attachments = {**(attachments or {}), **kept(plain)}
    outputs = [*(f"{name}.csv" for name in tables.TABLES), checkpoint.FILE]

    def is_finished() -> bool:
        return rundir.is_finished(directory, plain, files=files, outputs=[*outputs, "figures", *attachments])

    if is_finished() and not (settings.figures and _lacks_figures(directory, settings.figure_formats)):
        return None  # without a lock, so also where nothing can be written
    with rundir.lock(directory):
        if not is_finished():
            more = {**(about or {}), "files": files}
            with rundir.track_status(directory, plain, about=more, attachments=attachments, outputs=outputs) as stages:
                stages.update(seconds or {})
                result = train() if train else _run(deepcopy(settings), progress)
                stages.update(result.seconds)
                with _timed(stages, "tables"):
                    networks = checkpoint.Stored(result.initial, result.weights, result.context)
                    packed = checkpoint.pack(networks, checkpoint.units_of(result.test, result.training[0]))
                    rundir.write_atomic(directory, {**tables.files(result), checkpoint.FILE: packed})
        if settings.figures:
            _draw_missing(directory, settings.figure_formats)
    return result


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
        log.warning("the figures were not drawn: %s", _first_line(error))


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
        log.warning("the figure %s was not drawn: %s", name, _first_line(error))
    return True


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
