"""Every score with its interval, for all images, for each emotion, and against the taggers."""

from __future__ import annotations

from mien.evaluate.evaluation import ClassScores, Evaluation
from mien.evaluate.plots import ClassScoresPlot, OneVsRestPlot
from mien.evaluate.report.html import card, cards, paragraph, table
from mien.evaluate.report.material import Material
from mien.evaluate.report.section import Section
from mien.evaluate.report.vector import inline_svg
from mien.evaluate.style import new_figure
from mien.evaluate.votes import Agreement
from mien.evaluate.wording import number, percent, share, split_title

__all__ = ["scores"]

_SHARES = {
    "accuracy": "accuracy",
    "balanced accuracy": "balanced_accuracy",
    "top-2 accuracy": "top2_accuracy",
    "macro F1": "macro_f1",
    "weighted F1": "weighted_f1",
    "macro ROC AUC": "macro_roc_auc",
    "macro PR AUC": "macro_average_precision",
}
_LOSSES = {"log loss": "log_loss", "Brier score": "brier", "calibration error (ECE)": "ece"}


def scores(material: Material) -> Section:
    """Tables and figures of the reported split."""
    evaluation = material.evaluation
    name = split_title(material.split, material.protocol)
    inside = _totals(evaluation) + _emotions(evaluation) + _figures(material)
    return Section("scores", f"Scores on {name}", inside + _votes(evaluation))


def _totals(evaluation: Evaluation) -> str:
    columns = {"all images": evaluation.scores}
    if evaluation.scores_without_identical is not None:
        columns["not in train"] = evaluation.scores_without_identical
    rows = [(name, *(percent(getattr(one, field)) for one in columns.values())) for name, field in _SHARES.items()]
    rows += [(name, *(number(getattr(one, field)) for one in columns.values())) for name, field in _LOSSES.items()]
    caption = "Percent, the last three plain numbers; with 95% intervals"
    return table(("score", *columns), rows, caption=caption)


def _emotions(evaluation: Evaluation) -> str:
    rows = [(emotion, f"{one.support:,}", *_row(one)) for emotion, one in evaluation.scores.per_class.items()]
    headings = ("emotion", "images", "precision", "recall", "F1", "ROC AUC", "PR AUC")
    return table(headings, rows, caption="Each emotion against all others, percent with 95% intervals")


def _row(one: ClassScores) -> tuple[str, ...]:
    return tuple(percent(value) for value in (one.precision, one.recall, one.f1, one.roc_auc, one.average_precision))


def _figures(material: Material) -> str:
    y_true, p = material.probabilities.y_true, material.probabilities.probabilities
    plots: dict[str, ClassScoresPlot | OneVsRestPlot] = {
        "f1": ClassScoresPlot.from_scores(material.evaluation.scores.per_class),
        "recall": ClassScoresPlot.from_scores(material.evaluation.scores.per_class, name="recall"),
        "roc": OneVsRestPlot.from_probabilities(y_true, p, kind="roc"),
        "precision-recall": OneVsRestPlot.from_probabilities(y_true, p, kind="precision_recall"),
    }
    drawn = []
    for name, plot in plots.items():
        figure, ax = new_figure(4.8, 4.0)
        plot.draw(ax)
        drawn.append(card(inline_svg(figure, name=name, alt=ax.get_title(loc="left"))))
    return cards(drawn)


def _votes(evaluation: Evaluation) -> str:
    if evaluation.votes is None:
        return ""
    rows = [
        ("one emotion leads", *_agreement(evaluation.votes.majority)),
        ("at least 8 of 10 agree", *_agreement(evaluation.votes.clear)),
    ]
    return paragraph(
        "Ten people tagged each image again for FER+. Where most of them see another emotion than the label says, an "
        "answer can be wrong by the label and right by the people."
    ) + table(("images where", "images", "model agrees", "95% interval", "labels agree"), rows)


def _agreement(one: Agreement) -> tuple[str, ...]:
    ends = "–" if one.model_low is None else f"{share(one.model_low)} to {share(one.model_high)}"
    return f"{one.n:,}", share(one.model), ends, share(one.labels)
