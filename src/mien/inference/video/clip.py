"""Frames of a video file, stream or camera, one at a time: memory does not depend on the length.

Files give every frame, at its own time; cameras and live streams give the newest one, see `live`.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

import cv2
import numpy as np

from mien.errors import ImageError
from mien.inference.video.live import LiveReader

__all__ = ["Clip", "Frame", "find_clips", "is_live", "local_path", "open_clip"]

# Frames that may fail one after another before a file counts as ended.
_BROKEN_FRAMES = 50
# Seeking lands on a key frame, and some files say the wrong one; it aims this much early.
_SEEK_EARLY_SECONDS = 10.0
_DEFAULT_FPS = 25.0
_FIRST_FRAMES = 12
# Times are often rounded to milliseconds.
_FPS_SLACK = 0.005
_MOST_FPS = 1000.0
# Addresses of streams that go on by themselves; others are files, of which no frame is left out.
_LIVE_SCHEMES = ("rtsp", "rtsps", "rtmp", "rtp", "udp", "srt")
# What is taken for a video in a folder.
_SUFFIXES = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm")
# FFmpeg knows more, several of which wrap the address of a local file.
_SCHEMES = (*_LIVE_SCHEMES, "http", "https")
# A file that ends this much before the length it states has lost something; estimates of lengths are a little off.
_SHORT_SECONDS = 0.5


class Frame(NamedTuple):
    """One image of a video.

    Attributes:
        number: Its number, from 0.
        time_seconds: When it is shown, from the start of the video; increasing.
        image_rgb: uint8 (H, W, 3).
    """

    number: int
    time_seconds: float
    image_rgb: np.ndarray


class Clip:
    """An open video. Use it in a `with`, which closes it.

    Args:
        capture: An opened `cv2.VideoCapture`, or anything that acts as one.
        name: What messages call it.
        is_live: True for a camera or live stream, whose time is when frames arrive.
        fps: Frames per second; None takes what the capture states.
    """

    def __init__(self, capture: Any, name: str, *, is_live: bool = False, fps: float | None = None) -> None:
        self._capture = capture
        self.name, self.is_live = name, is_live
        self._reader: LiveReader | None = None
        self.fps = fps or _stated_fps(capture)
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.frame_count = count if count > 0 and not is_live else None
        self._damaged = 0
        self._ended_at: int | None = None

    def __enter__(self) -> Clip:
        return self

    def __exit__(self, *_: object) -> None:
        if self._reader is None or self._reader.close():
            self._capture.release()

    @property
    def length_seconds(self) -> float | None:
        """How long the file says it is; None for cameras and streams."""
        return None if self.frame_count is None else self.frame_count / self.fps

    def remarks(self) -> tuple[str, ...]:
        """What was wrong with the file, as far as it has been read: a sentence each."""
        remarks = []
        if self._damaged:
            remarks.append(f"{self.name}: frames left out because they are damaged: {self._damaged}.")
        stated_seconds = self.length_seconds or 0.0
        if self._ended_at is not None and stated_seconds - self._ended_at / self.fps > _SHORT_SECONDS:
            remarks.append(
                f"{self.name} ends after {self._ended_at / self.fps:.1f} s, though it says that it has "
                f"{stated_seconds:.1f} s. Is it whole?"
            )
        return tuple(remarks)

    def frames(
        self, *, every: int = 1, start_seconds: float = 0.0, end_seconds: float | None = None
    ) -> Iterator[Frame]:
        """The frames, in order.

        Args:
            every: Decode fully only every N-th frame.
            start_seconds, end_seconds: From when to when; None is the end.

        Raises:
            ImageError: There is no frame that can be read.
        """
        wanted = given = 0
        for index, time_seconds, image in self._images(start_seconds):
            if end_seconds is not None and time_seconds > end_seconds:
                break
            if time_seconds < start_seconds:
                continue
            wanted += 1
            if (wanted - 1) % every == 0:
                image_bgr = self._decoded() if image is None else image
                if image_bgr is None:
                    self._damaged += 1
                else:
                    given += 1
                    yield Frame(index, time_seconds, _rgb(image_bgr))
        if not given:
            raise ImageError(
                f"Expected images in {self.name} from {start_seconds:g} s on. Received: none that can be read."
            )

    def _images(self, start_seconds: float) -> Iterator[tuple[int, float, Any]]:
        """Numbers and times of frames; the image is None where it is still to be decoded."""
        if self.is_live:
            self._reader = self._reader or LiveReader(self._capture, self.name)
            yield from self._reader.images()
            return
        for index, time_seconds in self._grabbed(start_seconds):
            yield index, time_seconds, None

    def _decoded(self) -> Any:
        """The frame that was grabbed last, or None where it is damaged."""
        done, image_bgr = self._capture.retrieve()
        return image_bgr if done and image_bgr is not None and image_bgr.size else None

    def _grabbed(self, start_seconds: float) -> Iterator[tuple[int, float]]:
        """Numbers and times of the frames that could be read; broken ones are passed over."""
        index = self._seek(start_seconds)
        last_seconds, broken = -1.0, 0
        while broken <= _BROKEN_FRAMES and (self.frame_count is None or index < self.frame_count or not broken):
            if self._capture.grab():
                self._damaged += broken
                broken = 0
                last_seconds = self._time(index, last_seconds)
                yield index, last_seconds
            elif self.frame_count is None:
                return
            else:
                broken += 1
            index += 1
        self._ended_at = index - broken

    def _seek(self, start_seconds: float) -> int:
        """Go near a time, and say the number of the next frame."""
        if start_seconds <= _SEEK_EARLY_SECONDS or self.frame_count is None:
            return 0
        self._capture.set(cv2.CAP_PROP_POS_MSEC, (start_seconds - _SEEK_EARLY_SECONDS) * 1000)
        return max(0, round(float(self._capture.get(cv2.CAP_PROP_POS_FRAMES))))

    def _time(self, index: int, last_seconds: float) -> float:
        """The time of the frame that was grabbed: the file's own, which knows variable rates, where it makes sense."""
        stated = float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
        if math.isfinite(stated) and stated > last_seconds and (stated > 0 or index == 0):
            return stated
        return max(index / self.fps, last_seconds + 1 / self.fps) if last_seconds >= 0 else index / self.fps


def open_clip(source: str | os.PathLike[str] | int) -> Clip:
    """Open a video file, an address of a stream, or a camera by its number.

    Raises:
        ImageError: It cannot be opened, or holds no image.
    """
    text = str(source)
    number = int(text) if text.isdecimal() else None
    path = local_path(source)
    address = str(path) if path is not None else text
    if path is not None and not path.is_file():
        raise ImageError(f"Expected a video file at {path}. Received: no such file.")
    scheme = text.partition("://")[0].lower()
    if path is None and number is None and scheme not in _SCHEMES:
        raise ImageError(f"Expected a file, or an address that begins with {', '.join(_SCHEMES)}. Received: {text}.")
    name = address if number is None else f"camera {number}"
    capture = None
    with contextlib.suppress(cv2.error):
        capture = cv2.VideoCapture(address if number is None else number)
    if capture is None or not capture.isOpened():
        what = (
            "a camera that is plugged in and free"
            if number is not None
            else "a video that OpenCV can read (mp4, mov, avi, mkv, webm)"
        )
        raise ImageError(f"Expected {what}. Received: {name}, which does not open.")
    return Clip(capture, name, is_live=is_live(text), fps=None if path is None else _fps(path))


def _stated_fps(capture: Any) -> float:
    fps = float(capture.get(cv2.CAP_PROP_FPS))
    return fps if 0 < fps <= _MOST_FPS else _DEFAULT_FPS


def _fps(path: Path) -> float:
    """Frames per second of a file: as stated, or higher, as its first frames come.

    What is stated is often the number of frames over the length, which a long last frame or a gap makes too low.
    """
    capture = cv2.VideoCapture(str(path))
    stated = _stated_fps(capture)
    times = [capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 for _ in range(_FIRST_FRAMES) if capture.grab()]
    capture.release()
    steps = np.diff(times)
    steps = steps[steps < 1.5 * np.median(steps)] if len(steps) else steps  # without pauses
    first = 1 / steps.mean() if len(steps) and steps.mean() * _MOST_FPS >= 1 else 0.0
    return float(first) if first > (1 + _FPS_SLACK) * stated else stated


def find_clips(sources: Iterable[str], *, leave_out: Path | None = None) -> list[str]:
    """The sources, each folder replaced by the videos in it, at any depth and in order of their names.

    Args:
        sources: Files, folders, addresses and cameras.
        leave_out: An annotated video that is going to be written; it, and those that have a clip's name added to its
            own, are not taken from folders.

    Raises:
        ImageError: There is no video in a folder.
    """
    clips: list[str] = []
    for source in sources:
        folder = local_path(source)
        if folder is None or not folder.is_dir():
            clips.append(source)
            continue
        inside = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file())
        kept = [str(path) for path in inside if leave_out is None or not _is_written_as(leave_out, path)]
        if not kept:
            raise ImageError(f"Expected a folder with videos ({', '.join(_SUFFIXES)}). Received: {folder}.")
        clips += kept
    return clips


def _is_written_as(target: Path, path: Path) -> bool:
    mine = path.stem == target.stem or path.stem.startswith(f"{target.stem}-")
    return mine and path.suffix == target.suffix and path.parent.resolve() == target.parent.resolve()


def local_path(source: str | os.PathLike[str] | int) -> Path | None:
    """The file that a source names, also as `file://`; None for cameras and streams."""
    text = str(source)
    if text.isdecimal():
        return None
    if text.lower().startswith("file://"):
        return Path(url2pathname(urlsplit(text).path))
    return Path(text) if "://" not in text else None


def is_live(source: str) -> bool:
    """True for a camera's number and the address of a live stream: images come by themselves."""
    return source.isdecimal() or source.partition("://")[0].lower() in _LIVE_SCHEMES


def _rgb(image_bgr: np.ndarray) -> np.ndarray:
    code = cv2.COLOR_GRAY2RGB if image_bgr.ndim == 2 else cv2.COLOR_BGR2RGB
    return cv2.cvtColor(image_bgr, code)  # type: ignore[no-any-return]
