"""Faces and expressions over a video: detected in each frame, followed, their probabilities smoothed.

A few frames are in memory at a time: while the caller has one, threads work on the next ones. Whatever a caller does
between two frames (stop, raise, press Ctrl-C) ends them at once.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.emotions import EMOTIONS
from mien.errors import ConfigError
from mien.inference.predictor import Predictor
from mien.inference.results import Face, Found
from mien.inference.thread_pool import in_order
from mien.inference.video.clip import Clip, Frame
from mien.inference.video.tracking import FaceTracks, TrackSummary
from mien.machine import usable_cores

__all__ = ["FrameFaces", "TrackedFace", "VideoAnalysis"]


@dataclass(frozen=True)
class TrackedFace:
    """A face in a frame, and who it is.

    Attributes:
        track: The person's number, from 1, the same in every frame.
        face: The prediction, with probabilities that are smoothed over time.
        instant_emotion: What this frame alone says.
    """

    track: int
    face: Face
    instant_emotion: str


@dataclass(frozen=True)
class FrameFaces:
    """One frame's faces.

    Attributes:
        frame: The image, its number and its time.
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
    """Follows the faces of one video.

    Args:
        predictor: What detects and classifies them.
        every: Detect only in every N-th frame.
        start_seconds, end_seconds: From when to when; None is the end.
        smoothing_seconds: Time constant of the smoothing (see `FaceTracks`); 0 turns it off.
        longest_gap_seconds: A face that is away for longer comes back as a new track (see `Tracker`).
        yield_skipped: Whether the frames between come, too, with the faces of the last N-th one, as an annotated video
            needs them.
        workers: Threads that work on frames at the same time; None takes as many as there are cores, at most 4. More
            than one go best with a predictor of one thread. Live sources have one, so that results are not late.

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
        workers: int | None = None,
    ) -> None:
        for name, seconds in (
            ("start", start_seconds),
            ("end", start_seconds if end_seconds is None else end_seconds),
            ("smoothing", smoothing_seconds),
            ("gap", longest_gap_seconds),
        ):
            if not 0 <= seconds < math.inf:  # neither NaN
                raise ConfigError(f"Expected a {name} of at least 0 seconds. Received: {seconds}.")
        if every < 1 or (workers is not None and workers < 1):
            raise ConfigError(f"Expected every and workers of at least 1. Received: every {every}, workers {workers}.")
        if end_seconds is not None and end_seconds <= start_seconds:
            raise ConfigError(f"Expected an end after the start. Received: {start_seconds} to {end_seconds} seconds.")
        predictor.refuse_estimate("a video")
        self._predictor = predictor
        self._every = every
        self._span = (start_seconds, end_seconds)
        self._yield_skipped = yield_skipped
        self._workers = workers or min(4, usable_cores())
        self._tracks = FaceTracks(smoothing_seconds=smoothing_seconds, longest_gap_seconds=longest_gap_seconds)

    def follow(self, clip: Clip) -> Iterator[FrameFaces]:
        """The frames and their faces, in order."""
        workers = 1 if clip.is_live else self._workers
        faces: tuple[TrackedFace, ...] = ()
        # Closed when the caller stops taking results, too, so that no thread is left.
        with contextlib.closing(
            in_order(self._detect, self._frames(clip), workers=workers, ahead=workers + 1)
        ) as all_detected:
            for frame, detected in all_detected:
                if detected is not None:
                    faces = self._tracked(frame, *detected)
                yield FrameFaces(frame, faces, detected is not None)

    def summaries(self) -> tuple[TrackSummary, ...]:
        """The people seen so far, in the order in which they came."""
        return self._tracks.summaries()

    def _frames(self, clip: Clip) -> Iterator[tuple[Frame, bool]]:
        """The frames that come, and whether faces are detected in each."""
        start, end = self._span
        step = 1 if self._yield_skipped else self._every
        for count, frame in enumerate(clip.frames(every=step, start_seconds=start, end_seconds=end)):
            yield frame, not self._yield_skipped or count % self._every == 0

    def _detect(self, item: tuple[Frame, bool]) -> tuple[Frame, tuple[Found, np.ndarray] | None]:
        """A frame, and, unless it is left out, its faces and what it alone says of each, float32 (N, 7).

        Called from several threads. One batch over several frames would gain nothing.
        """
        frame, is_new = item
        if not is_new:
            return frame, None
        found = self._predictor.find(frame.image_rgb)
        return frame, (found, self._predictor.predict_faces(found.crops))

    def _tracked(self, frame: Frame, found: Found, instant: np.ndarray) -> tuple[TrackedFace, ...]:
        """Who the faces of a frame are, with probabilities that are smoothed over time."""
        numbers, smoothed = self._tracks.update([one.box for one in found.faces], instant, frame.time_seconds)
        faces = self._predictor.classify(found, smoothed).faces
        return tuple(
            TrackedFace(number, face, EMOTIONS[int(p.argmax())])
            for number, face, p in zip(numbers, faces, instant, strict=True)
        )


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
