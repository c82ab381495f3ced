"""Figures of an evaluation: each is a frozen value that holds the numbers, and draws them on request.

`draw(ax=None)` draws into the caller's axes, or into a new figure, and returns the figure. Nothing here computes a
score or reads a file, and nothing touches pyplot.
"""

from __future__ import annotations

from mien.evaluate.plots.class_scores import ClassScoresPlot
from mien.evaluate.plots.confusion import ConfusionMatrixPlot
from mien.evaluate.plots.one_vs_rest import OneVsRestPlot
from mien.evaluate.plots.reliability import ReliabilityPlot
from mien.evaluate.plots.risk_coverage import RiskCoveragePlot
from mien.evaluate.plots.training_curves import TrainingCurvesPlot

__all__ = [
    "ClassScoresPlot",
    "ConfusionMatrixPlot",
    "OneVsRestPlot",
    "ReliabilityPlot",
    "RiskCoveragePlot",
    "TrainingCurvesPlot",
]
