"""One score of each emotion as bars with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mien.emotions import COLOURS_ON_LIGHT, EMOTIONS, NUM_EMOTIONS
from mien.evaluate.evaluation import ClassScores
from mien.evaluate.style import INK, figure_of, new_figure, percent_axis, styled, title

__all__ = ["ClassScoresPlot"]

_NAMES = {"f1": "F1", "precision": "Precision", "recall": "Recall"}


@dataclass(frozen=True)
class ClassScoresPlot:
    """A score of each emotion, in `EMOTIONS` order.

    Attributes:
        name: `f1`, `precision` or `recall`.
        value: float64 (7,), 0 to 1; NaN for an emotion that does not occur.
        low: float64 (7,), low end of the 95% interval.
        high: float64 (7,), high end.
        support: int64 (7,), images of each emotion.
        mean: The mean over the emotions that occur.
    """

    name: str
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    support: np.ndarray
    mean: float

    @classmethod
    def from_scores(cls, per_class: Mapping[str, ClassScores], *, name: str = "f1") -> ClassScoresPlot:
        """From the per-class scores of an evaluation."""
        estimates = [getattr(per_class[emotion], name) for emotion in EMOTIONS]
        value, low, high = (
            np.array([np.nan if e is None else getattr(e, end) for e in estimates]) for end in ("value", "low", "high")
        )
        support = np.array([per_class[emotion].support for emotion in EMOTIONS])
        return cls(name, value, low, high, support, float(np.nanmean(value)))

    def draw(self, ax: Axes | None = None) -> Figure:
        """Draw horizontal bars, the first emotion at the top."""
        with styled():
            ax = ax or new_figure(6.4, 3.8)[1]
            place = np.arange(NUM_EMOTIONS)
            ax.barh(place, np.nan_to_num(self.value), color=COLOURS_ON_LIGHT, height=0.68)
            ends = np.nan_to_num(np.abs(np.stack([self.value - self.low, self.high - self.value])))  # (2, 7)
            ax.errorbar(np.nan_to_num(self.value), place, xerr=ends, fmt="none", ecolor=INK, capsize=3, linewidth=1.1)
            for code in range(NUM_EMOTIONS):
                self._write(ax, code)
            ax.axvline(self.mean, color=INK, linewidth=0.8, linestyle=":")
            ax.set_yticks(place, [f"{e}  ({n:,})" for e, n in zip(EMOTIONS, self.support, strict=True)])
            ax.set_xlim(0, 1.12)  # room for the numbers at the right
            percent_axis(ax.xaxis)
            ax.set_xticks(np.linspace(0, 1, 6))
            ax.invert_yaxis()
            ax.grid(axis="y", visible=False)
            ax.tick_params(axis="y", length=0)
            remark = f"with 95% intervals; images in brackets; dotted: mean {self.mean:.1%}"
            title(ax, f"{_NAMES[self.name]} of each emotion", remark)
            return figure_of(ax)

    def _write(self, ax: Axes, code: int) -> None:
        known = not np.isnan(self.value[code])
        text = f"{100 * self.value[code]:.0f}" if known else "none here"
        ax.text(self.high[code] + 0.015 if known else 0.015, code, text, va="center", fontsize=9)
