"""Which face of this frame is which face of the last ones: stable numbers for people, across gaps and crossings.

A small tracker in the manner of SORT (Bewley et al. 2016, arXiv:1602.00763): each track's box moves on at its own
speed, and boxes are given to the tracks that they overlap best. Faces are few and large, so no appearance model and
no Kalman filter is needed; speed is smoothed instead. Knows nothing of emotions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mien.inference.results import Box

__all__ = ["Tracker"]

# A box farther from a track's place than this share of its size is another face. Places are compared by distance
# rather than by overlap, so that a small face that moves fast is not lost.
_FARTHEST = 0.8
# One is at most this much larger than the other.
_LARGEST_RATIO = 1.8
# Share of the newest measurement in a track's speed.
_SPEED_SHARE = 0.5


@dataclass
class _Track:
    number: int
    box: Box
    time_seconds: float
    speed: tuple[float, float] = (0.0, 0.0)  # px per second

    def at(self, time_seconds: float) -> tuple[float, float]:
        """Where its centre should be by now."""
        x, y = _centre(self.box)
        passed = time_seconds - self.time_seconds
        return x + self.speed[0] * passed, y + self.speed[1] * passed

    def move(self, box: Box, time_seconds: float) -> None:
        passed = time_seconds - self.time_seconds
        if passed > 0:
            measured = [(new - old) / passed for new, old in zip(_centre(box), _centre(self.box), strict=True)]
            x, y = ((1 - _SPEED_SHARE) * v + _SPEED_SHARE * m for v, m in zip(self.speed, measured, strict=True))
            self.speed = (x, y)
        self.box, self.time_seconds = box, time_seconds


class Tracker:
    """Gives each face a number that stays with it.

    Args:
        longest_gap_seconds: A face that is away for longer comes back as a new one.
    """

    def __init__(self, *, longest_gap_seconds: float = 1.0) -> None:
        self._longest_gap_seconds = longest_gap_seconds
        self._tracks: list[_Track] = []
        self._count = 0

    def update(self, boxes: Sequence[Box], time_seconds: float) -> list[int]:
        """The numbers of a frame's boxes.

        Args:
            boxes: The faces of one frame.
            time_seconds: When; later than the last frame.

        Returns:
            One number per box, from 1; no number twice.
        """
        self._tracks = [
            track for track in self._tracks if time_seconds - track.time_seconds <= self._longest_gap_seconds
        ]
        numbers = [0] * len(boxes)
        for position, track in _pairs(boxes, self._tracks, time_seconds):
            track.move(boxes[position], time_seconds)
            numbers[position] = track.number
        for position, box in enumerate(boxes):
            if numbers[position] == 0:
                self._count += 1
                numbers[position] = self._count
                self._tracks.append(_Track(self._count, box, time_seconds))
        return numbers

    @property
    def live_numbers(self) -> set[int]:
        """Numbers that may still be given again."""
        return {track.number for track in self._tracks}


def _pairs(boxes: Sequence[Box], tracks: Sequence[_Track], time_seconds: float) -> list[tuple[int, _Track]]:
    """Boxes and tracks that belong together, the nearest first."""
    if not boxes or not tracks:
        return []
    distances = np.array([[_distance(box, track, time_seconds) for track in tracks] for box in boxes])  # (B, T)
    pairs = []
    while np.isfinite(distances).any():
        position, which = (int(index) for index in np.unravel_index(distances.argmin(), distances.shape))
        pairs.append((position, tracks[which]))
        distances[position, :] = math.inf
        distances[:, which] = math.inf
    return pairs


def _distance(box: Box, track: _Track, time_seconds: float) -> float:
    """Distance of the centres in sizes of the face, plus the difference of sizes; infinite for another face."""
    size, old_size = math.sqrt(box.width * box.height), math.sqrt(track.box.width * track.box.height)
    ratio = max(size, old_size) / max(1e-6, min(size, old_size))
    x, y = _centre(box)
    expected_x, expected_y = track.at(time_seconds)
    distance = math.hypot(x - expected_x, y - expected_y) / max(size, old_size)
    return math.inf if distance > _FARTHEST or ratio > _LARGEST_RATIO else distance + math.log(ratio)


def _centre(box: Box) -> tuple[float, float]:
    return box.x + box.width / 2, box.y + box.height / 2
