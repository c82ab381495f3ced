"""Pictures made smaller for a search: how far, and quickly, since no crop is ever cut from them.

Crops for the model have a rule of their own, `mien.images.resize_to_input`.
"""

from __future__ import annotations

import cv2
import numpy as np

from mien.errors import DetectorError

__all__ = ["SMALLEST_FACE_PX", "checked_smallest_face_px", "shrunk"]

# The smallest face that the detector is trusted with, in pixels of the image that it searches: from here on YuNet finds
# nearly all. It is half of the model's input, below which a face is flagged as small.
SMALLEST_FACE_PX = 24


def checked_smallest_face_px(smallest_face_px: int) -> int:
    """The number itself.

    Raises:
        DetectorError: It is smaller than what detectors find.
    """
    if not smallest_face_px >= SMALLEST_FACE_PX:
        raise DetectorError(
            f"Expected a smallest face of at least {SMALLEST_FACE_PX} pixels. Received: {smallest_face_px}."
        )
    return smallest_face_px


def shrunk(image: np.ndarray, longest_side_px: int) -> np.ndarray:
    """A picture whose longest side is at most so long.

    It is halved as long as that leaves enough, which averages every pixel, and the rest of the way is linear. Averaging
    all the way takes five to eight times as long, and detectors find the same faces (`benchmarks/face_search.py`).

    Args:
        image: uint8 (H, W) or (H, W, 3).
        longest_side_px: Longest side of the answer; a smaller picture is answered as it is.

    Returns:
        uint8 (H', W') or (H', W', 3), with at least one pixel.
    """
    height, width = image.shape[:2]
    scale = longest_side_px / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    while image.shape[1] >= 2 * size[0] and image.shape[0] >= 2 * size[1]:
        image = _halved(image)
    if image.shape[1::-1] == size:
        return image
    return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)  # type: ignore[no-any-return]


def _halved(image: np.ndarray) -> np.ndarray:
    """Means of 2×2 pixels; an odd last row or column is left out, since OpenCV is quick at whole blocks only."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    return cv2.resize(  # type: ignore[no-any-return]
        image[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA
    )
