"""The sections of the page: each a function from the material to a `Section`, or to None when its part is missing."""

from __future__ import annotations

from mien.evaluate.report.sections.calibration import calibration
from mien.evaluate.report.sections.confusions import confusions
from mien.evaluate.report.sections.data import data
from mien.evaluate.report.sections.environment import environment
from mien.evaluate.report.sections.explanations import explanations
from mien.evaluate.report.sections.headline import headline
from mien.evaluate.report.sections.labels import labels
from mien.evaluate.report.sections.mistakes import mistakes
from mien.evaluate.report.sections.scores import scores
from mien.evaluate.report.sections.training import training

__all__ = ["LAST", "ORDER", "headline"]

ORDER = (data, training, scores, confusions, calibration, mistakes, labels, explanations)
"""In the order of the page, after the headline and before what others bring and the environment."""
LAST = (environment,)
