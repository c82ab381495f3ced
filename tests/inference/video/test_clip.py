"""Decoding: every frame once, at its time, whatever the file does."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mien.errors import ImageError
from mien.inference.video.clip import Clip, local_path, open_clip
from mien.inference.video.sinks import find_ffmpeg


def write_clip(path: Path, *, frames: int = 40, fps: float = 20.0, size: tuple[int, int] = (64, 48)) -> Path:
    """A clip whose brightness says the number of the frame: 5 levels per frame."""
    codec = cv2.VideoWriter.fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))
    writer = cv2.VideoWriter(str(path), codec, fps, size)
    for number in range(frames):
        writer.write(np.full((size[1], size[0], 3), 5 * number % 256, np.uint8))
    writer.release()
    return path


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_frames_come_in_order_at_their_times(tmp_path: Path, suffix: str) -> None:
    with open_clip(write_clip(tmp_path / f"clip{suffix}")) as clip:
        assert clip.fps == pytest.approx(20)
        assert clip.frame_count == 40
        frames = list(clip.frames())
    assert [frame.number for frame in frames] == list(range(40))
    np.testing.assert_allclose([frame.time_seconds for frame in frames], np.arange(40) / 20, atol=1e-3)
    np.testing.assert_allclose([frame.image_rgb.mean() for frame in frames], 5 * np.arange(40), atol=4)


def test_only_what_is_asked_for(tmp_path: Path) -> None:
    with open_clip(write_clip(tmp_path / "clip.avi")) as clip:
        frames = list(clip.frames(every=4, start_seconds=0.5, end_seconds=1.2))
    assert [frame.number for frame in frames] == [10, 14, 18, 22]


def test_seeking_far_gives_the_same_frames(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=400)
    with open_clip(path) as clip:
        frames = list(clip.frames(start_seconds=14.98, end_seconds=15.22))
    assert [frame.number for frame in frames] == [300, 301, 302, 303, 304]
    np.testing.assert_allclose([frame.image_rgb.mean() for frame in frames], 5 * np.arange(300, 305) % 256, atol=4)


class FakeCapture:
    """A capture that fails where it is told to."""

    def __init__(self, frames: int, *, broken: set[int] = frozenset(), times: list[float] | None = None) -> None:  # type: ignore[assignment]
        self.frames, self.broken, self.times = frames, broken, times
        self.position = -1
        self.released = False

    def get(self, what: int) -> float:
        if what == cv2.CAP_PROP_POS_MSEC:
            return 0.0 if self.times is None else self.times[self.position] * 1000
        return {cv2.CAP_PROP_FPS: 10.0, cv2.CAP_PROP_FRAME_COUNT: float(self.frames)}[what]

    def grab(self) -> bool:
        self.position += 1
        return self.position < self.frames and self.position not in self.broken

    def retrieve(self) -> tuple[bool, Any]:
        return True, np.zeros((4, 4, 3), np.uint8)

    def release(self) -> None:
        self.released = True


def test_broken_frames_are_passed_over() -> None:
    frames = list(Clip(FakeCapture(20, broken={0, 5, 6, 7, 19}), "fake").frames())
    assert [frame.number for frame in frames] == [n for n in range(20) if n not in (0, 5, 6, 7, 19)]


def test_a_file_that_is_broken_for_good_ends() -> None:
    capture = FakeCapture(10**9, broken=set(range(3, 200)))
    assert len(list(Clip(capture, "fake").frames())) == 3
    assert capture.position < 100


def test_variable_rates_keep_their_times() -> None:
    times = [0.0, 0.04, 0.5, 0.54, 2.0]
    frames = list(Clip(FakeCapture(5, times=times), "fake").frames())
    assert [frame.time_seconds for frame in frames] == times


@pytest.mark.parametrize("times", [None, [0.0] * 6, [0.0, 0.3, 0.1, 0.2, float("nan"), 0.0]])
def test_times_always_increase(times: list[float] | None) -> None:
    frames = list(Clip(FakeCapture(6, times=times), "fake").frames())
    assert len(frames) == 6
    assert (np.diff([frame.time_seconds for frame in frames]) > 0).all()


def test_a_clip_is_released() -> None:
    capture = FakeCapture(3)
    with pytest.raises(ZeroDivisionError), Clip(capture, "fake") as clip:
        for _ in clip.frames():
            raise ZeroDivisionError
    assert capture.released


@pytest.mark.parametrize("content", [None, b"", b"no video at all" * 99])
def test_what_does_not_open_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImageError, match=r"Expected .* Received: "):
        open_clip(path)


def test_a_camera_that_is_not_there_is_refused() -> None:
    with pytest.raises(ImageError, match="camera 97"):
        open_clip("97")


def test_the_shared_clip(shared: Path) -> None:
    with open_clip(shared / "photos" / "clip.mp4") as clip:
        frames = [frame.time_seconds for frame in clip.frames()]
    assert len(frames) == 115
    assert (np.diff(frames) > 0).all()


def _with_times(path: Path, times: list[float]) -> Path:
    """An mp4 whose frames are shown at these times."""
    ffmpeg = find_ffmpeg()
    if ffmpeg is None:
        pytest.skip("there is no ffmpeg here")
    plain = write_clip(path.with_name("plain.mp4"), frames=len(times))
    shown = "+".join(f"eq(N,{number})*{time}" for number, time in enumerate(times)).replace(",", "\\,")
    command = [ffmpeg, "-v", "error", "-i", str(plain), "-vf", f"setpts=({shown})/TB", "-fps_mode", "passthrough"]
    subprocess.run([*command, "-bf", "0", str(path)], check=True, timeout=60)
    return path


@pytest.mark.parametrize("gap_seconds", [0.3, 40_000.0])
def test_the_rate_is_that_of_the_frames_not_of_the_length(tmp_path: Path, gap_seconds: float) -> None:
    times = [number / 20 + gap_seconds * (number >= 30) for number in range(40)]
    with open_clip(_with_times(tmp_path / "clip.mp4", times)) as clip:
        assert 19.98 < clip.fps < 30  # with a large gap, FFmpeg guesses
        assert [frame.time_seconds for frame in clip.frames()] == pytest.approx(times, abs=1e-3)


def test_a_file_that_is_cut_off_or_damaged_is_remarked_on() -> None:
    whole = Clip(FakeCapture(20), "fake")
    assert len(list(whole.frames())) == 20
    assert whole.remarks() == ()
    damaged = Clip(FakeCapture(20, broken={5, 6}), "fake")
    assert len(list(damaged.frames())) == 18
    assert damaged.remarks() == ("fake: frames left out because they are damaged: 2.",)
    cut = Clip(FakeCapture(100, broken=set(range(30, 100))), "fake")
    assert len(list(cut.frames())) == 30
    (remark,) = cut.remarks()
    assert "ends after 3.0 s" in remark
    assert "10.0 s" in remark


def test_a_part_of_a_file_is_not_remarked_on() -> None:
    clip = Clip(FakeCapture(100), "fake")
    assert len(list(clip.frames(end_seconds=2.05))) == 21
    assert clip.remarks() == ()


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("clip.mp4", "clip.mp4"),
        ("file:///tmp/a%20b.mp4", "/tmp/a b.mp4"),
        ("FILE:///tmp/a.mp4", "/tmp/a.mp4"),
        ("http://host/a.mp4", None),
        ("0", None),
    ],
)
def test_the_file_of_a_source(source: str, path: str | None) -> None:
    assert local_path(source) == (None if path is None else Path(path))


@pytest.mark.parametrize("source", ["cache:file:///tmp/a.mp4", "concat://a.mp4|b.mp4", "ftp://host/a.mp4"])
def test_other_addresses_are_refused(source: str) -> None:
    with pytest.raises(ImageError, match="rtsp"):
        open_clip(source)
