"""ROC and precision–recall curves of each emotion against all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn import metrics as sk

from mien.emotions import COLOURS_ON_LIGHT, EMOTIONS
from mien.evaluate.metrics import average_precision_scores, checked, roc_auc_scores
from mien.evaluate.style import MUTED, figure_of, new_figure, percent_axis, styled, title

__all__ = ["OneVsRestPlot"]

_MOST_POINTS = 400  # more are not seen on a page and make a vector figure slow


@dataclass(frozen=True)
class OneVsRestPlot:
    """A curve per emotion that occurs.

    Attributes:
        kind: `roc` or `precision_recall`.
        curves: By code: x float64 (K,) and y float64 (K,), for `precision_recall` from the largest recall down.
        areas: By code: area under the whole curve.
    """

    kind: Literal["roc", "precision_recall"]
    curves: dict[int, tuple[np.ndarray, np.ndarray]]
    areas: dict[int, float]

    @classmethod
    def from_probabilities(
        cls, y_true: np.ndarray, probabilities: np.ndarray, *, kind: Literal["roc", "precision_recall"]
    ) -> OneVsRestPlot:
        """Compute the curves of a split.

        Raises:
            DataError: The arrays cannot be scored.
        """
        y_true, p = checked(y_true, probabilities)
        areas = (roc_auc_scores if kind == "roc" else average_precision_scores)(y_true, p)
        curve = _roc if kind == "roc" else _precision_recall
        return cls(kind, {code: _thinned(*curve(y_true == code, p[:, code])) for code in areas}, areas)

    def draw(self, ax: Axes | None = None) -> Figure:
        """Draw all curves, the largest area first in the legend."""
        with styled():
            ax = ax or new_figure(6.4, 5.0)[1]
            if self.kind == "roc":
                ax.plot([0, 1], [0, 1], color=MUTED, linestyle="--", linewidth=1)
            for code in sorted(self.areas, key=lambda c: -self.areas[c]):
                label = f"{EMOTIONS[code]}  {self.areas[code]:.3f}"
                # Joined as the areas are computed: ROC by lines, precision in steps.
                style = "default" if self.kind == "roc" else "steps-post"
                ax.plot(*self.curves[code], color=COLOURS_ON_LIGHT[code], label=label, drawstyle=style)
            for axis in (ax.xaxis, ax.yaxis):
                percent_axis(axis)
            ax.set(xlim=(-0.005, 1.005), ylim=(0, 1.01))
            self._label(ax)
            return figure_of(ax)

    def _label(self, ax: Axes) -> None:
        mean = f"mean area {np.mean(list(self.areas.values())):.3f}" if self.areas else "no emotion to tell from others"
        if self.kind == "roc":
            ax.set(xlabel="share of other images taken for it", ylabel="share of its images found")
            title(ax, "ROC, each emotion against all others", f"{mean}; dashed: by chance")
            place: dict[str, Any] = {"loc": "lower right"}
        else:
            ax.set(xlabel="recall: share of its images found", ylabel="precision: share of answers that is right")
            title(ax, "Precision and recall of each emotion", mean)
            place = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}  # every corner of this plot has a curve
        if self.areas:
            ax.legend(title="area", **place)


def _roc(is_class: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    false, found, _ = sk.roc_curve(is_class, probability)
    return false, found


def _precision_recall(is_class: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    precision, recall, _ = sk.precision_recall_curve(is_class, probability, drop_intermediate=True)
    return recall, precision


def _thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most `_MOST_POINTS` of a curve, the first and last among them."""
    if len(x) <= _MOST_POINTS:
        return x, y
    kept = np.linspace(0, len(x) - 1, _MOST_POINTS).round().astype(np.int64)
    return x[kept], y[kept]
