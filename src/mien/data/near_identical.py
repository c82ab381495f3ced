"""Pairs of images that show the same photograph: recompressed, brighter, of another contrast, or mirrored.

Two images are near-identical when the correlation of their pixels reaches `SIMILARITY_THRESHOLD`. Correlation does not
change with brightness and contrast, and little with recompression. Crops that are shifted by a pixel or more are mostly
missed: finding those would mean finding many different photographs too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mien.data.reading import Progress

__all__ = ["SIMILARITY_THRESHOLD", "NearIdentical", "near_identical_pairs"]

# Chosen by looking at pairs of FER-2013. All of the 254 between 0.94 and 0.95 showed one photograph; the first pairs
# of two people appear at 0.935, and mirrored pairs below 0.93 are mostly two people.
SIMILARITY_THRESHOLD = 0.94

# All pairs are first compared as 8×8 images. On 3,000 images of FER-2013, changed by JPEG quality 30 to 90, ±40 of
# brightness, or contrast ×0.7 to ×1.4, 1 % at most fell below 0.957 there.
_COARSE_SIZE = 8
_COARSE_THRESHOLD = 0.93

# Images are compared in blocks so small that the linear algebra library stays on one core: with the 35,887 images of
# FER-2013 that takes 3 s even on a busy machine, where two cores waiting for each other took 90. A tile of 4 by 32
# blocks stays in a core's cache.
_BLOCK = 64
_TILE_ROWS, _TILE_COLUMNS = 4, 32

_PAIRS_AT_ONCE = 2048


class NearIdentical(NamedTuple):
    """Pairs, most similar first.

    Attributes:
        first: int64 (P,), index of one image.
        second: int64 (P,), index of the other, always the greater one.
        similarity: float32 (P,), correlation of the pixels, up to 1.
        mirrored: bool (P,), whether one is the mirror image of the other.
    """

    first: np.ndarray
    second: np.ndarray
    similarity: np.ndarray
    mirrored: np.ndarray


def near_identical_pairs(
    images: np.ndarray, *, threshold: float = SIMILARITY_THRESHOLD, progress: Progress | None = None
) -> NearIdentical:
    """Compare every image with every other one, also mirrored.

    Args:
        images: uint8 (N, 48, 48), without constant ones, which resemble nothing.
        threshold: Least similarity, between the coarse threshold 0.93 and 1.
        progress: Called as progress(done, total) with the images that were compared with all others.

    Returns:
        The pairs. Time grows with N²: 35,887 images take some seconds.
    """
    first, second = _coarse_pairs(images, progress)
    straight = np.empty(len(first), np.float32)
    mirrored = np.empty(len(first), np.float32)
    for start in range(0, len(first), _PAIRS_AT_ONCE):
        part = slice(start, start + _PAIRS_AT_ONCE)
        one, other = _normalised(images[first[part]]), _normalised(images[second[part]])  # (P, 48, 48)
        straight[part] = np.einsum("pyx,pyx->p", one, other)
        mirrored[part] = np.einsum("pyx,pyx->p", one[:, :, ::-1], other)
    similarity = np.maximum(straight, mirrored)
    kept = np.flatnonzero(similarity >= threshold)
    kept = kept[np.argsort(-similarity[kept], kind="stable")]
    return NearIdentical(first[kept], second[kept], np.minimum(similarity[kept], 1), (mirrored > straight)[kept])


def _coarse_pairs(images: np.ndarray, progress: Progress | None) -> tuple[np.ndarray, np.ndarray]:
    """Indices (first, second) of all pairs whose 8×8 images are similar, first < second."""
    even, odd = _coarse_halves(images)  # (B, 64, 32) each
    even_columns, odd_columns = (np.ascontiguousarray(half.transpose(0, 2, 1)) for half in (even, odd))  # (B, 32, 64)
    found = [np.empty((2, 0), np.int64)]
    for top in range(0, len(even), _TILE_ROWS):
        rows = slice(top, top + _TILE_ROWS)
        for left in range(top, len(even), _TILE_COLUMNS):
            columns = slice(left, left + _TILE_COLUMNS)
            tile = odd[rows, None] @ odd_columns[columns]  # (4, 32, 64, 64)
            np.abs(tile, out=tile)
            tile += even[rows, None] @ even_columns[columns]
            place = np.unravel_index(np.flatnonzero(tile > _COARSE_THRESHOLD), tile.shape)
            first, second = (top + place[0]) * _BLOCK + place[2], (left + place[1]) * _BLOCK + place[3]
            found.append(np.stack([first, second])[:, second > first])
        if progress:
            progress(min((top + _TILE_ROWS) * _BLOCK, len(images)), len(images))
    first, second = np.concatenate(found, axis=1)
    return first, second


def _coarse_halves(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The parts of the 8×8 images that mirroring keeps and negates, float32 (B, 64, 32) each, in blocks.

    With them the similarity to an image is even·even′ + odd·odd′, and to its mirror image even·even′ − odd·odd′, so
    the greater of both costs no more than one. The last block is filled up with zeros, which resemble nothing.
    """
    n, pixels = len(images), images.shape[1] // _COARSE_SIZE
    sums = images.reshape(n, _COARSE_SIZE, pixels, _COARSE_SIZE, pixels).sum(axis=(2, 4), dtype=np.uint32)
    small = np.zeros((-(-n // _BLOCK) * _BLOCK, _COARSE_SIZE, _COARSE_SIZE), np.float32)
    small[:n] = _normalised(sums)
    left, right = small[:, :, : _COARSE_SIZE // 2], small[:, :, : _COARSE_SIZE // 2 - 1 : -1]
    scale = np.float32(np.sqrt(0.5))  # because (left + right)·(left + right)′ counts every column pair twice
    half = (-1, _BLOCK, _COARSE_SIZE * _COARSE_SIZE // 2)
    return ((left + right) * scale).reshape(half), ((left - right) * scale).reshape(half)


def _normalised(images: np.ndarray) -> np.ndarray:
    """float32 of the same shape: each image with mean 0 and length 1, so that a dot product is a correlation."""
    centred = images.astype(np.float32)
    centred -= centred.mean(axis=(1, 2), keepdims=True)
    length = np.sqrt(np.einsum("nyx,nyx->n", centred, centred))[:, None, None]
    centred /= np.maximum(length, 1e-6)
    return centred
