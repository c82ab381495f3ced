"""Which figures an evaluation has, and where they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mien.errors import RunError
from mien.evaluate.calibration import reliability, risk_coverage
from mien.evaluate.evaluation import Evaluation
from mien.evaluate.plots import (
    ClassScoresPlot,
    ConfusionMatrixPlot,
    OneVsRestPlot,
    ReliabilityPlot,
    RiskCoveragePlot,
    TrainingCurvesPlot,
)
from mien.evaluate.style import save_figure
from mien.probabilities import apply_temperature
from mien.run import HISTORY_COLUMNS, Probabilities, Run

__all__ = ["evaluation_figures", "read_history", "training_figure", "write_figures"]


def evaluation_figures(
    evaluation: Evaluation, probabilities: Probabilities, *, uncertain_below: float = 0.0
) -> dict[str, Figure]:
    """The figures of one split.

    Args:
        evaluation: What `evaluate` made of `probabilities`.
        probabilities: What the model said.
        uncertain_below: Calibrated confidence below which an answer is uncertain; marked when above 0.

    Returns:
        By name, in the order to be looked at.
    """
    y_true, p = probabilities.y_true, probabilities.probabilities
    temperature = evaluation.calibrated.temperature if evaluation.calibrated else 1.0
    calibrated = apply_temperature(p, temperature)
    matrix = ConfusionMatrixPlot(np.array(evaluation.scores.confusion))
    after = reliability(calibrated, y_true) if evaluation.calibrated else None
    return {
        "confusion_matrix": matrix.draw(normalised=True),
        "confusion_matrix_counts": matrix.draw(normalised=False),
        "f1": ClassScoresPlot.from_scores(evaluation.scores.per_class).draw(),
        "reliability": ReliabilityPlot(reliability(p, y_true), after, temperature).draw(),
        "risk_coverage": RiskCoveragePlot(risk_coverage(calibrated, y_true), uncertain_below).draw(),
        "roc": OneVsRestPlot.from_probabilities(y_true, p, kind="roc").draw(),
        "precision_recall": OneVsRestPlot.from_probabilities(y_true, p, kind="precision_recall").draw(),
    }


def read_history(run: Run) -> pd.DataFrame | None:
    """The epochs of a run; None when it has no history (a model that came from elsewhere).

    Raises:
        RunError: The file is damaged.
    """
    if not run.history_path.is_file():
        return None
    try:
        history = pd.read_csv(run.history_path)
        return history[list(HISTORY_COLUMNS)].astype(np.float64)
    except (ValueError, KeyError) as error:
        raise RunError(
            f"Expected the columns {', '.join(HISTORY_COLUMNS)} in {run.history_path}. Received: {error}. "
            f"Go on with the run to write it again: mien train --resume --run {run.path}"
        ) from error


def training_figure(history: pd.DataFrame | None) -> dict[str, Figure]:
    """The training curves, by name; nothing when there is no finished epoch."""
    if history is None or history.empty or history["val_accuracy"].isna().all():
        return {}
    columns = {name: history[name].tolist() for name in HISTORY_COLUMNS}
    return {"training_curves": TrainingCurvesPlot.from_history(columns).draw()}


def write_figures(
    folder: Path, figures: Mapping[str, Figure], *, prefix: str = "", formats: tuple[str, ...] = ("png",)
) -> list[Path]:
    """Write figures as `<prefix><name>.<format>`.

    Args:
        folder: Such as `Run.figures_path`.
        figures: By name.
        prefix: Such as `val_`.
        formats: Any of `png`, `svg`, `pdf`.

    Returns:
        The paths, in order.

    Raises:
        OutputError: The folder cannot be written.
    """
    return [
        save_figure(figure, folder / f"{prefix}{name}.{suffix}")
        for name, figure in figures.items()
        for suffix in formats
    ]
