"""Scores of probabilities against labels: each a function of two arrays, scikit-learn's wherever it has the metric.

Every function takes `y_true`, int (N,) with codes 0 to 6, and `probabilities`, float (N, 7) in `EMOTIONS` order, and
refuses an empty split, NaN, and rows that do not sum to 1. The answer of a row is its largest probability, the first
of several equal ones. `*_score` is better when higher, `*_loss` and `*_error` when lower.

No result is NaN. Averages over classes (balanced accuracy, macro F1, macro AUC) are over the classes that occur in
`y_true`, because a class with nothing to find can be neither found nor missed. Intervals of all but accuracy are
`bootstrap`'s business.

Only NumPy and scikit-learn are imported here, so that training can use it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from sklearn import metrics as sk

from mien.emotions import NUM_EMOTIONS
from mien.errors import DataError
from mien.probabilities import SUM_TOLERANCE

__all__ = [
    "CALIBRATION_BINS",
    "PerClass",
    "accuracy_score",
    "accuracy_with_interval",
    "average_precision_scores",
    "balanced_accuracy_score",
    "brier_loss",
    "calibration_error",
    "checked",
    "confidence_bins",
    "confusion_matrix",
    "log_loss",
    "macro_f1_score",
    "per_class",
    "roc_auc_scores",
    "top2_accuracy_score",
    "weighted_f1_score",
    "wilson_interval",
]

CALIBRATION_BINS = 15
"""Equal-width bins of confidence, as in Guo et al. 2017, "On calibration of modern neural networks"."""

_LABELS = range(NUM_EMOTIONS)
_Z_95 = 1.959963984540054  # two-sided 95 % point of the normal distribution


@dataclass(frozen=True)
class PerClass:
    """Scores of each emotion against all others, in `EMOTIONS` order.

    Attributes:
        precision: float64 (7,), share of the answers that are right; 0 where the class was never answered.
        recall: float64 (7,), share of the class that was found; 0 where the class does not occur.
        f1: float64 (7,), their harmonic mean; 0 where both are.
        support: int64 (7,), images with this label; 0 says that the other numbers of the class mean nothing.
    """

    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    support: np.ndarray


def checked(y_true: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels as int64 (N,) and probabilities as float64 (N, 7) with rows that sum to 1 exactly.

    Raises:
        DataError: There are no images, the shapes do not fit, a label is not 0 to 6, or a row is no distribution.
    """
    y_true, probabilities = np.asarray(y_true), np.asarray(probabilities)
    if probabilities.shape != (y_true.size, NUM_EMOTIONS) or y_true.ndim != 1:
        raise DataError(
            f"Expected labels (N,) and probabilities (N, {NUM_EMOTIONS}). "
            f"Received: {y_true.shape} and {probabilities.shape}. Score both of the same split."
        )
    if not y_true.size:
        raise DataError(
            "Expected at least one image to evaluate. Received: an empty split. Choose another with --split."
        )
    if y_true.dtype.kind not in "iu" or not np.isin(y_true, _LABELS).all():
        raise DataError(
            f"Expected labels as integers 0 to {NUM_EMOTIONS - 1}. Received: {y_true.dtype} from {y_true.min()} to "
            f"{y_true.max()}. Check the dataset with: mien data check"
        )
    probabilities = probabilities.astype(np.float64)
    _refuse_bad_rows(probabilities)
    return y_true.astype(np.int64), probabilities / probabilities.sum(axis=1, keepdims=True)


def _refuse_bad_rows(probabilities: np.ndarray) -> None:
    good = np.isfinite(probabilities).all(axis=1) & (probabilities >= 0).all(axis=1)
    with np.errstate(invalid="ignore", over="ignore"):
        good &= np.abs(probabilities.sum(axis=1) - 1) <= SUM_TOLERANCE
    if not good.all():
        row = int(np.argmin(good))
        raise DataError(
            f"Expected probabilities from 0 to 1 that sum to 1 in each row. Received: {np.sum(~good):,} rows that do "
            f"not, the first is row {row}: {np.array2string(probabilities[row], precision=3)}. Score the split again."
        )


def accuracy_score(y_true: np.ndarray, probabilities: np.ndarray) -> float:
    """Share of images whose answer is their label, 0 to 1."""
    y_true, probabilities = checked(y_true, probabilities)
    return float(sk.accuracy_score(y_true, probabilities.argmax(axis=1)))


def accuracy_with_interval(y_true: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Accuracy, its 95 % Wilson interval and the number of images, under the names that a model's card has for them."""
    accuracy = accuracy_score(y_true, probabilities)
    low, high = wilson_interval(accuracy, len(y_true))
    return {"accuracy": accuracy, "accuracy_low": low, "accuracy_high": high, "n": len(y_true)}


def balanced_accuracy_score(y_true: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean recall of the classes that occur, 0 to 1: every emotion counts alike, however rare."""
    y_true, probabilities = checked(y_true, probabilities)
    # recall_score gives what balanced_accuracy_score does, without its warning about answers that never occur.
    return float(
        sk.recall_score(
            y_true, probabilities.argmax(axis=1), labels=np.unique(y_true), average="macro", zero_division=0
        )
    )


def top2_accuracy_score(y_true: np.ndarray, probabilities: np.ndarray) -> float:
    """Share of images whose label is among the two most likely emotions, 0 to 1."""
    y_true, probabilities = checked(y_true, probabilities)
    # Of equal probabilities scikit-learn takes the last, argmax the first; on reversed columns they agree.
    return float(
        sk.top_k_accuracy_score(NUM_EMOTIONS - 1 - y_true, probabilities[:, ::-1], k=2, labels=np.array(_LABELS))
    )


def macro_f1_score(y_true: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean F1 of the classes that occur, 0 to 1."""
    y_true, probabilities = checked(y_true, probabilities)
    answers = probabilities.argmax(axis=1)
    return float(sk.f1_score(y_true, answers, labels=np.unique(y_true), average="macro", zero_division=0))


def weighted_f1_score(y_true: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean F1 of the classes, each weighted by how often it occurs, 0 to 1."""
    y_true, probabilities = checked(y_true, probabilities)
    return float(sk.f1_score(y_true, probabilities.argmax(axis=1), average="weighted", zero_division=0))


def per_class(y_true: np.ndarray, probabilities: np.ndarray) -> PerClass:
    """Precision, recall, F1 and support of each emotion."""
    y_true, probabilities = checked(y_true, probabilities)
    return PerClass(
        *sk.precision_recall_fscore_support(y_true, probabilities.argmax(axis=1), labels=_LABELS, zero_division=0)
    )


def confusion_matrix(y_true: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """int64 (7, 7): how many images of the row's label were given the column's answer."""
    y_true, probabilities = checked(y_true, probabilities)
    counts: np.ndarray = sk.confusion_matrix(y_true, probabilities.argmax(axis=1), labels=_LABELS)
    return counts


def log_loss(y_true: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean −ln of the label's probability, 0 or more; a probability of 0 counts as 2.2e-16, so it is finite."""
    y_true, probabilities = checked(y_true, probabilities)
    return float(sk.log_loss(y_true, probabilities, labels=_LABELS))


def brier_loss(y_true: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean squared distance from the truth, summed over the seven emotions, 0 to 2 (Brier 1950)."""
    y_true, probabilities = checked(y_true, probabilities)
    # scikit-learn's brier_score_loss knows more than two classes only from 1.7 on; the tests compare with it.
    return float(np.mean(np.sum((probabilities - np.eye(NUM_EMOTIONS)[y_true]) ** 2, axis=1)))


def roc_auc_scores(y_true: np.ndarray, probabilities: np.ndarray) -> dict[int, float]:
    """Area under the ROC curve of each emotion against all others, 0 to 1, 0.5 by chance.

    Returns:
        By code, for the classes that some images have and some have not; others have no such curve.
    """
    y_true, probabilities = checked(y_true, probabilities)
    return {c: float(sk.roc_auc_score(y_true == c, probabilities[:, c])) for c in _separable(y_true)}


def average_precision_scores(y_true: np.ndarray, probabilities: np.ndarray) -> dict[int, float]:
    """Area under the precision–recall curve of each emotion against all others, 0 to 1, its share by chance.

    It is the average precision: the curve is taken in steps, since joining its points by lines flatters it
    (Davis & Goadrich 2006).

    Returns:
        By code, for the classes that some images have and some have not.
    """
    y_true, probabilities = checked(y_true, probabilities)
    return {c: float(sk.average_precision_score(y_true == c, probabilities[:, c])) for c in _separable(y_true)}


def _separable(y_true: np.ndarray) -> list[int]:
    counts = np.bincount(y_true, minlength=NUM_EMOTIONS)
    return [c for c in _LABELS if 0 < counts[c] < len(y_true)]


def confidence_bins(confidence: np.ndarray, bins: int = CALIBRATION_BINS) -> np.ndarray:
    """The equal-width bin of each confidence, int64 (N,), 0 to bins − 1; bin b is the interval (b/bins, (b+1)/bins]."""
    return np.asarray(np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1))


def calibration_error(y_true: np.ndarray, probabilities: np.ndarray, *, bins: int = CALIBRATION_BINS) -> float:
    """Expected calibration error (ECE), 0 to 1: how far confidence and accuracy lie apart, bin by bin.

    Answers are put into equal-width bins of their confidence; the error is the mean over bins of
    |accuracy − mean confidence|, each bin weighted by its share of images (Guo et al. 2017, arXiv:1706.04599).
    scikit-learn has no such metric.
    """
    y_true, probabilities = checked(y_true, probabilities)
    confidence = probabilities.max(axis=1)
    surplus = (probabilities.argmax(axis=1) == y_true) - confidence
    return float(np.abs(np.bincount(confidence_bins(confidence, bins), weights=surplus)).sum() / len(y_true))


def wilson_interval(share: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share, by Wilson's score (Wilson 1927): good for small n and near 0 and 1.

    Args:
        share: Successes over n, 0 to 1.
        n: How many there were, at least 1.

    Returns:
        The low and high end, 0 to 1; `share` lies between them.

    Raises:
        DataError: `n` is not at least 1 or `share` is not 0 to 1.
    """
    if n < 1 or not 0 <= share <= 1:
        raise DataError(f"Expected a share from 0 to 1 of at least one image. Received: {share} of {n}.")
    spread = _Z_95**2 / n
    middle = (share + spread / 2) / (1 + spread)
    half = _Z_95 / (1 + spread) * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    # Rounding may put an end on the wrong side of 0, 1 or the share itself.
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))
