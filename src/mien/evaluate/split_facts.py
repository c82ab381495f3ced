"""What the dataset knows of a split beside its labels: the images, the taggers' votes, and which are also in train."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien.data.audit import identical_to_train
from mien.data.dataset import Dataset
from mien.emotions import NUM_EMOTIONS

__all__ = ["SplitFacts", "split_facts"]


@dataclass(frozen=True)
class SplitFacts:
    """Facts of the images of one split, in its order.

    Attributes:
        images: uint8 (N, 48, 48).
        votes: float32 (N, 7), FER+ votes with NaN rows where unknown; None when there are none.
        identical_to_train: bool (N,), pixel by pixel equal to an image of train; None for train itself.
    """

    images: np.ndarray
    votes: np.ndarray | None
    identical_to_train: np.ndarray | None


def split_facts(dataset: Dataset, split: str) -> SplitFacts:
    """The facts of a split.

    Raises:
        DataError: The split's name is unknown.
    """
    images = dataset.split(split)
    identical = None if split == "train" else identical_to_train(dataset, split)
    votes = None if images.votes is None else images.votes[:, :NUM_EMOTIONS]
    return SplitFacts(images.images, votes, identical)
