"""Where the faces are: detectors behind one small protocol.

YuNet; or no detector at all, for images that are faces already; or one of your own. No face is an empty tuple, never
an error.
"""

from __future__ import annotations

import os
from typing import Protocol

import numpy as np

from mien.errors import DetectorError
from mien.inference.faces.yunet import SMALLEST_FACE_PX, YuNetDetector
from mien.inference.results import Box, DetectedFace

__all__ = ["DETECTORS", "FaceDetector", "WholeImage", "choose_detector"]

DETECTORS = ("yunet", "none")


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
    name: str = "yunet",
    *,
    yunet_path: str | os.PathLike[str] | None = None,
    smallest_face_px: int = SMALLEST_FACE_PX,
    threads: int | None = None,
) -> FaceDetector:
    """The detector of a name.

    Args:
        name: `yunet`, or `none`: each image is a face.
        yunet_path: YuNet's file, if not the one that was installed with mien or that MIEN_YUNET names.
        smallest_face_px: Side of the smallest face that matters, in pixels; searching for larger ones is faster.
        threads: Threads of YuNet; None takes as many as there are cores, at most 4.

    Raises:
        DetectorError: An unknown name, a file that is no YuNet, or a face below 24 pixels.
    """
    if name == "none":
        return WholeImage()
    if name == "yunet":
        return YuNetDetector(yunet_path, smallest_face_px=smallest_face_px, threads=threads)
    raise DetectorError(f"Expected a detector of {', '.join(DETECTORS)}. Received: {name!r}.")


class WholeImage:
    """No detector: the image is the face."""

    name = "none"
    margin = 0.0

    def detect(self, image_rgb: np.ndarray) -> tuple[DetectedFace, ...]:
        """One face, as large as the image."""
        height, width = image_rgb.shape[:2]
        return (DetectedFace(Box(0.0, 0.0, float(width), float(height))),)
