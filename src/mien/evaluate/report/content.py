"""What the page says: each section a function from the material to a `Section`, or to None when its part is missing.

Words and numbers are decided here, their place on the page in `report.html.jinja`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from markupsafe import Markup
from PIL import Image

from mien.data.audit import audit
from mien.data.dataset import SPLIT_NAMES, Dataset
from mien.emotions import EMOTIONS
from mien.evaluate.calibration import reliability, risk_coverage
from mien.evaluate.evaluation import ClassScores, Evaluation
from mien.evaluate.label_issues import LabelIssues
from mien.evaluate.mistakes import confused_pairs, surest_mistakes, unsurest_hits
from mien.evaluate.plots import (
    ClassScoresPlot,
    ConfusionMatrixPlot,
    OneVsRestPlot,
    ReliabilityPlot,
    RiskCoveragePlot,
    TrainingCurvesPlot,
)
from mien.evaluate.report.material import Material
from mien.evaluate.report.vector import inline_png, inline_svg, png_uri
from mien.evaluate.style import new_figure
from mien.evaluate.votes import Agreement
from mien.evaluate.wording import interval, number, percent, share, split_title

__all__ = ["SECTIONS", "Headline", "Section", "headline"]

_WIDE_INCHES = 6.5  # beyond this a figure is not read in half a page
_BARS = 3  # emotions with a bar under a face; the others are small in nearly every case
_WRONG_SHOWN, _RIGHT_SHOWN, _SUSPECTED_SHOWN = 28, 14, 28  # whole rows of seven on a wide screen
_LEFT_OUT = ("schema_version", "data")  # of the environment: data has a section of its own


class Table(NamedTuple):
    """A table whose first column is text and whose others are numbers."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


class Card(NamedTuple):
    """A figure; a wide one has a row to itself."""

    markup: Markup
    caption: str = ""
    wide: bool = False


class Bar(NamedTuple):
    """One emotion's probability under a face."""

    code: int
    emotion: str
    percent: str


class Face(NamedTuple):
    """A face of the reported split, with what is written under it."""

    source: str
    name: str
    label: str
    predicted: str
    bars: Sequence[Bar]
    votes: str


@dataclass(frozen=True)
class Section:
    """A part of the page, in the order in which it is read."""

    title: str
    before: Sequence[str] = ()
    figures: Sequence[Card] = ()
    tables: Sequence[Table] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    after: Sequence[str] = ()
    galleries: Sequence[tuple[str, Sequence[Face]]] = ()
    closed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Facts that are folded away at first."""
    remarks: Sequence[str] = ()


@dataclass(frozen=True)
class Headline:
    """The first thing to read: how accurate, how sure of that, and on which images."""

    accuracy: str
    about: str
    interval: str
    without: str
    table: Table
    remarks: Sequence[str]


def headline(material: Material) -> Headline:
    """The number, its interval, and one row per split that was scored."""
    scores = material.evaluation.scores
    name = split_title(material.split, material.protocol)
    return Headline(
        f"{scores.accuracy.value:.1%}",
        f"{name}, {scores.n:,} images",
        interval(scores.accuracy),
        _without(material.evaluation),
        _split_table(material),
        [_protocol_remark(material), *_reference(material)],
    )


def _without(evaluation: Evaluation) -> str:
    if evaluation.scores_without_identical is None:
        return ""
    accuracy = evaluation.scores_without_identical.accuracy
    count = evaluation.identical_to_train
    return (
        f"{share(accuracy.value)} ({interval(accuracy)}) without the {count:,} images that are, pixel by pixel, also "
        "in the training images."
    )


def _split_table(material: Material) -> Table:
    columns = _COLUMNS
    if all(one.scores_without_identical is None for one in material.evaluations.values()):
        columns = {name: column for name, column in columns.items() if name != "not in train"}
    rows = [
        (split_title(name, material.protocol), *(column(one) for column in columns.values()))
        for name, one in material.evaluations.items()
    ]
    return Table(("split", *columns), rows, caption="Percent, with 95% intervals")


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


def _reference(material: Material) -> list[str]:
    if material.protocol != "official":
        return []
    return [
        "For scale: people agree with FER-2013's labels on 65 ± 5% of the images (Goodfellow et al. 2013), and the "
        "winner of the 2013 contest reached 71.2% on PrivateTest."
    ]


def _card(figure: Any, *, name: str, alt: str, caption: str = "", photographic: bool = False) -> Card:
    wide = bool(figure.get_size_inches()[0] > _WIDE_INCHES)
    drawn = inline_png(figure, alt=alt) if photographic else inline_svg(figure, name=name, alt=alt)
    return Card(Markup(drawn), caption, wide)


_PROTOCOLS = {
    "official": "official: FER-2013's Training, PublicTest and PrivateTest",
    "source": "source: the dataset's own splits",
    "stratified": "stratified: 70/15/15 by emotion, identical images kept together",
}


def _data(material: Material) -> Section | None:
    """Counts, protocol, duplicates and the notes of reading; what the run remembers when the dataset is not here."""
    trained_on = material.environment.get("data", {})
    if material.dataset is None:
        known = {
            key: str(trained_on[key])
            for key in ("source", "protocol", "fingerprint", "train", "val")
            if key in trained_on
        }
        missing = "The dataset was not at hand for this page, so it has no faces."
        return Section("Data", facts=known, remarks=[missing]) if known else None
    dataset = material.dataset
    notes = list(dataset.notes)
    other = str(trained_on.get("fingerprint", ""))
    if other and other != dataset.fingerprint:
        notes.append(f"This is not the dataset that the run was trained on, whose fingerprint is {other[:16]}.")
    return Section(
        "Data", tables=[_counts(dataset)], facts=_data_facts(material, dataset) | _audit(dataset), after=notes
    )


def _counts(dataset: Dataset) -> Table:
    rows = []
    for name in SPLIT_NAMES:
        counts = dataset.split(name).class_counts().tolist()
        rows.append((split_title(name, dataset.protocol), f"{sum(counts):,}", *(f"{count:,}" for count in counts)))
    return Table(("split", "images", *EMOTIONS), rows)


def _data_facts(material: Material, dataset: Dataset) -> dict[str, str]:
    values = {"source": dataset.source, "splits": _PROTOCOLS.get(dataset.protocol, dataset.protocol)}
    for name, evaluation in material.evaluations.items():
        if evaluation.identical_to_train is not None:
            share = evaluation.identical_to_train / evaluation.scores.n
            values[f"{name} images also in train"] = f"{evaluation.identical_to_train:,} ({share:.1%})"
    if dataset.skipped:
        values["left out"] = f"{len(dataset.skipped):,} rows or files that cannot be read"
    values["fingerprint"] = dataset.fingerprint
    return values


def _audit(dataset: Dataset) -> dict[str, str]:
    """What is odd about the images, without the comparison of all pairs, which `mien data audit` has time for."""
    found = audit(dataset, near_identical=False)
    worst = found.imbalance.get("train")
    values = {
        "identical images": f"{found.identical_images:,} in {len(found.identical_groups):,} groups, of which "
        f"{len(found.groups_across_splits):,} lie across splits and {len(found.conflicting_groups):,} have "
        "contradicting labels",
        "blank images": f"{len(found.blanks):,}",
    }
    if worst is not None and worst.ratio is not None and worst.ratio > 1:
        values["imbalance of train"] = f"{worst.ratio:.1f} times as many {worst.largest} as {worst.smallest} images"
    return values


def _training(material: Material) -> Section | None:
    """Curves and totals; nothing without a finished epoch."""
    history = material.history
    if history is None or history.empty or history["val_accuracy"].isna().all():
        return None
    plot = TrainingCurvesPlot.from_history({name: history[name].tolist() for name in history.columns})
    (accuracy, left), (loss, right) = new_figure(4.8, 3.6), new_figure(4.8, 3.6)
    plot.draw((left, right))
    drawn = [
        _card(accuracy, name="accuracy", alt="Accuracy by epoch, on training and validation images"),
        _card(loss, name="loss", alt="Loss by epoch, on training and validation images"),
    ]
    return Section("Training", figures=drawn, facts=_training_facts(history, plot.chosen_epoch))


def _training_facts(history: pd.DataFrame, chosen: int) -> dict[str, str]:
    kept = history[history["epoch"] == chosen].iloc[0]
    hours = history["seconds"].sum() / 3600
    return {
        "epochs": f"{len(history)}, of which epoch {chosen} is kept",
        "at that epoch": f"train {kept['accuracy']:.1%} (on augmented images), val {kept['val_accuracy']:.1%}",
        "time": f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.0f} min",
        "speed": f"{history['images_per_second'].median():,.0f} images per second (median epoch)",
    }


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


def _scores(material: Material) -> Section:
    """Tables and figures of the reported split."""
    evaluation = material.evaluation
    name = split_title(material.split, material.protocol)
    tables = [_totals(evaluation), _emotions(evaluation)]
    told = ""
    if evaluation.votes is not None:
        tables.append(_votes_table(evaluation.votes.majority, evaluation.votes.clear))
        told = (
            "Ten people tagged each image again for FER+. Where most of them see another emotion than the label says, "
            "a prediction can be wrong by the label and right by the people."
        )
    return Section(f"Scores on {name}", tables=tables, figures=_score_figures(material), after=[told] if told else [])


def _totals(evaluation: Evaluation) -> Table:
    columns = {"all images": evaluation.scores}
    if evaluation.scores_without_identical is not None:
        columns["not in train"] = evaluation.scores_without_identical
    rows = [(name, *(percent(getattr(one, field)) for one in columns.values())) for name, field in _SHARES.items()]
    rows += [(name, *(number(getattr(one, field)) for one in columns.values())) for name, field in _LOSSES.items()]
    caption = "Percent, the last three plain numbers; with 95% intervals"
    return Table(("score", *columns), rows, caption=caption)


def _emotions(evaluation: Evaluation) -> Table:
    rows = [(emotion, f"{one.support:,}", *_row(one)) for emotion, one in evaluation.scores.per_class.items()]
    headings = ("emotion", "images", "precision", "recall", "F1", "ROC AUC", "PR AUC")
    return Table(headings, rows, caption="Each emotion against all others, percent with 95% intervals")


def _row(one: ClassScores) -> tuple[str, ...]:
    return tuple(percent(value) for value in (one.precision, one.recall, one.f1, one.roc_auc, one.average_precision))


def _score_figures(material: Material) -> list[Card]:
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
        drawn.append(_card(figure, name=name, alt=ax.get_title(loc="left")))
    return drawn


def _votes_table(majority: Agreement, clear: Agreement) -> Table:
    rows = [("one emotion leads", *_agreement(majority)), ("at least 8 of 10 agree", *_agreement(clear))]
    return Table(("images where", "images", "model agrees", "95% interval", "labels agree"), rows)


def _agreement(one: Agreement) -> tuple[str, ...]:
    ends = "–" if one.model_low is None else f"{share(one.model_low)} to {share(one.model_high)}"
    return f"{one.n:,}", share(one.model), ends, share(one.labels)


def _confusions(material: Material) -> Section:
    """The matrix both ways, and the most frequent confusions, with examples where the images are known."""
    plot = ConfusionMatrixPlot(np.array(material.evaluation.scores.confusion))
    drawn = []
    for name, normalised in (("shares", True), ("counts", False)):
        figure, ax = new_figure(4.8, 4.6)
        plot.draw(ax, normalised=normalised)
        alt = f"Confusion matrix, {'percent of each label' if normalised else 'counts'}"
        drawn.append(_card(figure, name=f"confusion-{name}", alt=alt))
    pairs = confused_pairs(material.probabilities.y_true, material.calibrated)
    if material.facts is None:
        rows = [(f"{pair.label} taken for {pair.answer}", f"{pair.count:,}", f"{pair.share:.0%}") for pair in pairs]
        tables = [Table(("confusion", "images", "of the label"), rows)] if rows else []
        return Section("Confusions", figures=drawn, tables=tables)
    examples = [
        (
            f"{pair.label} taken for {pair.answer}: {pair.count:,} images, {pair.share:.0%} of all {pair.label}",
            _faces(material, pair.examples),
        )
        for pair in pairs
    ]
    return Section("Confusions", figures=drawn, galleries=examples)


def _calibration(material: Material) -> Section:
    """Reliability before and after, risk over coverage, and the threshold in words."""
    y_true, p = material.probabilities.y_true, material.probabilities.probabilities
    fitted = material.fitted
    after = reliability(material.calibrated, y_true) if fitted.known else None
    risk = RiskCoveragePlot(risk_coverage(material.calibrated, y_true), fitted.uncertain_below)
    (one, left), (two, right) = new_figure(4.8, 4.4), new_figure(4.8, 4.4)
    ReliabilityPlot(reliability(p, y_true), after, fitted.temperature).draw(left)
    risk.draw(right)
    drawn = [
        _card(one, name="reliability", alt="Share of right predictions by confidence, before and after calibration"),
        _card(two, name="risk-coverage", alt="Share of wrong predictions by share of images that are not left out"),
    ]
    return Section(
        "Calibration",
        before=[_temperature(material)],
        figures=drawn,
        tables=_calibrated_table(material),
        after=_threshold(material, risk),
    )


def _temperature(material: Material) -> str:
    if not material.fitted.known:
        return "Nothing is calibrated yet: the temperature is fitted on val, which was not scored."
    value = material.fitted.temperature
    meaning = "too sure of itself" if value > 1 else "less sure than it may be"
    own = material.scores is material.run
    where = "val, the images shown here," if own and material.split == "val" else "val" if own else "its own val"
    return (
        f"The temperature, fitted on {where} is {value:.3f}: as trained, the network is {meaning}. Probabilities "
        "become softmax(log p / T); answers stay the same. Predictions of the exported model are calibrated so."
    )


def _calibrated_table(material: Material) -> list[Table]:
    calibrated, scores = material.evaluation.calibrated, material.evaluation.scores
    if calibrated is None:
        return []
    fields = {"log loss": "log_loss", "Brier score": "brier", "calibration error (ECE)": "ece"}
    rows = [
        (name, number(getattr(scores, field)), number(getattr(calibrated, field))) for name, field in fields.items()
    ]
    return [Table(("score", "as trained", f"at temperature {calibrated.temperature:.2f}"), rows)]


def _threshold(material: Material, risk: RiskCoveragePlot) -> list[str]:
    below = material.fitted.uncertain_below
    if not below:
        return []
    rule = (
        f"A prediction with less than {below:.0%} confidence is called uncertain: of such predictions on val, fewer "
        "than half were right."
    )
    if risk.certain is None:
        return [f"{rule} Here every prediction is."]
    coverage, wrong = risk.certain
    total = risk.curve.risk[-1]
    unsure = (total - coverage * wrong) / (1 - coverage) if coverage < 1 else 0.0
    return [
        f"{rule} Here {coverage:.1%} of the predictions are not uncertain, and {1 - wrong:.1%} of them are right; of "
        f"the uncertain ones {1 - unsure:.1%} are."
    ]


def _mistakes(material: Material) -> Section | None:
    """The surest mistakes and the least sure right predictions; nothing when the images are not known."""
    if material.facts is None:
        return None
    arrays = (material.probabilities.y_true, material.calibrated)
    votes = ", the taggers' votes" if material.facts.votes is not None else ""
    wrong = _faces(material, surest_mistakes(*arrays, limit=_WRONG_SHOWN))
    right = _faces(material, unsurest_hits(*arrays, limit=_RIGHT_SHOWN))
    shown = [("Surest mistakes", wrong), ("Least sure right predictions", right)]
    return Section(
        "Mistakes",
        before=[f"Under each face: label and prediction, the likeliest emotions in percent{votes}."],
        galleries=[(heading, faces) for heading, faces in shown if faces],
    )


def _labels(material: Material) -> Section | None:
    """What confident learning suspects; nothing when it suspects nothing."""
    issues = material.label_issues
    if not issues.rows.size:
        return None
    n = len(material.probabilities.y_true)
    text = (
        f"Confident learning (Northcutt et al. 2021) suspects {len(issues.rows):,} of {n:,} labels "
        f"({len(issues.rows) / n:.1%}). Accuracy is {issues.accuracy:.1%} with them and {issues.accuracy_without:.1%} "
        "without. The second number is too good, since a label is suspected for disagreeing with the network: the "
        "truth lies between."
    )
    fitted_to = material.split == "train" and material.scores is material.run
    remark = "The network was fitted to these very labels, so that most wrong ones do not show."
    return Section(
        "Suspected labels",
        before=[text, *([_judgement(issues)] if issues.judged else [])],
        galleries=[("", _faces(material, issues.rows[:_SUSPECTED_SHOWN]))],
        remarks=[remark] if fitted_to else [],
    )


def _judgement(issues: LabelIssues) -> str:
    return (
        f"The FER+ taggers have a majority on {issues.judged:,} of these images: it is the network's answer on "
        f"{issues.votes_for_suggested / issues.judged:.1%} of them, the label on "
        f"{issues.votes_for_label / issues.judged:.1%}, and a third emotion on the rest."
    )


def _explanations(material: Material) -> Section | None:
    """The pictures that others bring; nothing when there are none."""
    drawn = [
        _card(one.figure, name=one.name, alt=one.caption, caption=one.caption, photographic=one.photographic)
        for one in material.explanations
    ]
    return Section("Explanations", figures=drawn) if drawn else None


def _environment(material: Material) -> Section | None:
    """What it takes to make the run again: versions, machine, and the complete config, closed at first."""
    parts = {"Environment": _flat(material.environment), "Config": _flat(material.config)}
    closed = {name: values for name, values in parts.items() if values}
    return Section("Environment and config", closed=closed) if closed else None


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested values by dotted names."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        if key in _LEFT_OUT and not prefix:
            continue
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            flat[prefix + key] = ", ".join(map(str, value)) or "–"
        else:
            flat[prefix + key] = "–" if value is None or value == "" else str(value)
    return flat


def _faces(material: Material, rows: Iterable[int]) -> list[Face]:
    """Faces of the reported split; none when the images are not known."""
    return [] if material.facts is None else [_face(material, int(row)) for row in rows]


def _face(material: Material, row: int) -> Face:
    assert material.facts is not None
    p = material.calibrated[row]
    codes = np.argsort(-p, kind="stable").tolist()
    return Face(
        source=_uri(material.facts.images[row]),
        name=str(material.probabilities.sample_ids[row]),
        label=EMOTIONS[material.probabilities.y_true[row]],
        predicted=EMOTIONS[codes[0]],
        bars=[Bar(code, EMOTIONS[code], f"{100 * p[code]:.0f}") for code in codes[:_BARS]],
        votes=_votes(material, row),
    )


def _uri(image: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", optimize=True)
    return png_uri(buffer.getvalue())


def _votes(material: Material, row: int) -> str:
    votes = None if material.facts is None else material.facts.votes
    if votes is None or np.isnan(votes[row]).any():
        return ""
    codes = [code for code in np.argsort(-votes[row], kind="stable").tolist() if votes[row][code] > 0]
    return ", ".join(f"{EMOTIONS[code]} {votes[row][code]:.0f}" for code in codes[:_BARS]) or "none of the seven"


SECTIONS: Mapping[str, Callable[[Material], Section | None]] = {
    "data": _data,
    "training": _training,
    "scores": _scores,
    "confusions": _confusions,
    "calibration": _calibration,
    "mistakes": _mistakes,
    "labels": _labels,
    "explanations": _explanations,
    "environment": _environment,
}
"""By anchor, in the order of the page."""
