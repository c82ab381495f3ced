"""Faces and expressions over a video: each frame answered, each person followed, probabilities steadied.

One frame is in memory at a time, and no thread is started, so whatever a caller does between two frames (stop, raise,
press Ctrl-C) ends things at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.emotions import EMOTIONS
from mien.errors import ConfigError
from mien.inference.frames import Clip, Frame
from mien.inference.predictor import Predictor
from mien.inference.quality import flags_of
from mien.inference.results import Face
from mien.inference.smoothing import Smoother, TrackSummary, TrackTally
from mien.inference.tracking import Tracker

__all__ = ["FrameAnswer", "TrackedFace", "VideoAnalysis"]


@dataclass(frozen=True)
class TrackedFace:
    """A face in a frame, and who it is.

    Attributes:
        track: The person's number, from 1, the same in every frame.
        face: The answer, with probabilities that are averaged over time.
        instant_emotion: What this frame alone would have said.
    """

    track: int
    face: Face
    instant_emotion: str


@dataclass(frozen=True)
class FrameAnswer:
    """One frame's faces.

    Attributes:
        frame: The picture, its number and its time.
        faces: Who is in it.
        is_new: False where the frame was left out (see `every`) and shows the faces of the last one that was not.
    """

    frame: Frame
    faces: tuple[TrackedFace, ...]
    is_new: bool = True

    def rows(self) -> list[dict[str, Any]]:
        """The faces as flat rows: what CSV, JSON lines and Parquet hold."""
        return [_row(self.frame, tracked) for tracked in self.faces]


class VideoAnalysis:
    """Answers on the frames of one video.

    Args:
        predictor: What answers.
        every: Search only each so-manieth frame.
        start_seconds, end_seconds: From when to when; None is the end.
        smoothing_seconds: Time constant of the averaging (see `Smoother`); 0 turns it off.
        longest_gap_seconds: A face that is away for longer comes back as a new track.
        yield_skipped: Whether frames that are not searched come, too, with the faces of the last searched one: what an
            annotated video needs.

    Raises:
        ConfigError: A number that makes no sense.
    """

    def __init__(
        self,
        predictor: Predictor,
        *,
        every: int = 1,
        start_seconds: float = 0.0,
        end_seconds: float | None = None,
        smoothing_seconds: float = 0.5,
        longest_gap_seconds: float = 1.0,
        yield_skipped: bool = False,
    ) -> None:
        if every < 1 or start_seconds < 0 or smoothing_seconds < 0 or longest_gap_seconds < 0:
            raise ConfigError(
                "Expected every of at least 1, and times of at least 0 seconds. Received: "
                f"every {every}, start {start_seconds}, smoothing {smoothing_seconds}, gap {longest_gap_seconds}."
            )
        if end_seconds is not None and end_seconds <= start_seconds:
            raise ConfigError(f"Expected an end after the start. Received: {start_seconds} to {end_seconds} seconds.")
        self._predictor = predictor
        self._every = every
        self._span = (start_seconds, end_seconds)
        self._yield_skipped = yield_skipped
        self._longest_gap_seconds = longest_gap_seconds
        self._tracker = Tracker(longest_gap_seconds=longest_gap_seconds)
        self._smoother = Smoother(smoothing_seconds)
        self._tallies: dict[int, TrackTally] = {}

    def answers(self, clip: Clip) -> Iterator[FrameAnswer]:
        """The frames and their faces, as they are decoded."""
        start, end = self._span
        step = 1 if self._yield_skipped else self._every
        faces: tuple[TrackedFace, ...] = ()
        for count, frame in enumerate(clip.frames(every=step, start_seconds=start, end_seconds=end)):
            is_new = not self._yield_skipped or count % self._every == 0
            if is_new:
                faces = self._faces(frame)
            yield FrameAnswer(frame, faces, is_new)

    def summaries(self) -> tuple[TrackSummary, ...]:
        """The people seen so far, in the order in which they came."""
        return tuple(tally.summary() for tally in self._tallies.values())

    def _faces(self, frame: Frame) -> tuple[TrackedFace, ...]:
        found = self._predictor.locate(frame.image_rgb)
        crops = self._predictor.crops(frame.image_rgb, found)
        probabilities = self._predictor.predict_faces(crops)
        numbers = self._tracker.update([one.box for one in found], frame.time_seconds)
        self._smoother.forget_all_but(self._tracker.live_numbers)
        tracked = []
        for one, crop, instant, number in zip(found, crops, probabilities, numbers, strict=True):
            smooth = self._smoother.smooth(number, instant, frame.time_seconds)
            face = self._predictor.face(one, smooth, quality=flags_of(one, crop, frame.image_rgb.shape))
            tracked.append(TrackedFace(number, face, EMOTIONS[int(instant.argmax())]))
            self._tally(number, smooth, frame.time_seconds)
        return tuple(tracked)

    def _tally(self, number: int, probabilities: np.ndarray, time_seconds: float) -> None:
        if number not in self._tallies:
            # A person's time goes on through a gap that the tracker bridges.
            self._tallies[number] = TrackTally(number, self._longest_gap_seconds)
        best = int(probabilities.argmax())
        self._tallies[number].add(best, float(probabilities[best]), time_seconds)


ROW_COLUMNS = (
    "time_seconds",
    "frame",
    "track",
    "x",
    "y",
    "width",
    "height",
    "detection_score",
    "emotion",
    "confidence",
    "uncertain",
    "instant_emotion",
    "quality",
    *EMOTIONS,
)


def _row(frame: Frame, tracked: TrackedFace) -> dict[str, Any]:
    face = tracked.face.to_dict()
    return {
        "time_seconds": round(frame.time_seconds, 4),
        "frame": frame.number,
        "track": tracked.track,
        **face["box"],
        "detection_score": face["detection_score"],
        "emotion": face["emotion"],
        "confidence": face["confidence"],
        "uncertain": face["uncertain"],
        "instant_emotion": tracked.instant_emotion,
        "quality": ", ".join(face["quality"]),
        **face["probabilities"],
    }
