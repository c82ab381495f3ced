"""The reliability diagram: are answers that claim 80 % right 80 % of the time?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mien.evaluate.calibration import Reliability
from mien.evaluate.style import ACCENT, GRID, MUTED, SECOND, figure_of, new_figure, percent_axis, styled, title

__all__ = ["ReliabilityPlot"]

_FEWEST_SHARE = 0.002  # of all answers: the share right of one answer is 0 or 1 and would throw the line about


@dataclass(frozen=True)
class ReliabilityPlot:
    """Accuracy over confidence, before and after calibration.

    Attributes:
        before: Bins of the probabilities as the network gives them.
        after: Bins at the temperature; None when there is none.
        temperature: The temperature of `after`.
    """

    before: Reliability
    after: Reliability | None = None
    temperature: float = 1.0

    def draw(self, ax: Axes | None = None) -> Figure:
        """Draw both as lines over bars that show how many answers each bin of the better one holds."""
        with styled():
            ax = ax or new_figure(5.6, 5.0)[1]
            shown = self.after or self.before
            width = np.diff(shown.edges)
            ax.bar(shown.edges[:-1], shown.counts / shown.counts.sum(), width=width, align="edge", color=GRID)
            ax.plot([0, 1], [0, 1], color=MUTED, linestyle="--", linewidth=1)
            _line(ax, self.before, SECOND, f"as trained (ECE {self.before.ece:.3f})")
            if self.after is not None:
                _line(ax, self.after, ACCENT, f"temperature {self.temperature:.2f} (ECE {self.after.ece:.3f})")
            for axis in (ax.xaxis, ax.yaxis):
                percent_axis(axis)
            ax.set(
                xlim=(0, 1), ylim=(0, 1.02), xlabel="confidence of the answer", ylabel="share of answers that is right"
            )
            ax.legend(loc="upper left")
            title(ax, "Reliability", "dashed: as right as it claims; bars: share of answers")
            return figure_of(ax)


def _line(ax: Axes, bins: Reliability, colour: str, label: str) -> None:
    filled = bins.counts > _FEWEST_SHARE * bins.counts.sum()
    area = 12 + 140 * bins.counts[filled] / bins.counts.sum()
    ax.plot(bins.confidence[filled], bins.accuracy[filled], color=colour, label=label)
    ax.scatter(bins.confidence[filled], bins.accuracy[filled], s=area, color=colour, zorder=3)
