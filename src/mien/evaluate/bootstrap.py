"""How sure a score is: percentile intervals from a seeded bootstrap, all resamples at once.

A resample of N images is the same as counting each image 0, 1, 2 … times, so every score of every resample is a
product of the matrix of counts with per-image columns (or, for the areas under curves, a running sum along the order
of the images). That is exact, agrees with scikit-learn's `sample_weight` (tested), and takes one second where
calling scikit-learn a thousand times takes minutes.

Efron & Tibshirani 1993, "An introduction to the bootstrap", chapter 13.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np

from mien.emotions import NUM_EMOTIONS
from mien.errors import DataError
from mien.evaluate.metrics import CALIBRATION_BINS, calibration_error, checked, confidence_bins

__all__ = [
    "LEVEL",
    "PER_CLASS",
    "PROPER",
    "RESAMPLES",
    "SCORES",
    "bootstrap_intervals",
    "bootstrap_values",
    "percentiles",
    "resample_counts",
]

RESAMPLES = 1000
"""Enough for the ends of a 95 % interval to be steady to about a tenth of its width."""
LEVEL = 0.95
_CHUNK_VALUES = 1_000_000  # counts held at a time: 8 MB, which stays in the cache of most machines

_PLAIN = ("accuracy", "balanced_accuracy", "top2_accuracy", "macro_f1", "weighted_f1")
PROPER = ("log_loss", "brier", "ece")
"""Scores of the probabilities themselves: what calibration changes."""
_MACRO_AREAS = ("macro_roc_auc", "macro_average_precision")
SCORES = (*_PLAIN, *PROPER, *_MACRO_AREAS)
"""Scores of a split: one number per resample."""
PER_CLASS = ("precision", "recall", "f1", "roc_auc", "average_precision")
"""Scores of an emotion: seven numbers per resample."""

_AREAS = {*_MACRO_AREAS, "roc_auc", "average_precision"}

# Per-image columns, (N, k) each.
_Columns = dict[str, np.ndarray]


def resample_counts(n: int, *, resamples: int = RESAMPLES, seed: int = 0) -> Iterator[np.ndarray]:
    """How often each image is drawn in each resample, some resamples at a time.

    Args:
        n: Number of images.
        resamples: Number of resamples in all.
        seed: The same seed and n give the same resamples, so that two models can be compared on them.

    Yields:
        float64 (b, n) whose rows sum to n; the b add up to `resamples`.
    """
    random = np.random.default_rng(seed)
    step = max(1, _CHUNK_VALUES // n)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = random.integers(0, n, size=(rows, n)) + np.arange(rows)[:, None] * n
        yield np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


def bootstrap_values(
    y_true: np.ndarray,
    probabilities: np.ndarray,
    *,
    scores: tuple[str, ...] = (*SCORES, *PER_CLASS),
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Scores of every resample.

    Args:
        y_true: int (N,).
        probabilities: float (N, 7).
        scores: Names of `SCORES` and `PER_CLASS`; fewer take less time.
        resamples: Number of resamples.
        seed: Decides the resamples. Two models with the same images, seed and number are scored on the same ones, so
            the differences of their values are those of a paired bootstrap.

    Returns:
        Per name float64 (resamples,) for `SCORES`, (resamples, 7) for `PER_CLASS`; NaN where a resample leaves a score
        undefined (a class that was not drawn).

    Raises:
        DataError: The arrays cannot be scored, or a name is unknown.
    """
    y_true, probabilities = checked(y_true, probabilities)
    unknown = set(scores) - {*SCORES, *PER_CLASS}
    if unknown:
        raise DataError(
            f"Expected scores of {', '.join((*SCORES, *PER_CLASS))}. Received: {', '.join(sorted(unknown))}."
        )
    columns = _columns(y_true, probabilities)
    rankings = _rankings(y_true, probabilities) if set(scores) & _AREAS else []
    parts = []
    for counts in resample_counts(len(y_true), resamples=resamples, seed=seed):
        values = _scores(counts, columns) | (_areas(counts, rankings) if rankings else {})
        parts.append({name: values[name] for name in scores})
    return {name: np.concatenate([part[name] for part in parts]) for name in scores}


def bootstrap_intervals(
    y_true: np.ndarray,
    probabilities: np.ndarray,
    *,
    scores: tuple[str, ...] = (*SCORES, *PER_CLASS),
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """The 95 % interval of scores.

    Args:
        y_true: int (N,).
        probabilities: float (N, 7).
        scores: Names of `SCORES` and `PER_CLASS`; fewer take less time.
        resamples: Number of resamples.
        seed: Decides the resamples.

    Returns:
        Per name the low and high end: float64 (2,) for `SCORES`, (2, 7) for `PER_CLASS`. Resamples in which a score is
        undefined are left out; where all are, both ends are NaN. A resample repeats images, which makes any model look
        worse calibrated than it is, so `ece` is corrected by that bias.

    Raises:
        DataError: The arrays cannot be scored, or a name is unknown.
    """
    values = bootstrap_values(y_true, probabilities, scores=scores, resamples=resamples, seed=seed)
    if "ece" in values:
        values["ece"] = _without_bias(values["ece"], calibration_error(y_true, probabilities))
    return {name: percentiles(drawn) for name, drawn in values.items()}


def percentiles(values: np.ndarray, *, level: float = LEVEL) -> np.ndarray:
    """Low and high end of the middle `level` of values along the first axis, NaN left out: (resamples, …) → (2, …)."""
    tail = (1 - level) / 2
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        ends: np.ndarray = np.nanquantile(values, [tail, 1 - tail], axis=0)
    return ends


def _without_bias(values: np.ndarray, observed: float) -> np.ndarray:
    """Values of a score that is biased upwards by resampling, moved so that their mean is the observed one.

    ECE sums absolute differences, which noise can only raise; uncorrected, the interval of a well calibrated model
    lies above its own ECE (Efron & Tibshirani 1993, chapter 10; Kumar et al. 2019, arXiv:1909.10155).
    """
    return np.asarray(np.maximum(values - (values.mean() - observed), 0.0))


def _columns(y_true: np.ndarray, probabilities: np.ndarray) -> _Columns:
    rows = np.arange(len(y_true))
    confidence = probabilities.max(axis=1)
    # Ordered as in metrics.top2_accuracy_score: of equal probabilities the first emotion leads.
    order = np.argsort(-probabilities, axis=1, kind="stable")
    truth = np.eye(NUM_EMOTIONS)[y_true]
    surplus = np.zeros((len(y_true), CALIBRATION_BINS))
    surplus[rows, confidence_bins(confidence)] = (order[:, 0] == y_true) - confidence
    # The smallest float64 step is where scikit-learn's log_loss clips, too.
    of_label = np.maximum(probabilities[rows, y_true], np.finfo(np.float64).eps)
    return {
        "confusion": np.eye(NUM_EMOTIONS**2)[y_true * NUM_EMOTIONS + order[:, 0]],  # (N, 49)
        "means": np.column_stack(
            [
                (order[:, :2] == y_true[:, None]).any(axis=1),
                -np.log(of_label),
                ((probabilities - truth) ** 2).sum(axis=1),
            ]
        ),  # (N, 3)
        "surplus": surplus,  # (N, 15)
    }


def _scores(counts: np.ndarray, columns: _Columns) -> dict[str, np.ndarray]:
    n = counts.shape[1]
    confusion = (counts @ columns["confusion"]).reshape(-1, NUM_EMOTIONS, NUM_EMOTIONS)  # (b, 7, 7)
    hits, support = np.einsum("bii->bi", confusion), confusion.sum(axis=2)  # (b, 7)
    answered = confusion.sum(axis=1)
    recall = _divide(hits, support)
    # Never answered but there to be found: precision 0, as in metrics.per_class.
    precision = np.where(support > 0, _divide(hits, answered, 0.0), np.nan)
    f1 = np.where(support > 0, _divide(2 * hits, support + answered, 0.0), np.nan)
    top2, loss, brier = (counts @ columns["means"]).T / n
    return {
        "accuracy": hits.sum(axis=1) / n,
        "balanced_accuracy": _mean_of_defined(recall),
        "top2_accuracy": top2,
        "macro_f1": _mean_of_defined(f1),
        "weighted_f1": np.nansum(f1 * support, axis=1) / n,
        "log_loss": loss,
        "brier": brier,
        "ece": np.abs(counts @ columns["surplus"]).sum(axis=1) / n,
        "precision": precision,
        "recall": recall,
        "f1": f1,
    }


def _rankings(y_true: np.ndarray, probabilities: np.ndarray) -> list[_Ranking | None]:
    """By code; None for a class that does not occur."""
    return [_Ranking(y_true == c, probabilities[:, c]) if (y_true == c).any() else None for c in range(NUM_EMOTIONS)]


class _Ranking:
    """The images in falling order of one emotion's probability, and the places that decide the areas under its curves.

    Both areas are sums over thresholds (groups of equal probability) that hold images of the class; all others add
    nothing, so only the running counts before and after those groups are needed.
    """

    def __init__(self, is_class: np.ndarray, probability: np.ndarray) -> None:
        self._order = np.argsort(-probability, kind="stable")
        falling, positive = probability[self._order], is_class[self._order]
        group = np.cumsum(np.append(False, falling[1:] < falling[:-1]))  # (N,), 0, 1, 2 …
        self._positives = self._order[positive]
        groups, self._first_positive = np.unique(group[positive], return_index=True)
        self._starts = np.searchsorted(group, groups, side="left")
        self._ends = np.searchsorted(group, groups, side="right")

    def areas(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """ROC AUC and average precision of each resample, (b,) each; NaN where the class, or all else, is absent."""
        # float32 counts exactly up to 16 million.
        ranked = np.zeros((len(counts), counts.shape[1] + 1), np.float32)
        np.cumsum(counts[:, self._order], axis=1, out=ranked[:, 1:])
        before, answered = ranked[:, self._starts], ranked[:, self._ends]  # (b, groups)
        gained = np.add.reduceat(counts[:, self._positives], self._first_positive, axis=1).astype(np.float64)
        found = np.cumsum(gained, axis=1)
        positives = found[:, -1]
        negatives = ranked[:, -1] - positives
        false, false_before = answered - found, before - (found - gained)
        # An image of the class is ranked right above every other one that comes later; those beside it count half.
        ranked_right = negatives[:, None] - (false + false_before) / 2
        roc = _divide((gained * ranked_right).sum(axis=1), positives * negatives)
        precision = _divide(found, answered, 0.0)
        average_precision = np.where(negatives > 0, _divide((gained * precision).sum(axis=1), positives), np.nan)
        return roc, average_precision


def _areas(counts: np.ndarray, rankings: list[_Ranking | None]) -> dict[str, np.ndarray]:
    small = counts.astype(np.float32)
    undefined = np.full(len(counts), np.nan)
    areas = [(undefined, undefined) if ranking is None else ranking.areas(small) for ranking in rankings]
    roc, average_precision = (np.stack(part, axis=1) for part in zip(*areas, strict=True))  # (b, 7)
    return {
        "roc_auc": roc,
        "average_precision": average_precision,
        "macro_roc_auc": _mean_of_defined(roc),
        "macro_average_precision": _mean_of_defined(average_precision),
    }


def _mean_of_defined(values: np.ndarray) -> np.ndarray:
    """Mean along the second axis of what is not NaN; NaN where nothing is left."""
    present = ~np.isnan(values)
    return _divide(np.where(present, values, 0.0).sum(axis=1), present.sum(axis=1))


def _divide(above: np.ndarray, below: np.ndarray, otherwise: float = np.nan) -> np.ndarray:
    """above / below, and `otherwise` where below is 0."""
    quotient: np.ndarray = np.divide(above, below, out=np.full(np.shape(above), otherwise), where=below > 0)
    return quotient
