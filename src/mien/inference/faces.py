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
    name: str = "auto", *, yunet_path: str | os.PathLike[str] | None = None, threads: int | None = None
) -> FaceDetector:
    """The detector of a name.

    Args:
        name: `yunet`, `haar`, `none`, or `auto`: YuNet when its file is found, else Haar.
        yunet_path: YuNet's file; None looks in MIEN_YUNET and in the user's cache folder.
        threads: Threads of YuNet; None takes as many as there are cores, at most 4.

    Raises:
        DetectorError: An unknown name, or a detector that this machine does not have.
    """
    if name not in DETECTORS:
        raise DetectorError(f"Expected a detector of {', '.join(DETECTORS)}. Received: {name!r}.")
    if name == "none":
        return WholeImage()
    if name == "haar":
        return HaarDetector()
    path = Path(yunet_path) if yunet_path else find_yunet()
    if path is not None:
        return YuNetDetector(path, threads=threads)
    if name == "auto" and HaarDetector.is_available():
        return HaarDetector()
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
        side_px: Longest side that the search works at, in pixels.
        score: Lowest weight of the cascade's last stage for a face. On the test photos faces had 4.7 to 12.6, and a
            bow tie and a sequined dress up to 2.1.

    Raises:
        DetectorError: This OpenCV has no cascades; version 5 left them out.
    """

    name = "haar"
    margin = 0.0

    def __init__(self, *, side_px: int = 640, score: float = 3.0) -> None:
        if not self.is_available():
            raise DetectorError(
                f"Expected OpenCV 4 for the Haar detector. Received: {cv2.__version__}, which left it out. "
                f"Fetch a better one with: {FETCH_COMMAND}"
            )
        self._side_px, self._score = side_px, score
        self._local = threading.local()

    @staticmethod
    def is_available() -> bool:
        """True when this OpenCV has the cascade."""
        return hasattr(cv2, "CascadeClassifier") and _CASCADE.is_file()

    def detect(self, image_rgb: np.ndarray) -> tuple[DetectedFace, ...]:
        """The faces, the largest first."""
        gray = to_gray(image_rgb)
        scale = min(1.0, self._side_px / max(gray.shape))
        scaled = _scaled(gray, scale)
        smallest = max(_HAAR_WINDOW_PX, round(min(scaled.shape) / 20))
        boxes, _, weights = self._cascade().detectMultiScale3(
            scaled, scaleFactor=1.1, minNeighbors=5, minSize=(smallest, smallest), outputRejectLevels=True
        )
        stretch = np.array([gray.shape[1] / scaled.shape[1], gray.shape[0] / scaled.shape[0]])
        found = [
            DetectedFace(_stretched(box, stretch), score=float(weight))
            for box, weight in zip(boxes, weights, strict=True)
            if weight >= self._score
        ]
        return merge_overlapping(found)

    def _cascade(self) -> Any:
        if not hasattr(self._local, "cascade"):
            self._local.cascade = cv2.CascadeClassifier(str(_CASCADE))
        return self._local.cascade


_CASCADE = Path(getattr(getattr(cv2, "data", None), "haarcascades", "")) / "haarcascade_frontalface_default.xml"
_HAAR_WINDOW_PX = 24  # the smallest face that the cascade was trained on


def _scaled(image: np.ndarray, scale: float) -> np.ndarray:
    if scale == 1:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[no-any-return]


def _stretched(box: np.ndarray, stretch: np.ndarray) -> Box:
    x, y, width, height = (np.asarray(box, dtype=float).reshape(2, 2) * stretch).ravel()
    return Box(float(x), float(y), float(width), float(height))
