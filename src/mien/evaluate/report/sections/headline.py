"""The first thing to read: how accurate, how sure of that, and on which images."""

from __future__ import annotations

from collections.abc import Callable
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
    columns = _COLUMNS
    if all(one.scores_without_identical is None for one in material.evaluations.values()):
        columns = {name: column for name, column in columns.items() if name != "not in train"}
    rows = [
        (split_title(name, material.protocol), *(column(one) for column in columns.values()))
        for name, one in material.evaluations.items()
    ]
    return table(("split", *columns), rows, caption="Percent, with 95% intervals")


_COLUMNS: dict[str, Callable[[Evaluation], str]] = {
    "images": lambda one: f"{one.scores.n:,}",
    "accuracy": lambda one: percent(one.scores.accuracy),
    "not in train": lambda one: percent(
        one.scores_without_identical.accuracy if one.scores_without_identical else None
    ),
    "balanced": lambda one: percent(one.scores.balanced_accuracy),
    "macro F1": lambda one: percent(one.scores.macro_f1),
    "top 2": lambda one: percent(one.scores.top2_accuracy),
}


def _protocol_remark(material: Material) -> str:
    if "test" in material.evaluations:
        return (
            "The network was fitted to train; its epoch and its temperature were chosen on val; test is for one look "
            "per model, and nothing may be chosen by it."
        )
    return (
        "Test was not scored. The epoch was chosen by its accuracy on val, which flatters that number a little; the "
        "one on test, looked at once, is the one to quote."
    )


def _reference(material: Material) -> str:
    if material.protocol != "official":
        return ""
    return quiet(
        "For scale: people agree with FER-2013's labels on 65 ± 5% of the images (Goodfellow et al. 2013), and the "
        "winner of the 2013 contest reached 71.2% on PrivateTest."
    )
