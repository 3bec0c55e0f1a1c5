"""The figures of a run, drawn from its files alone: a run's directory in, a matplotlib Figure out.

They are one column wide (89 mm), or two where a network is large, and use the Okabe-Ito colours, which colour-blind
readers tell apart. Where a run has several networks, lines are medians over the networks, bands hold the middle half
of them, and what cannot be averaged is shown of the first.
"""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from elman.plots.canvas import COLOURS, DPI, GREY, STYLE, WIDE, WIDTH
from elman.plots.errors import error_by_letter, error_in_words, error_of_bits_1_and_4, error_over_12_steps
from elman.plots.hidden import hidden_units, phase_portrait, principal_components
from elman.plots.learning import learning_curve, training_loss
from elman.plots.trees import clusters, occurrences
from elman.plots.weights import weights

__all__ = ["COLOURS", "DPI", "GREY", "PLOTS", "STYLE", "WIDE", "WIDTH", "drawn"]

PLOTS: dict[str, Callable[[Path], Figure | None]] = {
    "training_loss": training_loss,
    "learning_curve": learning_curve,
    "error_over_12_steps": error_over_12_steps,
    "error_by_letter": error_by_letter,
    "error_of_bits_1_and_4": error_of_bits_1_and_4,
    "error_in_words": error_in_words,
    "hidden_units": hidden_units,
    "principal_components": principal_components,
    "phase_portrait": phase_portrait,
    "clusters": clusters,
    "occurrences": occurrences,
    "weights": weights,
}


def drawn(run: Path) -> dict[str, bytes]:
    """Each figure that the run's CSVs can show, as a PNG, by file name."""
    images = {}
    with rc_context(STYLE):
        for name, plot in PLOTS.items():
            if figure := plot(run):
                file = BytesIO()
                figure.savefig(file, format="png", dpi=DPI, pil_kwargs={"compress_level": 1})
                images[f"{name}.png"] = file.getvalue()
    return images
