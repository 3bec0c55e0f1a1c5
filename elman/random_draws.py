"""Random draws from the seed of a run: what networks begin with, streams, resets, initial weights and test items."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import NamedTuple

import numpy as np

from elman import checkpoint, metrics, network, resets
from elman.config import Settings
from elman.items import Items, of_run
from elman.network import Weights
from elman.ngrams import NGrams, ngrams_of_networks
from elman.result import TrainingStreams
from elman.stream import Stream
from elman.tasks import draw, is_drawn


class Drawn(NamedTuple):
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


def draw_all(settings: Settings, initial: Weights | None = None) -> Drawn:
    """Draw what networks begin with. The first k networks do not depend on how many there are.

    Args:
        settings: of the run.
        initial: weights before training, where they are known.
    """
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
    return Drawn(
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
