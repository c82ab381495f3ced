"""Figures of explanations: maps over faces, mean maps, and whether the maps explain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mien.emotions import EMOTIONS
from mien.evaluate.faithfulness import Faithfulness
from mien.evaluate.style import ACCENT, GRID, INK, MUTED, SECOND, empty_figure, figure_of, new_figure, styled, title

__all__ = ["ExplanationGridPlot", "FaithfulnessPlot", "MeanMapsPlot", "RandomisationPlot", "overlay"]

_HEAT = "inferno"

# How faces are laid out, in inches: maps close to their face, one face's maps apart from the next one's.
_FACE = 1.05
_GAP = 0.05
_GROUP_GAP = 0.32
_LINE = 0.19  # of small text
_MARGIN = 0.08


def overlay(image: np.ndarray, heat: np.ndarray, *, strength: float = 0.65) -> np.ndarray:
    """Lay a map over a face: the face stays grey and sharp where the map is 0, and glows where it is 1.

    Args:
        image: uint8 (H, W), grey.
        heat: float (H, W), 0 to 1.
        strength: Share of the colour where the map is 1.

    Returns:
        float64 (H, W, 3), RGB, 0 to 1.
    """
    gray = np.repeat(image[..., None] / 255, 3, axis=2)
    colour = mpl.colormaps[_HEAT](0.25 + 0.75 * heat)[..., :3]  # without the darkest quarter, which reads as shadow
    share = strength * heat[..., None]
    return np.asarray(gray * (1 - share) + colour * share)


@dataclass(frozen=True)
class ExplanationGridPlot:
    """Faces with one or more maps each.

    Attributes:
        images: uint8 (N, 48, 48).
        maps: Name of a method → float (N, 48, 48), 0 to 1.
        captions: One line for each face, such as `sad → fear 61 %`.
    """

    images: np.ndarray
    maps: Mapping[str, np.ndarray]
    captions: Sequence[str]

    def draw(self, *, columns: int = 3) -> Figure:
        """Draw each face beside its maps, `columns` faces in a row; the top row says which map is which."""
        wide = (1 + len(self.maps)) * (_FACE + _GAP) - _GAP
        rows = -(-len(self.images) // columns)
        height = 2 * _MARGIN + _LINE + rows * (_FACE + 2 * _LINE)
        figure = empty_figure(2 * _MARGIN + columns * (wide + _GROUP_GAP) - _GROUP_GAP, height, layout=None)
        for index, image in enumerate(self.images):
            row, column = divmod(index, columns)
            left, top = _MARGIN + column * (wide + _GROUP_GAP), _MARGIN + _LINE + row * (_FACE + 2 * _LINE)
            pictures = {"face": np.repeat(image[..., None] / 255, 3, axis=2)}
            pictures |= {name: overlay(image, maps[index]) for name, maps in self.maps.items()}
            for offset, (name, picture) in enumerate(pictures.items()):
                ax = _face_axes(figure, left + offset * (_FACE + _GAP), top, picture)
                if row == 0:
                    ax.set_title(name, fontsize=8, fontweight="normal", color=MUTED, pad=3, loc="left")
                if offset == 0:
                    ax.text(0, -0.04, self.captions[index], transform=ax.transAxes, va="top", fontsize=8.5, color=INK)
        return figure


@dataclass(frozen=True)
class MeanMapsPlot:
    """Where the network looks on average, for each answer.

    Attributes:
        images: float (7, 48, 48), 0 to 255: the mean face of each answer.
        maps: float (7, 48, 48), 0 to 1: the mean map of each answer.
        counts: int (7,), faces behind each; a class with 0 is left empty.
    """

    images: np.ndarray
    maps: np.ndarray
    counts: np.ndarray

    def draw(self) -> Figure:
        """Draw the seven in one row."""
        step, top = _FACE + 2 * _GAP, _MARGIN + 2 * _LINE
        figure = empty_figure(2 * _MARGIN + 7 * step - 2 * _GAP, top + _FACE + _MARGIN, layout=None)
        for code, name in enumerate(EMOTIONS):
            heat = self.maps[code] / max(self.maps[code].max(), 1e-9)
            picture = overlay(self.images[code], heat) if self.counts[code] else None
            ax = _face_axes(figure, _MARGIN + code * step, top, picture)
            ax.text(0.5, 1.21, name, transform=ax.transAxes, ha="center", va="bottom", fontsize=9, color=INK)
            count = f"{self.counts[code]:,}"
            ax.text(0.5, 1.05, count, transform=ax.transAxes, ha="center", va="bottom", fontsize=8.5, color=MUTED)
        return figure


@dataclass(frozen=True)
class FaithfulnessPlot:
    """Deletion or insertion curves of methods beside a random order.

    Attributes:
        methods: Name → what was measured; all on the same images.
    """

    methods: Mapping[str, Faithfulness]

    def draw(self) -> Figure:
        """Draw deletion and insertion side by side."""
        with styled():
            figure = empty_figure(9.2, 3.9)
            left, right = figure.subplots(1, 2, sharey=True)
            self._panel(left, "deletion", "Deletion: lower is better")
            self._panel(right, "insertion", "Insertion: higher is better")
            left.set_ylabel("mean probability of the answer")
            return figure

    def _panel(self, ax: Axes, kind: str, heading: str) -> None:
        colours = (ACCENT, SECOND, "#228833")
        for colour, (name, found) in zip(colours, self.methods.items(), strict=False):
            ax.plot(100 * found.share, getattr(found, kind), color=colour, label=name)
        one = next(iter(self.methods.values()))
        ax.plot(100 * one.share, getattr(one, f"random_{kind}"), color=MUTED, linestyle="--", label="random order")
        ax.set(xlabel="percent of pixels", ylim=(0, 1), xlim=(0, 100))
        ax.legend(loc="upper right" if kind == "deletion" else "lower right")
        ax.set_title(heading)


@dataclass(frozen=True)
class RandomisationPlot:
    """How alike maps stay while layers lose what they learnt.

    Attributes:
        layers: Names of the layers, from the top down, each made random on top of those before.
        correlation: float (L,), mean rank correlation with the trained network's maps, −1 to 1.
    """

    layers: Sequence[str]
    correlation: np.ndarray

    def draw(self, ax: Axes | None = None) -> Figure:
        """Draw it as bars."""
        with styled():
            ax = ax or new_figure(6.4, 0.42 * len(self.layers) + 1.5)[1]
            places = np.arange(len(self.layers))[::-1]
            ax.barh(places, self.correlation, color=ACCENT, height=0.6)
            for place, value in zip(places, self.correlation, strict=True):
                ax.text(max(value, 0) + 0.02, place, f"{value:.2f}", va="center", fontsize=9)
            ax.set_yticks(places, [f"+ {name}" if index else name for index, name in enumerate(self.layers)])
            ax.set(xlim=(min(-0.1, float(self.correlation.min()) - 0.05), 1.08), xlabel="rank correlation of the maps")
            title(ax, "Maps under random weights", "near 1: they would not depend on what was learnt")
            return figure_of(ax)


def _face_axes(figure: Figure, left: float, top: float, picture: np.ndarray | None) -> Axes:
    """A picture in its place, in inches from the upper left corner; an empty frame where there is none."""
    width, height = figure.get_size_inches()
    with styled():
        ax = figure.add_axes((left / width, 1 - (top + _FACE) / height, _FACE / width, _FACE / height))
        ax.grid(visible=False)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set(visible=picture is None, color=GRID)
        if picture is not None:
            ax.imshow(picture, interpolation="bicubic")
        return ax
