"""A video becomes rows of followed faces; files are whole whatever happens; memory stays flat."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.emotions import EMOTIONS
from mien.errors import ConfigError, RunError
from mien.inference.predictor import Predictor
from mien.inference.results import Box, DetectedFace
from mien.inference.video.analysis import ROW_COLUMNS, FrameAnswer, VideoAnalysis
from mien.inference.video.clip import Frame, open_clip
from mien.inference.video.sinks import AnnotatedVideo, CsvSink, JsonLinesSink, Sink, find_ffmpeg, row_sink

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


def _answers(predictor: Predictor, clip: Any, **options: Any) -> tuple[list[FrameAnswer], VideoAnalysis]:
    analysis = VideoAnalysis(predictor, **options)
    return list(analysis.answers(clip)), analysis


def test_each_person_has_one_number_through_a_gap(predictor: Predictor) -> None:
    answers, analysis = _answers(predictor, StillClip(60, gap=(20, 30)))
    for answer in answers:
        numbers = [tracked.track for tracked in answer.faces]
        assert numbers == ([2] if 20 <= answer.frame.number < 30 else [1, 2])
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
    answers, _ = _answers(predictor, Flicker(), smoothing_seconds=0.5)
    blink = answers[20].faces[0]
    assert blink.instant_emotion == "happy"
    assert blink.face.emotion == "angry"
    weight = 1 - math.exp(-(1 / FPS) / 0.5)
    steady = answers[19].faces[0].face.probabilities["angry"]
    assert blink.face.probabilities["angry"] == pytest.approx((1 - weight) * steady, abs=0.01)
    raw, _ = _answers(predictor, Flicker(), smoothing_seconds=0)
    assert raw[20].faces[0].face.emotion == "happy"


def test_frames_between_are_left_out_or_shown(predictor: Predictor) -> None:
    answers, _ = _answers(predictor, StillClip(20), every=5)
    assert [answer.frame.number for answer in answers] == [0, 5, 10, 15]
    answers, _ = _answers(predictor, StillClip(20), every=5, yield_skipped=True)
    assert len(answers) == 20
    assert [answer.frame.number for answer in answers if answer.is_new] == [0, 5, 10, 15]
    assert answers[7].faces is answers[5].faces


def test_every_thirtieth_frame_has_the_same_people(predictor: Predictor) -> None:
    answers, analysis = _answers(predictor, OneWhoStays(480), every=30)
    assert [[tracked.track for tracked in answer.faces] for answer in answers] == [[1]] * 16
    (person,) = analysis.summaries()
    assert person.seen_seconds == pytest.approx(450 / FPS)


@pytest.mark.parametrize(
    "options", [{"every": 0}, {"start_seconds": -1}, {"start_seconds": 5, "end_seconds": 5}, {"smoothing_seconds": -1}]
)
def test_numbers_that_make_no_sense_are_refused(predictor: Predictor, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        VideoAnalysis(predictor, **options)


def test_rows_are_the_same_in_csv_and_json_lines(predictor: Predictor, tmp_path: Path) -> None:
    answers, _ = _answers(predictor, StillClip(5))
    with CsvSink(tmp_path / "a.csv") as table, JsonLinesSink(tmp_path / "a.jsonl") as lines:
        for answer in answers:
            table.write(answer)
            lines.write(answer)
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    objects = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert len(rows) == len(objects) == 10
    for row, value in zip(rows, objects, strict=True):
        assert tuple(row) == tuple(value) == ROW_COLUMNS
        assert row == {name: "" if item is None else str(item) for name, item in value.items()}
    assert sum(objects[0][name] for name in EMOTIONS) == pytest.approx(1, abs=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.jsonl"]


def test_parquet_holds_the_same_rows(predictor: Predictor, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    answers, _ = _answers(predictor, StillClip(5))
    with row_sink(tmp_path / "a.parquet") as sink:
        for answer in answers:
            sink.write(answer)
    table = parquet.read_table(tmp_path / "a.parquet")
    assert tuple(table.column_names) == ROW_COLUMNS
    expected = [row for answer in answers for row in answer.rows()]
    for read, row in zip(table.to_pylist(), expected, strict=True):
        near = {name: pytest.approx(value, rel=1e-6) for name, value in row.items() if isinstance(value, float)}
        assert read == row | near
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.parquet"]


def test_parquet_keeps_times_of_long_videos_apart(predictor: Predictor, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    (answer, *_), _ = _answers(predictor, StillClip(1))
    hours = 20.0
    with row_sink(tmp_path / "a.parquet") as sink:
        for number in range(3):
            time_seconds = hours * 3600 + number / 1000
            sink.write(replace(answer, frame=answer.frame._replace(time_seconds=time_seconds)))
    times = parquet.read_table(tmp_path / "a.parquet").column("time_seconds").to_pylist()
    assert sorted(set(times)) == pytest.approx([72000.0, 72000.001, 72000.002], abs=1e-6)


class Failing(Sink):
    """Fails at its third frame, as a full disk would."""

    def _open(self) -> None:
        self.count = 0

    def _write(self, answer: FrameAnswer) -> None:
        self.count += 1
        if self.count == 3:
            raise OSError(28, "No space left on device")

    def _close(self) -> None:
        pass


@pytest.mark.parametrize("stop", ["sink", "interrupt"])
def test_whatever_stops_it_files_are_whole_up_to_there(predictor: Predictor, tmp_path: Path, stop: str) -> None:
    analysis = VideoAnalysis(predictor)
    threads_before = set(threading.enumerate())
    with (
        pytest.raises(RunError if stop == "sink" else KeyboardInterrupt),
        CsvSink(tmp_path / "a.csv") as table,
        AnnotatedVideo(tmp_path / "a.avi", fps=FPS) as video,
        Failing(tmp_path / "nothing") as failing,
    ):
        for answer in analysis.answers(StillClip(100)):  # type: ignore[arg-type]
            table.write(answer)
            video.write(answer)
            if stop == "sink":
                failing.write(answer)
            elif answer.frame.number == 2:
                raise KeyboardInterrupt
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    assert [row["frame"] for row in rows] == ["0", "0", "1", "1", "2", "2"]
    with open_clip(tmp_path / "a.avi") as clip:
        assert len(list(clip.frames())) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.avi", "a.csv"]
    assert not [thread for thread in set(threading.enumerate()) - threads_before if thread.name.startswith("mien")]


def test_the_annotated_video_shows_the_faces_at_the_right_time(predictor: Predictor, tmp_path: Path) -> None:
    with AnnotatedVideo(tmp_path / "a.avi", fps=FPS) as video:
        for answer in VideoAnalysis(predictor).answers(StillClip(10)):  # type: ignore[arg-type]
            if answer.frame.number != 4:  # a dropped frame: the one before it stays on
                video.write(answer)
    with open_clip(tmp_path / "a.avi") as clip:
        frames = list(clip.frames())
    assert len(frames) == 10
    assert frames[0].image_rgb.shape == (240, 800, 3)  # small pictures are enlarged for their labels
    assert np.ptp(frames[0].image_rgb[:, :160].astype(int).sum(axis=2)) > 300  # the dark face has a label


def test_other_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.csv, \.jsonl, \.parquet"):
        row_sink(tmp_path / "a.xlsx")
    with pytest.raises(ConfigError, match=r"\.mp4"):
        AnnotatedVideo(tmp_path / "a.gif", fps=FPS)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RunError):
        row_sink(tmp_path / "file" / "a.csv")


def test_memory_does_not_grow_with_the_length(predictor: Predictor, tmp_path: Path) -> None:
    import tracemalloc

    clip = FakeClip(600)
    analysis = VideoAnalysis(predictor)
    sizes = []
    tracemalloc.start()
    try:
        with CsvSink(tmp_path / "a.csv") as sink:
            for answer in analysis.answers(clip):  # type: ignore[arg-type]
                sink.write(answer)
                if answer.frame.number in (200, 590):
                    sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert clip.made == 600
    assert sizes[1] - sizes[0] < 500_000  # 390 frames of 36 kB would be 14 MB; a few are under way


def test_the_shared_clip_has_one_person_throughout(toy_model: Path, shared: Path) -> None:
    predictor = Predictor(toy_model)
    analysis = VideoAnalysis(predictor, every=3)
    with open_clip(shared / "photos" / "clip.mp4") as clip:
        tracks = [[tracked.track for tracked in answer.faces] for answer in analysis.answers(clip)]
    assert tracks == [[1]] * 39


@pytest.fixture(scope="module")
def ffmpeg() -> str:
    program = find_ffmpeg()
    if program is None:
        pytest.skip("sound is kept only where ffmpeg is")
    return program


@pytest.fixture(scope="module")
def talking(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of picture and sound: silence, then a tone."""
    path = tmp_path_factory.mktemp("talking") / "source.mp4"
    inputs = ["-f", "lavfi", "-i", "testsrc=d=3:r=20:s=64x48", "-f", "lavfi", "-i", "sine=d=3"]
    silence = ["-af", "volume=enable='lt(t,1.5)':volume=0"]
    subprocess.run([ffmpeg, "-v", "error", *inputs, *silence, str(path)], check=True, timeout=60)
    return path


def _sound(ffmpeg: str, path: Path) -> np.ndarray:
    """int16 (samples,) at 8 kHz; empty where there is none."""
    command = [ffmpeg, "-v", "quiet", "-i", str(path), "-vn", "-f", "s16le", "-ac", "1", "-ar", "8000", "-"]
    return np.frombuffer(subprocess.run(command, check=False, capture_output=True, timeout=60).stdout, np.int16)


@pytest.mark.parametrize(("start_seconds", "tone_from_seconds"), [(0.0, 1.5), (1.0, 0.5)])
def test_sound_is_kept_at_its_time(
    predictor: Predictor, ffmpeg: str, talking: Path, tmp_path: Path, start_seconds: float, tone_from_seconds: float
) -> None:
    path = tmp_path / "a.mp4"
    analysis = VideoAnalysis(predictor, start_seconds=start_seconds)
    with open_clip(talking) as clip, AnnotatedVideo(path, fps=clip.fps, sound_path=talking) as video:
        for answer in analysis.answers(clip):
            video.write(answer)
    sound = np.abs(_sound(ffmpeg, path).astype(int))
    assert len(sound) / 8000 == pytest.approx(3 - start_seconds, abs=0.2)
    assert np.flatnonzero(sound > 1000)[0] / 8000 == pytest.approx(tone_from_seconds, abs=0.15)
    with open_clip(path) as clip:
        assert len(list(clip.frames())) == round((3 - start_seconds) * 20)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mp4"]


def test_a_video_without_sound_stays_as_it_is(predictor: Predictor, ffmpeg: str, tmp_path: Path) -> None:
    silent = tmp_path / "silent.avi"
    with AnnotatedVideo(silent, fps=FPS) as video:
        for answer in VideoAnalysis(predictor).answers(StillClip(10)):  # type: ignore[arg-type]
            video.write(answer)
    with AnnotatedVideo(tmp_path / "a.avi", fps=FPS, sound_path=silent) as video:
        for answer in VideoAnalysis(predictor).answers(StillClip(10)):  # type: ignore[arg-type]
            video.write(answer)
    assert _sound(ffmpeg, tmp_path / "a.avi").size == 0
    with open_clip(tmp_path / "a.avi") as clip:
        assert len(list(clip.frames())) == 10
