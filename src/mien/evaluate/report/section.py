"""What the page is made of: sections, and pictures that others bring."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

__all__ = ["Picture", "Section"]


@dataclass(frozen=True)
class Picture:
    """A figure that someone else brings, such as explanations."""

    figure: Figure
    """Drawn in mien's style."""
    caption: str
    """One or two sentences that say what is to be seen."""
    name: str
    """Letters, digits and underscores; its file is called so."""
    photographic: bool = False
    """Whether it holds faces: kept as pixels, not as vectors, and never turned dark."""


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    name: str
    """Its anchor: letters only."""
    title: str
    """What a reader sees, as text."""
    html: str
    """Its inside."""
