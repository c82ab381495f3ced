"""Numbers stay with faces: while they move, cross, go away for a moment, and at any frame rate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.inference.results import Box
from mien.inference.video.tracking import Tracker


def _at(x: float, y: float = 100.0, size: float = 50.0) -> Box:
    return Box(x - size / 2, y - size / 2, size, size)


def test_a_face_that_moves_keeps_its_number() -> None:
    tracker = Tracker()
    for step in range(50):
        assert tracker.update([_at(10 + 12 * step)], step / 25) == [1]


@pytest.mark.parametrize("fps", [8, 25, 60])
def test_faces_that_cross_keep_their_numbers(fps: int) -> None:
    tracker = Tracker()
    for step in range(2 * fps):
        t = step / fps
        left, right = _at(100 + 200 * t), _at(500 - 200 * t)  # they meet at 300 px after one second
        # The detector lists them in either order, and sees only one while they cover each other.
        if abs(left.x - right.x) < 20:
            tracker.update([left], t)
        elif step % 2:
            assert tracker.update([left, right], t) == [1, 2]
        else:
            assert tracker.update([right, left], t) == ([1, 2] if step == 0 else [2, 1])
            if step == 0:  # numbers are given in order of appearance
                tracker = Tracker()
                tracker.update([left, right], t)


def test_a_short_gap_is_bridged_and_a_long_one_is_not() -> None:
    tracker = Tracker(longest_gap_seconds=1.0)
    for step in range(31):
        gone = 2 <= step < 11 or 12 <= step < 30
        expected = [] if gone else [2 if step == 30 else 1]
        assert tracker.update([] if gone else [_at(100)], step / 10) == expected


def test_a_moving_face_is_found_again_where_it_should_be() -> None:
    tracker = Tracker()
    for step in range(10):
        tracker.update([_at(20 * step)], step / 10)
    # Away for half a second, 100 px further: twice its own size.
    assert tracker.update([_at(20 * 9 + 100)], 1.4) == [1]


def test_a_new_face_far_away_has_a_new_number() -> None:
    tracker = Tracker()
    tracker.update([_at(100)], 0.0)
    assert tracker.update([_at(400), _at(101)], 0.04) == [2, 1]


def test_a_much_larger_face_in_the_same_place_is_another() -> None:
    tracker = Tracker()
    tracker.update([_at(100, size=40)], 0.0)
    assert tracker.update([_at(100, size=160)], 0.04) == [2]


@given(st.lists(st.lists(st.tuples(st.floats(0, 300), st.floats(0, 300), st.floats(1, 90)), max_size=5), max_size=12))
def test_no_number_is_given_twice_in_a_frame(frames: list[list[tuple[float, float, float]]]) -> None:
    tracker = Tracker()
    highest = 0
    for step, faces in enumerate(frames):
        numbers = tracker.update([_at(*face) for face in faces], step / 25)
        assert len(set(numbers)) == len(faces)
        assert all(number >= 1 for number in numbers)
        new = sorted(number for number in numbers if number > highest)
        assert new == list(range(highest + 1, highest + 1 + len(new)))
        highest += len(new)


def test_jitter_does_not_change_numbers() -> None:
    random = np.random.default_rng(0)
    tracker = Tracker()
    for step in range(200):
        boxes = [_at(*(np.array(place) + random.normal(0, 4, 2)), size=50 + random.normal(0, 3)) for place in _PLACES]
        assert tracker.update(boxes, step / 25) == [1, 2, 3]


_PLACES = ((60, 60), (140, 70), (300, 200))


@pytest.mark.parametrize("step_seconds", [0.04, 0.9, 1.2, 10.0])
def test_a_face_that_stays_is_one_person_however_seldom_it_is_looked_at(step_seconds: float) -> None:
    tracker = Tracker()
    for step in range(16):
        missed = step == 8
        assert tracker.update([] if missed else [_at(100 + step % 3)], step * step_seconds) == [1] * (not missed)


def test_a_pause_is_no_step() -> None:
    tracker = Tracker()
    for step in range(20):
        tracker.update([_at(100)], step / 10)
    assert tracker.update([_at(100)], 60.0) == [2]
