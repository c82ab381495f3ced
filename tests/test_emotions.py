"""The order of the emotions, and which names mean which."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.emotions import COLOURS_ON_DARK, COLOURS_ON_LIGHT, EMOTIONS, INK_ON_COLOUR, NUM_EMOTIONS, emotion_code


def test_order_is_that_of_fer2013() -> None:
    # fer2013.csv's own codes, written out once more here so that a change of order cannot pass unseen.
    codes = {"angry": 0, "disgust": 1, "fear": 2, "happy": 3, "sad": 4, "surprise": 5, "neutral": 6}
    assert {name: EMOTIONS.index(name) for name in codes} == codes
    assert NUM_EMOTIONS == len(EMOTIONS) == 7


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("anger", "angry"),
        ("Disgusted", "disgust"),
        ("AFRAID", "fear"),
        ("happiness", "happy"),
        (" sadness ", "sad"),
        ("suprise", "surprise"),
        ("surprised", "surprise"),
        ("3", "happy"),
        ("03", "happy"),
        ("00", "angry"),
        ("3_happy", "happy"),
        ("03-Happy", "happy"),
        ("6 neutral", "neutral"),
        ("0.anger", "angry"),
        ("happy_happiness", "happy"),
    ],
)
def test_usual_spellings(name: str, meant: str) -> None:
    assert emotion_code(name) == EMOTIONS.index(meant)


@pytest.mark.parametrize(
    "name",
    ["", "_", "contempt", "7", "-1", "3.5", "1_angry", "happy_sad", "faces_happy", "unhappy", "happyness!", "None"],
)
def test_names_that_mean_none_or_two(name: str) -> None:
    assert emotion_code(name) is None


@given(st.sampled_from(EMOTIONS), st.sampled_from([str.upper, str.title, "  {} ".format]))
def test_case_and_spaces_do_not_matter(name: str, change: object) -> None:
    assert emotion_code(change(name)) == EMOTIONS.index(name)  # type: ignore[operator]


@given(st.text(max_size=20))
def test_any_text_gives_a_code_or_none(name: str) -> None:
    assert emotion_code(name) in {None, *range(NUM_EMOTIONS)}


# What dichromats see, in linear RGB, at full severity: Machado, Oliveira and Fernandes 2009, "A physiologically-based
# model for simulation of color vision deficiency", table 1.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
# Paul Tol's "bright" scheme, which is widely used for this purpose, has 0.033 at its worst (tritanopia).
TOLD_APART = 0.08


def _linear_rgb(colours: tuple[str, ...]) -> np.ndarray:
    """Linear RGB, float (N, 3), 0 to 1, of sRGB colours."""
    srgb = np.array([list(bytes.fromhex(colour.removeprefix("#"))) for colour in colours]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _smallest_distance(linear_rgb: np.ndarray) -> float:
    """Between any two colours in OKLab (Ottosson 2020), where black and white are 1 apart."""
    to_cones = np.array(
        [[0.412221, 0.536333, 0.051446], [0.211903, 0.680700, 0.107397], [0.088302, 0.281719, 0.629979]]
    )
    to_lab = np.array(
        [[0.210454, 0.793618, -0.004072], [1.977998, -2.428592, 0.450594], [0.025904, 0.782772, -0.808676]]
    )
    lab = np.cbrt(np.clip(linear_rgb, 0, 1) @ to_cones.T) @ to_lab.T
    distances = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
    return float(distances[np.triu_indices(len(lab), 1)].min())


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    low, high = sorted(_linear_rgb((one, other)) @ np.array([0.2126, 0.7152, 0.0722]))
    return float((high + 0.05) / (low + 0.05))


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("colours", [COLOURS_ON_LIGHT, COLOURS_ON_DARK], ids=["light", "dark"])
def test_any_two_emotions_have_colours_told_apart_by_every_kind_of_eye(colours: tuple[str, ...], vision: str) -> None:
    assert len(colours) == NUM_EMOTIONS
    assert _smallest_distance(_linear_rgb(colours) @ VISION[vision].T) >= TOLD_APART


def test_colours_that_are_known_to_be_confused_are_found() -> None:
    red_and_green = ("#b84a06", "#4b7a1a")
    normal, deutan = (
        _smallest_distance(_linear_rgb(red_and_green) @ VISION[vision].T) for vision in ("normal", "deuteranopia")
    )
    assert deutan < TOLD_APART < normal


def test_colours_are_seen_on_their_ground_and_letters_are_read_on_them() -> None:
    assert min(_contrast(colour, "#ffffff") for colour in COLOURS_ON_LIGHT) >= 4.5
    assert min(_contrast(colour, INK_ON_COLOUR) for colour in COLOURS_ON_DARK) >= 4.5
