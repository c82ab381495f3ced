"""What the seven expressions are made of: action units of the face, and how strongly they are shown.

The units and their combinations follow Ekman and Friesen's Facial Action Coding System (1978) and the prototypes of
its emotion dictionary (Ekman, Friesen and Hager 2002, "FACS Investigator's Guide", table 10-1).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mien.emotions import EMOTIONS, NUM_EMOTIONS

__all__ = ["AMBIGUOUS_SHARE", "ActionUnits", "sample_expression"]

# The share of faces that even a person could not name for certain: half of them show a trace of their expression
# only, half show as much of another one. They keep any classifier below 100 %.
AMBIGUOUS_SHARE = 0.06

# How much of its prototype a clear face shows, a face with a trace, and the labelled part of a mixed face.
CLEAR_INTENSITY = (0.80, 1.20)
TRACE_INTENSITY = (0.05, 0.35)
MIXED_PART = (0.40, 0.60)

# Nobody shows a prototype exactly: each unit varies by a factor, and faces at rest are not quite at rest.
UNIT_FACTOR = (0.80, 1.20)
RESTING_DEVIATION = 0.04


class ActionUnits(NamedTuple):
    """Intensities of action units: 0 at rest, 1 strong; the number is the unit's in FACS."""

    inner_brow_raise: float = 0.0  # 1
    outer_brow_raise: float = 0.0  # 2
    brow_lower: float = 0.0  # 4
    upper_lid_raise: float = 0.0  # 5
    cheek_raise: float = 0.0  # 6
    lid_tighten: float = 0.0  # 7
    nose_wrinkle: float = 0.0  # 9
    upper_lip_raise: float = 0.0  # 10
    corner_pull: float = 0.0  # 12
    corner_depress: float = 0.0  # 15
    lower_lip_depress: float = 0.0  # 16
    chin_raise: float = 0.0  # 17
    lip_stretch: float = 0.0  # 20
    lip_press: float = 0.0  # 23 and 24
    lips_part: float = 0.0  # 25
    jaw_drop: float = 0.0  # 26 and 27
    lid_droop: float = 0.0  # 43


# Several ways to show each emotion, taken with even odds.
_PROTOTYPES: dict[str, tuple[ActionUnits, ...]] = {
    "angry": (
        ActionUnits(brow_lower=1.0, upper_lid_raise=0.35, lid_tighten=0.6, lip_press=1.0, chin_raise=0.2),
        ActionUnits(brow_lower=1.0, lid_tighten=0.5, upper_lid_raise=0.3, lip_press=0.8, corner_depress=0.25),
        # teeth bared, the lips square
        ActionUnits(brow_lower=1.1, lid_tighten=0.5, upper_lip_raise=0.5, lower_lip_depress=0.9, lips_part=0.7),
    ),
    "disgust": (
        ActionUnits(nose_wrinkle=1.0, upper_lip_raise=0.9, brow_lower=0.3, lid_tighten=0.8, lips_part=0.35),
        ActionUnits(nose_wrinkle=1.0, upper_lip_raise=0.6, lid_tighten=0.8, corner_depress=0.6, chin_raise=0.8),
    ),
    "fear": (
        ActionUnits(
            inner_brow_raise=1.0,
            outer_brow_raise=0.5,
            brow_lower=0.6,
            upper_lid_raise=1.0,
            lip_stretch=1.0,
            lips_part=0.6,
        ),
        ActionUnits(
            inner_brow_raise=1.0,
            outer_brow_raise=0.4,
            brow_lower=0.7,
            upper_lid_raise=1.0,
            lip_stretch=0.9,
            lips_part=0.6,
            jaw_drop=0.3,
        ),
    ),
    "happy": (
        ActionUnits(cheek_raise=0.8, corner_pull=0.9),
        ActionUnits(cheek_raise=0.9, corner_pull=1.0, lips_part=0.8),
        ActionUnits(cheek_raise=1.0, corner_pull=1.0, lips_part=1.0, jaw_drop=0.35),
    ),
    "sad": (
        ActionUnits(inner_brow_raise=1.0, brow_lower=0.4, corner_depress=1.0, chin_raise=0.5, lid_droop=0.2),
        ActionUnits(inner_brow_raise=0.9, brow_lower=0.5, corner_depress=0.9, lid_droop=0.4),
    ),
    "surprise": (
        ActionUnits(inner_brow_raise=1.0, outer_brow_raise=1.0, upper_lid_raise=0.9, jaw_drop=1.0),
        ActionUnits(inner_brow_raise=0.9, outer_brow_raise=1.0, upper_lid_raise=0.8, jaw_drop=0.6),
    ),
    "neutral": (ActionUnits(),),
}


def sample_expression(emotion_code: int, rng: np.random.Generator) -> ActionUnits:
    """One way to show an emotion.

    Args:
        emotion_code: 0 to 6.
        rng: Where randomness comes from.

    Returns:
        The intensities: mostly clear ones, and ambiguous ones for `AMBIGUOUS_SHARE` of the faces.
    """
    units = _prototype(emotion_code, rng)
    low, high = CLEAR_INTENSITY
    chance = rng.random()
    if chance < AMBIGUOUS_SHARE / 2:
        low, high = TRACE_INTENSITY
    elif chance < AMBIGUOUS_SHARE:
        other = _prototype((emotion_code + int(rng.integers(1, NUM_EMOTIONS))) % NUM_EMOTIONS, rng)
        part = rng.uniform(*MIXED_PART)
        units = part * units + (1 - part) * other
    factors = rng.uniform(*UNIT_FACTOR, len(units)) * rng.uniform(low, high)
    at_rest = np.abs(rng.normal(0, RESTING_DEVIATION, len(units)))
    return ActionUnits(*np.minimum(units * factors + at_rest, 1.25).tolist())


def _prototype(emotion_code: int, rng: np.random.Generator) -> np.ndarray:
    variants = _PROTOTYPES[EMOTIONS[emotion_code]]
    return np.array(variants[int(rng.integers(len(variants)))])
