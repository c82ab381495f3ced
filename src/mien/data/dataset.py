"""The values that `mien.data` gives to the rest of mien: one split of images, and a dataset of three; and their hashes.

Nothing here reads a file; `sources` does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mien.emotions import INPUT_SIZE_PX, NUM_EMOTIONS
from mien.errors import DataError

__all__ = [
    "INPUT_SIZE_PX",
    "NO_EMOTION_VOTES",
    "SPLIT_NAMES",
    "Dataset",
    "Split",
    "content_hashes",
    "dataset_fingerprint",
]

SPLIT_NAMES = ("train", "val", "test")
NO_EMOTION_VOTES = ("contempt", "unknown", "nf")
"""FER+'s other answers, under its own names (nf: not a face), in the order of the columns after the seven emotions."""


@dataclass(frozen=True)
class Split:
    """Images with their labels, in a fixed order.

    Attributes:
        images: uint8 (N, 48, 48), grey, 0 black to 255 white.
        labels: int64 (N,), FER-2013 codes 0 to 6 (`mien.emotions.EMOTIONS`).
        sample_ids: str (N,), where each image came from: a file name, or `row-<n>` of a csv (1 = first data row).
        votes: float32 (N, 10) or None, the FER+ taggers' votes for the seven emotions and `NO_EMOTION_VOTES`, in the
            same order; a row of NaN means that the votes are unknown.
    """

    images: np.ndarray
    labels: np.ndarray
    sample_ids: np.ndarray
    votes: np.ndarray | None = None

    def __post_init__(self) -> None:
        n = len(self.labels)
        expected = (n, INPUT_SIZE_PX, INPUT_SIZE_PX)
        if self.images.dtype != np.uint8 or self.images.shape != expected:
            raise DataError(f"Expected images as uint8 {expected}. Received: {self.images.dtype} {self.images.shape}.")
        if self.sample_ids.shape != (n,):
            raise DataError(f"Expected {n} sample ids, one per label. Received: shape {self.sample_ids.shape}.")
        if n and (self.labels.min() < 0 or self.labels.max() >= NUM_EMOTIONS):
            raise DataError(f"Expected labels 0 to 6. Received: {self.labels.min()} to {self.labels.max()}.")
        columns = NUM_EMOTIONS + len(NO_EMOTION_VOTES)
        if self.votes is not None and self.votes.shape != (n, columns):
            raise DataError(f"Expected votes of shape ({n}, {columns}). Received: {self.votes.shape}.")

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Split({len(self)} images, votes={self.votes is not None})"

    def take(self, index: np.ndarray) -> Split:
        """The samples that `index` (integers or a boolean mask) names, in that order."""
        votes = None if self.votes is None else self.votes[index]
        return Split(self.images[index], self.labels[index], self.sample_ids[index], votes)

    def class_counts(self) -> np.ndarray:
        """int64 (7,): how many images each emotion has."""
        return np.bincount(self.labels, minlength=NUM_EMOTIONS)


@dataclass(frozen=True)
class Dataset:
    """A dataset in its three splits, and how they came about.

    Attributes:
        train, val, test: FER-2013's Training, PublicTest and PrivateTest when the split is the official one.
        protocol: `official` (the source says which image is in which split), `source` (the source has splits, but
            not FER-2013's counts) or `stratified` (mien split it 70/15/15 by content hash).
        source: The path that was read.
        fingerprint: sha256 (hex) over pixels, labels and split membership: equal datasets have equal fingerprints.
        notes: Sentences a person should read: which counts deviate, what was skipped and why.
        skipped: (where, why) of every row or file left out under `skip_bad`.
    """

    train: Split
    val: Split
    test: Split
    protocol: str
    source: str
    fingerprint: str
    notes: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def split(self, name: str) -> Split:
        """The split called `train`, `val` or `test`.

        Raises:
            DataError: Another name was asked for.
        """
        if name not in SPLIT_NAMES:
            raise DataError(f"Expected a split of {', '.join(SPLIT_NAMES)}. Received: {name!r}.")
        split: Split = getattr(self, name)
        return split

    def facts(self) -> dict[str, str]:
        """What a run remembers of the dataset that it was trained on or scored with."""
        return {
            "source": str(Path(self.source).resolve()),
            "protocol": self.protocol,
            "fingerprint": self.fingerprint,
        }

    def __len__(self) -> int:
        return len(self.train) + len(self.val) + len(self.test)


def content_hashes(images: np.ndarray) -> np.ndarray:
    """One hash per image, equal exactly when all pixels are.

    Args:
        images: uint8 (N, 48, 48).

    Returns:
        str (N,), 32 hex digits each (128 bits: no accidental collision in any dataset that fits a disk).
    """
    digests = [hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest() for image in images]
    return np.array(digests, dtype="U32")


def dataset_fingerprint(splits: Iterable[tuple[str, Split]]) -> str:
    """sha256 (hex) over pixels, labels and split membership, in order; sample ids and votes do not count.

    Args:
        splits: (name, split) pairs, in the order of `SPLIT_NAMES`.
    """
    digest = hashlib.sha256()
    for name, split in splits:
        digest.update(f"{name}:{len(split)};".encode())
        digest.update(np.ascontiguousarray(split.images).data)
        # A fixed byte order, so that every machine gives the same fingerprint.
        digest.update(np.ascontiguousarray(split.labels, dtype="<i8").data)
    return digest.hexdigest()
