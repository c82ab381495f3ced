"""Pictures made smaller for a search: their size, what they show, and where it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import DetectorError
from mien.inference.shrinking import checked_smallest_face_px, shrunk

sizes = st.integers(1, 300)


@given(height=sizes, width=sizes, longest=sizes, channels=st.sampled_from([(), (3,)]))
def test_the_longest_side_is_the_one_asked_for(
    height: int, width: int, longest: int, channels: tuple[int, ...]
) -> None:
    image = np.full((height, width, *channels), 77, np.uint8)
    answer = shrunk(image, longest)
    if longest >= max(height, width):
        assert answer is image
        return
    scale = longest / max(height, width)
    assert answer.shape == (max(1, round(height * scale)), max(1, round(width * scale)), *channels)
    assert (answer == 77).all()


@pytest.mark.parametrize(("size", "longest"), [(640, 480), (641, 320), (1000, 130), (1023, 500), (999, 64)])
def test_what_a_picture_shows_stays_in_its_place(size: int, longest: int) -> None:
    ramp = np.linspace(0, 250, size).astype(np.uint8)
    picture = np.tile(ramp, (size, 1))
    for image, axis in ((picture, 0), (picture.T.copy(), 1)):
        profile = shrunk(image, longest).astype(float).mean(axis=axis)
        centres = (np.arange(longest) + 0.5) / longest * size - 0.5
        np.testing.assert_allclose(profile, np.interp(centres, np.arange(size), ramp), atol=1.0)


def test_fine_detail_is_averaged_and_makes_no_false_pattern() -> None:
    board = (np.indices((640, 640)).sum(axis=0) % 2 * 255).astype(np.uint8)
    for longest in (320, 250, 100):
        answer = shrunk(board, longest).astype(float)
        assert abs(answer.mean() - 127.5) <= 1
        assert answer.std() <= 1


def test_the_picture_itself_is_left_alone() -> None:
    image = np.random.default_rng(0).integers(0, 256, (97, 131, 3), dtype=np.uint8)
    before = image.copy()
    shrunk(image, 40)
    assert np.array_equal(image, before)


def test_faces_below_what_detectors_find_are_refused() -> None:
    assert checked_smallest_face_px(24) == 24
    with pytest.raises(DetectorError, match=r"at least 24 pixels\. Received: 23"):
        checked_smallest_face_px(23)
