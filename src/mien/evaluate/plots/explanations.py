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
from mien.evaluate.style import ACCENT, MUTED, SECOND, figure_of, new_figure, styled, title

__all__ = ["ExplanationGridPlot", "FaithfulnessPlot", "MeanMapsPlot", "RandomisationPlot", "overlay"]

_HEAT = "inferno"
_FACE_INCHES = 1.05


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
        """Draw each face beside its maps, `columns` faces in a row."""
        with styled():
            wide = 1 + len(self.maps)
            rows = -(-len(self.images) // columns)
            figure, _ = new_figure(columns * wide * _FACE_INCHES + 0.4, rows * (_FACE_INCHES + 0.32) + 0.5)
            figure.clear()
            axes = figure.subplots(rows, columns * wide, squeeze=False)
            for ax in axes.flat:
                ax.axis("off")
            for index, image in enumerate(self.images):
                row, first = index // columns, (index % columns) * wide
                pictures = [np.repeat(image[..., None] / 255, 3, axis=2)]
                pictures += [overlay(image, maps[index]) for maps in self.maps.values()]
                for offset, picture in enumerate(pictures):
                    axes[row, first + offset].imshow(picture, interpolation="bicubic")
                axes[row, first].set_title(self.captions[index], fontsize=8, fontweight="normal", pad=3)
            _tighten(figure)
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
        with styled():
            figure, _ = new_figure(7 * 1.2, 1.95)
            figure.clear()
            axes = figure.subplots(1, len(EMOTIONS))
            for code, ax in enumerate(axes):
                ax.axis("off")
                ax.set_title(f"{EMOTIONS[code]}\n{self.counts[code]:,}", fontsize=9, fontweight="normal", loc="center")
                if self.counts[code]:
                    heat = self.maps[code] / max(self.maps[code].max(), 1e-9)
                    ax.imshow(overlay(self.images[code], heat), interpolation="bicubic")
            _tighten(figure)
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
            figure, _ = new_figure(9.2, 3.9)
            figure.clear()
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


def _tighten(figure: Figure) -> None:
    """Pictures stand close; the layout still keeps titles apart."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(w_pad=0.01, h_pad=0.03, wspace=0.01, hspace=0.01)  # type: ignore[call-arg]
