"""From settings to a Result, and from a Result to the files of a run."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, overload

import numpy as np

from elman import measures, network, saved, states
from elman.config import Settings, check
from elman.measures import Errors
from elman.network import Weights
from elman.refusal import BadSetting
from elman.states import States
from elman.stream import Stream
from elman.tasks import draw, is_drawn
from elman.train import TRAINERS, Backend

REPORT_EVERY = 10  # epochs between two reports of the loss, as the article prints them
_BLOCK = 4_000_000  # activations held at once while testing: 32 MB

Progress = Callable[[int, np.ndarray], None]


class Diverged(ArithmeticError):
    """A loss that is no longer a finite number."""


@dataclass(frozen=True)
class Practice(Sequence[Stream]):
    """The practice streams of R networks, each drawn anew from its seed when asked for; 10,000 would fill gigabytes."""

    settings: Settings
    seeds: tuple[np.random.SeedSequence, ...]

    def __len__(self) -> int:
        return len(self.seeds)

    @overload
    def __getitem__(self, which: int) -> Stream: ...
    @overload
    def __getitem__(self, which: slice) -> "Practice": ...
    def __getitem__(self, which: int | slice) -> "Stream | Practice":
        if isinstance(which, slice):
            return Practice(self.settings, self.seeds[which])
        task, rng = self.settings.task, np.random.default_rng(self.seeds[which])
        stream = draw(task.name, task.options(), rng, test=False)
        return stream if self.settings.reset_context else stream.wrapped()


@dataclass(frozen=True)
class Result:
    """R networks that were trained with the same settings, and what they were trained and tested on."""

    settings: Settings
    practice: Sequence[Stream]
    """R streams of equal length, one a network, drawn anew when asked for; wrapped if the context is not reset."""
    levels: np.ndarray
    """(R, 2): the losses on each practice stream of the best constant predictor and of the best possible, or NaN."""
    test: Stream
    """The stream that all networks are tested on; T elements, so T - 1 predictions."""
    initial: Weights
    """(R, ...): the weights before training, drawn or read from the run that `weights_from` names."""
    weights: Weights
    """(R, ...): the weights after training."""
    context: np.ndarray
    """(R, H): activation of the context units at the start of the test."""
    losses: np.ndarray
    """(R, epochs): the mean squared error of each epoch."""
    evaluated: np.ndarray
    """(K,): the epochs after which the networks were tested; the last is the final one."""
    curve: tuple[Errors, ...]
    """K errors on the test stream, one for each of `evaluated`."""
    backend: Backend
    seconds: dict[str, float] = field(default_factory=dict)
    """Time taken by each stage."""

    def predict(self, steps: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The outputs (R, steps, n) and hidden activations (R, steps, H) over the first steps of the test stream."""
        inputs = self.test.inputs[:steps]
        return self.backend.predict(self.weights, inputs, self.context, recurrent=self.settings.recurrent)

    def part(self, networks: slice) -> "Result":
        """The result of some of the networks, numbered from 0."""
        return replace(
            self,
            practice=self.practice[networks],
            levels=self.levels[networks],
            initial=Weights(*(array[networks] for array in self.initial)),
            weights=Weights(*(array[networks] for array in self.weights)),
            context=self.context[networks],
            losses=self.losses[networks],
            curve=tuple(Errors(*(array[networks] for array in errors)) for errors in self.curve),
        )

    def output_blocks(self) -> Iterator[np.ndarray]:
        """The outputs (.., T-1, n) of so many networks at a time that they fit into a block of memory."""
        for weights, context in _blocks(self.weights, self.context, self.test):
            yield self.backend.predict(weights, self.test.inputs, context, recurrent=self.settings.recurrent)[0]

    @cached_property
    def states(self) -> States:
        """The hidden states on the test stream by symbol and by single occurrence, computed when first asked for."""
        networks = {"trained": (self.weights, self.context)}
        if self.settings.weights_from is None:
            networks["untrained"] = (self.initial, np.full_like(self.context, self.settings.initial_context))
        single = states.occurrences(self.test, self.settings.occurrences)
        means, at = [], []
        for weights, context in networks.values():
            for some, start in _blocks(weights, context, self.test):
                pieces = _pieces(some, start, self.test, self.backend, self.settings.recurrent)
                hiddens = np.concatenate([hiddens for _, hiddens in pieces], axis=1)
                means.append(states.means(hiddens, self.test))
                at.append(hiddens[:, single])
        R, H = self.context.shape
        shape = (len(networks), R, -1, H)
        return States(tuple(networks), np.concatenate(means).reshape(shape), np.concatenate(at).reshape(shape))

    @cached_property
    def _predicted(self) -> tuple[np.ndarray, np.ndarray]:
        return self.predict()

    @property
    def outputs(self) -> np.ndarray:
        """(R, T-1, n): the predictions on the test stream, computed when first asked for."""
        return self._predicted[0]

    @property
    def hiddens(self) -> np.ndarray:
        """(R, T-1, H): the hidden activations on the test stream, computed when first asked for."""
        return self._predicted[1]


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - start


def run(settings: Settings, progress: Progress | None = None) -> Result:
    """Train and test networks. Nothing is written.

    Args:
        settings: as `elman.settings` returns them.
        progress: called with the epoch and its losses (R,), every 10 epochs and after the last.

    Raises:
        BadSetting: for a value that breaks its rule.
        Diverged: when a loss is no longer a finite number.
    """
    check(settings)
    return _run(deepcopy(settings), progress)  # a Result is drawn from its settings later on


def _run(settings: Settings, progress: Progress | None) -> Result:
    losses = np.empty((settings.replicates, settings.epochs))  # first, so that far too many are refused at once
    seconds: dict[str, float] = {}
    with _timed(seconds, "streams"), np.errstate(over="ignore"):
        drawn = _drawn(settings)
    with _timed(seconds, "compile"):
        backend = TRAINERS[settings.backend]()
    with np.errstate(over="ignore", invalid="ignore"):  # the loss is checked instead
        return _trained(settings, drawn, losses, backend, seconds, progress)


class _Drawn(NamedTuple):
    """What R networks begin with."""

    test: Stream
    practice: Sequence[Stream]
    vectors: np.ndarray
    """(R, T, n): those of the practice streams; (1, T, n) if they are one."""
    levels: np.ndarray
    """(R, 2): as in Result."""
    initial: Weights


def _drawn(settings: Settings) -> _Drawn:
    """Draw the streams and the initial weights. The first k networks do not depend on how many there are."""
    R, task = settings.replicates, settings.task.name
    for_test, for_replicates = np.random.SeedSequence(settings.seed).spawn(2)
    test = draw(task, settings.task.options(), np.random.default_rng(for_test), test=True)
    seeds = [seed.spawn(2) for seed in for_replicates.spawn(R)]
    one = settings.shared_stream or not is_drawn(task)
    different = Practice(settings, tuple(stream for stream, _ in seeds))
    practice: Sequence[Stream] = (different[0],) * R if one else different
    vectors, levels = [], []
    for stream in practice[:1] if one else practice:
        vectors.append(stream.vectors)
        levels.append(measures.loss_levels(stream))
    sizes = {"inputs": test.vectors.shape[1], "hidden": settings.hidden_size, "outputs": test.vectors.shape[1]}
    if settings.weights_from is None:
        drawn = [network.init(np.random.default_rng(s), **sizes, scale=settings.initial_weights) for _, s in seeds]
        initial = network.stack(drawn)
    else:
        initial = saved.weights(settings.weights_from, replicates=R, **sizes)
    return _Drawn(test, practice, vectors[0][None] if one else np.stack(vectors), np.resize(levels, (R, 2)), initial)


def _trained(
    settings: Settings,
    drawn: _Drawn,
    losses: np.ndarray,
    backend: Backend,
    seconds: dict[str, float],
    progress: Progress | None,
) -> Result:
    start = np.full((settings.replicates, settings.hidden_size), settings.initial_context)  # (R, H)
    weights, context = drawn.initial, start
    evaluated, curve = [], []
    done = 0
    while True:
        is_last = done == settings.epochs
        if is_last or (settings.evaluate_every and done and done % settings.evaluate_every == 0):
            with _timed(seconds, "evaluate"):
                test_context = start if settings.reset_context else context
                evaluated.append(done)
                curve.append(_tested(weights, test_context, drawn.test, backend, settings.recurrent))
        if progress and done and (is_last or done % REPORT_EVERY == 0):
            progress(done, losses[:, done - 1])
        if is_last:
            break
        stop = _next_stop(done, settings)
        with _timed(seconds, "train"):
            weights, context, losses[:, done:stop] = backend.train(
                weights,
                context,
                drawn.vectors[:, :-1],
                drawn.vectors[:, 1:],
                epochs=stop - done,
                learning_rate=settings.learning_rate,
                reset_to=settings.initial_context if settings.reset_context else None,
                recurrent=settings.recurrent,
            )
        _check_finite(losses[:, done:stop], done, settings)
        done = stop
    return Result(
        settings=settings,
        practice=drawn.practice,
        levels=drawn.levels,
        test=drawn.test,
        initial=drawn.initial,
        weights=weights,
        context=start if settings.reset_context else context,
        losses=losses,
        evaluated=np.array(evaluated),
        curve=tuple(curve),
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
        raise Diverged(
            f"the loss of replicate {replicates[first]} is not finite in epoch {done + epochs[first] + 1}; "
            f"a learning_rate below {settings.learning_rate:g} may help"
        )


def _tested(weights: Weights, context: np.ndarray, test: Stream, backend: Backend, recurrent: bool) -> Errors:
    blocks = []
    for some, start in _blocks(weights, context, test):
        pieces = _pieces(some, start, test, backend, recurrent)
        blocks.append(measures.errors_of_pieces((outputs for outputs, _ in pieces), test))
    return Errors(*(np.concatenate(arrays) for arrays in zip(*blocks, strict=True)))


def _blocks(weights: Weights, context: np.ndarray, test: Stream) -> Iterator[tuple[Weights, np.ndarray]]:
    """So many networks at a time that their activations over the test stream fit into a block of memory."""
    per_network = len(test.inputs) * (context.shape[1] + test.vectors.shape[1])
    step = max(1, _BLOCK // per_network)
    for r in range(0, len(context), step):
        yield Weights(*(array[r : r + step] for array in weights)), context[r : r + step]


def _pieces(
    weights: Weights, context: np.ndarray, test: Stream, backend: Backend, recurrent: bool
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The outputs and hidden activations of so many steps at a time that those of one network fit into a block."""
    most = max(1, _BLOCK // (context.shape[1] + test.vectors.shape[1]))
    for first in range(0, len(test.inputs), most):
        outputs, hiddens = backend.predict(weights, test.inputs[first : first + most], context, recurrent=recurrent)
        context = hiddens[:, -1] if recurrent else context
        yield outputs, hiddens


def run_into(
    directory: Path,
    settings: Settings,
    *,
    about: Mapping[str, object] | None = None,
    attachments: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    seconds: Mapping[str, float] | None = None,
) -> Result | None:
    """Train and test networks, and write the files of a run into its directory.

    Args:
        directory: made if it does not exist.
        settings: as `elman.settings` returns them.
        about: more entries for run.json, such as the command line.
        attachments: more files, as text by their names in the directory.
        progress: as for `run`.
        seconds: the time that stages before this one took.

    Returns:
        The result, or None if the directory holds the finished run of the same settings already; it is left as it is,
        but for figures that are wanted and not there.

    Raises:
        record.Refused: if the directory holds something else, or another process writes to it.
        Diverged: when a loss is no longer a finite number; run.json then says so.
    """
    from elman import record, tables

    check(settings)
    if settings.weights_from is not None and Path(settings.weights_from).expanduser().resolve() == directory.resolve():
        raise BadSetting(f"weights_from must be another directory than that of this run, not {settings.weights_from}")
    plain = asdict(settings)
    outputs = [f"{name}.csv" for name in tables.TABLES] + ["weights.npz", "figures"]
    files = record.digests(plain)
    with record.claimed(directory, plain, files=files, outputs=outputs) as free:
        if not free:
            if settings.figures and not (directory / "figures").exists():
                _draw(directory)
            return None
        with record.recorded(
            directory, plain, about={**(about or {}), "files": files}, attachments=attachments or {}, outputs=outputs
        ) as stages:
            stages.update(seconds or {})
            result = _run(deepcopy(settings), progress)
            stages.update(result.seconds)
            with _timed(stages, "tables"):
                record.publish(directory, {**tables.files(result), "weights.npz": tables.npz(result)})
            if settings.figures:
                with _timed(stages, "figures"):
                    _draw(directory)
    return result


def _draw(directory: Path) -> None:
    from elman import plots, record

    record.publish(directory / "figures", plots.drawn(directory))
