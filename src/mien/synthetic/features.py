"""The parts that show the expression: brows, eyes, mouth, and the folds between them.

Each function turns action units into shapes. The constants are how far a unit at full strength moves a point, in half
widths of the head, set by eye after the descriptions in the FACS manual.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mien.synthetic.expression import ActionUnits
from mien.synthetic.head import EYE_Y, nose_y
from mien.synthetic.person import Person, Shot
from mien.synthetic.stroke import Stroke, between, ellipse, line, smooth_curve, xy

__all__ = ["brows", "eyes", "folds", "mouth"]

# A fold that darkens the skin by less would not be seen in 48×48 pixels, and one by more would look like paint.
_FAINTEST_FOLD = 0.05
_DEEPEST_FOLD = 0.6

# Lips that are less apart than this touch.
_SMALLEST_GAP = 0.035


class _Lids(NamedTuple):
    """How far the lids' middles are from the line between the corners, and how far outer corners are above it."""

    upper: float
    lower: float
    slant: float


def brows(person: Person, units: ActionUnits) -> list[Stroke]:
    """Two tapered arcs: raised, lowered and drawn together."""
    u = units
    y = EYE_Y - person.brow_height
    inner_x = 0.15 - 0.05 * u.brow_lower
    inner_y = y - 0.19 * u.inner_brow_raise + 0.17 * u.brow_lower + 0.06 * u.nose_wrinkle
    middle_y = y - person.brow_arch - 0.04 * u.inner_brow_raise - 0.15 * u.outer_brow_raise
    middle_y += 0.10 * u.brow_lower + 0.05 * u.nose_wrinkle
    outer_y = y + 0.03 - 0.14 * u.outer_brow_raise + 0.03 * u.brow_lower + 0.03 * u.cheek_raise
    grey = min(person.hair * 0.8, person.skin * 0.55)
    half = 0.5 * person.brow_thickness * _BROW_TAPER
    strokes = []
    for side in (-1, 1):
        arc = smooth_curve((side * inner_x, inner_y), (side * 0.41, middle_y), (side * 0.69, outer_y))
        strokes.append(Stroke(between(arc[:, 0], arc[:, 1] - half, arc[:, 1] + half), grey))
    return strokes


def eyes(person: Person, units: ActionUnits, shot: Shot) -> list[Stroke]:
    """Whites, irises and lids, from wide open to squeezed shut."""
    u = units
    narrowing = 0.35 * u.lid_tighten + 0.25 * u.cheek_raise + 0.25 * u.nose_wrinkle + 0.5 * u.lid_droop
    upper = max(0.105 * person.eye_opening * (1 + 0.75 * u.upper_lid_raise - narrowing), 0.012)
    rise = 0.4 * u.lid_tighten + 0.7 * u.cheek_raise + 0.4 * u.nose_wrinkle - 0.25 * u.upper_lid_raise
    lower = max(0.066 * person.eye_opening * (1 - rise), 0.004)
    # Raised inner and hanging outer corners make the sad eye.
    slant = person.eye_slant - 0.05 * u.inner_brow_raise * max(1 - u.upper_lid_raise, 0)
    return [stroke for side in (-1, 1) for stroke in _eye(side, person, shot, _Lids(upper, lower, slant))]


def _eye(side: int, person: Person, shot: Shot, lids: _Lids) -> list[Stroke]:
    upper, lower, slant = lids
    x = side * person.eye_distance + person.eye_width * _ACROSS
    base = EYE_Y - slant * side * _ACROSS
    top, bottom = base - upper * _LID, base + lower * _LID
    strokes = [Stroke(between(x, top, bottom), 0.75 * 228 + 0.25 * person.skin)]
    if upper + lower > 0.04:
        iris_x = side * person.eye_distance + shot.gaze_x * person.eye_width
        iris_y = EYE_Y - 0.012 + shot.gaze_y * 0.1
        for radius, grey in ((0.103, person.iris), (0.047, 8.0)):
            disc = ellipse(iris_x, iris_y, radius, radius)
            # The lids cover what is above and below them.
            below_lid = np.maximum(disc[:, 1], np.interp(disc[:, 0], x, top))
            disc[:, 1] = np.minimum(below_lid, np.interp(disc[:, 0], x, bottom))
            strokes.append(Stroke(disc, grey))
        strokes.append(Stroke(ellipse(iris_x + 0.03, iris_y - 0.03, 0.02, 0.02), 235.0))
    strokes.append(Stroke(xy(x, top), person.skin * 0.28, 0.042))
    strokes.append(Stroke(xy(x, bottom), person.skin * 0.58, 0.02))
    return strokes


def mouth(person: Person, units: ActionUnits) -> list[Stroke]:
    """Lips, teeth and the dark between them."""
    u = units
    half = person.mouth_width + 0.13 * u.corner_pull + 0.13 * u.lip_stretch - 0.05 * u.lip_press
    half -= 0.12 * u.jaw_drop * max(1 - u.corner_pull, 0) + 0.03 * u.chin_raise
    x = half * _ACROSS
    top, bottom, gap = _lip_edges(person, units)
    thin = 1 - 0.65 * min(u.lip_press, 1) - 0.25 * u.lip_stretch - 0.15 * u.corner_pull
    upper_lip = top - person.lip_thickness * max(thin, 0.2) * _UPPER_LIP
    lower_lip = bottom + person.lip_thickness * 1.3 * max(thin + 0.15 * u.chin_raise, 0.2) * _LOWER_LIP
    strokes = [Stroke(between(x, upper_lip, lower_lip), person.skin * person.lips)]
    if gap:
        strokes += _inside(x, top, bottom, gap, units)
    strokes.append(Stroke(xy(x, top), person.skin * 0.36, 0.026 + 0.012 * u.lip_press))
    if person.moustache:
        thickness = (0.13 if person.beard else 0.10) * (1 - 0.8 * _ACROSS**2)
        grey = min(person.hair * 1.1, person.skin * 0.6)
        strokes.append(Stroke(between(x * 1.02, upper_lip - thickness, upper_lip - 0.01), grey))
    return strokes


def _lip_edges(person: Person, units: ActionUnits) -> tuple[np.ndarray, np.ndarray, float]:
    """y (13,) of the upper and of the lower lip's inner edge from corner to corner, and their largest distance."""
    u = units
    y = person.mouth_height
    corner = y - 0.15 * u.corner_pull + 0.13 * u.corner_depress + 0.05 * u.lip_stretch + 0.13 * u.jaw_drop
    lift = 0.10 * u.upper_lip_raise + 0.05 * u.nose_wrinkle + 0.07 * u.chin_raise + 0.03 * u.corner_depress
    middle = y + 0.05 * u.corner_pull - lift
    parted = min(u.lips_part, 1)
    wide = min(u.corner_pull + 0.7 * u.lip_stretch, 1)
    gap = 0.10 * u.lips_part * (1 + 0.5 * wide) + 0.40 * u.jaw_drop
    gap += 0.10 * parted * (u.lower_lip_depress + 0.5 * u.upper_lip_raise)
    gap = gap if gap > _SMALLEST_GAP else 0.0
    squareness = 2.0 + 3.0 * max(u.upper_lip_raise, u.lower_lip_depress, 0.6 * u.lip_stretch) * parted
    arch = 1 - np.abs(_ACROSS) ** squareness
    oval = min(u.jaw_drop, 1) * max(1 - u.corner_pull, 0)  # an O, not a V
    top = corner + (middle - corner) * ((1 - oval) * arch + oval * _OVAL)
    bottom = corner + (middle + gap - corner) * ((1 - oval) * arch + oval * _OVAL)
    return top, np.maximum(bottom, top), gap


def _inside(x: np.ndarray, top: np.ndarray, bottom: np.ndarray, gap: float, units: ActionUnits) -> list[Stroke]:
    """The dark of the mouth, the teeth, and the tongue in a wide one."""
    bared = max(units.corner_pull, units.lip_stretch, units.lower_lip_depress, units.upper_lip_raise)
    above = min(gap * (0.15 + 0.55 * min(bared, 1)), 0.15)
    below = gap * 0.3 * min(max(units.lower_lip_depress, 0.8 * units.lip_stretch), 1)
    strokes = [Stroke(between(x, top, bottom), 24.0), Stroke(between(x, top, np.minimum(top + above, bottom)), 222.0)]
    if below > 0.03:
        strokes.append(Stroke(between(x, np.maximum(bottom - below, top), bottom), 200.0))
    elif units.jaw_drop > 0.4:
        tongue = np.maximum(bottom - 0.3 * gap * (1 - _ACROSS**2), top)
        strokes.append(Stroke(between(x * 0.8, tongue, bottom), 78.0))
    return strokes


def folds(person: Person, units: ActionUnits) -> list[Stroke]:
    """What the moving parts do to the skin between them."""
    lines: list[tuple[float, float, np.ndarray]] = []  # depth of the fold 0 to 1, width, points
    for side in (-1, 1):
        lines += _folds_of_one_side(side, person, units)
    brow_y, mouth_y = EYE_Y - person.brow_height, person.mouth_height
    span = 0.28 + 0.27 * min(units.outer_brow_raise, 1)
    raised = 0.34 * max(units.inner_brow_raise, units.outer_brow_raise)
    for up in (0.17, 0.29):
        ends_y = brow_y - up + 0.02
        lines.append((raised, 0.03, smooth_curve((-span, ends_y), (0, ends_y - 0.07), (span, ends_y))))
    chin = smooth_curve((-0.17, mouth_y + 0.29), (0, mouth_y + 0.22), (0.17, mouth_y + 0.29))
    lines.append((0.40 * units.chin_raise + 0.08, 0.045, chin))
    return [
        Stroke(points, person.skin * (1 - min(person.wrinkles * depth, _DEEPEST_FOLD)), width)
        for depth, width, points in lines
        if person.wrinkles * depth > _FAINTEST_FOLD
    ]


def _folds_of_one_side(s: int, person: Person, units: ActionUnits) -> list[tuple[float, float, np.ndarray]]:
    u = units
    brow_y, mouth_y, y = EYE_Y - person.brow_height, person.mouth_height, nose_y(person, units)
    outer = person.mouth_width + 0.12 + 0.12 * u.corner_pull
    bulge = 0.36 + 0.08 * u.corner_pull
    cheek = max(0.22, 0.8 * u.corner_pull, 0.9 * u.nose_wrinkle, 0.8 * u.upper_lip_raise, 0.5 * u.lip_stretch)
    nose_to_mouth = smooth_curve(
        (s * (person.nose_width + 0.05), y - 0.06), (s * bulge, y + 0.12), (s * outer, mouth_y - 0.03)
    )
    frown = smooth_curve((s * 0.05, brow_y - 0.08), (s * 0.055, brow_y + 0.06), (s * 0.08, brow_y + 0.20))
    bag = smooth_curve((s * 0.20, 0.13), (s * 0.40, 0.16 - 0.02 * u.cheek_raise), (s * 0.62, 0.06))
    lines = [
        (0.34 * cheek, 0.045, nose_to_mouth),
        (0.45 * u.brow_lower, 0.035, frown),
        (0.32 * max(u.cheek_raise, 0.6 * u.lid_tighten, 0.25), 0.035, bag),
    ]
    if u.cheek_raise > 0.2:  # crow's feet
        for up in (-0.07, 0.0, 0.07):
            foot = line((s * 0.67, EYE_Y + up * 0.5), (s * 0.81, EYE_Y + up * 1.6))
            lines.append((0.38 * u.cheek_raise, 0.022, foot))
    if u.nose_wrinkle > 0.2:
        for down in (0.0, 0.07, 0.14):
            wrinkle = line((s * 0.03, EYE_Y - 0.10 + down), (s * (0.13 + down * 0.3), EYE_Y - 0.02 + down * 1.2))
            lines.append((0.50 * u.nose_wrinkle, 0.03, wrinkle))
    if u.corner_depress > 0.2:
        x = person.mouth_width
        corner = line((s * (x + 0.03), mouth_y + 0.12), (s * (x + 0.08), mouth_y + 0.30))
        lines.append((0.38 * u.corner_depress, 0.04, corner))
    return lines


_ACROSS = np.linspace(-1, 1, 13)
_OVAL = np.sqrt(1 - _ACROSS**2)
_LID = 1 - np.abs(_ACROSS) ** 2.2
_BROW_TAPER = np.array([0.85, 1.0, 1.05, 1.0, 0.92, 0.8, 0.62, 0.42, 0.2])
_UPPER_LIP = (1 - _ACROSS**2) ** 0.7 * (1 - 0.3 * np.exp(-((_ACROSS / 0.22) ** 2)))  # Cupid's bow
_LOWER_LIP = (1 - _ACROSS**2) ** 0.8
