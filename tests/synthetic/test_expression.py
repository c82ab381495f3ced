"""Expressions: which action units each emotion moves, and how many faces are ambiguous."""

import numpy as np
import pytest

from mien.emotions import EMOTIONS, NUM_EMOTIONS
from mien.synthetic.expression import AMBIGUOUS_SHARE, ActionUnits, sample_expression


def mean_units(emotion: str, n: int = 300) -> ActionUnits:
    rng = np.random.default_rng(1)
    samples = [sample_expression(EMOTIONS.index(emotion), rng) for _ in range(n)]
    return ActionUnits(*np.mean(samples, axis=0).tolist())


# The units that FACS names for each emotion, and one that would contradict it.
@pytest.mark.parametrize(
    ("emotion", "strong", "absent"),
    [
        ("angry", ("brow_lower", "lid_tighten"), "outer_brow_raise"),
        ("disgust", ("nose_wrinkle", "upper_lip_raise"), "upper_lid_raise"),
        ("fear", ("inner_brow_raise", "brow_lower", "upper_lid_raise", "lip_stretch"), "corner_pull"),
        ("happy", ("cheek_raise", "corner_pull"), "corner_depress"),
        ("sad", ("inner_brow_raise", "corner_depress"), "corner_pull"),
        ("surprise", ("inner_brow_raise", "outer_brow_raise", "upper_lid_raise", "jaw_drop"), "brow_lower"),
    ],
)
def test_the_prototype_of_each_emotion(emotion: str, strong: tuple[str, ...], absent: str):
    units = mean_units(emotion)
    assert min(getattr(units, name) for name in strong) > 0.4
    assert getattr(units, absent) < 0.1


def test_a_neutral_face_is_almost_at_rest():
    assert max(mean_units("neutral")) < 0.1


def test_some_faces_are_ambiguous_and_most_are_clear():
    rng = np.random.default_rng(0)
    happy = EMOTIONS.index("happy")
    smiles = np.array([sample_expression(happy, rng).corner_pull for _ in range(4000)])
    # Clear smiles are at least 0.9 · 0.8 · 0.8; traces are below 0.5, and so are many mixed faces.
    assert AMBIGUOUS_SHARE / 3 < (smiles < 0.5).mean() < AMBIGUOUS_SHARE
    assert (smiles >= 0.57).mean() > 1 - 1.1 * AMBIGUOUS_SHARE


def test_intensities_stay_in_range():
    rng = np.random.default_rng(3)
    units = np.array([sample_expression(n % NUM_EMOTIONS, rng) for n in range(700)])
    assert units.min() >= 0
    assert units.max() <= 1.25
