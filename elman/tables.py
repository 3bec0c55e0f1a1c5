"""A Result in, one tidy data frame a CSV file out; replicates and steps count from 0, epochs, bits and units from 1."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from elman import checkpoint, hidden, metrics
from elman.item_tables import item_differences, item_summary, items

if TYPE_CHECKING:
    from elman.result import Result
    from elman.stream import Stream

CYCLE = 12  # steps of the paper's Figure 3
CONTEXT = 2  # symbols that name the context of a single occurrence
# The rows of likelihood.csv: against what outputs are held, and the measure of their distance.
DISTANCES = (
    ("next word", "error norm"),
    ("next word", "squared error"),
    ("next word", "RMS per unit"),
    ("likelihood", "error norm"),
    ("likelihood", "squared error"),
    ("likelihood", "RMS per unit"),
    ("likelihood", "cosine"),
)
SUCCESS = 0.01  # an error rate at the predictable positions that counts as learned
_ROWS = 400_000  # of a table, that are held at once while they are written
TAKEOFF = 0.2  # the share of the way from chance to the best possible loss that counts as begun


def losses(result: "Result") -> pd.DataFrame:
    """The loss of each epoch: the mean squared error on the training stream, before each change of the weights."""
    R, epochs = result.losses.shape
    return _grid({"replicate": range(R), "epoch": range(1, epochs + 1)}, loss=result.losses)


def learning_curve(result: "Result") -> pd.DataFrame:
    """The errors on the test stream by position, after every `evaluate_every` epochs and at the end."""
    curve = result.curve
    return _grid(
        {"replicate": range(len(result.losses)), "epoch": result.evaluated, "position": result.test.position_names},
        error_rate=np.stack([errors.error_rate for errors in curve], axis=1),  # (R, K, P)
        mse=np.stack([errors.mse for errors in curve], axis=1),  # (R, K, P)
    )


def position_errors(result: "Result") -> pd.DataFrame:
    """The errors over the test stream after training, by position, beside the best possible squared error."""
    errors, floor = result.curve[-1], metrics.floor(result.test)
    return _grid(
        {"replicate": range(len(result.losses)), "position": result.test.position_names},
        n=result.test.position_counts,
        error_rate=errors.error_rate,  # (R, P)
        mse=errors.mse,
        rmse=np.sqrt(errors.mse),
        floor_mse=floor.mse[0],
    )


def bit_errors(result: "Result") -> pd.DataFrame:
    """The same bit by bit; the position "all" takes all steps together."""
    errors, floor, n = result.curve[-1], metrics.floor(result.test), result.test.position_counts

    def with_all(by_position: np.ndarray) -> np.ndarray:  # (R, P, n) -> (R, n, 1 + P)
        overall = (by_position * n[:, None]).sum(axis=1, keepdims=True) / n.sum()
        return np.concatenate([overall, by_position], axis=1).swapaxes(1, 2)

    features = result.test.features
    frame = _grid(
        {
            "replicate": range(len(result.losses)),
            "bit": range(1, len(features) + 1),
            "position": ("all", *result.test.position_names),
        },
        n=np.concatenate([[n.sum()], n]),
        error_rate=with_all(errors.bit_error_rate),
        mse=with_all(errors.bit_mse),
        floor_mse=with_all(floor.bit_mse)[0],
    )
    frame.insert(2, "feature", np.array(features, dtype=object)[frame["bit"] - 1])
    return frame


def predictions(result: "Result") -> pd.DataFrame:
    """The first `record_steps` test steps in full: each bit of each prediction."""
    outputs, test = _recorded(result)[0], result.test
    R, steps, n = outputs.shape
    targets = test.targets[:steps]
    frame = _grid(
        {"replicate": range(R), "step": range(steps), "bit": range(1, n + 1)},
        target_value=targets,
        output=outputs,
        squared_error=(outputs - targets) ** 2,
    )
    step, bit = frame["step"].to_numpy(int), frame["bit"].to_numpy(int) - 1
    frame.insert(2, "input", test.input_symbols[step])
    frame.insert(3, "target", test.target_symbols[step])
    frame.insert(4, "position", test.target_positions[step])
    frame.insert(6, "feature", np.array(test.features, dtype=object)[bit])
    return frame


def hidden_states(result: "Result") -> pd.DataFrame:
    """The activation of each hidden unit at the first `record_steps` test steps, after the input was read."""
    hiddens, test = _recorded(result)[1], result.test
    R, steps, H = hiddens.shape
    frame = _grid({"replicate": range(R), "step": range(steps), "unit": range(1, H + 1)}, activation=hiddens)
    step = frame["step"].to_numpy(int)
    frame.insert(2, "input", test.input_symbols[step])
    frame.insert(3, "position", test.target_positions[step])
    return frame


def cycle_errors(result: "Result") -> pd.DataFrame:
    """The squared error at each of 12 consecutive steps, averaged over the cycles of the test stream (Figure 3).

    Step 1 reads the first element of the stream. A step has a row if it is counted in every cycle. Empty for a stream
    whose positions do not come round in 12 steps.
    """
    positions = result.test.target_positions
    cycles = len(positions) // CYCLE
    if not cycles or len(result.test.position_names) == 1 or (positions[CYCLE:] != positions[:-CYCLE]).any():
        return pd.DataFrame()
    test = result.test
    rows = np.flatnonzero(test.counted[: cycles * CYCLE].reshape(cycles, CYCLE).all(axis=0))

    def by_step(outputs: np.ndarray) -> np.ndarray:  # (R, T, n) -> (R, rows)
        squared = ((outputs - test.targets) ** 2)[:, : cycles * CYCLE]
        return np.asarray(squared.reshape(len(outputs), cycles, CYCLE, -1).mean(axis=(1, 3)))[:, rows]

    mse = np.concatenate([by_step(outputs) for outputs in result.output_blocks()])
    frame = _grid(
        {"replicate": range(len(mse)), "step": rows + 1},
        n=np.full(len(rows), cycles),
        mse=mse,
        floor_mse=np.full(len(rows), np.nan)
        if test.target_expected is None
        else by_step(test.target_expected[None])[0],
    )
    frame.insert(2, "position", positions[frame["step"].to_numpy(int) - 1])
    return frame


def units(result: "Result") -> pd.DataFrame:
    """The units of the test stream that begin within `record_steps`, such as words: name, the step that reads the first
    element, elements, and whether a sequence begins there. Empty for a stream of a single unit.
    """
    test = result.test
    first = np.flatnonzero(test.units)
    if len(first) == 1 or not result.settings.record_steps:
        return pd.DataFrame()
    length = np.diff([*first, len(test.units)])
    starts = test.starts[first].astype(int)
    columns = {"name": test.unit, "step": first, "length": length, "starts_sequence": starts}
    return pd.DataFrame({"unit": range(len(first)), **columns})[first < result.settings.record_steps]


def classes(result: "Result") -> pd.DataFrame:
    """The known classes of the symbols, a row for each member; no network is told of them. Empty if there are none."""
    rows = [(name, symbol) for name, members in result.test.classes.items() for symbol in sorted(members)]
    return pd.DataFrame(rows, columns=["class", "symbol"] if rows else None)


def symbols(result: "Result") -> pd.DataFrame:
    """The symbols that the networks' units can stand for, with their bits."""
    units = checkpoint.units_of(result.test, result.training[0])
    bits = {f"bit_{bit}": column for bit, column in enumerate(units.codes.T, start=1)}
    return pd.DataFrame({"symbol": np.array(units.symbols, dtype=object), **bits})


def hidden_means(result: "Result") -> pd.DataFrame:
    """The hidden states after each symbol was read, averaged over the test stream, a column a unit (pp. 198-200).

    Of the trained networks and, if they were not read from a run, of the same before training. Empty for a stream of
    two symbols.
    """
    symbols, counts, _ = hidden.symbols(result.test)
    if len(symbols) < hidden.LEAVES:
        return pd.DataFrame()
    keys = {"replicate": range(len(result.losses)), "network": result.hidden_states.networks, "symbol": symbols}
    return _with_units(_grid(keys, n=counts), result.hidden_states.means)


def occurrences(result: "Result") -> pd.DataFrame:
    """The hidden states at the first 20 occurrences of each chosen symbol, a column a unit (p. 206, Figure 9).

    The context are the two symbols read before, input_position is the place of the symbol itself. Empty if none is
    chosen.
    """
    steps, test = hidden.occurrences(result.test, result.settings.occurrences), result.test
    if not len(steps):
        return pd.DataFrame()
    frame = _grid({"replicate": range(len(result.losses)), "network": result.hidden_states.networks, "step": steps})
    step = frame["step"].to_numpy(int)
    frame.insert(2, "symbol", test.input_symbols[step])
    frame["input_position"] = test.positions[step]
    frame["context"] = [" ".join(test.input_symbols[max(0, t - CONTEXT) : t]) for t in step]
    return _with_units(frame, result.hidden_states.single)


def clusters(result: "Result") -> pd.DataFrame:
    """The merges of each tree, from the closest pair on, as `scipy.cluster.hierarchy.linkage` counts them.

    The tree "symbols" has the rows of hidden_means as leaves 0 to S - 1, the tree "occurrences" those of occurrences;
    merge k, from 1, makes the branch S - 1 + k. The distance is that of the two branches that merge. Empty where no
    tree has three leaves.
    """
    columns = ["replicate", "network", "tree", "merge", "left", "right", "distance", "size"]
    rows = [
        (tree.replicate, tree.network, tree.leaves, merge, int(left), int(right), distance, int(size))
        for tree in result.trees
        for merge, (left, right, distance, size) in enumerate(tree.merges, 1)
    ]
    return pd.DataFrame(rows, columns=columns if rows else None)


def cluster_agreement(result: "Result") -> pd.DataFrame:
    """How well each tree agrees with each known class: the Jaccard index of the branch that is most like the class.

    1 means that the class is exactly one branch. Single occurrences are classed by symbol and by position.
    """
    columns = ["replicate", "network", "tree", "class", "members", "jaccard"]
    rows = [
        (tree.replicate, tree.network, tree.leaves, name, int(members.sum()), hidden.agreement(tree.merges, members))
        for tree in result.trees
        for name, members in tree.classes.items()
    ]
    return pd.DataFrame(rows, columns=columns if rows else None)


def likelihood(result: "Result") -> pd.DataFrame:
    """How far outputs are from the next word, and from the likelihoods of all words, over the test stream.

    Mean and standard deviation over the counted steps, beside those of the best possible prediction, which is the
    likelihoods themselves, and beside those that the paper prints, where the grammar is the paper's. Empty for a stream
    without one bit a symbol or of unknown likelihoods.
    """
    test = result.test
    if not test.one_hot or test.target_expected is None:
        return pd.DataFrame()
    found = np.concatenate([_moments(outputs, test) for outputs in result.output_blocks()])  # (R, rows, 2)
    best = _moments(test.target_expected[None], test)[0]  # (rows, 2)
    printed = np.array([test.published.get(row, (np.nan, np.nan)) for row in DISTANCES])  # (rows, 2)
    frame = _grid(
        {"replicate": range(len(found)), "row": range(len(DISTANCES))},
        mean=found[..., 0],
        sd=found[..., 1],
        best_mean=best[:, 0],
        best_sd=best[:, 1],
        paper_mean=printed[:, 0],
        paper_sd=printed[:, 1],
    )
    row = frame.pop("row").to_numpy(int)
    for place, column in enumerate(("against", "measure")):
        frame.insert(1 + place, column, np.array(DISTANCES, dtype=object)[row, place])
    return frame


def _moments(outputs: np.ndarray, test: "Stream") -> np.ndarray:
    """(R, rows, 2): mean and standard deviation over the counted steps of each of DISTANCES, of outputs (R, T, n)."""
    assert test.target_expected is not None
    if not test.counted.all():
        outputs = outputs[:, test.counted]
    wanted = {"next word": test.targets[test.counted], "likelihood": test.target_expected[test.counted]}
    found = {against: metrics.distances(outputs, vectors) for against, vectors in wanted.items()}
    steps = [found[against][measure] for against, measure in DISTANCES]  # each (R, T)
    return np.stack([np.stack([each.mean(axis=-1), each.std(axis=-1)], axis=-1) for each in steps], axis=1)


def ngrams(result: "Result") -> pd.DataFrame:
    """Tables of the last 0 to 4 symbols beside the networks, whose `order` is empty, over the test stream.

    The position "all" takes all steps together. The cosine is that with the best possible prediction; empty where that
    is not known or a symbol is not one bit.
    """
    n, (errors, found) = result.test.position_counts, (result.curve[-1], result.ngrams)
    of_networks = {"error_rate": errors.error_rate, "mse": errors.mse, "cosine": _cosines(result)}

    def with_all(name: str) -> np.ndarray:  # (R, orders, 1 + P)
        values = np.concatenate([getattr(found, name), of_networks[name][:, None]], axis=1)
        return np.concatenate([(values * n).sum(axis=-1, keepdims=True) / n.sum(), values], axis=-1)

    orders = pd.array([*range(found.mse.shape[1]), pd.NA], dtype="Int64")
    keys = {"replicate": range(len(found.mse)), "order": orders, "position": ("all", *result.test.position_names)}
    return _grid(keys, **{name: with_all(name) for name in of_networks})


def _cosines(result: "Result") -> np.ndarray:
    """(R, P): the cosine of outputs and best possible prediction, averaged over the steps of each position."""
    test, (R, P) = result.test, result.curve[-1].error_rate.shape
    if not test.one_hot or test.target_expected is None:
        return np.full((R, P), np.nan)
    steps, index = test.counted, test.position_index[test.counted]
    found = []
    for outputs in result.output_blocks():
        cosines = metrics.distances(outputs[:, steps], test.target_expected[steps])["cosine"]
        found += [np.bincount(index, one, P) / test.position_counts for one in cosines]
    return np.array(found)


def summary(result: "Result") -> pd.DataFrame:
    """One row a network: how far it came, beside chance and the best possible; empty where it never happened."""
    losses, evaluated, n = result.losses, result.evaluated, result.test.position_counts
    trained, epochs = losses.shape[1] > 0, np.arange(1, losses.shape[1] + 1)
    chance, floor = result.baselines[:, 0], result.baselines[:, 1]
    curve = np.stack([errors.error_rate for errors in result.curve], axis=1)  # (R, K, P)
    rates = metrics.predictable_error_rate(curve, result.test)  # (R, K)
    taken_off = losses <= (chance - TAKEOFF * (chance - floor))[:, None]  # (R, epochs)
    succeeded = rates <= SUCCESS  # (R, K); comparisons with NaN are false
    return pd.DataFrame(
        {
            "replicate": range(len(losses)),
            "final_loss": losses[:, -1] if trained else np.nan,
            "best_loss": losses.min(axis=1) if trained else np.nan,
            "best_epoch": losses.argmin(axis=1) + 1 if trained else np.nan,
            "chance_loss": chance,
            "floor_loss": floor,
            "test_mse": (result.curve[-1].mse * n).sum(axis=1) / n.sum(),
            "test_floor_mse": (metrics.floor(result.test).mse[0] * n).sum() / n.sum(),
            "predictable_error_rate": rates[:, -1],
            "takeoff_epoch": _first(taken_off, epochs),
            "success_epoch": _first(succeeded, evaluated),
        }
    )


TABLES: dict[str, Callable[["Result"], pd.DataFrame]] = {
    "losses": losses,
    "learning_curve": learning_curve,
    "position_errors": position_errors,
    "bit_errors": bit_errors,
    "predictions": predictions,
    "hidden_states": hidden_states,
    "cycle_errors": cycle_errors,
    "symbols": symbols,
    "units": units,
    "classes": classes,
    "hidden_means": hidden_means,
    "occurrences": occurrences,
    "clusters": clusters,
    "cluster_agreement": cluster_agreement,
    "likelihood": likelihood,
    "ngrams": ngrams,
    "items": items,
    "item_summary": item_summary,
    "item_differences": item_differences,
    "summary": summary,
}
_OVER_NETWORKS = ("item_differences",)  # tables that need all networks at once


def csv(frame: pd.DataFrame, *, header: bool = True) -> bytes:
    """The frame as a CSV file; numbers in full, so that they are read back the same."""
    return frame.to_csv(index=False, header=header, lineterminator="\n").encode()


def files(result: "Result") -> dict[str, Iterator[bytes]]:
    """Each table that is not empty as a CSV file, by file name, in pieces of so many networks as memory holds."""
    s, (R, epochs) = result.settings, result.losses.shape
    rows = epochs + len(result.evaluated) * len(result.test.position_names) + s.record_steps * s.hidden_size
    parts = {r: result.part(slice(r, r + _ROWS // rows + 1)) for r in range(0, R, _ROWS // rows + 1)}

    def pieces(table: Callable[["Result"], pd.DataFrame], first: pd.DataFrame) -> Iterator[bytes]:
        yield csv(first)
        for r, part in list(parts.items())[1:] if "replicate" in first else []:
            frame = table(part)
            frame["replicate"] += r
            yield csv(frame, header=False)

    firsts = {name: table(result if name in _OVER_NETWORKS else parts[0]) for name, table in TABLES.items()}
    return {f"{name}.csv": pieces(TABLES[name], first) for name, first in firsts.items() if len(first.columns)}


def _grid(keys: dict[str, Any], **columns: np.ndarray) -> pd.DataFrame:
    """One row for each combination of keys; a column is an array over all keys, or over the last of them."""
    shape = tuple(len(values) for values in keys.values())
    index = pd.MultiIndex.from_product(keys.values(), names=list(keys))
    values = {name: np.broadcast_to(array, shape).ravel() for name, array in columns.items()}
    return pd.DataFrame(values, index=index).reset_index()


def _with_units(frame: pd.DataFrame, activations: np.ndarray) -> pd.DataFrame:
    """The frame with a column for each hidden unit, from activations (networks, R, rows, H)."""
    by_replicate = activations.swapaxes(0, 1).reshape(len(frame), -1)
    units = [f"unit_{unit}" for unit in range(1, by_replicate.shape[1] + 1)]
    return pd.concat([frame, pd.DataFrame(by_replicate, columns=units)], axis=1)


def _recorded(result: "Result") -> tuple[np.ndarray, np.ndarray]:
    return result.predict(result.settings.record_steps)


def _first(happened: np.ndarray, epochs: np.ndarray) -> pd.Series:
    """(R,): the epoch of the first true entry in each row of (R, K), empty where there is none."""
    if not len(epochs):
        return pd.Series(pd.NA, index=range(len(happened)), dtype="Int64")
    first = pd.Series(epochs[happened.argmax(axis=1)], dtype="Int64")
    return first.where(happened.any(axis=1))
