"""Annotated copies: boxes and readable labels, at any resolution. Only OpenCV; figures of numbers are elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from mien.emotions import COLOURS_ON_DARK, EMOTIONS, INK_ON_COLOUR
from mien.inference.results import Box, Face

__all__ = ["draw_faces"]


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


COLOURS = {name: _rgb(colour) for name, colour in zip(EMOTIONS, COLOURS_ON_DARK, strict=True)}
_INK = _rgb(INK_ON_COLOUR)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_HEIGHT_PX = 21  # of capital letters at font scale 1

# Height of the letters, in pixels: a share of the image's shorter side, but never too small to read.
_LETTER_SHARE = 0.022
_LETTER_SMALLEST_PX = 9


class _Style(NamedTuple):
    font_scale: float
    stroke_px: int
    line_px: int
    padding_px: int


def draw_faces(image_rgb: np.ndarray, faces: Sequence[Face], *, names: Sequence[str] | None = None) -> np.ndarray:
    """A copy of an image with a box and a label for each face.

    Small images are enlarged first, so that labels fit. Labels stay inside the image and, where there is room, off
    each other.

    Args:
        image_rgb: uint8 (H, W, 3), RGB.
        faces: The faces to draw.
        names: What to write before each emotion, such as track numbers.

    Returns:
        uint8, RGB, (H, W, 3) or a whole multiple of it.
    """
    factor = _enlargement(image_rgb.shape)
    size = (image_rgb.shape[1] * factor, image_rgb.shape[0] * factor)
    canvas = cv2.resize(image_rgb, size, interpolation=cv2.INTER_CUBIC) if factor > 1 else image_rgb.copy()
    style = _style(canvas.shape)
    placed: list[Box] = []
    drawn = [(face, Box(*(value * factor for value in face.box))) for face in faces]
    for face, box in drawn:
        _draw_box(canvas, box, _colour(face), style)
    for number, (face, box) in enumerate(drawn):  # after all boxes, so that none crosses a label
        name = f"{names[number]} " if names else ""
        placed.append(_draw_label(canvas, name + _text(face), _colour(face), box, placed=placed, style=style))
    return canvas


# An image with a shorter side below this is enlarged: a label of readable letters would cover it.
_SHORTEST_PX = 240
_LARGEST_FACTOR = 8


def _enlargement(shape: tuple[int, ...]) -> int:
    return min(_LARGEST_FACTOR, max(1, -(-_SHORTEST_PX // min(shape[:2]))))


def _style(shape: tuple[int, ...]) -> _Style:
    letter_px = max(_LETTER_SMALLEST_PX, _LETTER_SHARE * min(shape[:2]))
    scale = letter_px / _FONT_HEIGHT_PX
    return _Style(
        font_scale=scale,
        stroke_px=max(1, round(scale * 1.6)),
        line_px=max(2, round(letter_px / 6)),
        padding_px=max(3, round(letter_px * 0.45)),
    )


def _colour(face: Face) -> tuple[int, int, int]:
    return COLOURS.get(face.emotion, (255, 255, 255))


def _draw_box(canvas: np.ndarray, box: Box, colour: tuple[int, int, int], style: _Style) -> None:
    corners = ((round(box.x), round(box.y)), (round(box.x + box.width), round(box.y + box.height)))
    # A dark rim keeps a light line visible on light skin and sky.
    cv2.rectangle(canvas, *corners, _INK, style.line_px + 2, cv2.LINE_AA)
    cv2.rectangle(canvas, *corners, colour, style.line_px, cv2.LINE_AA)


def _draw_label(
    canvas: np.ndarray, text: str, colour: tuple[int, int, int], box: Box, *, placed: list[Box], style: _Style
) -> Box:
    (width, height), below = cv2.getTextSize(text, _FONT, style.font_scale, style.stroke_px)
    plate_size = (width + 2 * style.padding_px, height + below + 2 * style.padding_px)
    plate = _place(canvas.shape, box, plate_size, placed)
    left, top = round(plate.x), round(plate.y)
    cv2.rectangle(canvas, (left, top), (left + plate_size[0], top + plate_size[1]), colour, cv2.FILLED)
    origin = (left + style.padding_px, top + style.padding_px + height)
    cv2.putText(canvas, text, origin, _FONT, style.font_scale, _INK, style.stroke_px, cv2.LINE_AA)
    return plate


def _text(face: Face) -> str:
    return f"{face.emotion} {face.confidence:.0%}" + (" ?" if face.uncertain else "")


def _place(shape: tuple[int, ...], box: Box, size: tuple[int, int], placed: list[Box]) -> Box:
    """Above the box, else below it, else inside its top; the first that meets no other label, kept in the image."""
    width, height = size
    tops = (box.y - height, box.y + box.height, box.y, box.y + box.height - height)
    places = [_inside(shape, Box(box.x, top, width, height)) for top in tops]
    clear = [place for place in places if not any(_meet(place, other) for other in placed)]
    beside = [place for place in clear if not _meet(place, box)]
    return (beside or clear or places)[0]


def _inside(shape: tuple[int, ...], box: Box) -> Box:
    x = min(max(box.x, 0), max(0, shape[1] - box.width - 1))
    y = min(max(box.y, 0), max(0, shape[0] - box.height - 1))
    return Box(x, y, box.width, box.height)


def _meet(a: Box, b: Box) -> bool:
    # Touching edges do not meet.
    return (
        min(a.x + a.width, b.x + b.width) > max(a.x, b.x) + 1
        and min(a.y + a.height, b.y + b.height) > max(a.y, b.y) + 1
    )
