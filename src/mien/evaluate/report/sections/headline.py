"""The first thing to read: how accurate, how sure of that, and on which images."""

from __future__ import annotations

from html import escape

from mien.evaluate.evaluation import Evaluation
from mien.evaluate.report.html import paragraph, quiet, table
from mien.evaluate.report.material import Material
from mien.evaluate.wording import interval, percent, share, split_title

__all__ = ["headline"]


def headline(material: Material) -> str:
    """The number, its interval, and one row per split that was scored."""
    evaluation = material.evaluation
    accuracy = evaluation.scores.accuracy
    name = split_title(material.split, material.protocol)
    return (
        f'<p class="number">{accuracy.value:.1%}</p>'
        f'<p class="about">accuracy on {escape(name)}, {evaluation.scores.n:,} images<br>'
        f"95% interval {interval(accuracy)}</p>"
        + _without(evaluation)
        + _table(material)
        + quiet(_protocol_remark(material))
        + _reference(material)
    )


def _without(evaluation: Evaluation) -> str:
    if evaluation.scores_without_identical is None:
        return ""
    accuracy = evaluation.scores_without_identical.accuracy
    count = evaluation.identical_to_train
    return paragraph(
        f"{share(accuracy.value)} ({interval(accuracy)}) without the {count:,} images that are, pixel by pixel, also "
        "in the training images."
    )


def _table(material: Material) -> str:
    rows = [
        (
            split_title(name, material.protocol),
            f"{one.scores.n:,}",
            percent(one.scores.accuracy),
            percent(one.scores_without_identical.accuracy) if one.scores_without_identical else "–",
            percent(one.scores.balanced_accuracy),
            percent(one.scores.macro_f1),
            percent(one.scores.top2_accuracy),
        )
        for name, one in material.evaluations.items()
    ]
    headings = ("split", "images", "accuracy", "not in train", "balanced", "macro F1", "top 2")
    return table(headings, rows, caption="Percent, with 95% intervals")


def _protocol_remark(material: Material) -> str:
    if "test" in material.evaluations:
        return (
            "The network was fitted to train; its epoch and its temperature were chosen on val; test is for one look "
            "per model, and nothing may be chosen by it."
        )
    return "Only images that the choice of epoch has seen were scored: test, when it is scored once, will be lower."


def _reference(material: Material) -> str:
    if material.protocol != "official":
        return ""
    return quiet(
        "For scale: people agree with FER-2013's labels on 65 ± 5 % of the images (Goodfellow et al. 2013), and the "
        "winner of the 2013 contest reached 71.2 % on PrivateTest."
    )
