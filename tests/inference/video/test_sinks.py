"""Files of a video are complete, or the older ones stay: whatever fails, and whenever it stops."""

from __future__ import annotations

import csv
import json
import os
import resource
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.emotions import EMOTIONS
from mien.errors import ConfigError, MienError, OutputError
from mien.inference.results import Box, Face
from mien.inference.video import sinks
from mien.inference.video.analysis import ROW_COLUMNS, FrameFaces, TrackedFace
from mien.inference.video.clip import Frame, open_clip
from mien.inference.video.sinks import AnnotatedVideo, CsvSink, JsonLinesSink, Sink, find_ffmpeg, row_sink

FPS = 20.0


def _result(number: int, *, time_seconds: float | None = None) -> FrameFaces:
    """A frame whose brightness says its number, with two people."""
    probabilities = dict.fromkeys(EMOTIONS, 0.1) | {"happy": 0.4}
    faces = tuple(
        TrackedFace(track, Face(Box(20 + 100 * track, 60, 80, 80), "happy", 0.4, probabilities, uncertain=False), "sad")
        for track in (1, 2)
    )
    image = np.full((240, 320, 3), 2 * number % 256, np.uint8)
    return FrameFaces(Frame(number, number / FPS if time_seconds is None else time_seconds, image), faces)


def _results(count: int, *, start: int = 0) -> list[FrameFaces]:
    return [_result(number) for number in range(start, start + count)]


def _frame_count(path: Path) -> int:
    with open_clip(path) as clip:
        return len(list(clip.frames()))


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Rows


def test_rows_are_the_same_in_csv_and_json_lines(tmp_path: Path) -> None:
    with CsvSink(tmp_path / "a.csv") as table, JsonLinesSink(tmp_path / "a.jsonl") as lines:
        for result in _results(5):
            table.write(result)
            lines.write(result)
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    objects = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert len(rows) == len(objects) == 10
    for row, value in zip(rows, objects, strict=True):
        assert tuple(row) == tuple(value) == ROW_COLUMNS
        assert row == {name: "" if item is None else str(item) for name, item in value.items()}
    assert sum(objects[0][name] for name in EMOTIONS) == pytest.approx(1, abs=1e-5)
    assert _names(tmp_path) == ["a.csv", "a.jsonl"]


def test_parquet_holds_the_same_rows(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    with row_sink(tmp_path / "a.parquet") as sink:
        for result in _results(5):
            sink.write(result)
    table = parquet.read_table(tmp_path / "a.parquet")
    assert tuple(table.column_names) == ROW_COLUMNS
    expected = [row for result in _results(5) for row in result.rows()]
    for read, row in zip(table.to_pylist(), expected, strict=True):
        near = {name: pytest.approx(value, rel=1e-6) for name, value in row.items() if isinstance(value, float)}
        assert read == row | near
    assert _names(tmp_path) == ["a.parquet"]


def test_parquet_keeps_times_of_long_videos_apart(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    with row_sink(tmp_path / "a.parquet") as sink:
        for number in range(3):
            sink.write(_result(number, time_seconds=20 * 3600 + number / 1000))
    times = parquet.read_table(tmp_path / "a.parquet").column("time_seconds").to_pylist()
    assert sorted(set(times)) == pytest.approx([72000.0, 72000.001, 72000.002], abs=1e-6)


# Refusals and failures


@pytest.mark.parametrize("name", ["a.xlsx", "a", "a.csv.gz"])
def test_other_endings_of_rows_are_refused_before_anything_is_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("older")
    with pytest.raises(ConfigError, match=r"\.csv, \.jsonl, \.parquet"):
        row_sink(tmp_path / name)
    assert (tmp_path / name).read_text() == "older"


def test_other_endings_of_videos_are_refused_before_anything_is_opened(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.mp4"):
        AnnotatedVideo(tmp_path / "a.mkv", fps=FPS)


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError), row_sink(tmp_path / "file" / "a.csv"):
        pass


@pytest.mark.parametrize("name", ["clip.mp4", "link.mp4", "hard.mp4", "other/../clip.mp4"])
def test_what_is_read_is_not_written(tmp_path: Path, name: str) -> None:
    source = tmp_path / "clip.mp4"
    source.write_bytes(b"precious")
    (tmp_path / "other").mkdir()
    (tmp_path / "link.mp4").symlink_to(source)
    (tmp_path / "hard.mp4").hardlink_to(source)
    video = AnnotatedVideo(tmp_path / name, fps=FPS)
    video.sources = [source]
    with pytest.raises(OutputError), video:
        pass
    assert source.read_bytes() == b"precious"


class Failing(Sink):
    """Fails at its third frame, as a full disk would."""

    def _open(self, path: Path) -> None:
        self.count = 0

    def _write(self, result: FrameFaces) -> None:
        self.count += 1
        if self.count == 3:
            raise OSError(28, "No space left on device")

    def _close(self) -> None:
        pass


@pytest.mark.parametrize("video", ["a.avi", "a.mp4"])
def test_a_failure_keeps_the_older_files_and_what_was_written(tmp_path: Path, video: str) -> None:
    for name in ("a.csv", video):
        (tmp_path / name).write_text("older")
    with (
        pytest.raises(OutputError, match="No space left") as caught,
        CsvSink(tmp_path / "a.csv") as table,
        AnnotatedVideo(tmp_path / video, fps=FPS) as annotated,
        Failing(tmp_path / "nothing") as failing,
    ):
        for result in _results(9):
            for sink in (table, annotated, failing):
                sink.write(result)
    assert _names(tmp_path) == sorted(["a.csv", "a.csv.partial", video, f"{video}.partial"])
    assert (tmp_path / "a.csv").read_text() == (tmp_path / video).read_text() == "older"
    rows = list(csv.DictReader((tmp_path / "a.csv.partial").read_text().splitlines()))
    assert [row["frame"] for row in rows] == ["0", "0", "1", "1", "2", "2"]
    assert _frame_count(tmp_path / f"{video}.partial") == 3
    assert not table.is_written
    assert {"a.csv.partial", f"{video}.partial"} == {  # both are said
        note.split()[-1].rstrip(".").rpartition("/")[2] for note in caught.value.__notes__
    }


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow beyond 20,000 bytes, as on a disk that fills up; ffmpeg inherits it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_files")
@pytest.mark.parametrize("name", ["a.csv", "a.avi", "a.mp4", "mpeg4.mp4"])
def test_a_full_disk_is_an_error_and_the_older_file_stays(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "mpeg4.mp4":
        monkeypatch.setattr(sinks, "find_ffmpeg", lambda: None)
    (tmp_path / name).write_text("older")
    noise = np.random.default_rng(0)
    sink = AnnotatedVideo(tmp_path / name, fps=FPS) if name != "a.csv" else row_sink(tmp_path / name)
    with pytest.raises(OutputError), sink:
        for result in _results(200):
            image = noise.integers(0, 256, (240, 320, 3), np.uint8)
            sink.write(replace(result, frame=result.frame._replace(image_rgb=image)))
    assert (tmp_path / name).read_text() == "older"
    assert set(_names(tmp_path)) <= {name, f"{name}.partial"}


def test_nothing_to_show_leaves_the_older_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("older")
    with AnnotatedVideo(tmp_path / "a.mp4", fps=FPS) as video:
        pass
    assert (tmp_path / "a.mp4").read_text() == "older"
    assert _names(tmp_path) == ["a.mp4"]
    assert not video.is_written
    assert "not written" in video.remarks[0]


# Annotated videos


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.avi"])
def test_every_frame_is_saved_at_its_time(tmp_path: Path, name: str) -> None:
    with AnnotatedVideo(tmp_path / name, fps=FPS) as video:
        for result in _results(30, start=7):
            if result.frame.number != 11:  # a dropped frame: the one before it stays on
                video.write(result)
    with open_clip(tmp_path / name) as clip:
        frames = list(clip.frames())
    shown = [frame.image_rgb[230, 10].mean() / 2 for frame in frames]
    np.testing.assert_allclose(shown, [10 if number == 11 else number for number in range(7, 37)], atol=2)
    assert np.ptp(frames[0].image_rgb[40:60, 120:200].astype(int).sum(axis=2)) > 300  # there is a label
    assert _names(tmp_path) == [name]


def test_a_jump_in_time_does_not_fill_the_disk(tmp_path: Path) -> None:
    with AnnotatedVideo(tmp_path / "a.mp4", fps=FPS) as video:
        video.write(_result(0))
        for number in range(1, 4):
            video.write(_result(number, time_seconds=1e6 * number))
    assert _frame_count(tmp_path / "a.mp4") == 1 + 3 * 10 * FPS
    assert ["jumps by" in remark for remark in video.remarks] == [True] * 3


@pytest.mark.parametrize("fps", [19.76, 20.0, 20.02])
def test_no_frame_is_lost_to_a_rate_that_is_a_little_off(tmp_path: Path, fps: float) -> None:
    with AnnotatedVideo(tmp_path / "a.mp4", fps=fps) as video:
        for result in _results(90):
            video.write(result)
    assert _frame_count(tmp_path / "a.mp4") == 90


def test_frames_beyond_the_rate_are_left_out(tmp_path: Path) -> None:
    with AnnotatedVideo(tmp_path / "a.mp4", fps=FPS / 4) as video:
        for result in _results(100):
            video.write(result)
    assert _frame_count(tmp_path / "a.mp4") in (26, 27)  # 5 s, and one that it may be ahead


def test_a_stream_may_change_its_size(tmp_path: Path) -> None:
    with AnnotatedVideo(tmp_path / "a.mp4", fps=FPS) as video:
        for result in _results(6):
            size = 240 + 60 * (result.frame.number // 3)
            frame = result.frame._replace(image_rgb=np.zeros((size, size + 1, 3), np.uint8))
            video.write(replace(result, frame=frame))
    assert _frame_count(tmp_path / "a.mp4") == 6


# ffmpeg: H.264 and sound


@pytest.fixture(scope="module")
def ffmpeg() -> str:
    program = find_ffmpeg()
    if program is None:
        pytest.skip("there is no ffmpeg here")
    return program


def _streams(ffmpeg: str, path: Path) -> str:
    """What ffmpeg says of a file."""
    command = [ffmpeg, "-hide_banner", "-i", str(path)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60).stderr


def _make(ffmpeg: str, path: Path, *, seconds: float, sound_seconds: float) -> Path:
    """A picture and, for as long as is said, its sound: silence for 1.5 s, then a tone."""
    inputs = ["-f", "lavfi", "-i", f"testsrc=d={seconds}:r=20:s=64x48"]
    if sound_seconds:
        inputs += ["-f", "lavfi", "-i", f"sine=d={sound_seconds}", "-af", "volume=enable='lt(t,1.5)':volume=0"]
    subprocess.run([ffmpeg, "-v", "error", "-y", *inputs, str(path)], check=True, timeout=60)
    return path


def _sound(ffmpeg: str, path: Path) -> np.ndarray:
    """int16 (samples,) at 8 kHz; empty where there is none."""
    command = [ffmpeg, "-v", "quiet", "-i", str(path), "-vn", "-f", "s16le", "-ac", "1", "-ar", "8000", "-"]
    return np.frombuffer(subprocess.run(command, check=False, capture_output=True, timeout=60).stdout, np.int16)


@pytest.mark.parametrize("name", ["a.mp4", "a.avi"])
@pytest.mark.parametrize("sound_seconds", [1.0, 3.0, 6.0, 0.0])
@pytest.mark.parametrize("start", [0, 40])
def test_sound_never_changes_how_many_frames_are_saved(
    ffmpeg: str, tmp_path: Path, name: str, sound_seconds: float, start: int
) -> None:
    source = _make(ffmpeg, tmp_path / "source.mp4", seconds=3, sound_seconds=sound_seconds)
    with AnnotatedVideo(tmp_path / name, fps=FPS, sound_path=source) as video:
        for result in _results(60 - start, start=start):
            video.write(result)
    assert _frame_count(tmp_path / name) == 60 - start
    heard = len(_sound(ffmpeg, tmp_path / name)) / 8000
    assert heard == pytest.approx(max(0, min(3.0, sound_seconds) - start / FPS), abs=0.2)
    assert _names(tmp_path) == sorted([name, "source.mp4"])


def test_sound_keeps_its_time(ffmpeg: str, tmp_path: Path) -> None:
    source = _make(ffmpeg, tmp_path / "source.mp4", seconds=3, sound_seconds=3)
    with AnnotatedVideo(tmp_path / "a.mp4", fps=FPS, sound_path=source) as video:
        for result in _results(40, start=20):
            video.write(result)
    tone_from = np.flatnonzero(np.abs(_sound(ffmpeg, tmp_path / "a.mp4").astype(int)) > 1000)[0] / 8000
    assert tone_from == pytest.approx(0.5, abs=0.15)


def test_an_mp4_plays_in_browsers(ffmpeg: str, tmp_path: Path) -> None:
    source = _make(ffmpeg, tmp_path / "source.mp4", seconds=1, sound_seconds=1)
    with AnnotatedVideo(tmp_path / "a.mp4", fps=FPS, sound_path=source) as video:
        for result in _results(20):
            video.write(result)
    said = _streams(ffmpeg, tmp_path / "a.mp4")
    assert "Video: h264" in said
    assert "yuv420p" in said
    assert "Audio: aac" in said
    assert not video.remarks


def test_without_ffmpeg_it_is_said_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "find_ffmpeg", lambda: None)
    with AnnotatedVideo(tmp_path / "a.mp4", fps=FPS, sound_path=tmp_path / "source.mp4") as video:
        for result in _results(5):
            video.write(result)
    assert _frame_count(tmp_path / "a.mp4") == 5
    (remark,) = video.remarks
    assert "MPEG-4 Part 2" in remark
    assert "pip install imageio-ffmpeg" in remark


def test_sound_that_cannot_be_read_costs_only_the_sound(ffmpeg: str, tmp_path: Path) -> None:
    (tmp_path / "source.mp4").write_bytes(b"no video")
    with AnnotatedVideo(tmp_path / "a.mp4", fps=FPS, sound_path=tmp_path / "source.mp4") as video:
        for result in _results(5):
            video.write(result)
    assert _frame_count(tmp_path / "a.mp4") == 5
    assert "no sound" in video.remarks[0]
    assert _names(tmp_path) == ["a.mp4", "source.mp4"]


def test_an_ffmpeg_that_dies_is_an_error_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\ncase \"$*\" in *-encoders*) echo ' V libx264 ';; *) echo 'it hurts' >&2; exit 3;; esac\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    target = tmp_path / "out" / "a.mp4"
    with pytest.raises(OutputError, match="it hurts"), AnnotatedVideo(target, fps=FPS) as video:
        for result in _results(50):
            video.write(result)
    assert not _names(target.parent)


@pytest.mark.parametrize("path", ["", ".", "{here}/elsewhere:."])
def test_ffmpeg_is_never_taken_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", path.format(here=tmp_path))
    assert find_ffmpeg() != str(program)
    assert find_ffmpeg() not in ("ffmpeg", "./ffmpeg")
    monkeypatch.setenv("PATH", str(tmp_path))  # unless the user says so
    assert find_ffmpeg() == str(program)


def test_threads_and_programs_end(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with pytest.raises(MienError), AnnotatedVideo(tmp_path / "a.mp4", fps=FPS) as video:
        video.write(_result(0))
        raise MienError("stop")
    assert set(threading.enumerate()) <= before
    assert _names(tmp_path) == ["a.mp4.partial"]
