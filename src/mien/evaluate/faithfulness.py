"""Do explanations explain? Deletion and insertion curves beside a random order (Petsiuk et al. 2018, arXiv:1806.07421).

Deleting the places that a map calls important should make the model lose its answer sooner than deleting places at
random; inserting them into a blurred image should bring the answer back sooner.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mien.evaluate.occlusion import Predict

__all__ = ["Faithfulness", "measure_faithfulness"]

_BLUR_PX = 11  # standard deviation under which nothing of a 48 px face can be told


@dataclass(frozen=True)
class Faithfulness:
    """Mean probability of the explained class while pixels go or come.

    Attributes:
        share: float64 (S,), share of pixels deleted or inserted, 0 to 1.
        deletion, insertion: float64 (S,), by the map's order, most important first.
        random_deletion, random_insertion: float64 (S,), by a random order of equal patches.
    """

    share: np.ndarray
    deletion: np.ndarray
    insertion: np.ndarray
    random_deletion: np.ndarray
    random_insertion: np.ndarray

    @property
    def deletion_gain(self) -> float:
        """Area by which the map's deletion curve lies below the random one; above 0 is better than chance."""
        return float(np.trapezoid(self.random_deletion - self.deletion, self.share))

    @property
    def insertion_gain(self) -> float:
        """Area by which the map's insertion curve lies above the random one; above 0 is better than chance."""
        return float(np.trapezoid(self.insertion - self.random_insertion, self.share))


def measure_faithfulness(
    predict: Predict, images: np.ndarray, maps: np.ndarray, codes: np.ndarray, *, steps: int = 16, seed: int = 0
) -> Faithfulness:
    """Delete and insert pixels in the order of maps, and at random.

    Args:
        predict: The model.
        images: uint8 (N, 48, 48).
        maps: float (N, 48, 48), larger is more important.
        codes: int (N,), the explained class of each image.
        steps: Points of the curves after the first.
        seed: Of the random maps, which are as smooth as the explained ones: noise of 6 × 6 patches, interpolated.
    """
    coarse = np.random.default_rng(seed).random((len(images), 6, 6)).astype(np.float32)
    random = np.stack([cv2.resize(one, images.shape[1:], interpolation=cv2.INTER_CUBIC) for one in coarse])
    blurred = np.stack([cv2.GaussianBlur(image, (0, 0), _BLUR_PX) for image in images])
    share = np.linspace(0, 1, steps + 1)

    def curve(base: np.ndarray, other: np.ndarray, order: np.ndarray) -> np.ndarray:
        return np.array([_score(predict, _replace(base, other, order, s), codes) for s in share])

    return Faithfulness(
        share,
        deletion=curve(images, blurred, maps),
        insertion=curve(blurred, images, maps),
        random_deletion=curve(images, blurred, random),
        random_insertion=curve(blurred, images, random),
    )


def _score(predict: Predict, images: np.ndarray, codes: np.ndarray) -> float:
    return float(predict(images)[np.arange(len(codes)), codes].mean())


def _replace(base: np.ndarray, other: np.ndarray, maps: np.ndarray, share: float) -> np.ndarray:
    """`base` with the most important `share` of each image's pixels taken from `other`."""
    flat = maps.reshape(len(maps), -1)
    count = round(share * flat.shape[1])
    first = np.argsort(-flat, axis=1, kind="stable")[:, :count]
    mask = np.zeros(flat.shape, bool)
    np.put_along_axis(mask, first, True, axis=1)
    return np.where(mask.reshape(base.shape), other, base)
