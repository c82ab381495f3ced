"""Probabilities of one person over time: steadied, and summed up."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from mien.emotions import EMOTIONS, NUM_EMOTIONS

__all__ = ["Smoother", "TrackSummary", "TrackTally"]


class Smoother:
    """Exponential average of each track's probabilities.

    Args:
        time_constant_seconds: After this time a sudden change has come through to 63 %, after three times to 95 %; 0
            smooths nothing.
    """

    def __init__(self, time_constant_seconds: float) -> None:
        self._time_constant_seconds = time_constant_seconds
        self._state: dict[int, tuple[float, np.ndarray]] = {}

    def smooth(self, track: int, probabilities: np.ndarray, time_seconds: float) -> np.ndarray:
        """The average of float32 (7,) at a time; it sums to 1, as its parts do."""
        if track in self._state and self._time_constant_seconds > 0:
            before, old = self._state[track]
            # By the time that passed, so that dropped frames and variable frame rates do not change the speed.
            weight = 1 - math.exp(-max(0.0, time_seconds - before) / self._time_constant_seconds)
            probabilities = old + np.float32(weight) * (probabilities - old)
        self._state[track] = (time_seconds, probabilities)
        return probabilities

    def forget_all_but(self, tracks: set[int]) -> None:
        """Drop what will not be asked for again."""
        self._state = {track: state for track, state in self._state.items() if track in tracks}


@dataclass(frozen=True)
class TrackSummary:
    """One person in a video.

    Attributes:
        track: The number.
        first_seconds, last_seconds: When the face was seen first and last.
        seen_seconds: For how long in all, gaps left out.
        emotion: The one shown longest.
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


@dataclass
class TrackTally:
    """Sums over one track; its size does not grow with the video."""

    track: int
    longest_gap_seconds: float = 1.0
    first_seconds: float = math.nan
    last_seconds: float = math.nan
    _seconds: np.ndarray = field(default_factory=lambda: np.zeros(NUM_EMOTIONS))
    _counts: np.ndarray = field(default_factory=lambda: np.zeros(NUM_EMOTIONS))
    _confidence: float = 0.0

    def add(self, emotion: int, confidence: float, time_seconds: float) -> None:
        """One frame."""
        if math.isnan(self.first_seconds):
            self.first_seconds = time_seconds
        else:
            passed = time_seconds - self.last_seconds
            self._seconds[emotion] += passed if passed <= self.longest_gap_seconds else 0.0
        self.last_seconds = time_seconds
        self._counts[emotion] += 1
        self._confidence += confidence

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
