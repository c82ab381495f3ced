"""The parts of a head that move little with its expression: outline, ears, hair, beard, nose, glasses."""

from __future__ import annotations

import numpy as np

from mien.synthetic.expression import ActionUnits
from mien.synthetic.person import Person
from mien.synthetic.stroke import Stroke, between, ellipse, line, smooth_curve, xy

__all__ = [
    "EYE_Y",
    "beard",
    "body",
    "glasses",
    "hair_back",
    "hair_front",
    "hand",
    "nose",
    "nose_y",
    "shading",
    "skin_shape",
]

EYE_Y = -0.08
_CROWN_Y = -1.22
_OUTLINE_POINTS = 36
_SQUARENESS = 0.86  # of the outline: 1 is an ellipse, less is squarer
_BRIGHTEST_SKIN = 250.0

_HAIR_RAGGEDNESS = {"short": 0.05, "fringe": 0.03, "long": 0.02}


def skin_shape(person: Person, units: ActionUnits) -> list[Stroke]:
    """Ears and the head itself."""
    ears = [Stroke(ellipse(side * 1.0, 0.02, 0.12, 0.25), person.skin * 0.86, relief=-0.15) for side in (-1, 1)]
    return [*ears, Stroke(_outline(person, units), person.skin, relief=0.0)]


def shading(person: Person) -> list[Stroke]:
    """Soft shadows in the eye sockets and under the lip, and light on the cheeks."""
    darker, lighter = person.skin * 0.87, min(person.skin * 1.06, _BRIGHTEST_SKIN)
    strokes = []
    for side in (-1, 1):
        strokes.append(Stroke(ellipse(side * 0.39, EYE_Y - 0.04, 0.28, 0.20), darker))
        strokes.append(Stroke(ellipse(side * 0.52, 0.32, 0.19, 0.13), lighter))
    return [*strokes, Stroke(ellipse(0, person.mouth_height + 0.18, 0.2, 0.06), darker)]


def body(person: Person, clothes: float) -> list[Stroke]:
    """Neck and shoulders, as far as they are in the picture."""
    chin = person.head_height
    neck = line((-0.55, 0.7), (0.55, 0.7), (0.62, chin + 1), (-0.62, chin + 1))
    collar = ((-1.9, chin + 0.45), (-0.5, chin + 0.1), (0, chin + 0.3), (0.5, chin + 0.1), (1.9, chin + 0.45))
    shoulders = line(*collar, (1.9, 3.0), (-1.9, 3.0))
    return [Stroke(neck, person.skin * 0.68, relief=0.0), Stroke(shoulders, clothes, relief=0.0)]


def hair_back(person: Person) -> list[Stroke]:
    """Hair that hangs behind the head."""
    if person.hair_style != "long":
        return []
    ends = line((1.18, 0.6), (1.08, 1.6), (-1.08, 1.6), (-1.18, 0.6))
    return [Stroke(np.concatenate([_crown(1.17), ends]), person.hair * 0.85, relief=0.0)]


def hair_front(person: Person, raggedness: np.ndarray) -> list[Stroke]:
    """Hair above the forehead; `raggedness` is float (13,) of noise along its edge."""
    if person.hair_style == "bald":
        return []
    fringe = person.hair_style == "fringe"
    height, temple = (0.62, 0.28) if fringe else (person.hairline, 0.36)
    edge = -height + (height - temple) * _ACROSS**4 + _HAIR_RAGGEDNESS[person.hair_style] * raggedness
    shape = np.concatenate([_crown(1.10), xy(1.0 * _ACROSS, edge)[::-1]])
    return [Stroke(shape, person.hair, relief=0.10)]


def beard(person: Person, units: ActionUnits) -> list[Stroke]:
    """A shadow on cheeks, chin and upper lip."""
    if not person.beard:
        return []
    chin = person.head_height + 0.17 * units.jaw_drop
    # From the sideburns down along the jaw; up to the corners of the mouth and over the lip.
    side = np.abs(_ACROSS)
    lower = 0.08 + (0.99 * chin - 0.08) * (1 - side**3)
    upper = 0.08 + (person.mouth_height - 0.22) * (1 - side**9)
    width = 0.97 * (1 - 0.25 * (1 - person.jaw_width))
    return [Stroke(between(width * _ACROSS, upper, lower), person.skin * (1 - 1.5 * person.beard), relief=0.3)]


def nose_y(person: Person, units: ActionUnits) -> float:
    """Height of the nose's lower edge."""
    return EYE_Y + person.nose_length - 0.05 * units.nose_wrinkle - 0.02 * units.upper_lip_raise


def nose(person: Person, units: ActionUnits, light_x: float) -> tuple[list[Stroke], list[Stroke]]:
    """Soft shading and crisp lines of the nose."""
    y = nose_y(person, units)
    wing = person.nose_width * (1 + 0.15 * units.nose_wrinkle)
    dark = -1 if light_x > 0 else 1  # the side away from the light
    side = line((dark * 0.05, EYE_Y - 0.18), (dark * 0.10, 0.1), (dark * wing, y), (0.02 * dark, y - 0.03))
    ridge = line((-0.02 * dark, EYE_Y - 0.1), (-0.03 * dark, y - 0.06))
    soft = [
        Stroke(side, person.skin * 0.84, relief=1.1),
        Stroke(ridge, min(person.skin * 1.1, _BRIGHTEST_SKIN), 0.06, relief=1.2),
        Stroke(ellipse(0, y + 0.03, wing * 0.9, 0.045), person.skin * 0.76, relief=1.15),
    ]
    crisp = []
    for s in (-1, 1):
        crisp.append(Stroke(ellipse(s * wing * 0.48, y, 0.058, 0.032), person.skin * 0.42, relief=1.18))
        curve = smooth_curve((s * wing * 0.85, y - 0.13), (s * wing * 1.12, y - 0.05), (s * wing * 0.8, y + 0.01))
        crisp.append(Stroke(curve, person.skin * 0.66, 0.03, 1.1))
    return soft, crisp


def glasses(person: Person) -> list[Stroke]:
    """Frames, and dark lenses for some."""
    if not person.glasses:
        return []
    grey, width = 28.0, 0.03 + 0.3 * person.brow_thickness
    strokes = []
    for side in (-1, 1):
        lens = ellipse(side * (person.eye_distance + 0.01), EYE_Y + 0.03, 0.30, 0.235)
        if person.dark_glasses:
            strokes.append(Stroke(lens, 22.0, relief=1.1))
        arm = line((side * (person.eye_distance + 0.31), EYE_Y), (side * 0.99, EYE_Y - 0.03))
        strokes += [Stroke(np.concatenate([lens, lens[:1]]), grey, width, 1.1), Stroke(arm, grey, width, 0.5)]
    gap = person.eye_distance - 0.29
    return [*strokes, Stroke(smooth_curve((-gap, EYE_Y), (0, EYE_Y - 0.05), (gap, EYE_Y)), grey, width, 1.2)]


def hand(person: Person, place: float) -> list[Stroke]:
    """Three fingers held before cheek, chin or jaw; `place` as in `Shot.hand`."""
    if place < 0:
        return []
    angle = np.pi * (0.05 + 0.9 * place)  # round the lower half of the head, from its right to its left
    out = np.array([np.cos(angle), np.sin(angle)])
    along = np.array([-out[1], out[0]])
    strokes = []
    for finger in (-1, 0, 1):
        tip = out * (0.62 + 0.08 * abs(finger)) * (1, 1.15) + along * finger * 0.21
        points = np.stack([tip, tip + out * 1.6 + along * finger * 0.12])
        strokes += [Stroke(points, person.skin * 0.55, 0.24), Stroke(points, person.skin * 0.93, 0.18)]
    return strokes


def _outline(person: Person, units: ActionUnits) -> np.ndarray:
    """float (36, 2): the head's outline; a dropped jaw makes it longer."""
    chin = person.head_height + 0.17 * units.jaw_drop
    narrowed = _ROUND_X * (1 - (1 - person.jaw_width) * _BELOW)
    return xy(narrowed, np.where(_ROUND_Y > 0, _ROUND_Y * chin, -_ROUND_Y * _CROWN_Y))


def _crown(size: float) -> np.ndarray:
    """float (13, 2): the upper half of the outline, enlarged, from left to right."""
    return xy(np.sin(_CROWN_ANGLE) * size, -0.12 + np.cos(_CROWN_ANGLE) * (_CROWN_Y + 0.06) * size)


def _rounded(values: np.ndarray) -> np.ndarray:
    rounded: np.ndarray = np.sign(values) * np.abs(values) ** _SQUARENESS
    return rounded


_ACROSS = np.linspace(-1, 1, 13)
_CROWN_ANGLE = np.linspace(-np.pi / 2, np.pi / 2, 13)
_OUTLINE_ANGLE = np.linspace(0, 2 * np.pi, _OUTLINE_POINTS, endpoint=False)
_ROUND_X, _ROUND_Y = _rounded(np.sin(_OUTLINE_ANGLE)), _rounded(-np.cos(_OUTLINE_ANGLE))
_BELOW = np.maximum(_ROUND_Y, 0) ** 1.7
