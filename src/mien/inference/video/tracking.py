"""Which face of this frame is which face of the last ones, and what each person's probabilities come to over time.

A small tracker in the manner of SORT (Bewley et al. 2016, arXiv:1602.00763): each track's box moves on at its own
speed, and boxes are given to the tracks that they are nearest to. Faces are few and large, so no appearance model and
no Kalman filter is needed; speed is smoothed instead.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mien.emotions import EMOTIONS, NUM_EMOTIONS
from mien.inference.results import Box

__all__ = ["FaceTracks", "TrackSummary", "Tracker"]

# A box farther from a track's place than this share of its size is another face. Places are compared by distance
# rather than by overlap, so that a small face that moves fast is not lost.
_FARTHEST = 0.8
# One is at most this much larger than the other.
_LARGEST_RATIO = 1.8
# Share of the newest measurement in a track's speed.
_SPEED_SHARE = 0.5
# Where frames are far apart, a face may still be missed in one of them: two steps, and half a one for jitter.
_LONGEST_GAP_STEPS = 2.5
# The usual step is the median of this many, so that a pause is none.
_STEPS = 9


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
        longest_gap_seconds: A face that is away for longer comes back as a new one; where frames come seldom, one that
            is away for longer than two of them.
    """

    def __init__(self, *, longest_gap_seconds: float = 1.0) -> None:
        self._longest_gap_seconds = longest_gap_seconds
        self._tracks: list[_Track] = []
        self._count = 0
        self._last_seconds = math.nan
        self._steps: deque[float] = deque(maxlen=_STEPS)

    def update(self, boxes: Sequence[Box], time_seconds: float) -> list[int]:
        """The numbers of a frame's boxes.

        Args:
            boxes: The faces of one frame.
            time_seconds: When; later than the last frame.

        Returns:
            One number per box, from 1; no number twice.
        """
        gap_seconds = self._gap_seconds(time_seconds)
        self._tracks = [track for track in self._tracks if time_seconds - track.time_seconds <= gap_seconds]
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

    def _gap_seconds(self, time_seconds: float) -> float:
        """For how long a face may be away by now."""
        if not math.isnan(self._last_seconds):
            self._steps.append(time_seconds - self._last_seconds)
        self._last_seconds = time_seconds
        usual_seconds = statistics.median(self._steps) if self._steps else 0.0
        return max(self._longest_gap_seconds, _LONGEST_GAP_STEPS * usual_seconds)

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


@dataclass(frozen=True)
class TrackSummary:
    """One person in a video.

    Attributes:
        track: The number.
        first_seconds, last_seconds: When the face was seen first and last.
        seen_seconds: For how long in all, from the first to the last frame of its number.
        emotion: The one shown longest: the largest of the shares.
        shares: Share of the time seen that each emotion was the most probable; they sum to 1.
        confidence: Mean confidence, 0 to 1.
    """

    track: int
    first_seconds: float
    last_seconds: float
    seen_seconds: float
    emotion: str
    shares: dict[str, float]
    confidence: float

    def to_dict(self) -> dict[str, Any]:
        """The summary as plain JSON values."""
        return {
            "track": self.track,
            "first_seconds": round(self.first_seconds, 4),
            "last_seconds": round(self.last_seconds, 4),
            "seen_seconds": round(self.seen_seconds, 4),
            "emotion": self.emotion,
            "shares": {name: round(share, 6) for name, share in self.shares.items()},
            "confidence": round(self.confidence, 6),
        }


class FaceTracks:
    """Follows people through frames: who each face is, with probabilities smoothed over time.

    Args:
        smoothing_seconds: Time constant of the exponential average: after this time a sudden change has come through
            to 63 %, after three times to 95 %; 0 smooths nothing. May be changed while it goes on.
        longest_gap_seconds: See `Tracker`.
        remember: Keep the summaries of people who have gone; False where frames never end and memory must not grow.
    """

    def __init__(
        self, *, smoothing_seconds: float = 0.5, longest_gap_seconds: float = 1.0, remember: bool = True
    ) -> None:
        self.smoothing_seconds = smoothing_seconds
        self._tracker = Tracker(longest_gap_seconds=longest_gap_seconds)
        self._live: dict[int, _Person] = {}
        self._gone: list[TrackSummary] = []
        self._remember = remember

    def update(
        self, boxes: Sequence[Box], probabilities: np.ndarray, time_seconds: float
    ) -> tuple[list[int], np.ndarray]:
        """Take the faces of one frame.

        Args:
            boxes: Where they are.
            probabilities: float32 (N, 7), what this frame alone says of each; rows sum to 1.
            time_seconds: When; later than the last frame.

        Returns:
            Each face's person, from 1, the same in every frame; and float32 (N, 7), the probabilities smoothed over the
            time of that person; rows sum to 1.
        """
        numbers = self._tracker.update(boxes, time_seconds)
        self._forget_all_but(self._tracker.live_numbers)
        smoothed = np.empty((len(numbers), NUM_EMOTIONS), np.float32)  # (N, 7)
        for position, (number, instant) in enumerate(zip(numbers, probabilities, strict=True)):
            person = self._live.setdefault(number, _Person(number, time_seconds))
            smoothed[position] = person.add(instant, time_seconds, self.smoothing_seconds)
        return numbers, smoothed

    def summaries(self) -> tuple[TrackSummary, ...]:
        """The people seen so far, in the order in which they came."""
        people = [*self._gone, *(person.summary() for person in self._live.values())]
        return tuple(sorted(people, key=lambda person: person.track))

    def _forget_all_but(self, numbers: set[int]) -> None:
        for number in self._live.keys() - numbers:
            person = self._live.pop(number)
            if self._remember:
                self._gone.append(person.summary())


@dataclass
class _Person:
    """The average and the sums of one track; its size does not grow with the video."""

    track: int
    first_seconds: float
    last_seconds: float = math.nan
    _smooth: np.ndarray = field(default_factory=lambda: np.zeros(NUM_EMOTIONS, np.float32))
    _seconds: np.ndarray = field(default_factory=lambda: np.zeros(NUM_EMOTIONS))
    _counts: np.ndarray = field(default_factory=lambda: np.zeros(NUM_EMOTIONS))
    _confidence: float = 0.0

    def add(self, probabilities: np.ndarray, time_seconds: float, smoothing_seconds: float) -> np.ndarray:
        """Take one frame, and give float32 (7,): the average by then."""
        passed = 0.0 if math.isnan(self.last_seconds) else max(0.0, time_seconds - self.last_seconds)
        if self._counts.any() and smoothing_seconds > 0:
            # By the time that passed, so that dropped frames and variable frame rates do not change the speed.
            weight = np.float32(1 - math.exp(-passed / smoothing_seconds))
            probabilities = self._smooth + weight * (probabilities - self._smooth)
        best = int(probabilities.argmax())
        self._seconds[best] += passed
        self._counts[best] += 1
        self._confidence += float(probabilities[best])
        self._smooth, self.last_seconds = probabilities, time_seconds
        return probabilities

    def summary(self) -> TrackSummary:
        """What it comes to."""
        # A face of a single frame has no duration; frames count then.
        weights = self._seconds if self._seconds.any() else self._counts
        shares = weights / weights.sum()
        return TrackSummary(
            track=self.track,
            first_seconds=self.first_seconds,
            last_seconds=self.last_seconds,
            seen_seconds=float(self._seconds.sum()),
            emotion=EMOTIONS[int(shares.argmax())],
            shares={name: float(share) for name, share in zip(EMOTIONS, shares, strict=True)},
            confidence=float(self._confidence / self._counts.sum()),
        )
