"""The one thing that faces are drawn from: a filled shape or a line of one grey, in coordinates of the head."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Point", "Stroke", "between", "ellipse", "line", "smooth_curve", "xy"]

Point = tuple[float, float]

_CIRCLE_POINTS = 14


class Stroke(NamedTuple):
    """A shape on the head.

    Attributes:
        points: float (K, 2), x to the right and y down; the head is 2 wide, its centre between the eyes and the mouth.
        grey: 0 black to 255 white.
        width: Of a line; 0 fills the polygon.
        relief: How far the part stands out of the plane of the head's outline: 0 on the outline, 1 on the face. It
            decides how much the part moves when the head turns.
    """

    points: np.ndarray
    grey: float
    width: float = 0.0
    relief: float = 1.0


def xy(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """float (K, 2): points from their coordinates (a third of the time of `np.stack`)."""
    points = np.empty((len(x), 2))
    points[:, 0] = x
    points[:, 1] = y
    return points


def line(*points: Point) -> np.ndarray:
    """float (K, 2): a line or polygon through the given points."""
    return np.array(points)


def ellipse(x: float, y: float, radius_x: float, radius_y: float) -> np.ndarray:
    """float (14, 2): points of an ellipse."""
    return xy(_COS * radius_x + x, _SIN * radius_y + y)


def smooth_curve(start: Point, middle: Point, end: Point) -> np.ndarray:
    """float (9, 2): the parabola that passes through three points."""
    curve: np.ndarray = _THROUGH_THREE @ np.array((start, middle, end))
    return curve


def between(x: np.ndarray, top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """float (2 K, 2): the polygon between two curves over the same x."""
    return np.concatenate([xy(x, top), xy(x, bottom)[::-1]])


def _through_three() -> np.ndarray:
    u = np.linspace(0, 1, 9)
    return np.stack([(1 - u) * (1 - 2 * u), 4 * u * (1 - u), u * (2 * u - 1)], axis=1)  # Lagrange's polynomials


_ANGLE = np.linspace(0, 2 * np.pi, _CIRCLE_POINTS, endpoint=False)
_COS, _SIN = np.cos(_ANGLE), np.sin(_ANGLE)
_THROUGH_THREE = _through_three()
