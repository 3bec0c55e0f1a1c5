"""Stored networks: written with what their units stand for, read back whole, and matched to the units of a task."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zipfile import BadZipFile

import numpy as np

from elman import run_json
from elman.errors import ConfigError, RunDirectoryError
from elman.network import Weights

if TYPE_CHECKING:
    from elman.stream import Stream

FILE = "weights.npz"
_LONGEST = 100  # characters of a name that is stored as it is
_SPARE = re.compile(r"spare \d+")  # the feature of a unit that stands for nothing yet
# What numpy raises for an archive that is not as it was written.
_DAMAGE = (OSError, EOFError, BadZipFile, ValueError, KeyError, NotImplementedError)
_SAME = ("activation", "context", "context_decay")  # settings without which weights mean something else


class Units(NamedTuple):
    """What n input units, and the n output units, stand for."""

    features: tuple[str, ...]
    """n names, one a unit."""
    symbols: tuple[str, ...]
    """S names."""
    codes: np.ndarray
    """(S, n) uint8: the bits of each symbol."""


def units_of(*streams: "Stream") -> Units:
    """What the units stand for in streams of one task; with one bit a symbol, also symbols that do not occur."""
    features = streams[0].features
    if all(stream.one_hot for stream in streams):
        known = [unit for unit, feature in enumerate(features) if not _SPARE.fullmatch(feature)]
        return Units(features, tuple(features[unit] for unit in known), np.eye(len(features), dtype=np.uint8)[known])
    codes: dict[str, np.ndarray] = {}
    for stream in streams:
        names, first = np.unique(stream.symbols, return_index=True)
        codes |= dict(zip(names.tolist(), stream.vectors[first], strict=True))
    return Units(features, tuple(sorted(codes)), np.array([codes[name] for name in sorted(codes)], dtype=np.uint8))


class Stored(NamedTuple):
    """The networks of a finished run as they are written."""

    initial: Weights
    """(R, ...): before training."""
    weights: Weights
    """(R, ...): after training."""
    context: np.ndarray
    """(R, C): activation of the context units at the start of the test."""


def pack(networks: Stored, units: Units) -> bytes:
    """Networks and what their units stand for, as a NumPy archive; weights from before training are initial_*."""
    initial = {f"initial_{name}": array for name, array in networks.initial._asdict().items()}
    short = _with_short_names(units)
    names = {"features": np.array(short.features), "symbols": np.array(short.symbols), "codes": units.codes}
    file = BytesIO()
    arrays: dict[str, Any] = {**networks.weights._asdict(), **initial, "context": networks.context, **names}
    np.savez(file, **arrays)
    return file.getvalue()


def _with_short_names(units: Units) -> Units:
    """Units with names that an array can hold, in which each takes as much memory as the longest."""
    return units._replace(features=tuple(map(_short, units.features)), symbols=tuple(map(_short, units.symbols)))


def _short(name: str) -> str:
    """A name, or the beginning of a long one and its SHA-256."""
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…{sha256(name.encode()).hexdigest()}"


def read(run: Path, settings: Mapping[str, Any]) -> Stored:
    """Read the networks of a finished run.

    Args:
        run: its directory.
        settings: of the run, as plain values.

    Raises:
        RunDirectoryError: for damaged networks, and for a context that an earlier version of elman did not store.
    """
    with _known_as_damaged(run):
        arrays = _arrays(run)
        weights = _whole_weights(run, settings, arrays)
        initial = {name: arrays[f"initial_{name}"] for name in Weights._fields}
        before = _whole_weights(run, settings, initial)
    context = arrays.get("context")
    if context is None:
        if (settings["test_reset"] or settings["reset_context"]) == "never":
            raise RunDirectoryError(f"{run / FILE} of an earlier version of elman does not hold the context")
        context = np.full((len(weights.b_h), weights.W_hh.shape[2]), float(settings["initial_context"]))
    return Stored(before, weights, context)


def trained(run: Path, settings: Mapping[str, Any]) -> Weights:
    """The weights (R, ...) of a finished run after training.

    Args:
        run: its directory.
        settings: of the run, as plain values.

    Raises:
        RunDirectoryError: for damaged networks.
    """
    with _known_as_damaged(run):
        return _whole_weights(run, settings, _arrays(run, besides="initial_"))


@contextmanager
def _known_as_damaged(run: Path) -> Iterator[None]:
    """Say of what cannot be read whole that the file is damaged."""
    try:
        yield
    except (ConfigError, *_DAMAGE) as error:
        raise RunDirectoryError(f"{run / FILE} is damaged") from error


def _arrays(run: Path, besides: str | None = None) -> dict[str, np.ndarray]:
    """The arrays of a run's archive, without some by how their names begin; numpy would leave a damaged one open."""
    with (run / FILE).open("rb") as whole, np.load(whole) as file:
        return {name: file[name] for name in file.files if besides is None or not name.startswith(besides)}


def weights(directory: str, settings: Mapping[str, Any], units: Units) -> Weights:
    """The trained weights of the first networks of a finished run, their units in the order in which they are wanted.

    A unit that stands for nothing in that run may stand for any symbol.

    Args:
        directory: that of the run.
        settings: of the networks that are wanted, as plain values: how many, their hidden units, and what must be the
            same for weights to mean the same, such as `context`.
        units: what theirs stand for.

    Raises:
        ConfigError: where there is no finished run, its networks are damaged, too few, or of other sizes or units.
    """
    run = Path(directory).expanduser()
    try:
        entry, arrays = run_json.read(run), _arrays(run, besides="initial_")
    except (RunDirectoryError, *_DAMAGE):
        entry = {"status": "damaged"}
    if entry["status"] != "finished":
        raise ConfigError(f"weights_from must be the directory of a finished run, not {directory}")
    stored = _whole_weights(run, entry["settings"], arrays)
    _check_settings(directory, entry["settings"], settings)
    R, H, n = stored.W_ih.shape
    wanted = len(units.features), settings["hidden_size"]
    if wanted != (n, H):
        raise ConfigError(
            f"weights_from must hold networks of the sizes {wanted[0]}-{wanted[1]}-{wanted[0]} for these settings, "
            f"and those in {directory} are {n}-{H}-{n}"
        )
    if settings["replicates"] > R:
        raise ConfigError(f"replicates must be at most {R}, the networks in {directory}, not {settings['replicates']}")
    order = _match(directory, _stored_units(run, arrays, n), _with_short_names(units))
    first = Weights(*(array[: settings["replicates"]] for array in stored))
    return _reorder(first, order, output_context=settings["context"] == "output")


def _whole_weights(run: Path, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Weights:
    """The weights among the arrays of a run, once their types, shapes and numbers are as they were written."""
    R, H = settings["replicates"], settings["hidden_size"]
    n = arrays["b_o"].shape[-1] if "b_o" in arrays and arrays["b_o"].ndim else 0
    C = n if settings["context"] == "output" else H
    shapes = {"W_ih": (R, H, n), "W_hh": (R, H, C), "b_h": (R, H), "W_ho": (R, n, H), "b_o": (R, n)}
    for name, shape in shapes.items():
        array = arrays.get(name, np.empty(0))
        if array.dtype != np.float64 or array.shape != shape or not np.isfinite(array).all():
            found = "is missing" if name not in arrays else f"is {array.dtype} {array.shape}"
            raise ConfigError(
                f"weights_from must hold whole networks, and in {run / FILE} {name} {found}, "
                f"not finite numbers of the type float64 and the shape {shape}"
            )
    return Weights(*(arrays[name] for name in Weights._fields))


def _check_settings(directory: str, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    wanted = run_json.complete(wanted)
    for key in _SAME:
        if stored[key] != wanted[key]:
            raise ConfigError(f"{key} must be {stored[key]}, as of the networks in {directory}, not {wanted[key]}")
    if (stored["loss"] == "softmax") != (wanted["loss"] == "softmax"):
        outputs = "softmax" if stored["loss"] == "softmax" else "squared or cross_entropy"
        raise ConfigError(f"loss must be {outputs}, as of the networks in {directory}, not {wanted['loss']}")


def _stored_units(run: Path, arrays: Mapping[str, np.ndarray], n: int) -> Units:
    """What the units of a run stand for; of runs that did not store it, as far as their tables tell."""
    try:
        if "features" not in arrays:
            return _with_short_names(_units_from_tables(run))
        features, symbols, codes = (arrays[name] for name in ("features", "symbols", "codes"))
        if features.shape == (n,) and codes.shape == (len(symbols), n) and codes.dtype == np.uint8:
            return Units(tuple(features.tolist()), tuple(symbols.tolist()), codes)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise ConfigError(f"weights_from must say what its units stand for, and the files in {run} are damaged")


def _units_from_tables(run: Path) -> Units:
    from elman.runs import read

    features = read(run, "bit_errors").drop_duplicates("bit")["feature"].astype(str)
    recorded = read(run, "predictions")
    codes = recorded.drop_duplicates(["target", "bit"]).pivot(index="target", columns="bit", values="target_value")
    return Units(tuple(features), tuple(codes.index), codes.to_numpy(np.uint8).reshape(len(codes), len(features)))


def _match(directory: str, stored: Units, wanted: Units) -> np.ndarray:
    """(n,): for each unit that is wanted, the stored one."""
    n = len(wanted.features)
    order = list(range(n))
    if stored.features != wanted.features:
        order = _match_features(directory, stored.features, wanted.features)
    codes = dict(zip(stored.symbols, stored.codes, strict=True))
    for symbol, code in zip(wanted.symbols, wanted.codes, strict=True):
        if symbol in codes and (codes[symbol][order] != code).any():
            raise ConfigError(
                f"weights_from must hold networks whose symbols have the codes of these settings, "
                f"and those in {directory} have another one for {symbol}"
            )
    return np.array(order)


def _match_features(directory: str, stored: tuple[str, ...], wanted: tuple[str, ...]) -> list[int]:
    place = {feature: unit for unit, feature in enumerate(stored)}
    order = [place.get(feature, -1) for feature in wanted]
    free = [unit for unit in range(len(stored)) if unit not in order]
    spare = [unit for unit in free if _SPARE.fullmatch(stored[unit])]
    for unit, feature in enumerate(wanted):
        if order[unit] < 0 and not _SPARE.fullmatch(feature):
            if not spare or len(place) < len(stored):
                there = ", ".join(stored[:20]) + (", ..." if len(stored) > 20 else "")
                raise ConfigError(
                    f"weights_from must hold networks with a unit for {feature}, and those in {directory} have {there}"
                )
            order[unit] = spare.pop(0)
            free.remove(order[unit])
    return [unit if unit >= 0 else free.pop(0) for unit in order]


def _reorder(weights: Weights, order: np.ndarray, *, output_context: bool) -> Weights:
    if (order == np.arange(len(order))).all():
        return weights
    W_ih, W_hh, b_h, W_ho, b_o = weights
    moved = Weights(W_ih[..., order], W_hh[..., order] if output_context else W_hh, b_h, W_ho[:, order], b_o[:, order])
    return Weights(*(np.ascontiguousarray(array) for array in moved))
