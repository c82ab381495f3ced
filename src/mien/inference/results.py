"""What prediction returns: frozen values, whose `to_dict()` is the JSON of the command line and of HTTP alike.

Coordinates are pixels of the upright image: x to the right, y down, the origin at the top left corner.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Box", "DetectedFace", "Face", "Found", "Point", "Prediction", "Unreadable"]


class Box(NamedTuple):
    """A rectangle, in pixels; it may reach beyond the image where a face is cut off."""

    x: float
    y: float
    width: float
    height: float


class Point(NamedTuple):
    """A place in the image, in pixels."""

    x: float
    y: float


@dataclass(frozen=True)
class DetectedFace:
    """Where a face is.

    Attributes:
        box: The face's rectangle.
        score: The detector's own measure of certainty, higher is better; None when it gives none.
        landmarks: Right eye, left eye, nose tip, right and left corner of the mouth, as the person has them; or None.
    """

    box: Box
    score: float | None = None
    landmarks: tuple[Point, ...] | None = None


@dataclass(frozen=True, eq=False)
class Found:
    """The faces of one image, before their expressions are known: what `Predictor.find` returns and `classify` takes.

    Attributes:
        width_px, height_px: Size of the upright image.
        faces: Where they are, the largest first.
        crops: uint8 (N, 48, 48), grey, as the model takes them, in the order of `faces`.
        detector: Who found them, as in `Prediction`.
        faces_left_out: Smaller faces that were found, too, beyond the most that were asked for.
    """

    width_px: int
    height_px: int
    faces: tuple[DetectedFace, ...]
    crops: np.ndarray
    detector: str
    faces_left_out: int = 0


@dataclass(frozen=True)
class Face:
    """One face and its expression.

    Attributes:
        box: The face's rectangle, in pixels.
        emotion: The most probable of the seven.
        confidence: Its calibrated probability, 0 to 1.
        probabilities: Calibrated probability of each emotion; they sum to 1.
        uncertain: True when the confidence is below the threshold that the model's card states.
        detection_score: The detector's own measure of certainty, or None.
        landmarks: Five points (see `DetectedFace`), or None.
        quality: What speaks against trusting it: `small`, `blurred`, `dark`, `cut off`, `turned`; often empty.
    """

    box: Box
    emotion: str
    confidence: float
    probabilities: Mapping[str, float] = field(hash=False)
    uncertain: bool
    detection_score: float | None = None
    landmarks: tuple[Point, ...] | None = None
    quality: tuple[str, ...] = ()

    def __repr__(self) -> str:
        x, y, width, height = (round(value) for value in self.box)
        return f"Face({self.emotion} {self.confidence:.2f} at x={x} y={y} {width}×{height})"

    def to_dict(self) -> dict[str, Any]:
        """The face as plain JSON values."""
        return {
            "box": {name: round(value, 2) for name, value in self.box._asdict().items()},
            "emotion": self.emotion,
            "confidence": round(self.confidence, 6),
            "uncertain": self.uncertain,
            "probabilities": {name: round(value, 6) for name, value in self.probabilities.items()},
            "detection_score": None if self.detection_score is None else round(self.detection_score, 4),
            "landmarks": self.landmarks and [[round(x, 2), round(y, 2)] for x, y in self.landmarks],
            "quality": list(self.quality),
        }


@dataclass(frozen=True)
class Prediction:
    """The faces of one image; there may be none.

    Attributes:
        faces: The faces, the largest first.
        width_px, height_px: Size of the upright image.
        detector: Which detector found them: `yunet`, `none` (the image is the face), `boxes`, or the name of your own.
        model: Name of the model.
        source: The file or label that the image came from, or None.
        faces_left_out: Smaller faces that were found, too, beyond the most that were asked for.
    """

    faces: tuple[Face, ...]
    width_px: int
    height_px: int
    detector: str
    model: str
    source: str | None = None
    faces_left_out: int = 0

    def __repr__(self) -> str:
        name = f"{self.source}: " if self.source else ""
        return f"Prediction({name}{len(self.faces)} faces by {self.detector}, {self.faces})"

    def to_dict(self) -> dict[str, Any]:
        """The prediction as plain JSON values."""
        return {
            "source": self.source,
            "width_px": self.width_px,
            "height_px": self.height_px,
            "detector": self.detector,
            "model": self.model,
            "faces": [face.to_dict() for face in self.faces],
            "faces_left_out": self.faces_left_out,
        }


@dataclass(frozen=True)
class Unreadable:
    """An image of a batch that could not be read.

    Attributes:
        source: The file or label.
        error: Why, in one sentence.
    """

    source: str | None
    error: str

    def to_dict(self) -> dict[str, Any]:
        """The failure as plain JSON values."""
        return {"source": self.source, "error": self.error}
