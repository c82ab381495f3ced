"""Labels that are probably wrong, found by confident learning, and what they cost.

Northcutt, Jiang & Chuang 2021, "Confident learning: estimating uncertainty in dataset labels", JAIR 70,
arXiv:1911.00068, as cleanlab does it. It needs probabilities of images that the model was not fitted to: val and test.
On train the model has learned the wrong labels too, and few of them show.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mien.emotions import EMOTIONS
from mien.evaluate.metrics import accuracy_score, checked
from mien.evaluate.votes import vote_majority
from mien.files import atomic_write

__all__ = ["LabelIssues", "find_label_issues", "write_label_issues"]


@dataclass(frozen=True)
class LabelIssues:
    """The suspected labels of a split.

    Attributes:
        rows: int64 (K,), rows of the split, the most suspect first.
        suggested: int64 (K,), the model's answer: what the label may have to be.
        label_probability: float64 (K,), what the model gives to the label.
        suggested_probability: float64 (K,), what it gives to the suggestion.
        accuracy: Accuracy on the whole split.
        accuracy_without: Accuracy without the suspected images. It is too good by construction, since images are
            suspected for disagreeing with the model; the truth lies between the two. NaN-free: equal to `accuracy`
            when no image is left.
        judged: Suspected images of which the FER+ taggers have a majority; 0 without votes.
        votes_for_label: How many of those majorities agree with the label.
        votes_for_suggested: How many agree with the suggestion.
    """

    rows: np.ndarray
    suggested: np.ndarray
    label_probability: np.ndarray
    suggested_probability: np.ndarray
    accuracy: float
    accuracy_without: float
    judged: int = 0
    votes_for_label: int = 0
    votes_for_suggested: int = 0


def find_label_issues(y_true: np.ndarray, probabilities: np.ndarray, *, votes: np.ndarray | None = None) -> LabelIssues:
    """Suspect labels that the model, as sure as it usually is of that emotion, takes for another.

    Args:
        y_true: int (N,), the dataset's labels.
        probabilities: float (N, 7), of images that the model was not fitted to.
        votes: float (N, 7), FER+ votes, to judge the suspicions by; NaN rows where unknown.

    Raises:
        DataError: The arrays cannot be scored.
    """
    y_true, p = checked(y_true, probabilities)
    rows = _suspects(y_true, p)
    suggested = p.argmax(axis=1)[rows]
    accuracy = accuracy_score(y_true, p)
    kept = np.delete(np.arange(len(y_true)), rows)
    without = accuracy_score(y_true[kept], p[kept]) if kept.size else accuracy
    majority = np.full(len(rows), -1) if votes is None else vote_majority(votes)[rows]
    return LabelIssues(
        rows=rows,
        suggested=suggested,
        label_probability=p[rows, y_true[rows]],
        suggested_probability=p[rows, suggested],
        accuracy=accuracy,
        accuracy_without=without,
        judged=int(np.sum(majority >= 0)),
        votes_for_label=int(np.sum(majority == y_true[rows])),
        votes_for_suggested=int(np.sum(majority == suggested)),
    )


def _suspects(y_true: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Rows, the most suspect first: those where suggestion and label are farthest apart."""
    # cleanlab wants classes that all occur; one without images cannot be what a label is confused with.
    present, labels = np.unique(y_true, return_inverse=True)
    if len(present) < 2:
        return np.zeros(0, np.int64)
    from cleanlab.filter import find_label_issues as confident_learning  # takes a second to import

    shares = p[:, present]
    total = shares.sum(axis=1, keepdims=True)
    shares = np.divide(shares, total, out=np.full_like(shares, 1 / len(present)), where=total > 0)
    # One process: the work takes milliseconds, and starting others costs more.
    found = confident_learning(labels, shares, n_jobs=1, filter_by="confident_learning")
    # Where the model agrees with the label it has nothing better to offer.
    rows = np.flatnonzero(found & (p.argmax(axis=1) != y_true))
    margin = p[rows, y_true[rows]] - p[rows].max(axis=1)
    return rows[np.argsort(margin, kind="stable")]


def write_label_issues(path: Path, issues: LabelIssues, sample_ids: np.ndarray, y_true: np.ndarray) -> Path:
    """Write the suspects as csv: rank, sample_id, label, suggested, and the probability of both.

    Raises:
        OutputError: The folder cannot be written.
    """
    table = pd.DataFrame(
        {
            "rank": np.arange(1, len(issues.rows) + 1),
            "sample_id": np.asarray(sample_ids)[issues.rows],
            "label": [EMOTIONS[code] for code in y_true[issues.rows]],
            "suggested": [EMOTIONS[code] for code in issues.suggested],
            "label_probability": issues.label_probability.round(6),
            "suggested_probability": issues.suggested_probability.round(6),
        }
    )
    with atomic_write(path) as temporary:
        table.to_csv(temporary, index=False)
    return path
