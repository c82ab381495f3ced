"""What may make a prediction worse than usual: faces that are small, blurred, dark, cut off or turned away.

Flags warn; they never leave a face out. The thresholds were set on FER-2013 (`benchmarks/crop_margin.py`):
each flags at most 1 % of its faces, and nearly all of those that were spoilt on purpose.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from mien.inference.results import Box, DetectedFace, Point

__all__ = ["FLAGS", "flags_of", "roll_degrees", "roll_to_level", "sharpness", "turn"]

FLAGS = ("small", "blurred", "dark", "cut off", "turned")

# Half of what the model sees: the other half would be invented by enlarging.
SMALLEST_SIDE_PX = 24

# Variance of the Laplacian as a share of the variance of the crop. FER-2013: 1 % below 0.20; after a Gaussian blur of
# 1.5 px, 95 % below 0.05.
LEAST_SHARPNESS = 0.05

# Mean of the crop, 0 to 255; FER-2013: 0.5 % below 42.
LEAST_BRIGHTNESS = 40.0

# Share of the box's area that must lie in the image.
LEAST_INSIDE = 0.9

# Halfway between a three-quarter view and a profile; see `turn`.
LARGEST_TURN = 0.5
LARGEST_ROLL_DEGREES = 30.0

# Heads that are tilted less than this are left as they are. FER-2013's own faces are tilted by up to 10 degrees, and
# levelling them gains nothing; from 20 degrees on it gains points (see docs/inputs-outputs.md).
LEAST_ROLL_DEGREES = 15.0


def flags_of(face: DetectedFace, crop: np.ndarray, shape: Sequence[int]) -> tuple[str, ...]:
    """What speaks against trusting the prediction of a face.

    Args:
        face: Where it is.
        crop: uint8 (48, 48), as the model sees it.
        shape: Height and width of the image.

    Returns:
        Those of `FLAGS` that apply, in that order.
    """
    applies = (
        max(face.box.width, face.box.height) < SMALLEST_SIDE_PX,
        sharpness(crop) < LEAST_SHARPNESS,
        float(crop.mean()) < LEAST_BRIGHTNESS,
        _inside(face.box, shape) < LEAST_INSIDE,
        face.landmarks is not None and _is_turned(face.landmarks),
    )
    return tuple(flag for flag, applied in zip(FLAGS, applies, strict=True) if applied)


def sharpness(crop: np.ndarray) -> float:
    """Variance of the Laplacian of uint8 (48, 48), as a share of its variance: how much of it is fine detail."""
    gray = crop.astype(np.float32)
    # At least 1, so that a blank crop counts as blurred rather than as a division by zero.
    return float(cv2.Laplacian(gray, cv2.CV_32F).var() / max(1.0, gray.var()))


def _inside(box: Box, shape: Sequence[int]) -> float:
    height, width = shape[:2]
    across = min(box.x + box.width, width) - max(box.x, 0)
    down = min(box.y + box.height, height) - max(box.y, 0)
    return max(0.0, across) * max(0.0, down) / (box.width * box.height)


def _is_turned(landmarks: Sequence[Point]) -> bool:
    return turn(landmarks) > LARGEST_TURN or abs(roll_degrees(landmarks)) > LARGEST_ROLL_DEGREES


# How a head is held, from its five landmarks: tilt and turn, as far as they show in an image.


def roll_degrees(landmarks: Sequence[Point]) -> float:
    """Tilt of the line through the eyes, -180 to 180, clockwise as one looks at the image; 0 is level."""
    right, left = landmarks[:2]
    return math.degrees(math.atan2(left.y - right.y, left.x - right.x))


def roll_to_level(landmarks: Sequence[Point] | None) -> float:
    """By how much to turn a crop: the tilt where it is known and large, else 0."""
    roll = roll_degrees(landmarks) if landmarks else 0.0
    return roll if abs(roll) >= LEAST_ROLL_DEGREES else 0.0


def turn(landmarks: Sequence[Point]) -> float:
    """How far the nose is from the middle of the eyes, along their line, in distances between them.

    0 from the front, about 0.35 in a three-quarter view, 1 and more in profile; infinite where the eyes are one point.
    """
    right, left, nose = landmarks[:3]
    across, down = left.x - right.x, left.y - right.y
    offset = (nose.x - (right.x + left.x) / 2) * across + (nose.y - (right.y + left.y) / 2) * down
    squared = across**2 + down**2
    return abs(offset) / squared if squared else math.inf
