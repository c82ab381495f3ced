"""The confusion matrix, as counts or as shares of each label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mien.emotions import EMOTIONS, NUM_EMOTIONS
from mien.evaluate.style import SEQUENTIAL, figure_of, new_figure, styled, title

__all__ = ["ConfusionMatrixPlot"]

_DARK_FROM = 0.55  # share of the colour map above which dark text is no longer read

# Not INK, which a page may turn light in the dark: the cells stay as they are.
_ON_LIGHT = "#1c2127"


@dataclass(frozen=True)
class ConfusionMatrixPlot:
    """How many images of each label (row) got each answer (column).

    Attributes:
        counts: int (7, 7), in `EMOTIONS` order.
    """

    counts: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """float64 (7, 7), each row as shares of its label's images; a label without images has a row of 0."""
        return np.asarray(self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1))

    def draw(self, ax: Axes | None = None, *, normalised: bool = True) -> Figure:
        """Draw it.

        Args:
            ax: Where to draw; a new figure when left out.
            normalised: Percent of each row; counts otherwise.
        """
        with styled():
            ax = ax or new_figure(5.8, 5.6)[1]
            values = 100 * self.shares if normalised else self.counts
            top = 100 if normalised else max(1, int(self.counts.max()))
            ax.imshow(values, cmap=SEQUENTIAL, vmin=0, vmax=top)
            for row in range(NUM_EMOTIONS):
                for column in range(NUM_EMOTIONS):
                    _write(ax, row, column, values[row, column], top)
            _label(ax)
            remark = "percent of each label's images" if normalised else f"{self.counts.sum():,} images"
            title(ax, "Confusion matrix", remark)
            return figure_of(ax)


def _write(ax: Axes, row: int, column: int, value: float, top: float) -> None:
    ax.text(
        column,
        row,
        f"{value:,.0f}",
        ha="center",
        va="center",
        color="white" if value > _DARK_FROM * top else _ON_LIGHT,
        fontweight="bold" if row == column else "normal",
    )


def _label(ax: Axes) -> None:
    ax.set_xticks(range(NUM_EMOTIONS), EMOTIONS, rotation=35, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(NUM_EMOTIONS), EMOTIONS)
    ax.set_xlabel("answer")
    ax.set_ylabel("label")
    ax.grid(False)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    # Thin white lines part the cells.
    ax.set_xticks(np.arange(0.5, NUM_EMOTIONS - 1), minor=True)
    ax.set_yticks(np.arange(0.5, NUM_EMOTIONS - 1), minor=True)
    ax.grid(which="minor", color="white", linewidth=1.5)
    ax.tick_params(which="minor", length=0)
