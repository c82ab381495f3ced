"""Accuracy and loss by epoch, with the chosen epoch marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mien.evaluate.style import ACCENT, INK, SECOND, empty_figure, figure_of, percent_axis, styled, title

__all__ = ["TrainingCurvesPlot"]


@dataclass(frozen=True)
class TrainingCurvesPlot:
    """The history of a run.

    Attributes:
        epoch: int (E,), from 1.
        accuracy: float (E,), on augmented training images, 0 to 1.
        val_accuracy: float (E,), 0 to 1.
        loss: float (E,), as it was optimised: with label smoothing and mixing, if any.
        val_loss: float (E,).
        chosen_epoch: The epoch whose weights were kept: the first with the highest val_accuracy.
    """

    epoch: np.ndarray
    accuracy: np.ndarray
    val_accuracy: np.ndarray
    loss: np.ndarray
    val_loss: np.ndarray
    chosen_epoch: int

    @classmethod
    def from_history(cls, history: Mapping[str, Sequence[float]]) -> TrainingCurvesPlot:
        """From the columns of history.csv (`mien.run.HISTORY_COLUMNS`)."""
        epoch = np.asarray(history["epoch"], np.int64)
        names = ("accuracy", "val_accuracy", "loss", "val_loss")
        columns = {name: np.asarray(history[name], np.float64) for name in names}
        return cls(epoch=epoch, chosen_epoch=int(epoch[np.nanargmax(columns["val_accuracy"])]), **columns)

    def draw(self, axes: tuple[Axes, Axes] | None = None) -> Figure:
        """Draw accuracy and loss side by side, into two pairs of axes or into a new figure."""
        with styled():
            left, right = axes or _two_panels()
            self._lines(left, self.accuracy, self.val_accuracy)
            self._lines(right, self.loss, self.val_loss)
            percent_axis(left.yaxis)
            best = self.val_accuracy[self.epoch == self.chosen_epoch][0]
            title(left, "Accuracy", f"kept: epoch {self.chosen_epoch}, {best:.1%} on val")
            title(right, "Loss", "of training: augmented, smoothed and mixed as configured")
            left.legend(loc="best")
            return figure_of(left)

    def _lines(self, ax: Axes, train: np.ndarray, val: np.ndarray) -> None:
        marker = "o" if len(self.epoch) == 1 else None  # a line through one point is not seen
        ax.plot(self.epoch, train, color=SECOND, label="train (augmented)", marker=marker)
        ax.plot(self.epoch, val, color=ACCENT, label="val", marker=marker)
        ax.axvline(self.chosen_epoch, color=INK, linewidth=0.8, linestyle=":")
        ax.plot(self.chosen_epoch, val[self.epoch == self.chosen_epoch][0], "o", color=ACCENT, markersize=6)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.set_xlabel("epoch")


def _two_panels() -> tuple[Axes, Axes]:
    left, right = empty_figure(9.6, 3.8).subplots(1, 2)
    return left, right
