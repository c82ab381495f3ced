"""One page that shows a whole run at a glance: faces with their answers, curves, confusions, and a photo.

It owns the arrangement only; the demo gives it the numbers and pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from mien.emotions import COLOURS_ON_LIGHT, EMOTIONS, NUM_EMOTIONS
from mien.evaluate.plots import ConfusionMatrixPlot
from mien.evaluate.style import ACCENT, INK, MUTED, SECOND, empty_figure, percent_axis, styled, title

__all__ = ["AnsweredFaces", "AnsweredPhoto", "Overview", "one_of_each"]

_FACES_PER_EMOTION = 3


@dataclass(frozen=True)
class AnsweredFaces:
    """Faces whose label is known, with what a model says about them.

    Attributes:
        images: uint8 (N, 48, 48).
        labels: int64 (N,), codes 0 to 6.
        probabilities: float32 (N, 7).
    """

    images: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray


@dataclass(frozen=True)
class AnsweredPhoto:
    """A photo with the box drawn in, and the probabilities of the face in it.

    Attributes:
        image_rgb: uint8 (H, W, 3).
        probabilities: float32 (7,).
        model_name: Which model answered.
    """

    image_rgb: np.ndarray
    probabilities: np.ndarray
    model_name: str


def one_of_each(labels: np.ndarray, *, per_emotion: int = _FACES_PER_EMOTION) -> np.ndarray:
    """int64 (≤ 7 · per_emotion,): the first samples of each emotion, so that a page shows them all and no choice."""
    return np.concatenate([np.flatnonzero(labels == code)[:per_emotion] for code in range(NUM_EMOTIONS)])


@dataclass(frozen=True)
class Overview:
    """The page.

    Attributes:
        headline: Its title.
        remark: One quiet line under it.
        faces: At most three of each emotion are shown, the first ones.
        history: One row per epoch, with `HISTORY_COLUMNS`.
        confusion: int64 (7, 7), true emotion by answer, of the whole split that `faces` are from.
        photo: None leaves its place empty.
    """

    headline: str
    remark: str
    faces: AnsweredFaces
    history: pd.DataFrame
    confusion: np.ndarray
    photo: AnsweredPhoto | None = None

    def draw(self) -> Figure:
        """The page as a figure of 12.8 by 8 inches."""
        with styled():
            figure = empty_figure(12.8, 8.0, layout=None)
            figure.text(0.025, 0.955, self.headline, fontsize=18, fontweight="bold", color=INK, va="center")
            figure.text(0.025, 0.917, self.remark, fontsize=10.5, color=MUTED, va="center")
            _draw_faces(figure, self.faces)
            _draw_curves(figure.add_axes((0.06, 0.095, 0.235, 0.235)), self.history)
            _draw_confusion(figure.add_axes((0.385, 0.095, 0.235, 0.235)), self.confusion)
            if self.photo is not None:
                _draw_photo(figure.add_axes((0.675, 0.415, 0.30, 0.44)), self.photo)
                _draw_bars(figure.add_axes((0.74, 0.075, 0.225, 0.255)), self.photo)
            return figure


def _draw_faces(figure: Figure | SubFigure, faces: AnsweredFaces) -> None:
    left, top, width, height = 0.025, 0.853, 0.088, 0.15
    figure.text(left, 0.872, "Held-out faces", fontsize=11.5, fontweight="bold", color=INK)
    for code in range(NUM_EMOTIONS):
        for row, index in enumerate(np.flatnonzero(faces.labels == code)[:_FACES_PER_EMOTION]):
            axes = figure.add_axes(
                (left - 0.001 + code * width, top - (row + 1) * height + 0.024, width - 0.006, height - 0.024)
            )
            axes.imshow(faces.images[index], cmap="gray", vmin=0, vmax=255, interpolation="lanczos")
            axes.set_axis_off()
            _caption(axes, faces.probabilities[index], code)


def _caption(axes: Axes, probabilities: np.ndarray, label: int) -> None:
    answer = int(probabilities.argmax())
    right = answer == label
    text = f"{EMOTIONS[answer]} {probabilities[answer]:.0%}"
    axes.text(
        0.5,
        -0.04,
        text if right else f"{text} ✗",
        transform=axes.transAxes,
        ha="center",
        va="top",
        fontsize=8.5,
        color=INK if right else SECOND,
        fontweight="normal" if right else "bold",
    )


def _draw_curves(axes: Axes, history: pd.DataFrame) -> None:
    title(axes, "Accuracy", "by epoch")
    lines = (("accuracy", "train (augmented)", MUTED), ("val_accuracy", "val", ACCENT))
    for column, name, colour in lines:
        axes.plot(history["epoch"], history[column], color=colour, label=name)
    best = history.iloc[int(history["val_accuracy"].to_numpy().argmax())]
    axes.plot(best["epoch"], best["val_accuracy"], "o", color=ACCENT, markersize=5, label="kept")
    axes.set_xlabel("epoch")
    axes.set_ylim(0, 1.02)
    percent_axis(axes.yaxis)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="lower right")


def _draw_confusion(axes: Axes, confusion: np.ndarray) -> None:
    ConfusionMatrixPlot(confusion).draw(axes, normalised=False)
    axes.set_aspect("auto")


def _draw_photo(axes: Axes, photo: AnsweredPhoto) -> None:
    axes.imshow(photo.image_rgb, interpolation="lanczos")
    axes.set_axis_off()
    axes.set_anchor("N")
    title(axes, "A real photo")


def _draw_bars(axes: Axes, photo: AnsweredPhoto) -> None:
    title(axes, "Answer", f"by {photo.model_name}")
    axes.barh(range(NUM_EMOTIONS), photo.probabilities, color=COLOURS_ON_LIGHT, height=0.7)
    for code, share in enumerate(photo.probabilities):
        axes.text(share + 0.02, code, f"{share:.0%}", va="center", fontsize=9, color=INK)
    axes.set_yticks(range(NUM_EMOTIONS), EMOTIONS)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.12)
    axes.grid(visible=False)
    axes.tick_params(length=0, labelbottom=False)
    axes.spines[["bottom", "left"]].set_visible(False)
