"""A dataset in numbers: classes of each split, pixel values, and the mean face of each emotion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.data.dataset import SPLIT_NAMES, Dataset, Split
from mien.emotions import EMOTIONS, INPUT_SIZE_PX, NUM_EMOTIONS

__all__ = ["PixelStatistics", "SplitSummary", "Summary", "summarize"]


@dataclass(frozen=True)
class PixelStatistics:
    """Grey values of a split, 0 black to 255 white.

    Attributes:
        mean: Over all pixels.
        std: Standard deviation over all pixels.
        image_mean_std: Standard deviation of the images' means: how different they are in brightness.
        image_std_mean: Mean of the images' standard deviations: how much contrast an image has.
        black_share: Share of pixels that are 0.
        white_share: Share of pixels that are 255.
    """

    mean: float
    std: float
    image_mean_std: float
    image_std_mean: float
    black_share: float
    white_share: float


@dataclass(frozen=True)
class SplitSummary:
    """One split in numbers.

    Attributes:
        images: How many.
        class_counts: int64 (7,), in `EMOTIONS` order.
        pixels: None for an empty split.
    """

    images: int
    class_counts: np.ndarray
    pixels: PixelStatistics | None


@dataclass(frozen=True)
class Summary:
    """A dataset in numbers.

    Attributes:
        splits: By name, train first.
        mean_faces: float32 (7, 48, 48), 0 to 255, the mean of each emotion's train images; NaN where there are none.
    """

    splits: Mapping[str, SplitSummary]
    mean_faces: np.ndarray

    def to_dict(self) -> dict[str, Any]:
        """The numbers as plain values, for JSON; mean faces are images and left out."""
        return {
            name: {
                "images": split.images,
                "classes": dict(zip(EMOTIONS, split.class_counts.tolist(), strict=True)),
                "pixels": None if split.pixels is None else vars(split.pixels).copy(),
            }
            for name, split in self.splits.items()
        }


def summarize(dataset: Dataset) -> Summary:
    """Count classes, and average pixels.

    Args:
        dataset: All three splits; any may be empty.

    Returns:
        The numbers.
    """
    splits = {
        name: SplitSummary(len(split), split.class_counts(), _pixel_statistics(split.images))
        for name in SPLIT_NAMES
        for split in (dataset.split(name),)
    }
    return Summary(splits, _mean_faces(dataset.train))


def _pixel_statistics(images: np.ndarray) -> PixelStatistics | None:
    if not len(images):
        return None
    flat = images.reshape(len(images), -1)
    counts = np.bincount(flat.ravel(), minlength=256)
    shares = counts / counts.sum()
    greys = np.arange(256)
    mean = float(shares @ greys)
    return PixelStatistics(
        mean=mean,
        std=float(np.sqrt(shares @ (greys - mean) ** 2)),
        image_mean_std=float(flat.mean(axis=1).std()),
        image_std_mean=float(flat.std(axis=1).mean()),
        black_share=float(shares[0]),
        white_share=float(shares[255]),
    )


def _mean_faces(split: Split) -> np.ndarray:
    faces = np.full((NUM_EMOTIONS, INPUT_SIZE_PX, INPUT_SIZE_PX), np.nan, np.float32)
    for code in range(NUM_EMOTIONS):
        images = split.images[split.labels == code]
        if len(images):
            faces[code] = images.mean(axis=0)
    return faces
