"""Labelled photos, the whole way: faces that are found, and those that are not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.emotions import EMOTIONS
from mien.errors import DataError
from mien.evaluate.photos import evaluate_photos, read_photo_labels
from mien.inference.predictor import Predictor


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two dark images, which the toy model calls angry, and two bright ones, which it calls neutral."""
    for name, level in (("a.png", 0), ("b.png", 0), ("c.png", 255), ("d.png", 255)):
        cv2.imwrite(str(tmp_path / name), np.full((60, 60), level, np.uint8))
    (tmp_path / "labels.csv").write_text("file,emotion\na.png,angry\nb.png,neutral\nc.png,neutral\nd.png,neutral\n")
    return tmp_path


def test_the_largest_face_of_each_photo_is_compared_with_its_label(folder: Path, toy_model: Path) -> None:
    scores = evaluate_photos(Predictor(toy_model, detector="none"), read_photo_labels(folder))
    angry, neutral = EMOTIONS.index("angry"), EMOTIONS.index("neutral")
    assert scores.n == 4
    assert scores.confusion[angry, angry] == 1
    assert scores.confusion[neutral].tolist() == [1, 0, 0, 0, 0, 0, 2, 0]
    assert scores.balanced_accuracy == pytest.approx((1 + 2 / 3) / 2)
    assert scores.accuracy_if({"angry": 1, "neutral": 3, "happy": 5}) == pytest.approx((1 + 3 * 2 / 3) / 4)
    assert list(scores.recalls) == ["angry", "neutral"]


def test_a_face_that_is_not_found_is_an_error_and_a_broken_file_is_said(folder: Path, toy_model: Path) -> None:
    class Blind:
        name, margin = "blind", 0.0

        def detect(self, image_rgb: np.ndarray) -> tuple:
            return ()

    (folder / "d.png").write_bytes(b"no image")
    scores = evaluate_photos(Predictor(toy_model, detector=Blind()), read_photo_labels(folder))
    assert (scores.n, scores.no_face) == (3, 3)
    assert scores.balanced_accuracy == 0
    assert len(scores.unreadable) == 1
    assert "d.png" in scores.unreadable[0]


def test_labels_come_from_folders_where_no_file_lists_them(folder: Path) -> None:
    (folder / "labels.csv").unlink()
    with pytest.raises(DataError, match=r"labels\.csv"):
        read_photo_labels(folder)
    (folder / "happy").mkdir()
    (folder / "a.png").rename(folder / "happy" / "a.png")
    assert read_photo_labels(folder) == {folder / "happy" / "a.png": EMOTIONS.index("happy")}


def test_a_label_that_is_no_emotion_names_its_row(folder: Path) -> None:
    (folder / "labels.csv").write_text("file,emotion\na.png,angry\nb.png,bored\n")
    with pytest.raises(DataError, match="row 2"):
        read_photo_labels(folder)
