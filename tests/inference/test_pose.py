from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.inference.pose import roll_degrees, roll_to_level, turn
from mien.inference.results import Point


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
