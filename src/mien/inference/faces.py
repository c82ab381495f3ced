"""Where the faces are: detectors behind one small protocol, and which of them answers on this machine.

YuNet when its file is there, the Haar cascade that comes with OpenCV 4 otherwise; or no detector at all, for
pictures that are faces already. No face is an empty answer, never an error.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from mien.errors import DetectorError
from mien.images import to_gray
from mien.inference.boxes import merge_overlapping
from mien.inference.results import Box, DetectedFace, Point
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


def choose_detector(name: str = "auto", *, yunet_path: str | os.PathLike[str] | None = None) -> FaceDetector:
    """The detector of a name.

    Args:
        name: `yunet`, `haar`, `none`, or `auto`: YuNet when its file is found, else Haar.
        yunet_path: YuNet's file; None looks in MIEN_YUNET and in the user's cache folder.

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
        return YuNetDetector(path)
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


class YuNetDetector:
    """YuNet (Wu et al. 2023) through OpenCV: small, fast, finds turned and covered faces, gives five landmarks.

    Args:
        path: Its ONNX file.
        side_px: Longest side that the search works at, in pixels; larger images are scaled down to it.
        score: Lowest score of a face, 0 to 1.

    Raises:
        DetectorError: The file is missing or is no model that OpenCV can run.
    """

    name = "yunet"
    margin = 0.0

    def __init__(self, path: str | os.PathLike[str], *, side_px: int = 640, score: float = 0.7) -> None:
        self._side_px, self._score = side_px, score
        try:
            self._content = np.frombuffer(Path(path).read_bytes(), dtype=np.uint8)
        except OSError as error:
            raise DetectorError(
                f"Expected YuNet's file at {path}. Received: {error.strerror}. Fetch it with: {FETCH_COMMAND}"
            ) from error
        # OpenCV's detectors keep the input size inside, so each thread has one of its own.
        self._local = threading.local()
        try:
            self._search(np.zeros((64, 64, 3), np.uint8), 1.0)
        except cv2.error as error:
            raise DetectorError(
                f"Expected YuNet's model in {path}. Received: a file that OpenCV {cv2.__version__} cannot run. "
                f"Fetch it again with: {FETCH_COMMAND}"
            ) from error

    def detect(self, image_rgb: np.ndarray) -> tuple[DetectedFace, ...]:
        """The faces, the largest first; large images are searched at two scales."""
        image_bgr = cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR)
        found = [face for scale in _scales(image_rgb.shape, self._side_px) for face in self._search(image_bgr, scale)]
        return merge_overlapping(found)

    def _search(self, image_bgr: np.ndarray, scale: float) -> list[DetectedFace]:
        scaled = _scaled(image_bgr, scale)
        detector = self._detector()
        detector.setInputSize((scaled.shape[1], scaled.shape[0]))
        _, rows = detector.detect(scaled)  # (N, 15): box, five points, score
        # The two axes are rounded to whole pixels separately.
        stretch = np.array([image_bgr.shape[1] / scaled.shape[1], image_bgr.shape[0] / scaled.shape[0]])
        faces = [] if rows is None else [_yunet_face(row, stretch) for row in rows]
        return [face for face in faces if _touches(face.box, image_bgr.shape)]

    def _detector(self) -> Any:
        if not hasattr(self._local, "detector"):
            empty = np.array([], dtype=np.uint8)
            self._local.detector = cv2.FaceDetectorYN.create("onnx", self._content, empty, (64, 64), self._score)
        return self._local.detector


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


def _scales(shape: Sequence[int], side_px: int) -> list[float]:
    """Scales to search at: whole at `side_px`, and twice as fine where the image has the pixels for it."""
    longest = max(shape[:2])
    scales = [min(1.0, side_px / longest)]
    if longest >= 2 * side_px:
        scales.append(2 * side_px / longest)
    return scales


def _scaled(image: np.ndarray, scale: float) -> np.ndarray:
    if scale == 1:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[no-any-return]


def _touches(box: Box, shape: Sequence[int]) -> bool:
    """True when a box has a part in the image; the network's may lie beyond its rim."""
    return box.x < shape[1] and box.y < shape[0] and box.x + box.width > 0 and box.y + box.height > 0


def _yunet_face(row: np.ndarray, stretch: np.ndarray) -> DetectedFace:
    points = row[4:14].reshape(5, 2) * stretch
    return DetectedFace(
        _stretched(row[:4], stretch), float(row[14]), tuple(Point(float(x), float(y)) for x, y in points)
    )


def _stretched(box: np.ndarray, stretch: np.ndarray) -> Box:
    x, y, width, height = (np.asarray(box, dtype=float).reshape(2, 2) * stretch).ravel()
    return Box(float(x), float(y), float(width), float(height))
