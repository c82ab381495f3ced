"""`evaluate`: everything that is said about one model on one split, as a value that becomes `metrics_<split>.json`.

It puts scores and their intervals together; how each is computed is the business of `metrics`, `bootstrap`,
`calibration` and `votes`. It reads and writes no file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.data.dataset import SPLIT_NAMES
from mien.emotions import EMOTIONS
from mien.errors import DataError
from mien.evaluate import metrics
from mien.evaluate.bootstrap import PROPER, RESAMPLES, bootstrap_intervals
from mien.evaluate.votes import VoteAgreement, vote_agreement
from mien.probabilities import apply_temperature
from mien.run import Probabilities

__all__ = ["Calibrated", "ClassScores", "Estimate", "Evaluation", "Scores", "check_split_name", "evaluate", "score"]


@dataclass(frozen=True)
class Estimate:
    """A score and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ClassScores:
    """One emotion against all others; None where the images cannot tell (the class, or all else, does not occur)."""

    support: int
    """Images with this label."""
    precision: Estimate | None
    """Share of the answers with this emotion that are right."""
    recall: Estimate | None
    """Share of the images with this label that were found."""
    f1: Estimate | None
    """Harmonic mean of the two."""
    roc_auc: Estimate | None
    """Area under the ROC curve."""
    average_precision: Estimate | None
    """Area under the precision–recall curve."""


@dataclass(frozen=True)
class Scores:
    """A set of images scored; accuracy has a Wilson interval, all else a bootstrap one."""

    n: int
    """Images."""
    accuracy: Estimate
    """Share of answers that equal the label."""
    balanced_accuracy: Estimate
    """Mean recall of the emotions."""
    top2_accuracy: Estimate
    """Share of labels among the two most likely emotions."""
    macro_f1: Estimate
    """Mean F1 of the emotions."""
    weighted_f1: Estimate
    """Mean F1 weighted by support."""
    log_loss: Estimate
    """Mean −ln of the label's probability."""
    brier: Estimate
    """Mean squared distance of the probabilities from the truth, 0 to 2."""
    ece: Estimate
    """Expected calibration error in 15 equal-width bins."""
    macro_roc_auc: Estimate | None
    """Mean ROC AUC of the emotions."""
    macro_average_precision: Estimate | None
    """Mean area under the precision–recall curves."""
    per_class: Mapping[str, ClassScores]
    """By emotion."""
    confusion: tuple[tuple[int, ...], ...]
    """Images by label (row) and answer (column), in the order of EMOTIONS."""


@dataclass(frozen=True)
class Calibrated:
    """What the temperature changes; answers, and so accuracy and F1, stay as they are."""

    temperature: float
    """Fitted on val."""
    log_loss: Estimate
    """After calibration."""
    brier: Estimate
    """After calibration."""
    ece: Estimate
    """After calibration."""


@dataclass(frozen=True)
class Evaluation:
    """What is known of a model on one split."""

    split: str
    """`train`, `val` or `test`."""
    scores: Scores
    """On all images of the split."""
    identical_to_train: int | None = None
    """Images that are pixel by pixel equal to one of train; None when that was not looked at."""
    scores_without_identical: Scores | None = None
    """On the others; None when there is no difference or it was not looked at."""
    calibrated: Calibrated | None = None
    """With the temperature fitted on val, when there is one."""
    votes: VoteAgreement | None = None
    """Agreement with the FER+ taggers, where their votes are known."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: estimates as `{"value", "low", "high"}`, unknown things as null."""
        return dataclasses.asdict(self)


def evaluate(
    probabilities: Probabilities,
    *,
    split: str,
    identical_to_train: np.ndarray | None = None,
    votes: np.ndarray | None = None,
    temperature: float = 1.0,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Evaluation:
    """Score a model on a split.

    Args:
        probabilities: What the model said.
        split: The split's name; an evaluation always names it.
        identical_to_train: bool (N,), the images that are also in train. Scores without them are given too, since
            a model may know their labels by heart.
        votes: float (N, 7), FER+ votes; NaN rows where unknown.
        temperature: Fitted on val; 1 when there is none.
        seed: Decides the bootstrap.
        resamples: Number of bootstrap resamples.

    Returns:
        Scores with intervals; `to_dict()` of it is the run's metrics file.

    Raises:
        DataError: The split is empty or unknown, or arrays do not fit each other or hold no probabilities.
    """
    check_split_name(split)
    y_true, p = metrics.checked(probabilities.y_true, probabilities.probabilities)
    identical = None if identical_to_train is None else _checked_mask(identical_to_train, len(y_true))
    return Evaluation(
        split=split,
        scores=score(y_true, p, seed=seed, resamples=resamples),
        identical_to_train=None if identical is None else int(identical.sum()),
        scores_without_identical=_without(identical, y_true, p, seed, resamples),
        calibrated=None if temperature == 1 else _calibrated(y_true, p, temperature, seed, resamples),
        votes=None if votes is None else vote_agreement(y_true, p, votes),
    )


def check_split_name(name: str) -> None:
    """Refuse anything but `train`, `val` and `test`.

    Raises:
        DataError: The name is another.
    """
    if name not in SPLIT_NAMES:
        raise DataError(f"Expected a split of {', '.join(SPLIT_NAMES)}. Received: {name!r}. Use --split val.")


def score(y_true: np.ndarray, probabilities: np.ndarray, *, seed: int = 0, resamples: int = RESAMPLES) -> Scores:
    """All scores of a set of images, with intervals.

    Args:
        y_true: int (N,).
        probabilities: float (N, 7).
        seed: Decides the bootstrap.
        resamples: Number of bootstrap resamples.

    Raises:
        DataError: The arrays cannot be scored.
    """
    y_true, p = metrics.checked(y_true, probabilities)
    ends = bootstrap_intervals(y_true, p, seed=seed, resamples=resamples)
    roc, average_precision = metrics.roc_auc_scores(y_true, p), metrics.average_precision_scores(y_true, p)
    accuracy = metrics.accuracy_score(y_true, p)
    return Scores(
        n=len(y_true),
        accuracy=Estimate(accuracy, *metrics.wilson_interval(accuracy, len(y_true))),
        balanced_accuracy=_estimate(metrics.balanced_accuracy_score(y_true, p), ends["balanced_accuracy"]),
        top2_accuracy=_estimate(metrics.top2_accuracy_score(y_true, p), ends["top2_accuracy"]),
        macro_f1=_estimate(metrics.macro_f1_score(y_true, p), ends["macro_f1"]),
        weighted_f1=_estimate(metrics.weighted_f1_score(y_true, p), ends["weighted_f1"]),
        log_loss=_estimate(metrics.log_loss(y_true, p), ends["log_loss"]),
        brier=_estimate(metrics.brier_loss(y_true, p), ends["brier"]),
        ece=_estimate(metrics.calibration_error(y_true, p), ends["ece"]),
        macro_roc_auc=_mean_estimate(roc, ends["macro_roc_auc"]),
        macro_average_precision=_mean_estimate(average_precision, ends["macro_average_precision"]),
        per_class=_class_scores(metrics.per_class(y_true, p), roc, average_precision, ends),
        confusion=tuple(tuple(map(int, row)) for row in metrics.confusion_matrix(y_true, p)),
    )


def _class_scores(
    table: metrics.PerClass, roc: dict[int, float], average_precision: dict[int, float], ends: dict[str, np.ndarray]
) -> dict[str, ClassScores]:
    def known(name: str, values: np.ndarray | dict[int, float], code: int) -> Estimate | None:
        defined = code in values if isinstance(values, dict) else table.support[code] > 0
        return _estimate(float(values[code]), ends[name][:, code]) if defined else None

    return {
        emotion: ClassScores(
            support=int(table.support[code]),
            precision=known("precision", table.precision, code),
            recall=known("recall", table.recall, code),
            f1=known("f1", table.f1, code),
            roc_auc=known("roc_auc", roc, code),
            average_precision=known("average_precision", average_precision, code),
        )
        for code, emotion in enumerate(EMOTIONS)
    }


def _estimate(value: float, ends: np.ndarray) -> Estimate:
    """A score with its interval, widened to hold the score itself (a few images can resample to one side of it)."""
    low, high = np.nan_to_num(ends, nan=value)
    return Estimate(value, float(min(low, value)), float(max(high, value)))


def _mean_estimate(scores: dict[int, float], ends: np.ndarray) -> Estimate | None:
    return _estimate(float(np.mean(list(scores.values()))), ends) if scores else None


def _checked_mask(mask: np.ndarray, n: int) -> np.ndarray:
    mask = np.asarray(mask)
    if mask.shape != (n,) or mask.dtype != np.bool_:
        raise DataError(
            f"Expected identical_to_train as bool ({n},). Received: {mask.dtype} {mask.shape}. "
            "Use the dataset that the probabilities were computed on."
        )
    return mask


def _without(
    identical: np.ndarray | None, y_true: np.ndarray, p: np.ndarray, seed: int, resamples: int
) -> Scores | None:
    if identical is None or not identical.any() or identical.all():
        return None
    return score(y_true[~identical], p[~identical], seed=seed, resamples=resamples)


def _calibrated(y_true: np.ndarray, p: np.ndarray, temperature: float, seed: int, resamples: int) -> Calibrated:
    p = apply_temperature(p, temperature)
    ends = bootstrap_intervals(y_true, p, scores=PROPER, seed=seed, resamples=resamples)
    return Calibrated(
        temperature=float(temperature),
        log_loss=_estimate(metrics.log_loss(y_true, p), ends["log_loss"]),
        brier=_estimate(metrics.brier_loss(y_true, p), ends["brier"]),
        ece=_estimate(metrics.calibration_error(y_true, p), ends["ece"]),
    )
