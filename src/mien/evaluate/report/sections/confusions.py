"""Which emotions are taken for which, with examples."""

from __future__ import annotations

from html import escape

import numpy as np

from mien.evaluate.mistakes import confused_pairs
from mien.evaluate.plots import ConfusionMatrixPlot
from mien.evaluate.report.faces import gallery
from mien.evaluate.report.html import card, cards, table
from mien.evaluate.report.material import Material
from mien.evaluate.report.section import Section
from mien.evaluate.report.vector import inline_svg
from mien.evaluate.style import new_figure

__all__ = ["confusions"]


def confusions(material: Material) -> Section:
    """The matrix both ways, and the most frequent confusions."""
    plot = ConfusionMatrixPlot(np.array(material.evaluation.scores.confusion))
    drawn = []
    for name, normalised in (("shares", True), ("counts", False)):
        figure, ax = new_figure(4.8, 4.6)
        plot.draw(ax, normalised=normalised)
        alt = f"Confusion matrix, {'percent of each label' if normalised else 'counts'}"
        drawn.append(card(inline_svg(figure, name=f"confusion-{name}", alt=alt)))
    return Section("confusions", "Confusions", cards(drawn) + _pairs(material))


def _pairs(material: Material) -> str:
    pairs = confused_pairs(material.probabilities.y_true, material.calibrated)
    if material.facts is None:
        rows = [(f"{pair.label} taken for {pair.answer}", f"{pair.count:,}", f"{pair.share:.0%}") for pair in pairs]
        return table(("confusion", "images", "of the label"), rows) if rows else ""
    return "".join(
        f"<h3>{escape(pair.label)} taken for {escape(pair.answer)}: {pair.count:,} images, "
        f"{pair.share:.0%} of all {escape(pair.label)}</h3>{gallery(material, pair.examples)}"
        for pair in pairs
    )
