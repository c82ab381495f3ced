"""What a probability is worth: temperature, reliability, and when an answer should be called uncertain.

Everything that is fitted here (temperature, threshold) is fitted on val and only applied to test. Only NumPy, SciPy
and scikit-learn are imported, so that the export can use it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.isotonic import IsotonicRegression

from mien.card import TEMPERATURES
from mien.emotions import NUM_EMOTIONS
from mien.errors import DataError
from mien.evaluate.metrics import CALIBRATION_BINS, calibration_error, checked, confidence_bins
from mien.probabilities import apply_temperature

__all__ = [
    "Reliability",
    "RiskCoverage",
    "fit_temperature",
    "reliability",
    "risk_coverage",
    "uncertain_threshold",
]

# Keeps the logarithm of a probability that float32 rounded to 0 finite.
_SMALLEST = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class Reliability:
    """How confident the answers are and how often they are right, bin by bin.

    Attributes:
        edges: float64 (bins + 1,), ends of the equal-width bins of confidence, 0 to 1.
        counts: int64 (bins,), answers in each bin; 0 says that the next two mean nothing there.
        confidence: float64 (bins,), mean confidence of the bin's answers.
        accuracy: float64 (bins,), share of them that is right.
        ece: The mean |accuracy − confidence|, weighted by counts.
    """

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    ece: float


@dataclass(frozen=True)
class RiskCoverage:
    """How often answers are wrong when only the most confident ones are given.

    Attributes:
        threshold: float64 (K,), falling: the confidence an answer needs to be given.
        coverage: float64 (K,), rising to 1: the share of images that get an answer.
        risk: float64 (K,), the share of the given answers that is wrong.
        area: The mean risk over all coverages (AURC, Geifman & El-Yaniv 2017), lower is better.
    """

    threshold: np.ndarray
    coverage: np.ndarray
    risk: np.ndarray
    area: float


def fit_temperature(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """The temperature that makes probabilities fit labels, or people's votes, best: the one with the lowest log loss.

    Guo et al. 2017, "On calibration of modern neural networks", arXiv:1706.04599. The log loss is convex in 1/T, so
    the search finds the one minimum, the same every time. Answers never change, only how sure they are.

    Args:
        probabilities: float (N, 7) of the val split.
        targets: int (N,) labels, or float (N, 7) shares of taggers; a row of zeros counts nothing.

    Returns:
        Above 1 when the model is too sure of itself, below 1 when it is not sure enough; 0.05 to 20.

    Raises:
        DataError: The arrays cannot be scored.
    """
    if np.ndim(targets) == 1:
        targets = np.eye(NUM_EMOTIONS)[checked(targets, probabilities)[0]]
    _, probabilities = checked(targets.argmax(axis=1), probabilities)
    logs = np.log(np.maximum(probabilities, _SMALLEST))

    def loss(log_temperature: float) -> float:
        return float(-(targets * _log_softmax(logs / math.exp(log_temperature))).sum(axis=1).mean())

    bounds = tuple(math.log(end) for end in TEMPERATURES)
    return math.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6}).x)


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def reliability(probabilities: np.ndarray, y_true: np.ndarray, *, bins: int = CALIBRATION_BINS) -> Reliability:
    """Confidence beside accuracy in equal-width bins: the numbers of a reliability diagram.

    Args:
        probabilities: float (N, 7).
        y_true: int (N,).
        bins: Number of bins.

    Raises:
        DataError: The arrays cannot be scored.
    """
    y_true, probabilities = checked(y_true, probabilities)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == y_true
    place = confidence_bins(confidence, bins)
    counts = np.bincount(place, minlength=bins)
    some = np.maximum(counts, 1)
    return Reliability(
        edges=np.linspace(0, 1, bins + 1),
        counts=counts,
        confidence=np.bincount(place, weights=confidence, minlength=bins) / some,
        accuracy=np.bincount(place, weights=right, minlength=bins) / some,
        ece=calibration_error(y_true, probabilities, bins=bins),
    )


def risk_coverage(probabilities: np.ndarray, y_true: np.ndarray) -> RiskCoverage:
    """Error among the most confident answers, for every share of images that is answered.

    Args:
        probabilities: float (N, 7).
        y_true: int (N,).

    Returns:
        One point per distinct confidence; the last has coverage 1 and the error of the whole split.

    Raises:
        DataError: The arrays cannot be scored.
    """
    y_true, probabilities = checked(y_true, probabilities)
    confidence = probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    falling = confidence[order]
    wrong = np.cumsum(probabilities.argmax(axis=1)[order] != y_true[order])
    last = np.flatnonzero(np.append(falling[:-1] > falling[1:], True))  # equal confidences come and go together
    answered = last + 1
    coverage, risk = answered / len(y_true), wrong[last] / answered
    return RiskCoverage(falling[last], coverage, risk, float(np.sum(np.diff(coverage, prepend=0.0) * risk)))


def uncertain_threshold(
    probabilities: np.ndarray, y_true: np.ndarray, *, temperature: float = 1.0, minimum_accuracy: float = 0.5
) -> float:
    """The confidence below which an answer should be called uncertain: it is more likely wrong than right.

    The rule looks at an answer as its reader does, alone: of val answers with about this confidence, fewer than half
    were right. A rule for all answers together ("as many as keep 80 % right") would depend on how many easy faces
    the photos hold, and would call good answers of a weak model uncertain, and none of a strong one. How often
    answers of a confidence are right is estimated by isotonic regression, which assumes only that more confidence
    means no fewer right answers (Zadrozny & Elkan 2002).

    Args:
        probabilities: float (N, 7) of the val split.
        y_true: int (N,).
        temperature: Applied first; the threshold is one of calibrated confidence.
        minimum_accuracy: Share of right answers that makes an answer good enough, 0 to 1.

    Returns:
        From 0 (no answer is uncertain) to 1 (every answer below certainty is).

    Raises:
        DataError: The arrays cannot be scored, or an option is out of range.
    """
    if not 0 <= minimum_accuracy <= 1:
        raise DataError(f"Expected a minimum_accuracy from 0 to 1. Received: {minimum_accuracy}. 0.5 is usual.")
    y_true, probabilities = checked(y_true, probabilities)
    confidence = apply_temperature(probabilities, temperature).max(axis=1)
    right = (probabilities.argmax(axis=1) == y_true).astype(np.float64)
    share_right = IsotonicRegression().fit(confidence, right).predict(confidence)
    good = share_right >= minimum_accuracy
    if good.all():
        return 0.0
    return float(confidence[good].min()) if good.any() else 1.0
