"""Hashes of pixels: which images are identical, and whether two datasets are equal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from mien.data.dataset import Split

__all__ = ["content_hashes", "dataset_fingerprint"]


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
