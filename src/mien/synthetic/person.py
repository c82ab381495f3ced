"""Who is drawn and how they are photographed: everything about a face but its expression."""

from __future__ import annotations

from bisect import bisect
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Person", "Shot", "sample_person", "sample_shot"]

HAIR_STYLES = ("short", "fringe", "long", "bald")
_HAIR_ODDS = (0.38, 0.60, 0.88)  # cumulative


class Person(NamedTuple):
    """Lengths in half widths of the head; greys from 0 black to 255 white."""

    head_height: float
    jaw_width: float
    eye_distance: float
    eye_width: float
    eye_opening: float
    eye_slant: float
    brow_height: float
    brow_thickness: float
    brow_arch: float
    nose_length: float
    nose_width: float
    mouth_width: float
    mouth_height: float
    lip_thickness: float
    wrinkles: float
    skin: float
    hair: float
    iris: float
    lips: float
    hair_style: str
    hairline: float
    beard: float
    moustache: bool
    glasses: bool
    dark_glasses: bool


class Shot(NamedTuple):
    """Pose, light and camera. Angles in radians; `scale` and shifts as shares of the image's width."""

    yaw: float
    pitch: float
    roll: float
    scale: float
    shift_x: float
    shift_y: float
    gaze_x: float
    gaze_y: float
    light_angle: float
    light_height: float
    ambient: float
    background: float
    clothes: float
    exposure: float
    contrast: float
    blur_px: float
    noise: float
    hand: float  # where along jaw and cheek a hand is held before the face, 0 to 1; below 0 for none
    clutter: bool


# Lowest and highest value of each field that is drawn evenly.
_PERSON_RANGES = {
    "head_height": (1.22, 1.42),
    "jaw_width": (0.60, 0.84),
    "eye_distance": (0.37, 0.44),
    "eye_width": (0.185, 0.235),
    "eye_opening": (0.85, 1.15),
    "eye_slant": (-0.025, 0.03),
    "brow_height": (0.38, 0.43),
    "brow_thickness": (0.045, 0.10),
    "brow_arch": (0.02, 0.08),
    "nose_length": (0.34, 0.46),
    "nose_width": (0.15, 0.22),
    "mouth_width": (0.30, 0.38),
    "mouth_height": (0.66, 0.71),
    "lip_thickness": (0.055, 0.105),
    "wrinkles": (0.75, 1.25),
    "skin": (110.0, 220.0),
    "hair": (15.0, 120.0),
    "iris": (25.0, 95.0),
    "lips": (0.66, 0.88),
    "hairline": (0.62, 0.82),
}
_SHOT_RANGES = {
    "gaze_x": (-0.25, 0.25),
    "gaze_y": (-0.12, 0.12),
    "light_angle": (-np.pi, np.pi),
    "light_height": (0.5, 1.2),
    "ambient": (0.7, 1.0),
    "background": (15.0, 240.0),
    "clothes": (20.0, 220.0),
    "exposure": (0.85, 1.12),
    "contrast": (0.80, 1.15),
    "blur_px": (0.0, 0.6),
    "noise": (1.0, 5.0),
}


def sample_person(rng: np.random.Generator) -> Person:
    """Anybody."""
    even = _sample(_PERSON_RANGES, rng)
    chance = rng.random(5).tolist()
    style = HAIR_STYLES[bisect(_HAIR_ODDS, chance[0])]
    bearded = chance[1] < 0.14
    if chance[2] < 0.15:
        even["hair"] = 130.0 + 400.0 * chance[2]  # fair or grey hair
    return Person(
        **even,
        hair_style=style,
        beard=0.12 + 0.25 * chance[3] if bearded else 0.0,
        moustache=bearded or chance[3] > 0.96,
        glasses=chance[4] < 0.16,
        dark_glasses=chance[4] < 0.006,
    )


def sample_shot(rng: np.random.Generator) -> Shot:
    """Any picture that a face detector would have found and cropped."""
    even = _sample(_SHOT_RANGES, rng)
    pose = rng.standard_normal(6).tolist()
    chance = rng.random(3).tolist()
    return Shot(
        **even,
        yaw=_within(0.13 * pose[0], -0.35, 0.35),
        pitch=_within(0.06 * pose[1], -0.14, 0.14),
        roll=_within(0.06 * pose[2], -0.18, 0.18),
        scale=_within(0.425 + 0.015 * pose[3], 0.38, 0.47),
        shift_x=_within(0.013 * pose[4], -0.035, 0.035),
        shift_y=_within(0.013 * pose[5], -0.035, 0.035),
        hand=chance[0] if chance[1] < 0.03 else -1.0,
        clutter=chance[2] < 0.5,
    )


def _sample(ranges: dict[str, tuple[float, float]], rng: np.random.Generator) -> dict[str, Any]:
    shares = rng.random(len(ranges)).tolist()
    return {name: low + (high - low) * u for (name, (low, high)), u in zip(ranges.items(), shares, strict=True)}


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
