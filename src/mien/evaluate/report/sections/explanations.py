"""Where the network looks; the learning room brings the pictures."""

from __future__ import annotations

from mien.evaluate.report.html import card, cards
from mien.evaluate.report.material import Material
from mien.evaluate.report.section import Picture, Section
from mien.evaluate.report.vector import inline_png, inline_svg

__all__ = ["explanations"]

_WIDE_INCHES = 6.5  # beyond this a figure is not read in half a page


def explanations(material: Material) -> Section | None:
    """The pictures with their captions; nothing when there are none."""
    if not material.explanations:
        return None
    return Section("explanations", "Explanations", cards(_card(picture) for picture in material.explanations))


def _card(picture: Picture) -> str:
    wide = bool(picture.figure.get_size_inches()[0] > _WIDE_INCHES)
    if picture.photographic:
        return card(inline_png(picture.figure, alt=picture.caption), picture.caption, wide=wide)
    return card(inline_svg(picture.figure, name=picture.name, alt=picture.caption), picture.caption, wide=wide)
