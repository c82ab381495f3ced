"""Matplotlib figures inside a page: as vectors whose colours follow light and dark, or, with faces, as pixels."""

from __future__ import annotations

import base64
import io
import re
from html import escape

from matplotlib.figure import Figure

from mien.emotions import COLOURS_ON_LIGHT
from mien.evaluate.style import GRID, INK, MUTED, styled

__all__ = ["inline_png", "inline_svg", "png_uri"]

# What the page's style sheet gives other values in the dark.
_FOLLOWING = {INK: "var(--ink)", MUTED: "var(--muted)", GRID: "var(--grid)"}
_FOLLOWING |= {colour: f"var(--emotion-{code})" for code, colour in enumerate(COLOURS_ON_LIGHT)}


def inline_svg(figure: Figure, *, name: str, alt: str) -> str:
    """A figure as an SVG element.

    Args:
        figure: Drawn in mien's style.
        name: Unlike that of any other figure on the page, since the names of an element's parts must be.
        alt: What it shows, for those who cannot see it.
    """
    with styled():
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    drawn = buffer.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"<metadata>.*?</metadata>", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r"<!--.*?-->", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', drawn)
    drawn = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", drawn)
    drawn = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', drawn)
    for colour, variable in _FOLLOWING.items():
        drawn = drawn.replace(colour, variable)
    width = figure.get_size_inches()[0]
    # The page decides the size; the element's own is its largest. 96 px are an inch.
    drawn = re.sub(r'(<svg\b[^>]*?) width="[^"]*"', r"\1", drawn, count=1)
    drawn = re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", drawn, count=1)
    opening = f'<svg role="img" aria-label="{escape(alt)}" style="max-width:{96 * width:.0f}px"'
    return drawn.replace("<svg", opening, 1).strip()


def inline_png(figure: Figure, *, alt: str, dpi: int = 150) -> str:
    """A figure as an image element, for figures that hold photographs."""
    with styled():
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=dpi)
    width, source = 96 * figure.get_size_inches()[0], png_uri(buffer.getvalue())
    return f'<img class="photographic" style="max-width:{width:.0f}px" src="{source}" alt="{escape(alt)}">'


def png_uri(data: bytes) -> str:
    """A PNG file as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(data).decode('ascii')}"
