"""Labels that are probably wrong, and how much accuracy they cost."""

from __future__ import annotations

from mien.evaluate.label_issues import LabelIssues
from mien.evaluate.report.faces import gallery
from mien.evaluate.report.html import paragraph, quiet
from mien.evaluate.report.material import Material
from mien.evaluate.report.section import Section

__all__ = ["labels"]

_SHOWN = 28  # whole rows of seven on a wide screen


def labels(material: Material) -> Section | None:
    """What confident learning suspects; nothing when it suspects nothing."""
    issues = material.label_issues
    if not issues.rows.size:
        return None
    n = len(material.probabilities.y_true)
    inside = paragraph(
        f"Confident learning (Northcutt et al. 2021) suspects {len(issues.rows):,} of {n:,} labels "
        f"({len(issues.rows) / n:.1%}). Accuracy is {issues.accuracy:.1%} with them and {issues.accuracy_without:.1%} "
        "without. The second number is too good, since a label is suspected for disagreeing with the network: the "
        "truth lies between."
    )
    if issues.judged:
        inside += paragraph(_judgement(issues))
    inside += gallery(material, issues.rows[:_SHOWN])
    if material.split == "train" and material.scores is material.run:
        inside += quiet("The network was fitted to these very labels, so that most wrong ones do not show.")
    return Section("labels", "Suspected labels", inside)


def _judgement(issues: LabelIssues) -> str:
    return (
        f"The FER+ taggers have a majority on {issues.judged:,} of these images: it is the network's answer on "
        f"{issues.votes_for_suggested / issues.judged:.1%} of them, the label on "
        f"{issues.votes_for_label / issues.judged:.1%}, and a third emotion on the rest."
    )
