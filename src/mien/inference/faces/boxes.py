"""Boxes as such: merging those that are one face, and reading those that a person gives."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mien.errors import DetectorError
from mien.inference.results import Box, DetectedFace

__all__ = ["checked_boxes", "merge_overlapping", "overlap", "read_boxes"]

# Two boxes that share more than this of the smaller one are one face. Shared by the smaller, because detection at two
# scales can find a face and its half; a face behind another shows more of itself than this.
SAME_FACE_SHARE = 0.6


def overlap(a: Box, b: Box) -> float:
    """The area that two boxes share, as a share of the smaller one: 0 apart, 1 one inside the other."""
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    smaller = min(a.width * a.height, b.width * b.height)
    return width * height / smaller if width > 0 and height > 0 and smaller > 0 else 0.0


def merge_overlapping(faces: Sequence[DetectedFace]) -> tuple[DetectedFace, ...]:
    """One box per face, the one with the best score; the largest first."""
    kept: list[DetectedFace] = []
    for face in sorted(faces, key=lambda face: face.score or 0.0, reverse=True):
        if all(overlap(face.box, other.box) < SAME_FACE_SHARE for other in kept):
            kept.append(face)
    return tuple(sorted(kept, key=lambda face: face.box.width * face.box.height, reverse=True))


def checked_boxes(boxes: Any) -> tuple[Box, ...]:
    """Boxes from plain values.

    Args:
        boxes: A list of [x, y, width, height] or of {"x": …, "y": …, "width": …, "height": …}, in pixels.

    Raises:
        DetectorError: Anything else.
    """
    if isinstance(boxes, (str, bytes, Mapping)) or not hasattr(boxes, "__iter__"):
        raise _no_boxes(boxes)
    return tuple(_box(value) for value in boxes)


def read_boxes(path: Path) -> dict[str, tuple[Box, ...]]:
    """Boxes that a person wrote: a JSON object from file name to a list of boxes.

    Args:
        path: JSON such as {"photo.jpg": [[10, 20, 64, 64]]}; names may have folders before them.

    Returns:
        The boxes by name, as written.

    Raises:
        DetectorError: The file cannot be read or holds something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DetectorError(f"Expected a JSON file of boxes at {path}. Received: {reason}.") from error
    if not isinstance(value, dict):
        raise DetectorError(
            f'Expected an object such as {{"photo.jpg": [[10, 20, 64, 64]]}} in {path}. '
            f"Received: {type(value).__name__}."
        )
    return {name: checked_boxes(boxes) for name, boxes in value.items()}


def _box(value: Any) -> Box:
    if isinstance(value, (str, bytes)):  # its letters would pass for numbers
        raise _no_boxes(value)
    try:
        numbers = [value[name] for name in Box._fields] if isinstance(value, Mapping) else list(value)
        box = Box(*(float(number) for number in numbers))
    except (TypeError, ValueError, KeyError) as error:
        raise _no_boxes(value) from error
    if not all(map(math.isfinite, box)) or box.width <= 0 or box.height <= 0:
        raise _no_boxes(value)
    return box


def _no_boxes(received: object) -> DetectorError:
    return DetectorError(
        "Expected boxes as [x, y, width, height] in pixels, with a width and height above 0. "
        f"Received: {str(received)[:80]}."
    )
