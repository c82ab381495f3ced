"""How fast mien is on this machine: cold start, faces, photos, video, memory.

Medians and 95th percentiles over repeated calls, because other programs only ever add time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mien.emotions import INPUT_SIZE_PX
from mien.errors import ModelError
from mien.inference.classifier import Classifier
from mien.inference.predictor import Predictor
from mien.inference.video.analysis import VideoAnalysis
from mien.inference.video.clip import Frame

__all__ = ["ColdStart", "Speed", "measure_cold_start", "measure_face_ms", "measure_speed"]

_BATCHES = (1, 2, 4, 8, 16, 32, 64)
_PHOTO_SIZE = (1280, 960)  # px, a photo as it is sent around
_FRAME_SIZE = (640, 360)


@dataclass(frozen=True)
class ColdStart:
    """A fresh process that predicts one photo.

    Attributes:
        wall_seconds: From start to exit, the best of several.
        peak_megabytes: Most memory that the process had, or None where the system does not tell.
    """

    wall_seconds: float
    peak_megabytes: float | None


@dataclass(frozen=True)
class Speed:
    """A model on this machine.

    Attributes:
        model: Its name.
        detector: Who detects the faces.
        face_p50_ms, face_p95_ms: One face, batch 1, without detection.
        best_batch: The batch with most faces per second, and how many that is.
        faces_per_second: At that batch.
        photo_p50_ms: A photo of 1280×960 from bytes to prediction.
        video_fps: Frames of 640×360 per second, detected and classified; decoding is left out.
    """

    model: str
    detector: str
    face_p50_ms: float
    face_p95_ms: float
    best_batch: int
    faces_per_second: float
    photo_p50_ms: float
    video_fps: float

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain JSON values."""
        return asdict(self)


def measure_cold_start(model: str | os.PathLike[str], *, detector: str = "yunet", rounds: int = 3) -> ColdStart:
    """Time `mien predict` in processes of its own.

    Raises:
        ModelError: The command fails.
    """
    walls, peaks = [], []
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.jpg"
        photo.write_bytes(_photo())
        command = [sys.executable, "-m", "mien", "predict", str(photo), "--model", os.fspath(model)]
        for _ in range(rounds):
            wall, peak = _run([*command, "--detector", detector, "--json"])
            walls.append(wall)
            peaks.append(peak)
    known = [peak for peak in peaks if peak is not None]
    return ColdStart(min(walls), max(known) if known else None)


def measure_face_ms(model: str | os.PathLike[str], *, seconds: float = 0.2) -> float:
    """Milliseconds of one face, without detection, on one thread: the median over a moment.

    Args:
        model: A bundled model's name, or a path.
        seconds: How long the moment is.
    """
    classifier = Classifier(model, threads=1)
    crop = np.random.default_rng(0).integers(0, 256, (1, INPUT_SIZE_PX, INPUT_SIZE_PX), dtype=np.uint8)
    return float(np.median(_times(lambda: classifier.probabilities(crop), seconds))) * 1e3


def measure_speed(
    model: str | os.PathLike[str], *, detector: str = "yunet", threads: int | None = None, seconds: float = 1.0
) -> Speed:
    """Time a model in this process.

    Args:
        model: A bundled model's name, or a path.
        detector: Who detects the faces.
        threads: Threads of ONNX Runtime; None takes as many as there are cores, at most 4.
        seconds: How long each figure is measured for.
    """
    predictor = Predictor(model, detector=detector, threads=threads)
    random = np.random.default_rng(0)
    crops = random.integers(0, 256, (max(_BATCHES), INPUT_SIZE_PX, INPUT_SIZE_PX), dtype=np.uint8)
    ones = _times(lambda: predictor.predict_faces(crops[:1]), seconds)
    rates = {batch: _faces_per_second(predictor, crops[:batch], seconds / 2) for batch in _BATCHES}
    best = max(rates, key=lambda batch: rates[batch])
    photo, frame = _photo(), cv2.resize(_picture(), _FRAME_SIZE)
    return Speed(
        model=predictor.card.name,
        detector=predictor.detector_name,
        face_p50_ms=float(np.median(ones)) * 1e3,
        face_p95_ms=float(np.percentile(ones, 95)) * 1e3,
        best_batch=best,
        faces_per_second=rates[best],
        photo_p50_ms=float(np.median(_times(lambda: predictor.predict(photo), seconds))) * 1e3,
        video_fps=_frames_per_second(model, detector, frame, seconds),
    )


class _Still:
    """A clip that shows one image for some time."""

    fps, name, is_live = 25.0, "still", False

    def __init__(self, image: np.ndarray, seconds: float) -> None:
        self._image, self._seconds = image, seconds

    def frames(self, **_: Any) -> Iterator[Frame]:
        """Frames until the time is over, at least eight."""
        until = time.perf_counter() + self._seconds
        for number in count():
            if number >= 8 and time.perf_counter() > until:
                return
            yield Frame(number, number / self.fps, self._image)


def _frames_per_second(model: str | os.PathLike[str], detector: str, frame: np.ndarray, seconds: float) -> float:
    """As `mien video` does it: several frames at a time, each on one thread."""
    predictor = Predictor(model, detector=detector, threads=1)
    clip: Any = _Still(frame, seconds)
    started, done = time.perf_counter(), 0
    for _ in VideoAnalysis(predictor).follow(clip):
        done += 1
    return done / (time.perf_counter() - started)


def _faces_per_second(predictor: Predictor, crops: np.ndarray, seconds: float) -> float:
    return len(crops) / float(np.median(_times(lambda: predictor.predict_faces(crops), seconds)))


def _times(call: Callable[[], object], seconds: float) -> list[float]:
    """Seconds of each call, over about `seconds`; at least three calls, after one that does not count."""
    call()
    times: list[float] = []
    until = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < until:
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return times


def _picture() -> np.ndarray:
    """uint8 (960, 1280, 3): soft shapes, as photos have them, and one round thing that is no face."""
    small = np.random.default_rng(0).integers(60, 200, (12, 16, 3), dtype=np.uint8)
    image: np.ndarray = cv2.resize(small, _PHOTO_SIZE, interpolation=cv2.INTER_CUBIC)
    cv2.circle(image, (640, 480), 200, (200, 170, 150), -1)
    return image


def _photo() -> bytes:
    _, encoded = cv2.imencode(".jpg", _picture())
    return encoded.tobytes()


# Runs a command and tells its exit code, wall seconds and peak of memory. It stands between this process and the
# command because the system counts the memory of the process that starts another as memory of the other.
_WATCHER = """
import json, subprocess, sys, time
started = time.perf_counter()
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
wall = time.perf_counter() - started
try:
    import resource
    # macOS counts bytes, everybody else kilobytes.
    unit = 2**20 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit
except ImportError:  # Windows
    peak = None
print(json.dumps([code, wall, peak]))
"""


def _run(command: Sequence[str]) -> tuple[float, float | None]:
    """Wall seconds of a process, and the peak of its memory in megabytes."""
    watcher = [sys.executable, "-c", _WATCHER, *command]
    done = subprocess.run(watcher, stdout=subprocess.PIPE, text=True, check=True)
    code, wall, peak = json.loads(done.stdout)
    if code:
        raise ModelError(f"Expected {' '.join(command[1:4])} to succeed. Received: exit code {code}.")
    return wall, peak
