"""One whole face, from the emotion to the pixels."""

from __future__ import annotations

import numpy as np

from mien.data.drawing.expression import sample_expression
from mien.data.drawing.features import brows, eyes, folds, mouth
from mien.data.drawing.head import beard, body, glasses, hair_back, hair_front, hand, nose, shading, skin_shape
from mien.data.drawing.paint import paint
from mien.data.drawing.person import sample_person, sample_shot

__all__ = ["draw"]


def draw(emotion_code: int, rng: np.random.Generator, *, size_px: int) -> np.ndarray:
    """uint8 (size_px, size_px): somebody who shows an emotion, somewhere."""
    units = sample_expression(emotion_code, rng)
    person, shot = sample_person(rng), sample_shot(rng)
    nose_soft, nose_crisp = nose(person, units, float(np.cos(shot.light_angle)))
    soft = [
        *hair_back(person),
        *body(person, shot.clothes),
        *skin_shape(person, units),
        *shading(person),
        *nose_soft,
        *folds(person, units),
        *beard(person, units),
    ]
    crisp = [
        *nose_crisp,
        *mouth(person, units),
        *eyes(person, units, shot),
        *brows(person, units),
        *hair_front(person, rng.standard_normal(13)),
        *glasses(person),
        *hand(person, shot.hand),
    ]
    return paint(soft, crisp, shot, rng, size_px=size_px)
