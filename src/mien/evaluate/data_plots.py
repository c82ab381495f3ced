"""Figures of a dataset before any training: its classes, its faces, their means, and what augmentation does to them.

Each function draws into a new figure and returns it; saving is `style.save_figure`'s business. What augments is the
caller's, because this room must not import the one that trains.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from mien.data.dataset import Split
from mien.data.summary import Summary
from mien.emotions import COLOURS_ON_LIGHT, EMOTIONS, INPUT_SIZE_PX, NUM_EMOTIONS
from mien.evaluate.style import INK, MUTED, empty_figure, new_figure, percent_axis, styled, title

__all__ = ["augmentation_figure", "class_distribution_figure", "mean_faces_figure", "samples_figure"]

# How a grid of faces is laid out, in pixels of the faces and in inches.
_GAP_PX = 3
_INCHES_PER_FACE = 0.82
_NARROWEST_INCHES = 4.6  # the titles need as much


def class_distribution_figure(summary: Summary) -> Figure:
    """The share of each emotion in each split, one panel a split, with the number of images at the bars."""
    splits = {name: split for name, split in summary.splits.items() if split.images}
    with styled():
        figure = empty_figure(2.4 + 2.3 * len(splits), 3.4, layout=ConstrainedLayoutEngine(wspace=0.06))
        panels = figure.subplots(1, max(len(splits), 1), sharey=True, sharex=True, squeeze=False)[0]
        for axes, (name, split) in zip(panels, splits.items(), strict=False):
            shares = split.class_counts / split.images
            axes.barh(range(NUM_EMOTIONS), shares, color=COLOURS_ON_LIGHT, height=0.72)
            for code, (share, count) in enumerate(zip(shares, split.class_counts.tolist(), strict=True)):
                axes.text(share, code, f" {count:,}", va="center", fontsize=8.5, color=INK)
            title(axes, name, f"{split.images:,} images")
            axes.grid(axis="y", visible=False)
            axes.tick_params(axis="y", length=0)
            percent_axis(axes.xaxis, ticks=4)
        panels[0].set_yticks(range(NUM_EMOTIONS), EMOTIONS)
        panels[0].invert_yaxis()
        largest = max((float((s.class_counts / s.images).max()) for s in splits.values()), default=1.0)
        panels[0].set_xlim(0, 1.28 * largest)  # room for the numbers at the right
        return figure


def samples_figure(split: Split, *, per_class: int = 10, seed: int = 0) -> Figure:
    """Some faces of each emotion, one row an emotion.

    Args:
        split: Where they are from.
        per_class: How many of each; a row with fewer ends early.
        seed: Decides which; it does not choose beautiful ones.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for code in range(NUM_EMOTIONS):
        index = np.flatnonzero(split.labels == code)
        rows.append(split.images[rng.permutation(index)[:per_class]])
    figure, axes = _grid_figure(rows, per_class)
    with styled():
        counts = split.class_counts()
        _label_rows(axes, [f"{name}\n{count:,}" for name, count in zip(EMOTIONS, counts.tolist(), strict=True)])
        title(axes, "Faces of each emotion", "chosen at random; under the name: how many there are")
    return figure


def augmentation_figure(
    images: np.ndarray, augment: Callable[[np.ndarray], np.ndarray], *, labels: np.ndarray | None = None, times: int = 9
) -> Figure:
    """Each face as it is, and beside it what augmentation makes of it.

    Args:
        images: uint8 (N, 48, 48), one row each.
        augment: Takes uint8 (N, 48, 48) and gives as many images in 0 to 255; called `times` times.
        labels: int (N,), emotion codes for the rows' names; None leaves them out.
        times: Augmented copies beside each original.
    """
    copies = np.stack([images, *(np.clip(augment(images), 0, 255) for _ in range(times))], axis=1)  # (N, 1 + times, …)
    figure, axes = _grid_figure(list(copies), times + 1, gap_after_first=True)
    with styled():
        _label_rows(axes, [""] * len(images) if labels is None else [EMOTIONS[label] for label in labels.tolist()])
        title(axes, "Original and augmented", "left: the image as it is; then what training sees of it")
    return figure


def mean_faces_figure(summary: Summary) -> Figure:
    """The mean train face of each emotion, and under it what tells it from the mean of all, brightness aside."""
    means = summary.mean_faces  # (7, 48, 48)
    present = ~np.isnan(means).any(axis=(1, 2))
    faces = means[present] if present.any() else np.zeros((1, *means.shape[1:]))
    even = means - means.mean(axis=(1, 2), keepdims=True)
    difference = even - (even[present].mean(axis=0) if present.any() else 0)
    reach = float(np.abs(difference[present]).max(initial=1.0))
    with styled():
        figure = empty_figure(9.4, 3.0)
        panels = figure.subplots(2, NUM_EMOTIONS)
        for code, name in enumerate(EMOTIONS):
            upper, lower = panels[:, code]
            _show_face(upper, means[code], "gray", float(faces.min()), float(faces.max()))
            _show_face(lower, difference[code], "RdBu_r", -reach, reach)
            upper.set_title(name, loc="center", pad=17, fontsize=10)
            count = f"{summary.splits['train'].class_counts[code]:,}"
            place = upper.transAxes
            upper.text(0.5, 1.03, count, transform=place, ha="center", va="bottom", fontsize=8.5, color=MUTED)
        panels[0, 0].set_ylabel("mean")
        panels[1, 0].set_ylabel("difference\nfrom all")
        bar = figure.colorbar(panels[1, -1].images[0], ax=list(panels[1]), shrink=0.95, aspect=10, pad=0.01)
        bar.set_label("grey levels", fontsize=8.5)
        bar.outline.set_visible(False)
        return figure


def _show_face(axes: Axes, face: np.ndarray, colours: str, low: float, high: float) -> None:
    axes.imshow(face, cmap=colours, vmin=low, vmax=high, interpolation="bicubic")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def _grid_figure(rows: list[np.ndarray], columns: int, *, gap_after_first: bool = False) -> tuple[Figure, Axes]:
    """Faces side by side as one picture: an axes for each of them would take seconds."""
    side = INPUT_SIZE_PX + _GAP_PX
    extra = 4 * _GAP_PX if gap_after_first else 0
    canvas = np.full((len(rows) * side, columns * side + extra), 255.0)
    for row, faces in enumerate(rows):
        for column, face in enumerate(faces):
            left = column * side + (extra if column else 0)
            canvas[row * side : row * side + INPUT_SIZE_PX, left : left + INPUT_SIZE_PX] = face
    height, width = canvas.shape
    inches = _INCHES_PER_FACE / side
    figure, axes = new_figure(max(width * inches + 0.9, _NARROWEST_INCHES), height * inches + 0.6)
    axes.imshow(canvas, cmap="gray", vmin=0, vmax=255, interpolation="antialiased")
    return figure, axes


def _label_rows(axes: Axes, names: list[str]) -> None:
    side = INPUT_SIZE_PX + _GAP_PX
    axes.set_yticks(np.arange(len(names)) * side + INPUT_SIZE_PX / 2, names)
    axes.set_xticks([])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(axis="y", length=0)
