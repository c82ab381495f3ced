"""The surest mistakes and the least sure right answers, face by face."""

from __future__ import annotations

from mien.evaluate.mistakes import surest_mistakes, unsurest_hits
from mien.evaluate.report.faces import gallery
from mien.evaluate.report.html import paragraph
from mien.evaluate.report.material import Material
from mien.evaluate.report.section import Section

__all__ = ["mistakes"]

_WRONG_SHOWN, _RIGHT_SHOWN = 28, 14  # whole rows of seven on a wide screen


def mistakes(material: Material) -> Section | None:
    """Two galleries; nothing when the images are not known."""
    if material.facts is None:
        return None
    arrays = (material.probabilities.y_true, material.calibrated)
    wrong = gallery(material, surest_mistakes(*arrays, limit=_WRONG_SHOWN))
    right = gallery(material, unsurest_hits(*arrays, limit=_RIGHT_SHOWN))
    votes = ", the taggers' votes" if material.facts.votes is not None else ""
    inside = paragraph(f"Under each face: label and prediction, the likeliest emotions in percent{votes}.")
    if wrong:
        inside += "<h3>Surest mistakes</h3>" + wrong
    if right:
        inside += "<h3>Least sure right answers</h3>" + right
    return Section("mistakes", "Mistakes", inside)
