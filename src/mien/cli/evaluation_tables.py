"""An evaluation printed in the terminal: the headline first, then what it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from mien.cli.streams import printable
from mien.cli.terminal import plain_table, say, show
from mien.evaluate.wording import number, percent, split_title

if TYPE_CHECKING:
    from mien.evaluate.evaluation import Calibrated, Estimate, Evaluation, Scores
    from mien.evaluate.votes import Agreement
    from mien.run import Run

__all__ = ["print_evaluation"]

_ROWS = {
    "balanced_accuracy": "balanced accuracy",
    "top2_accuracy": "top-2 accuracy",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "macro_roc_auc": "macro ROC AUC",
    "macro_average_precision": "macro PR AUC",
}
_LOSSES = {"log_loss": "log loss", "brier": "Brier score", "ece": "calibration error"}


def print_evaluation(
    run: Run, evaluation: Evaluation, written: Sequence[Path], *, protocol: str, other_data: str = ""
) -> None:
    """Print headline, scores, emotions, votes, and where the files are; `other_data` is another dataset's name."""
    name = f"{other_data} {split_title(evaluation.split, protocol)}".lstrip()
    scores, without = evaluation.scores, evaluation.scores_without_identical
    lines = [Text.assemble((printable(f"{run.name} on {name}"), "bold"), f", {scores.n:,} images"), _headline(scores)]
    if without is not None:
        lines.append(Text(f"without {_also_in_train(evaluation)}: ").append_text(_accuracy(without)))
    for line in lines:
        say(line)
    say("")
    show(_score_table(evaluation))
    say("")
    show(_class_table(scores))
    say("")
    for text in _remarks(evaluation, name, own=not other_data):
        say(text)
    say(f"Written to {written[0].parent}: {_summary(written)}")


def _also_in_train(evaluation: Evaluation) -> str:
    count = evaluation.identical_to_train
    return "the 1 image that is also in train" if count == 1 else f"the {count:,} images that are also in train"


def _headline(scores: Scores) -> Text:
    return Text("accuracy ", style="bold").append_text(_accuracy(scores))


def _accuracy(scores: Scores) -> Text:
    value = scores.accuracy
    return Text.assemble((f"{value.value:.2%}", "bold green"), f"  (95% interval {value.low:.2%} to {value.high:.2%})")


def _score_table(evaluation: Evaluation) -> Table:
    columns = {"all images": evaluation.scores}
    if evaluation.scores_without_identical is not None:
        columns["not in train"] = evaluation.scores_without_identical
    rows = [(name, *(percent(getattr(scores, field)) for scores in columns.values())) for field, name in _ROWS.items()]
    rows += [
        (name, *(number(getattr(scores, field)) for scores in columns.values())) for field, name in _LOSSES.items()
    ]
    return plain_table(rows, "score (95% interval)", *columns)


def _class_table(scores: Scores) -> Table:
    rows = []
    for emotion, one in scores.per_class.items():
        short = (_short(value) for value in (one.precision, one.recall))
        areas = (_short(value) for value in (one.roc_auc, one.average_precision))
        rows.append((emotion, f"{one.support:,}", *short, percent(one.f1), *areas))
    return plain_table(rows, "emotion", "images", "precision", "recall", "F1", "ROC AUC", "PR AUC")


def _short(estimate: Estimate | None) -> str:
    return "–" if estimate is None else f"{100 * estimate.value:.1f}"


def _remarks(evaluation: Evaluation, name: str, *, own: bool) -> list[str]:
    remarks = []
    if evaluation.votes is not None:
        votes = {"one emotion leads": evaluation.votes.majority, "8 of 10 agree": evaluation.votes.clear}
        remarks += [_agreement(one, where) for where, one in votes.items() if one.n]
    if evaluation.calibrated is None:
        remarks.append("Not calibrated: a temperature is fitted on val, so evaluate val first.")
    else:
        remarks.append(_calibration(evaluation.calibrated, fitted_here=own and evaluation.split == "val"))
    if evaluation.split == "test":
        remarks.append(f"{name} is for one look per model: choose nothing by these numbers, go back to val for that.")
    if own and evaluation.split == "train":
        remarks.append("The network was fitted to these images: the numbers say how well, not how good it is.")
    return remarks


def _calibration(calibrated: Calibrated, *, fitted_here: bool) -> str:
    return (
        f"Calibrated with temperature {calibrated.temperature:.3f}, fitted on "
        + ("these images" if fitted_here else "its own val")
        + f": log loss {number(calibrated.log_loss)}, Brier score {number(calibrated.brier)}, "
        f"calibration error {number(calibrated.ece)}."
    )


def _agreement(one: Agreement, where: str) -> str:
    shares = f"the model says the same on {one.model:.1%}, the labels do on {one.labels:.1%}"
    return f"FER+ taggers, where {where} ({one.n:,} images): {shares}."


def _summary(written: Sequence[Path]) -> str:
    metrics, *figures = written
    return f"{metrics.name}, {figures[0].parent.name}/ ({len(figures)} figures)"
