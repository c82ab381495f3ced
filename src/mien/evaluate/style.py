"""How every figure of mien looks: a quiet light style, text that can be read in print.

Figures are made with `new_figure` or `empty_figure`, which never touch matplotlib's global state, and kept with
`save_figure`. What is drawn is the business of the plots.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import LayoutEngine
from matplotlib.ticker import FuncFormatter, MaxNLocator

from mien.files import atomic_write

__all__ = [
    "ACCENT",
    "GRID",
    "INK",
    "MUTED",
    "SECOND",
    "SEQUENTIAL",
    "empty_figure",
    "figure_of",
    "new_figure",
    "percent_axis",
    "save_figure",
    "styled",
    "title",
]

INK = "#22262b"
"""Text and axes."""
MUTED = "#6b7280"
"""Remarks, reference lines."""
GRID = "#e3e6ea"
"""Grid lines."""
ACCENT = "#4477aa"
"""The one line or bar that a figure is about."""
SECOND = "#ee6677"
"""What it is compared with."""
SEQUENTIAL = "Blues"
"""Colour map from nothing to much."""

_STYLE: Any = {
    "figure.facecolor": "white",
    "figure.dpi": 100,
    "savefig.dpi": 200,  # 6.4 inches wide give 1,280 pixels: sharp on a page and on most screens
    "savefig.facecolor": "white",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib, so that figures look the same everywhere
    "font.size": 10,
    "text.color": INK,
    "axes.facecolor": "white",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelsize": 10,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "svg.fonttype": "none",  # text stays text: it can be searched and copied
    "svg.hashsalt": "mien",  # the same figure gives the same file
    "image.cmap": SEQUENTIAL,
}


@contextmanager
def styled() -> Iterator[None]:
    """Mien's style inside the block; the caller's own matplotlib settings before and after it."""
    with mpl.rc_context(_STYLE):
        yield


class _ShownFigure(Figure):
    """A figure that a notebook shows by itself: matplotlib's own are shown only where pyplot made them."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        buffer = io.BytesIO()
        with styled():
            self.savefig(buffer, format="png")
        width, height = (round(96 * inches) for inches in self.get_size_inches())  # CSS: 96 pixels are an inch
        return buffer.getvalue(), {"width": width, "height": height}


def empty_figure(width: float, height: float, *, layout: LayoutEngine | str | None = "constrained") -> Figure:
    """An empty figure in mien's style.

    Args:
        width: In inches.
        height: In inches.
        layout: What keeps its parts apart, as matplotlib names it; None leaves them where they are put.
    """
    with styled():
        figure = _ShownFigure(figsize=(width, height), layout=layout)  # type: ignore[arg-type]
        FigureCanvasAgg(figure)
        return figure


def new_figure(width: float = 6.4, height: float = 4.0) -> tuple[Figure, Axes]:
    """An empty figure, which lays itself out so that nothing is clipped, and its one pair of axes.

    Args:
        width: In inches.
        height: In inches.
    """
    with styled():
        figure = empty_figure(width, height)
        return figure, figure.add_subplot()


def figure_of(axes: Axes) -> Figure:
    """The figure that axes belong to, however deep they lie in subfigures."""
    figure = axes.figure
    while not isinstance(figure, Figure):
        figure = figure.figure
    return figure


def title(axes: Axes, text: str, remark: str = "") -> None:
    """A title at the left and, under it, one quiet line that says what to look at."""
    axes.set_title(text, loc="left", fontweight="bold", pad=24 if remark else 10)
    if remark:
        axes.annotate(
            remark,
            xy=(0, 1),
            xycoords="axes fraction",
            xytext=(0, 7),
            textcoords="offset points",
            color=MUTED,
            fontsize=9,
            va="bottom",
        )


def percent_axis(axis: Axis, *, ticks: int | str = "auto") -> None:
    """Shares of 1 are read as percent, at steps of 1, 2 or 5 and their tenfolds, so that no tick needs rounding.

    Args:
        axis: The x or y axis.
        ticks: At most so many steps.
    """
    axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.6g}%"))
    axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 5, 10]))  # type: ignore[arg-type]


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, SVG or PDF, by the suffix of `path`, atomically.

    Raises:
        OutputError: The folder cannot be written.
    """
    # A date in the file would make every figure differ from run to run.
    metadata = {"Date": None} if path.suffix == ".svg" else {"CreationDate": None} if path.suffix == ".pdf" else None
    with styled(), atomic_write(path) as temporary:
        figure.savefig(temporary, metadata=metadata)
    return path
