"""A video becomes rows of followed faces; files are whole whatever happens; memory stays flat."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.errors import ConfigError
from mien.inference.predictor import Predictor
from mien.inference.results import Box, DetectedFace
from mien.inference.video.analysis import FrameFaces, VideoAnalysis
from mien.inference.video.clip import Frame, open_clip
from mien.inference.video.sinks import CsvSink

FPS = 20.0


class FakeClip:
    """Frames made as they are asked for: a bright face that goes right over a dark one that stays."""

    fps = FPS
    name = "fake"
    is_live = False

    def __init__(self, count: int, *, gap: tuple[int, int] = (0, 0)) -> None:
        self.count, self.gap, self.made = count, gap, 0

    def frames(self, *, every: int = 1, start_seconds: float = 0, end_seconds: float | None = None) -> Iterator[Frame]:
        for number in range(0, self.count, every):
            time_seconds = number / FPS
            if time_seconds < start_seconds or (end_seconds is not None and time_seconds > end_seconds):
                continue
            self.made += 1
            image = np.zeros((60, 200, 3), np.uint8)
            if not self.gap[0] <= number < self.gap[1]:
                x = 60 + 40 * number % 100
                image[10:50, x : x + 40] = 255
            yield Frame(number, time_seconds, image)


class BrightAndDark:
    """Finds the bright square, and a dark face at the left."""

    name = "fake"
    margin = 0.0

    def detect(self, image_rgb: np.ndarray) -> tuple[DetectedFace, ...]:
        faces = [DetectedFace(Box(0, 10, 40, 40), 0.9)]
        columns = np.flatnonzero(image_rgb[30, :, 0])
        if columns.size:
            faces.insert(0, DetectedFace(Box(float(columns[0]), 10, 40, 40), 0.8))
        return tuple(faces)


class StillClip(FakeClip):
    """The same, but the bright face moves slowly."""

    def frames(self, *, every: int = 1, start_seconds: float = 0, end_seconds: float | None = None) -> Iterator[Frame]:
        for number in range(0, self.count, every):
            image = np.zeros((60, 200, 3), np.uint8)
            if not self.gap[0] <= number < self.gap[1]:
                x = 60 + number % 90
                image[10:50, x : x + 40] = 255
            self.made += 1
            yield Frame(number, number / FPS, image)


class OneWhoStays(FakeClip):
    """Only the dark face."""

    def frames(self, *, every: int = 1, **_: Any) -> Iterator[Frame]:
        for number in range(0, self.count, every):
            yield Frame(number, number / FPS, np.zeros((60, 200, 3), np.uint8))


@pytest.fixture
def predictor(toy_model: Path) -> Predictor:
    return Predictor(toy_model, detector=BrightAndDark())


def _results(predictor: Predictor, clip: Any, **options: Any) -> tuple[list[FrameFaces], VideoAnalysis]:
    analysis = VideoAnalysis(predictor, **options)
    return list(analysis.follow(clip)), analysis


def test_each_person_has_one_number_through_a_gap(predictor: Predictor) -> None:
    results, analysis = _results(predictor, StillClip(60, gap=(20, 30)))
    for result in results:
        numbers = [tracked.track for tracked in result.faces]
        assert numbers == ([2] if 20 <= result.frame.number < 30 else [1, 2])
    bright, dark = analysis.summaries()
    assert (bright.emotion, dark.emotion) == ("neutral", "angry")
    assert bright.seen_seconds == pytest.approx(59 / FPS)  # the gap is bridged
    assert dark.shares["angry"] == 1


def test_probabilities_are_smoothed_and_the_instant_is_kept(toy_model: Path) -> None:
    class Flicker:
        fps, name, is_live = FPS, "fake", False

        def frames(self, **_: Any) -> Iterator[Frame]:
            for number in range(30):
                # One frame of the bright face is dark grey: a blink of the classifier.
                image = np.full((60, 200, 3), 0 if number != 20 else 128, np.uint8)
                yield Frame(number, number / FPS, image)

    predictor = Predictor(toy_model, detector="none")
    results, _ = _results(predictor, Flicker(), smoothing_seconds=0.5)
    blink = results[20].faces[0]
    assert blink.instant_emotion == "happy"
    assert blink.face.emotion == "angry"
    weight = 1 - math.exp(-(1 / FPS) / 0.5)
    steady = results[19].faces[0].face.probabilities["angry"]
    assert blink.face.probabilities["angry"] == pytest.approx((1 - weight) * steady, abs=0.01)
    raw, _ = _results(predictor, Flicker(), smoothing_seconds=0)
    assert raw[20].faces[0].face.emotion == "happy"


def test_frames_between_are_left_out_or_shown(predictor: Predictor) -> None:
    results, _ = _results(predictor, StillClip(20), every=5)
    assert [result.frame.number for result in results] == [0, 5, 10, 15]
    results, _ = _results(predictor, StillClip(20), every=5, yield_skipped=True)
    assert len(results) == 20
    assert [result.frame.number for result in results if result.is_new] == [0, 5, 10, 15]
    assert results[7].faces is results[5].faces


def test_every_thirtieth_frame_has_the_same_people(predictor: Predictor) -> None:
    results, analysis = _results(predictor, OneWhoStays(480), every=30)
    assert [[tracked.track for tracked in result.faces] for result in results] == [[1]] * 16
    (person,) = analysis.summaries()
    assert person.seen_seconds == pytest.approx(450 / FPS)


@pytest.mark.parametrize(
    "options",
    [
        {"every": 0},
        {"workers": 0},
        {"start_seconds": -1},
        {"start_seconds": float("nan")},
        {"end_seconds": float("inf")},
        {"start_seconds": 5, "end_seconds": 5},
        {"smoothing_seconds": -1},
        {"smoothing_seconds": float("nan")},
        {"smoothing_seconds": float("inf")},
        {"longest_gap_seconds": float("nan")},
    ],
)
def test_numbers_that_make_no_sense_are_refused(predictor: Predictor, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        VideoAnalysis(predictor, **options)


def test_memory_does_not_grow_with_the_length(predictor: Predictor, tmp_path: Path) -> None:
    import tracemalloc

    clip = FakeClip(600)
    analysis = VideoAnalysis(predictor)
    sizes = []
    tracemalloc.start()
    try:
        with CsvSink(tmp_path / "a.csv") as sink:
            for result in analysis.follow(clip):  # type: ignore[arg-type]
                sink.write(result)
                if result.frame.number in (200, 590):
                    sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert clip.made == 600
    assert sizes[1] - sizes[0] < 500_000  # 390 frames of 36 kB would be 14 MB; a few are under way


def test_the_shared_clip_has_one_person_throughout(toy_model: Path, shared: Path) -> None:
    predictor = Predictor(toy_model)
    analysis = VideoAnalysis(predictor, every=3)
    with open_clip(shared / "photos" / "clip.mp4") as clip:
        tracks = [[tracked.track for tracked in result.faces] for result in analysis.follow(clip)]
    assert tracks == [[1]] * 39
