"""Each flag is set by what it names, and by nothing else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mien.inference.quality import FLAGS, flags_of
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
