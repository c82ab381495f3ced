"""Many images: in order, each with its own faces, bounded, and going on after what cannot be read."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mien.emotions import EMOTIONS
from mien.inference.predictor import Job, Predictor
from mien.inference.results import Box, DetectedFace, Prediction, Unreadable


class ColumnDetector:
    """One face for every 10 columns of an image; slow for some, so that answers come out of order."""

    name = "columns"
    margin = 0.0

    def detect(self, image_rgb: np.ndarray) -> tuple[DetectedFace, ...]:
        if image_rgb.shape[1] % 3 == 0:
            time.sleep(0.003)
        return tuple(DetectedFace(Box(x, 0, 10, 10)) for x in range(0, image_rgb.shape[1] - 9, 10))


def _image(faces: int, level: int) -> np.ndarray:
    return np.full((10, 10 * faces + 1, 3), level, np.uint8)


@pytest.fixture
def predictor(toy_model: Path) -> Predictor:
    return Predictor(toy_model, detector=ColumnDetector())


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("keep_images", [False, True])
def test_answers_come_in_order_with_their_own_faces(predictor: Predictor, workers: int, keep_images: bool) -> None:
    random = np.random.default_rng(0)
    facts = [(int(random.integers(0, 12)), int(random.integers(0, 7))) for _ in range(60)]
    jobs = [Job(_image(faces, round(42.5 * k)), f"{number}") for number, (faces, k) in enumerate(facts)]
    results = list(predictor.predict_jobs(jobs, workers=workers, keep_images=keep_images))
    assert [result.source for result, _ in results] == [job.name for job in jobs]
    for (result, image_rgb), job, (faces, k) in zip(results, jobs, facts, strict=True):
        assert isinstance(result, Prediction)
        assert [face.emotion for face in result.faces] == [EMOTIONS[k]] * faces
        assert (image_rgb is not None) == keep_images
        if image_rgb is not None:
            assert (image_rgb == job.source).all()


def test_the_same_answers_as_one_by_one(predictor: Predictor) -> None:
    images = [_image(faces, 30 * faces) for faces in range(5)]
    together = [result for result, _ in predictor.predict_jobs([Job(image, "i") for image in images])]
    for image, result in zip(images, together, strict=True):
        assert result == predictor.predict(image, name="i")


def test_one_unreadable_image_is_an_answer_and_the_rest_goes_on(predictor: Predictor) -> None:
    jobs = [Job(_image(1, 0), "a"), Job("nowhere.jpg", "b"), Job(b"", "c"), Job(_image(2, 0), "d", [(90, 0, 9, 9)])]
    results = [result for result, _ in predictor.predict_jobs([*jobs, Job(_image(2, 0), "e")])]
    assert [isinstance(result, Unreadable) for result in results] == [False, True, True, True, False]
    assert all(result.to_dict()["error"].startswith("Expected") for result in results if isinstance(result, Unreadable))


class Broken(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise RuntimeError("the connection is gone")


def test_whatever_a_source_raises_the_rest_goes_on(predictor: Predictor, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (80, 60, 3), np.uint8)
    whole = io.BytesIO()
    Image.fromarray(noise).save(whole, "PNG")
    (tmp_path / "part.png").write_bytes(whole.getvalue()[:5000])
    no_text = os.fsencode(tmp_path) + b"/\xff\xfe.png"  # no UTF-8
    Path(os.fsdecode(no_text)).write_bytes(whole.getvalue())
    with Image.open(tmp_path / "part.png") as truncated:
        sources: list[Any] = [truncated, Broken(), os.fsdecode(no_text), "a\0b", None, whole.getvalue()]
        results = list(predictor.predict_many(sources))
    assert [isinstance(result, Unreadable) for result in results] == [True, True, False, True, True, False]
    assert results[2].source == os.fsdecode(no_text)


def test_nothing_in_nothing_out(predictor: Predictor) -> None:
    assert list(predictor.predict_many([])) == []


def test_jobs_are_taken_only_as_they_are_needed(predictor: Predictor) -> None:
    taken = 0

    def endless() -> Iterator[Job]:
        nonlocal taken
        while True:
            taken += 1
            yield Job(_image(1, 0), "i")

    results = predictor.predict_jobs(endless(), workers=2, keep_images=True)
    for _ in range(10):
        next(results)
    results.close()  # type: ignore[attr-defined]
    assert taken <= 10 + 2 * 2 + 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("mien-worker")]


def test_a_defect_in_a_detector_is_not_hidden(toy_model: Path) -> None:
    class Defective(ColumnDetector):
        def detect(self, image_rgb: np.ndarray) -> tuple[DetectedFace, ...]:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(Predictor(toy_model, detector=Defective()).predict_many([_image(1, 0)] * 9))
