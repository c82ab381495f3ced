"""Each flag is set by what it names, and by nothing else."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.inference.faces.quality import FLAGS, flags_of, roll_degrees, roll_to_level, turn
from mien.inference.results import Box, DetectedFace, Point

SHAPE = (200, 300)
BOX = Box(100, 50, 80, 100)


def _points(nose_x: float = 140.0, left_eye_y: float = 90.0) -> tuple[Point, ...]:
    eyes = Point(120, 90), Point(160, left_eye_y)
    return (*eyes, Point(nose_x, 110), Point(125, 130), Point(155, 130))


@pytest.fixture(scope="module")
def crop() -> np.ndarray:
    data = pytest.importorskip("skimage.data")
    face = cv2.cvtColor(data.astronaut()[66:176, 170:280], cv2.COLOR_RGB2GRAY)
    small: np.ndarray = cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA)
    return small


def test_a_good_face_has_no_flag(crop: np.ndarray) -> None:
    assert flags_of(DetectedFace(BOX), crop, SHAPE) == ()
    assert flags_of(DetectedFace(BOX, 0.9, _points()), crop, SHAPE) == ()


@pytest.mark.parametrize(
    ("box", "flag"),
    [
        (Box(100, 50, 18, 23), "small"),
        (Box(-20, 50, 80, 100), "cut off"),
        (Box(240, 50, 80, 100), "cut off"),
        (Box(100, 140, 80, 100), "cut off"),
    ],
)
def test_the_place_can_speak_against_it(crop: np.ndarray, box: Box, flag: str) -> None:
    assert flags_of(DetectedFace(box), crop, SHAPE) == (flag,)


def test_a_blurred_face(crop: np.ndarray) -> None:
    assert flags_of(DetectedFace(BOX), cv2.GaussianBlur(crop, (0, 0), 2), SHAPE) == ("blurred",)


def test_a_dark_face(crop: np.ndarray) -> None:
    assert flags_of(DetectedFace(BOX), crop // 6, SHAPE) == ("dark",)


def test_a_blank_crop_is_no_division_by_zero() -> None:
    assert flags_of(DetectedFace(BOX), np.zeros((48, 48), np.uint8), SHAPE) == ("blurred", "dark")


@pytest.mark.parametrize(
    "points", [_points(nose_x=165), _points(nose_x=115), _points(left_eye_y=120), (Point(0, 0),) * 5]
)
def test_a_turned_head(crop: np.ndarray, points: tuple[Point, ...]) -> None:
    assert flags_of(DetectedFace(BOX, 0.9, points), crop, SHAPE) == ("turned",)


def test_all_at_once_come_in_order() -> None:
    face = DetectedFace(Box(-9, 0, 20, 20), 0.9, _points(nose_x=200))
    assert flags_of(face, np.zeros((48, 48), np.uint8), SHAPE) == FLAGS


def _landmarks(degrees: float = 0.0, nose: float = 0.0) -> tuple[Point, ...]:
    """Eyes 40 px apart, the nose `nose` px off their middle, turned about (100, 100)."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    points = [(-20, 0), (20, 0), (nose, 20), (-12, 40), (12, 40)]
    return tuple(Point(100 + x * cos - y * sin, 100 + x * sin + y * cos) for x, y in points)


@given(st.floats(-179, 179))
def test_roll_is_the_tilt_of_the_eyes(degrees: float) -> None:
    assert roll_degrees(_landmarks(degrees)) == pytest.approx(degrees, abs=1e-6)


@given(st.floats(-179, 179), st.floats(-60, 60))
def test_turn_does_not_depend_on_the_tilt(degrees: float, nose: float) -> None:
    assert turn(_landmarks(degrees, nose)) == pytest.approx(abs(nose) / 40, abs=1e-6)


def test_eyes_in_one_point_are_turned_away() -> None:
    assert turn([Point(1, 1)] * 5) == math.inf


@pytest.mark.parametrize(("degrees", "expected"), [(0, 0), (14, 0), (-14, 0), (16, 16), (-40, -40)])
def test_only_large_tilts_are_levelled(degrees: float, expected: float) -> None:
    assert roll_to_level(_landmarks(degrees)) == pytest.approx(expected)


def test_unknown_tilts_are_left() -> None:
    assert roll_to_level(None) == 0
