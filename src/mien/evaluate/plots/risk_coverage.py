"""The risk–coverage curve: how wrong the answers are when the least sure ones are not given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mien.evaluate.calibration import RiskCoverage
from mien.evaluate.style import ACCENT, INK, figure_of, new_figure, percent_axis, styled, title

__all__ = ["RiskCoveragePlot"]


@dataclass(frozen=True)
class RiskCoveragePlot:
    """Error over coverage, with the point where "uncertain" begins.

    Attributes:
        curve: From `mien.evaluate.calibration.risk_coverage`, of calibrated probabilities.
        uncertain_below: Calibrated confidence below which an answer is called uncertain; 0 never.
    """

    curve: RiskCoverage
    uncertain_below: float = 0.0

    @property
    def certain(self) -> tuple[float, float] | None:
        """Coverage and risk of the answers that are not uncertain; None when there are none."""
        kept = np.flatnonzero(self.curve.threshold >= self.uncertain_below)
        return (float(self.curve.coverage[kept[-1]]), float(self.curve.risk[kept[-1]])) if kept.size else None

    def draw(self, ax: Axes | None = None) -> Figure:
        """Draw the curve."""
        with styled():
            ax = ax or new_figure(5.6, 4.2)[1]
            ax.plot(self.curve.coverage, self.curve.risk, color=ACCENT)
            ax.fill_between(self.curve.coverage, self.curve.risk, color=ACCENT, alpha=0.12, linewidth=0)
            if self.uncertain_below and self.certain:
                self._mark(ax, *self.certain)
            for axis in (ax.xaxis, ax.yaxis):
                percent_axis(axis)
            # The first few answers of the curve are too few to mean anything and may be all wrong.
            top = self.curve.risk[self.curve.coverage >= 0.02].max()
            ax.set(xlim=(0, 1), ylim=(0, max(1.15 * top, 0.02)))
            ax.set(xlabel="share of images answered, the surest first", ylabel="share of these answers that is wrong")
            title(
                ax,
                "Risk and coverage",
                f"mean risk {self.curve.area:.3f}; all answered: {self.curve.risk[-1]:.1%} wrong",
            )
            return figure_of(ax)

    def _mark(self, ax: Axes, coverage: float, risk: float) -> None:
        ax.plot(coverage, risk, "o", color=INK, markersize=6)
        ax.annotate(
            f"uncertain below {self.uncertain_below:.2f}:\n{coverage:.0%} answered, {risk:.1%} of them wrong",
            xy=(coverage, risk),
            xytext=(0.04, 0.92),
            textcoords="axes fraction",
            va="top",
            fontsize=9,
            arrowprops={"arrowstyle": "-", "color": INK, "linewidth": 0.8},
        )
