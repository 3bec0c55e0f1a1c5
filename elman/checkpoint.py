"""The networks of a finished run, read back from its directory."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from elman import run_json
from elman.errors import ConfigError, RunDirectoryError
from elman.network import Weights


def weights(directory: str, *, replicates: int, inputs: int, hidden: int, outputs: int) -> Weights:
    """The trained weights of the first networks of a run.

    Args:
        directory: that of a finished run.
        replicates: R, how many networks; the run must have at least so many.
        inputs: I, input units.
        hidden: H, hidden units.
        outputs: O, output units.

    Raises:
        ConfigError: where there is no finished run, or one of fewer networks or of other sizes.
    """
    run = Path(directory).expanduser()
    try:
        finished = run_json.read(run)["status"] == "finished"
        with (run / "weights.npz").open("rb") as whole, np.load(whole) as file:  # numpy would leave a damaged one open
            found = Weights(*(file[name] for name in Weights._fields))
    except (RunDirectoryError, OSError, EOFError, BadZipFile, ValueError, KeyError):
        finished = False
    if not finished:
        raise ConfigError(f"weights_from must be the directory of a finished run, not {directory}")
    R, H, I = found.W_ih.shape
    O = found.W_ho.shape[1]
    if (inputs, hidden, outputs) != (I, H, O):
        raise ConfigError(
            f"weights_from must hold networks of the sizes {inputs}-{hidden}-{outputs} for these settings, "
            f"and those in {directory} are {I}-{H}-{O}"
        )
    if replicates > R:
        raise ConfigError(f"replicates must be at most {R}, the networks in {directory}, not {replicates}")
    return Weights(*(array[:replicates] for array in found))
