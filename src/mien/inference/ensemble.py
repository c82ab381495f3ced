"""Several models asked as one, on images as they are and mirrored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from mien.emotions import NUM_EMOTIONS
from mien.inference.classifier import MAX_BATCH

__all__ = ["Answering", "mean_probabilities"]


class Answering(Protocol):
    """What a member must be able to do; `mien.inference.classifier.Classifier` is one."""

    def probabilities(self, crops: np.ndarray) -> np.ndarray:
        """float32 (N, 7) for uint8 (N, 48, 48); NaN where a member has no opinion."""


def mean_probabilities(
    members: Sequence[Answering],
    images: np.ndarray,
    *,
    flip: bool = True,
    on_progress: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """The mean of the members' probabilities, each of the images and, with `flip`, to their mirror images too.

    Args:
        members: At least one.
        images: uint8 (N, 48, 48).
        flip: Ask about the mirror images as well, which doubles the cost.
        on_progress: Called with the number of images classified so far.

    Returns:
        float32, as the members': the mean of those that are given.
    """
    answers = []
    for start in range(0, len(images), MAX_BATCH):
        batch = images[start : start + MAX_BATCH]
        views = [batch, batch[:, :, ::-1]] if flip else [batch]
        given = np.stack([member.probabilities(view) for member in members for view in views])  # (M, B, 7)
        count = np.maximum((~np.isnan(given)).sum(axis=0), 1)
        answers.append(np.where(np.isnan(given).all(axis=0), np.nan, np.nansum(given, axis=0) / count))
        on_progress(start + len(batch))
    return np.concatenate(answers).astype(np.float32) if answers else np.zeros((0, NUM_EMOTIONS), np.float32)
