"""Batches for training: augmented, shuffled, and decided by (seed, epoch, batch) alone.

No generator state lives between batches, so a resumed run sees what the uninterrupted one would have seen, whichever
thread prepares a batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from mien.config import Config
from mien.data.dataset import Split
from mien.inference.ensemble import Answering
from mien.learn.augment import augment_batch, mix_batch
from mien.learn.distill import targets_for_views
from mien.learn.targets import targets_of

__all__ = ["EpochBatches", "balanced_class_weights"]


class EpochBatches(keras.utils.PyDataset):
    """One epoch of a split.

    Each item is images float32 (B, 48, 48, 1) in 0–255, targets float32 (B, 7 · heads), and with balanced class
    weights also sample weights float32 (B,). All batches have one size, so the step is compiled once: the images that
    do not fill a batch wait for another epoch's order.

    Args:
        split: The training images.
        config: Augmentation, batch size, class weights, seed.
        epoch: Which epoch, from 0.
        targets: float32 (N, 7 · heads), what to learn of each image; None takes `mien.learn.targets.targets_of`.
        teachers: Asked about every image as it is after augmentation and mixing.
    """

    def __init__(
        self,
        split: Split,
        config: Config,
        *,
        epoch: int,
        targets: np.ndarray | None = None,
        teachers: Sequence[Answering] = (),
    ) -> None:
        # Two threads keep a queue of batches ready; OpenCV and NumPy release the GIL in the long parts.
        super().__init__(workers=2, use_multiprocessing=False, max_queue_size=8)
        self._split = split
        self._config = config
        self._epoch = epoch
        self._batch_size = min(config.train.batch_size, len(split))
        self._order = self._rng(0).permutation(len(split))
        balanced = config.train.class_weights == "balanced"
        self._class_weights = balanced_class_weights(split) if balanced else None
        self._targets = targets_of(split, config.model.predicts) if targets is None else targets
        self._teachers = teachers

    def _rng(self, stream: int) -> np.random.Generator:
        return np.random.default_rng((self._config.train.seed, self._epoch, stream))

    def __len__(self) -> int:
        return len(self._split) // self._batch_size

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        start = index * self._batch_size
        chosen = self._order[start : start + self._batch_size]
        rng = self._rng(index + 1)
        images = augment_batch(self._split.images[chosen], self._config.augment, rng)
        labels = self._targets[chosen]
        if not 0 < self._config.augment.mix_epochs <= self._epoch:
            images, labels = mix_batch(images, labels, self._config.augment, rng)
        if self._teachers:
            labels = targets_for_views(images, labels, self._teachers, self._config.distill)
        if self._class_weights is None:
            return images[..., None], labels
        return images[..., None], labels, labels[:, -len(self._class_weights) :] @ self._class_weights


def balanced_class_weights(split: Split) -> np.ndarray:
    """float32 (7,): N / (7 · count) for each class present, so that the mean weight over the images is 1."""
    counts = split.class_counts()
    present = np.count_nonzero(counts)
    return np.where(counts, len(split) / (present * np.maximum(counts, 1)), 0).astype(np.float32)
