"""From shapes to pixels: the background, the pose, soft shading, light, and the camera's faults."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from mien.synthetic.person import Shot
from mien.synthetic.stroke import Stroke, xy

__all__ = ["paint"]

# Drawn three times too large and averaged down: smooth edges, and lines may be thinner than a pixel.
SUPERSAMPLING = 3

# OpenCV takes coordinates in whole numbers of 1/16 pixel.
_SUBPIXEL_BITS = 4

# The face as a shallow bowl: how its depth falls off from the middle to the sides and to chin and forehead.
_DEPTH_X, _DEPTH_Y = 0.45, 0.18

# Where the centre of the head lies in the picture, in half widths of the head: faces are cropped a little low.
_CENTRE_Y = 0.06

_LIGHT_POINTS = 20
_LIGHT_GRID = ((np.arange(_LIGHT_POINTS) + 0.5) / _LIGHT_POINTS - 0.5).astype(np.float32)


def paint(
    soft: Sequence[Stroke], crisp: Sequence[Stroke], shot: Shot, rng: np.random.Generator, *, size_px: int
) -> np.ndarray:
    """Draw strokes in order: `soft` ones are blurred together before `crisp` ones go on top.

    Returns:
        uint8 (size_px, size_px).
    """
    large = size_px * SUPERSAMPLING
    canvas = _background(shot, rng, large)
    shapes = _project([*soft, *crisp], shot, large)
    line_scale = shot.scale * large
    _draw(canvas, soft, shapes[: len(soft)], line_scale)
    side = 2 * round(large / 64) + 1
    cv2.GaussianBlur(canvas, (side, side), 0, dst=canvas)
    _draw(canvas, crisp, shapes[len(soft) :], line_scale)
    small = cv2.resize(canvas, (size_px, size_px), interpolation=cv2.INTER_AREA)
    return _photograph(small.astype(np.float32) * _light(shot, size_px), shot, rng)


def _background(shot: Shot, rng: np.random.Generator, large: int) -> np.ndarray:
    """A wall with uneven light, and some things before it."""
    coarse = shot.background + rng.normal(0, 14, (4, 4))
    wall = np.clip(coarse, 0, 255).astype(np.uint8)
    canvas: np.ndarray = cv2.resize(wall, (large, large), interpolation=cv2.INTER_LINEAR)
    if shot.clutter:
        for x, y, width, height, grey in rng.random((3, 5)).tolist():
            corner = (int((x * 1.2 - 0.2) * large), int((y * 1.2 - 0.2) * large))
            far = (corner[0] + int((0.05 + 0.3 * width) * large), corner[1] + int((0.1 + 0.6 * height) * large))
            cv2.rectangle(canvas, corner, far, 255 * grey, cv2.FILLED)
    return canvas


def _project(strokes: Sequence[Stroke], shot: Shot, large: int) -> list[np.ndarray]:
    """Turn the head and find the canvas coordinates of every stroke's points, all in one go."""
    lengths = [len(stroke.points) for stroke in strokes]
    x, y = np.concatenate([stroke.points for stroke in strokes]).T
    relief = np.repeat([stroke.relief for stroke in strokes], lengths)
    depth = relief * (1 - _DEPTH_X * x * x - _DEPTH_Y * y * y)
    turned_x = x * math.cos(shot.yaw) + depth * math.sin(shot.yaw)
    turned_y = y * math.cos(shot.pitch) + depth * math.sin(shot.pitch) - _CENTRE_Y
    cos, sin = math.cos(shot.roll) * shot.scale, math.sin(shot.roll) * shot.scale
    u = 0.5 + shot.shift_x + cos * turned_x - sin * turned_y
    v = 0.5 + shot.shift_y + sin * turned_x + cos * turned_y
    points = (xy(u, v) * (large << _SUBPIXEL_BITS)).astype(np.int32)
    ends = np.cumsum(lengths).tolist()
    return [points[end - length : end] for end, length in zip(ends, lengths, strict=True)]


def _draw(canvas: np.ndarray, strokes: Sequence[Stroke], shapes: Sequence[np.ndarray], line_scale: float) -> None:
    for stroke, shape in zip(strokes, shapes, strict=True):
        if stroke.width:
            thickness = max(round(stroke.width * line_scale), 1)
            cv2.polylines(canvas, [shape], False, stroke.grey, thickness, cv2.LINE_8, _SUBPIXEL_BITS)
        else:
            cv2.fillPoly(canvas, [shape], stroke.grey, cv2.LINE_8, _SUBPIXEL_BITS)


def _light(shot: Shot, size_px: int) -> np.ndarray:
    """float32 (size_px, size_px): Lambert's law on an egg, around 1."""
    grid = _LIGHT_GRID
    x = (grid - shot.shift_x)[None, :] / shot.scale
    y = (grid - shot.shift_y)[:, None] / (1.3 * shot.scale)
    across, height = math.cos(shot.light_height), math.sin(shot.light_height)
    squared = x * x + y * y
    toward = np.sqrt(np.maximum(1 - squared, 0)) * height
    slope = x * (math.cos(shot.light_angle) * across) + y * (math.sin(shot.light_angle) * across)
    toward += slope / np.sqrt(np.maximum(squared, 1))
    lambert = shot.ambient + (1.25 - shot.ambient) * np.maximum(toward, 0)
    # Light is smooth: a coarse grid does, and takes a quarter of the time.
    resized: np.ndarray = cv2.resize(lambert, (size_px, size_px), interpolation=cv2.INTER_LINEAR)
    return resized


def _photograph(scene: np.ndarray, shot: Shot, rng: np.random.Generator) -> np.ndarray:
    """Exposure, contrast, lens blur and sensor noise."""
    size_px = len(scene)
    scene = (scene * shot.exposure - 128) * shot.contrast + 128
    if shot.blur_px > 0.25:  # less than that changes nothing
        cv2.GaussianBlur(scene, (5, 5), shot.blur_px * size_px / 48, dst=scene)
    scene += shot.noise * rng.standard_normal(scene.shape, dtype=np.float32)
    return np.clip(scene, 0, 255).astype(np.uint8)
