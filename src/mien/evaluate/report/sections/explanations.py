"""Where the network looks; the learning room brings the pictures."""

from __future__ import annotations

from mien.evaluate.report.html import card, cards
from mien.evaluate.report.material import Material
from mien.evaluate.report.section import Picture, Section
from mien.evaluate.report.vector import inline_png, inline_svg

__all__ = ["explanations"]


def explanations(material: Material) -> Section | None:
    """The pictures with their captions; nothing when there are none."""
    if not material.explanations:
        return None
    return Section("explanations", "Explanations", cards(_card(picture) for picture in material.explanations))


def _card(picture: Picture) -> str:
    if picture.photographic:
        return card(inline_png(picture.figure, alt=picture.caption), picture.caption)
    return card(inline_svg(picture.figure, name=picture.name, alt=picture.caption), picture.caption)
