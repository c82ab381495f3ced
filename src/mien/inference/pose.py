"""How a head is held, from five landmarks: tilt and turn, as far as they show in a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mien.inference.results import Point

__all__ = ["roll_degrees", "roll_to_level", "turn"]

# Heads that are tilted less than this are left as they are. FER-2013's own faces are tilted by up to 10 degrees, and
# levelling them gains nothing; from 20 degrees on it gains points (see docs/inputs-outputs.md).
LEAST_ROLL_DEGREES = 15.0


def roll_degrees(landmarks: Sequence[Point]) -> float:
    """Tilt of the line through the eyes, -180 to 180, clockwise as one looks at the picture; 0 is level."""
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
