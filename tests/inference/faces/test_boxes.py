from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import DetectorError
from mien.inference.faces.boxes import checked_boxes, merge_overlapping, overlap, read_boxes
from mien.inference.results import Box, DetectedFace

boxes = st.builds(Box, st.floats(-50, 50), st.floats(-50, 50), st.floats(1, 60), st.floats(1, 60))


def test_overlap_by_hand() -> None:
    a = Box(0, 0, 10, 10)
    assert overlap(a, Box(5, 0, 10, 10)) == 0.5
    assert overlap(a, Box(2, 2, 4, 4)) == 1
    assert overlap(a, Box(10, 0, 10, 10)) == 0
    assert overlap(a, Box(20, 20, 1, 1)) == 0


@given(boxes, boxes)
def test_overlap_is_symmetric_and_a_share(a: Box, b: Box) -> None:
    assert overlap(a, b) == overlap(b, a)
    assert 0 <= overlap(a, b) <= 1 + 1e-9
    assert overlap(a, a) == pytest.approx(1)


def test_one_face_found_twice_is_one_face_with_the_better_score() -> None:
    coarse, fine = DetectedFace(Box(0, 0, 100, 100), 0.8), DetectedFace(Box(4, 2, 98, 99), 0.9)
    other = DetectedFace(Box(300, 0, 200, 200), 0.7)
    assert merge_overlapping([coarse, other, fine]) == (other, fine)


def test_two_faces_cheek_to_cheek_stay_two() -> None:
    left, right = DetectedFace(Box(0, 0, 100, 100), 0.8), DetectedFace(Box(60, 0, 100, 100), 0.9)
    assert len(merge_overlapping([left, right])) == 2


@given(st.lists(st.builds(DetectedFace, boxes, st.floats(0, 1)), max_size=12))
def test_merging_twice_changes_nothing_more(faces: list[DetectedFace]) -> None:
    once = merge_overlapping(faces)
    assert merge_overlapping(once) == once
    assert set(once) <= set(faces)
    assert bool(once) == bool(faces)


def test_boxes_are_read_from_lists_and_objects(tmp_path: Path) -> None:
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps({"a.jpg": [[1, 2, 3, 4], {"x": 5, "y": 6, "width": 7, "height": 8}], "b.jpg": []}))
    assert read_boxes(path) == {"a.jpg": (Box(1, 2, 3, 4), Box(5, 6, 7, 8)), "b.jpg": ()}


@pytest.mark.parametrize(
    "text", ["", "[]", "7", '{"a": 1}', '{"a": [[1, 2, 3]]}', '{"a": [[1, 2, 0, 4]]}', '{"a": ["1234"]}']
)
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "boxes.json"
    path.write_text(text)
    with pytest.raises(DetectorError, match=r"Expected .* Received: "):
        read_boxes(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="No such file"):
        read_boxes(tmp_path / "boxes.json")


@pytest.mark.parametrize(
    "value", [None, 3, "abc", [[1, 2, float("nan"), 4]], [[1, 2, float("inf"), 4]], [None], {"x": 1}]
)
def test_other_values_are_refused(value: Any) -> None:
    with pytest.raises(DetectorError, match="width"):
        checked_boxes(value)
