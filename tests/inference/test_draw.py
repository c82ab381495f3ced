"""Annotated copies: the photo stays, the boxes are where the faces are, the labels are inside and apart."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.emotions import EMOTIONS
from mien.inference.draw import COLOURS, draw_faces
from mien.inference.draw import _place as place
from mien.inference.results import Box, Face


def _face(*box: float, emotion: str = "happy") -> Face:
    return Face(Box(*box), emotion, 0.9, dict.fromkeys(EMOTIONS, 0.0), uncertain=False)


def _has(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    mask: np.ndarray = (image == np.array(colour)).all(axis=2)
    return mask


def test_the_photo_itself_is_not_touched() -> None:
    photo = np.zeros((400, 400, 3), np.uint8)
    drawn = draw_faces(photo, [_face(100, 100, 80, 80)])
    assert photo.max() == 0
    assert drawn.shape == photo.shape
    assert drawn.max() > 0


def test_without_faces_the_copy_is_the_photo() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (300, 500, 3), dtype=np.uint8)
    assert (draw_faces(photo, []) == photo).all()


@pytest.mark.parametrize("size", [300, 1000, 4000])
def test_the_label_grows_with_the_photo(size: int) -> None:
    drawn = draw_faces(np.zeros((size, size, 3), np.uint8), [_face(size / 4, size / 4, size / 2, size / 2)])
    rows = np.flatnonzero(_has(drawn[: size // 4], COLOURS["happy"]).any(axis=1))
    assert 0.02 * size < rows.size < 0.12 * size
    assert rows.size >= 12  # px: readable


def test_a_small_photo_is_enlarged_so_that_its_label_fits() -> None:
    drawn = draw_faces(np.zeros((48, 48, 3), np.uint8), [_face(0, 0, 48, 48)])
    assert drawn.shape == (240, 240, 3)
    assert _has(drawn, COLOURS["happy"]).sum() > 1000


@pytest.mark.parametrize("box", [(0, 0, 300, 300), (-40, -40, 90, 90), (280, 280, 60, 60), (-10, 120, 30, 30)])
def test_labels_stay_inside(box: tuple[float, ...]) -> None:
    drawn = draw_faces(np.zeros((300, 300, 3), np.uint8), [_face(*box, emotion="surprise")])
    plate = _has(drawn, COLOURS["surprise"])
    assert plate.sum() > 90 * 14  # the whole plate, not a clipped corner


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 250), st.integers(0, 250)), min_size=2, max_size=3))
def test_labels_keep_apart_where_there_is_room(corners: list[tuple[int, int]]) -> None:
    placed: list[Box] = []
    for x, y in corners:
        placed.append(place((320, 320), Box(x, y, 70, 70), (60, 15), placed))
    for a, b in itertools.combinations(placed, 2):
        apart = a.x + a.width <= b.x + 1 or b.x + b.width <= a.x + 1 or a.y + a.height <= b.y + 1
        assert apart or b.y + b.height <= a.y + 1


@given(st.integers(1, 60), st.integers(1, 60))
@settings(max_examples=20, deadline=None)
def test_any_size_is_drawn(height: int, width: int) -> None:
    drawn = draw_faces(np.zeros((height, width, 3), np.uint8), [_face(0, 0, width, height)])
    assert drawn.shape[0] % height == 0
    assert drawn.shape[1] % width == 0
