"""Where a model fails: the emotions it takes for each other, its surest mistakes, its luckiest hits.

Only indices and numbers; the report draws the faces.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien.emotions import EMOTIONS, NUM_EMOTIONS
from mien.evaluate.metrics import checked, confusion_matrix

__all__ = ["ConfusedPair", "confused_pairs", "surest_mistakes", "unsurest_hits"]


@dataclass(frozen=True)
class ConfusedPair:
    """An emotion that is often taken for another."""

    label: str
    """The dataset's label."""
    answer: str
    """What the model says instead."""
    count: int
    """How many images."""
    share: float
    """The same as a share of the label's images, 0 to 1."""
    examples: tuple[int, ...]
    """Rows of the split, the surest mistake first."""


def confused_pairs(
    y_true: np.ndarray, probabilities: np.ndarray, *, limit: int = 5, examples: int = 7
) -> tuple[ConfusedPair, ...]:
    """The most frequent confusions, by number of images.

    Args:
        y_true: int (N,).
        probabilities: float (N, 7).
        limit: At most so many pairs.
        examples: At most so many rows of each.

    Raises:
        DataError: The arrays cannot be scored.
    """
    y_true, p = checked(y_true, probabilities)
    answers, confidence = p.argmax(axis=1), p.max(axis=1)
    counts = confusion_matrix(y_true, p)
    wrong = counts * (1 - np.eye(NUM_EMOTIONS, dtype=np.int64))
    pairs = []
    for place in np.argsort(-wrong.ravel(), kind="stable")[:limit].tolist():
        label, answer = divmod(place, NUM_EMOTIONS)
        if not wrong[label, answer]:
            break
        rows = np.flatnonzero((y_true == label) & (answers == answer))
        pairs.append(
            ConfusedPair(
                EMOTIONS[label],
                EMOTIONS[answer],
                int(wrong[label, answer]),
                float(wrong[label, answer] / counts[label].sum()),
                tuple(rows[np.argsort(-confidence[rows], kind="stable")][:examples].tolist()),
            )
        )
    return tuple(pairs)


def surest_mistakes(y_true: np.ndarray, probabilities: np.ndarray, *, limit: int = 24) -> np.ndarray:
    """int64 (≤ limit,): rows with a wrong answer, the most confident first.

    Raises:
        DataError: The arrays cannot be scored.
    """
    y_true, p = checked(y_true, probabilities)
    return _ordered(p.argmax(axis=1) != y_true, -p.max(axis=1), limit)


def unsurest_hits(y_true: np.ndarray, probabilities: np.ndarray, *, limit: int = 24) -> np.ndarray:
    """int64 (≤ limit,): rows with a right answer, the least confident first.

    Raises:
        DataError: The arrays cannot be scored.
    """
    y_true, p = checked(y_true, probabilities)
    return _ordered(p.argmax(axis=1) == y_true, p.max(axis=1), limit)


def _ordered(chosen: np.ndarray, rank: np.ndarray, limit: int) -> np.ndarray:
    rows = np.flatnonzero(chosen)
    return rows[np.argsort(rank[rows], kind="stable")][:limit]
