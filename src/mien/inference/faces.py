"""Where the faces are: detectors behind one small protocol, and which of them answers on this machine.

YuNet when its file is there, the Haar cascade that comes with OpenCV 4 otherwise; or no detector at all, for
pictures that are faces already. No face is an empty answer, never an error.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from mien.errors import DetectorError
from mien.images import to_gray
from mien.inference.boxes import merge_overlapping
from mien.inference.results import Box, DetectedFace
from mien.inference.shrinking import SMALLEST_FACE_PX, checked_smallest_face_px, shrunk
from mien.inference.yunet import YuNetDetector
from mien.inference.yunet_file import FETCH_COMMAND, find_yunet

__all__ = ["DETECTORS", "FaceDetector", "HaarDetector", "WholeImage", "YuNetDetector", "choose_detector"]

DETECTORS = ("auto", "yunet", "haar", "none")


class FaceDetector(Protocol):
    """What a detector must have; any object that does can be given to `Predictor`."""

    @property
    def name(self) -> str:
        """What results and tables call it."""

    @property
    def margin(self) -> float:
        """Share of its boxes' longer side that the crop adds on each side, so that crops look like FER-2013's."""

    def detect(self, image_rgb: np.ndarray) -> tuple[DetectedFace, ...]:
        """The faces of an image, uint8 (H, W, 3) RGB; called from several threads at once."""


def choose_detector(
    name: str = "auto",
    *,
    yunet_path: str | os.PathLike[str] | None = None,
    smallest_face_px: int = SMALLEST_FACE_PX,
    threads: int | None = None,
) -> FaceDetector:
    """The detector of a name.

    Args:
        name: `yunet`, `haar`, `none`, or `auto`: YuNet when its file is found, else Haar.
        yunet_path: YuNet's file; None looks in MIEN_YUNET and in the user's cache folder.
        smallest_face_px: Side of the smallest face that matters, in pixels; searching for larger ones is faster.
        threads: Threads of YuNet; None takes as many as there are cores, at most 4.

    Raises:
        DetectorError: An unknown name, a detector that this machine does not have, or a face below 24 pixels.
    """
    if name not in DETECTORS:
        raise DetectorError(f"Expected a detector of {', '.join(DETECTORS)}. Received: {name!r}.")
    if name == "none":
        return WholeImage()
    if name == "haar":
        return HaarDetector(smallest_face_px=smallest_face_px)
    path = Path(yunet_path) if yunet_path else find_yunet()
    if path is not None:
        return YuNetDetector(path, smallest_face_px=smallest_face_px, threads=threads)
    if name == "auto" and HaarDetector.is_available():
        return HaarDetector(smallest_face_px=smallest_face_px)
    raise DetectorError(
        f"Expected YuNet's file. Received: none on this machine. Fetch it once with: {FETCH_COMMAND}, "
        "or name a copy in MIEN_YUNET."
    )


class WholeImage:
    """No detector: the image is the face."""

    name = "none"
    margin = 0.0

    def detect(self, image_rgb: np.ndarray) -> tuple[DetectedFace, ...]:
        """One face, as large as the image."""
        height, width = image_rgb.shape[:2]
        return (DetectedFace(Box(0.0, 0.0, float(width), float(height))),)


class HaarDetector:
    """The Haar cascade of Viola and Jones (2001) that comes with OpenCV 4: needs no file, sees frontal faces.

    Args:
        size_px: Longer and shorter side that the search works at, in pixels; larger images are scaled down to fit in.
        smallest_face_px: Side of the smallest face that matters; with more than 24 the search works at a smaller size.
        step: Each size searched for is so many times the one before.
        neighbours: Fewest overlapping finds that make a face.
        score: Lowest weight of the cascade's last stage for a face.

    What is preset was measured beside finer and coarser searches, see docs/benchmarks.md.

    Raises:
        DetectorError: This OpenCV has no cascades; version 5 left them out.
    """

    name = "haar"
    margin = 0.0

    def __init__(
        self,
        *,
        size_px: tuple[int, int] = (640, 360),
        smallest_face_px: int = SMALLEST_FACE_PX,
        step: float = 1.15,
        neighbours: int = 3,
        score: float = 1.7,
    ) -> None:
        if not self.is_available():
            raise DetectorError(
                f"Expected OpenCV 4 for the Haar detector. Received: {cv2.__version__}, which left it out. "
                f"Fetch a better one with: {FETCH_COMMAND}"
            )
        self._size_px, self._step, self._neighbours, self._score = size_px, step, neighbours, score
        self._largest_scale = SMALLEST_FACE_PX / checked_smallest_face_px(smallest_face_px)
        self._local = threading.local()

    @staticmethod
    def is_available() -> bool:
        """True when this OpenCV has the cascade."""
        return hasattr(cv2, "CascadeClassifier") and _CASCADE.is_file()

    def detect(self, image_rgb: np.ndarray) -> tuple[DetectedFace, ...]:
        """The faces, the largest first."""
        gray = to_gray(image_rgb)
        scaled = self._scaled(gray)
        boxes, _, weights = self._cascade().detectMultiScale3(
            scaled,
            scaleFactor=self._step,
            minNeighbors=self._neighbours,
            minSize=(SMALLEST_FACE_PX, SMALLEST_FACE_PX),
            outputRejectLevels=True,
        )
        stretch = np.array([gray.shape[1] / scaled.shape[1], gray.shape[0] / scaled.shape[0]])
        found = [
            DetectedFace(_stretched(box, stretch), score=float(weight))
            for box, weight in zip(boxes, weights, strict=True)
            if weight >= self._score
        ]
        return merge_overlapping(found)

    def _scaled(self, gray: np.ndarray) -> np.ndarray:
        """The picture at the size to search at."""
        longer, shorter = max(gray.shape), min(gray.shape)
        scale = min(self._largest_scale, self._size_px[0] / longer, self._size_px[1] / shorter)
        return shrunk(gray, max(1, round(scale * longer)))

    def _cascade(self) -> Any:
        if not hasattr(self._local, "cascade"):
            self._local.cascade = cv2.CascadeClassifier(str(_CASCADE))
        return self._local.cascade


_CASCADE = Path(getattr(getattr(cv2, "data", None), "haarcascades", "")) / "haarcascade_frontalface_default.xml"


def _stretched(box: np.ndarray, stretch: np.ndarray) -> Box:
    x, y, width, height = (np.asarray(box, dtype=float).reshape(2, 2) * stretch).ravel()
    return Box(float(x), float(y), float(width), float(height))
