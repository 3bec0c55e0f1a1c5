"""A Result: what one run holds in memory, and what its networks predict."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import overload

import numpy as np

from elman import hidden, item_scores, network
from elman.config import Settings
from elman.hidden import HiddenStates
from elman.item_scores import Scores, Steps
from elman.items import Items
from elman.metrics import Errors
from elman.network import Rule, Weights
from elman.ngrams import NGrams
from elman.stream import Stream
from elman.tasks import draw
from elman.trainers import Backend

_BLOCK = 4_000_000  # activations held at once while testing: 32 MB


@dataclass(frozen=True)
class TrainingStreams(Sequence[Stream]):
    """The training streams of R networks, each drawn from its seed when asked for; 10,000 would fill gigabytes."""

    settings: Settings
    seeds: tuple[np.random.SeedSequence, ...]
    _last: dict[int, Stream] = field(default_factory=dict, init=False, repr=False, compare=False)
    """The stream that was asked for last, by its number."""

    def __len__(self) -> int:
        return len(self.seeds)

    @overload
    def __getitem__(self, which: int) -> Stream: ...
    @overload
    def __getitem__(self, which: slice) -> "TrainingStreams": ...
    def __getitem__(self, which: int | slice) -> "Stream | TrainingStreams":
        if isinstance(which, slice):
            return TrainingStreams(self.settings, self.seeds[which])
        if which not in self._last:
            task, rng = self.settings.task, np.random.default_rng(self.seeds[which])
            stream = draw(task.kind, task.options(), rng, test=False, separate=self.settings.separate(test=False))
            self._last.clear()
            self._last[which] = stream.wrapped() if self.settings.reset_context == "never" else stream
        return self._last[which]


@dataclass(frozen=True)
class Result:
    """R networks that were trained with the same settings, and what they were trained and tested on."""

    settings: Settings
    training: Sequence[Stream]
    """R streams of equal length, one a network, drawn again when asked for; wrapped if the context is never reset."""
    baselines: np.ndarray
    """(R, 2): the losses on each training stream of the best constant predictor and of the best possible, or NaN."""
    ngrams: NGrams
    """(R, ...): how tables of n-grams, counted in each training stream, predict the test stream."""
    test: Stream
    """The stream that all networks are tested on; T elements, so T - 1 predictions."""
    initial: Weights
    """(R, ...): the weights before training, drawn or read from the run that `weights_from` names."""
    weights: Weights
    """(R, ...): the weights after training."""
    context: np.ndarray
    """(R, C): activation of the context units at the start of the test."""
    losses: np.ndarray
    """(R, epochs): the loss of each epoch, in the unit of the loss that is trained."""
    evaluated: np.ndarray
    """(K,): the epochs after which the networks were tested; the last is the final one."""
    curve: tuple[Errors, ...]
    """K errors on the test stream, one for each of `evaluated`."""
    items: Items | None
    """The test items, if there are any."""
    item_curve: tuple[Scores, ...]
    """K scores on the test items, one for each of `evaluated`; none if there are no items."""
    backend: Backend
    seconds: dict[str, float] = field(default_factory=dict)
    """Time taken by each stage."""

    @property
    def rule(self) -> Rule:
        """How these networks learned, and what their context units hold."""
        return rule_of(self.settings)

    def predict(self, steps: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The outputs (R, steps, n) and hidden activations (R, steps, H) over the first steps of the test stream."""
        steps = len(self.test.inputs) if steps is None else steps
        return _read(self.weights, self.context, self.test, slice(steps), self.backend, self.rule)[:2]

    def part(self, networks: slice) -> "Result":
        """The result of some of the networks, numbered from 0."""
        return replace(
            self,
            training=self.training[networks],
            baselines=self.baselines[networks],
            ngrams=NGrams(*(array[networks] for array in self.ngrams)),
            initial=Weights(*(array[networks] for array in self.initial)),
            weights=Weights(*(array[networks] for array in self.weights)),
            context=self.context[networks],
            losses=self.losses[networks],
            curve=tuple(Errors(*(array[networks] for array in errors)) for errors in self.curve),
            item_curve=tuple(Scores(*(array[networks] for array in scores)) for scores in self.item_curve),
        )

    def output_blocks(self) -> Iterator[np.ndarray]:
        """The outputs (.., T-1, n) of so many networks at a time that they fit into a block of memory."""
        for weights, context in blocks(self.weights, self.context, self.test):
            yield _read(weights, context, self.test, slice(None), self.backend, self.rule)[0]

    def read_items(self, items: Items) -> Steps:
        """What the trained networks say to items."""
        return read_items(self.weights, items, self.backend, self.rule)

    @cached_property
    def hidden_states(self) -> HiddenStates:
        """The hidden states on the test stream by symbol and by single occurrence, computed when first asked for."""
        networks = {"trained": (self.weights, self.context)}
        if self.settings.weights_from is None:
            networks["untrained"] = (self.initial, np.full_like(self.context, self.settings.initial_context))
        single = hidden.occurrences(self.test, self.settings.occurrences)
        means, at = [], []
        for weights, context in networks.values():
            for some, start in blocks(weights, context, self.test):
                some_pieces = pieces(some, start, self.test, self.backend, self.rule)
                hiddens = np.concatenate([hiddens for _, hiddens in some_pieces], axis=1)
                means.append(hidden.means(hiddens, self.test))
                at.append(hiddens[:, single])
        R, H = self.weights.b_h.shape
        shape = (len(networks), R, -1, H)
        return HiddenStates(tuple(networks), np.concatenate(means).reshape(shape), np.concatenate(at).reshape(shape))

    @cached_property
    def trees(self) -> tuple[hidden.Tree, ...]:
        """The trees of the hidden states, clustered when first asked for."""
        s = self.settings
        if len(hidden.symbols(self.test)[0]) < hidden.LEAVES and not s.occurrences:
            return ()  # no need of hidden states
        grown = hidden.trees(
            self.hidden_states, self.test, s.occurrences, method=s.cluster_method, metric=s.cluster_metric
        )
        return tuple(grown)

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


def rule_of(settings: Settings) -> Rule:
    """The rule of learning that the settings name."""
    return Rule(**{name: getattr(settings, name) for name in Rule._fields})


def blocks(weights: Weights, context: np.ndarray, test: Stream) -> Iterator[tuple[Weights, np.ndarray]]:
    """So many networks at a time that their activations over the test stream fit into a block of memory."""
    per_network = len(test.inputs) * (context.shape[1] + test.vectors.shape[1])
    step = max(1, _BLOCK // per_network)
    for r in range(0, len(context), step):
        yield Weights(*(array[r : r + step] for array in weights)), context[r : r + step]


def pieces(
    weights: Weights, context: np.ndarray, test: Stream, backend: Backend, rule: Rule
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The outputs and hidden activations of so many steps at a time that those of one network fit into a block."""
    most = max(1, _BLOCK // (context.shape[1] + test.vectors.shape[1]))
    for first in range(0, len(test.inputs), most):
        steps = slice(first, first + most)
        outputs, hiddens, context = _read(weights, context, test, steps, backend, rule)
        yield outputs, hiddens


def _read(
    weights: Weights, context: np.ndarray, test: Stream, steps: slice, backend: Backend, rule: Rule
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The outputs and hidden activations over some steps of the test stream, and the context after them."""
    resets = test.resets[steps] if test.separate else None
    return backend.predict(weights, test.inputs[steps], context, rule, resets=resets)


def read_items(weights: Weights, items: Items, backend: Backend, rule: Rule) -> Steps:
    """What networks say to items, each read from a fresh context."""
    fresh = network.begin(weights, rule).context  # (R, C)

    def predict(networks: slice, inputs: np.ndarray, resets: np.ndarray) -> np.ndarray:
        some = Weights(*(array[networks] for array in weights))
        return backend.predict(some, inputs, fresh[networks], rule, resets=resets)[0]

    R, H = weights.b_h.shape
    return item_scores.read(items, predict, networks=R, units=H + weights.b_o.shape[1])
