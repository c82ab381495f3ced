"""A camera's newest image: never an old one, never many, and no thread that stays."""

from __future__ import annotations

import threading
import time
import weakref
from typing import Any

import cv2
import numpy as np
import pytest

from mien.errors import ImageError
from mien.inference.video.clip import Clip, is_live


class Image(np.ndarray):
    """An array that can be watched while it lives."""


class FakeCamera:
    """Gives a image every two milliseconds, whether anybody takes it or not."""

    def __init__(self, images: int, *, failing: set[int] = frozenset(), error: Exception | None = None) -> None:  # type: ignore[assignment]
        self.images, self.failing, self.error = images, failing, error
        self.count = 0
        self.released = False
        self.alive = 0
        self.most_alive = 0

    def get(self, what: int) -> float:
        return {cv2.CAP_PROP_FPS: 30.0, cv2.CAP_PROP_FRAME_COUNT: -1.0}[what]

    def read(self) -> tuple[bool, Any]:
        assert not self.released
        time.sleep(0.002)
        number = self.count
        self.count += 1
        if number >= self.images:
            if self.error:
                raise self.error
            return False, None
        if number in self.failing:
            return False, None
        image = np.full((4, 4, 3), number % 256, np.uint8).view(Image)
        self.alive += 1
        self.most_alive = max(self.most_alive, self.alive)
        weakref.finalize(image, self._forget)
        return True, image

    def _forget(self) -> None:
        self.alive -= 1

    def release(self) -> None:
        self.released = True


def _threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "mien-camera"]


def test_a_slow_caller_gets_the_newest_image() -> None:
    camera = FakeCamera(400)
    numbers = []
    with Clip(camera, "camera 0", is_live=True) as clip:
        for frame in clip.frames():
            assert frame.image_rgb[0, 0, 0] == frame.number % 256
            assert camera.count - frame.number <= 100  # a queue would fall behind by hundreds
            numbers.append(frame.number)
            time.sleep(0.03)
    assert numbers == sorted(set(numbers))
    assert len(numbers) < 200
    assert camera.most_alive <= 4
    assert camera.released
    assert not _threads()


def test_a_camera_that_misses_a_image_goes_on() -> None:
    with Clip(FakeCamera(30, failing={0, 7, 8}), "camera 0", is_live=True) as clip:
        numbers = [frame.number for frame in clip.frames()]
    assert numbers[-1] == 29
    assert not {0, 7, 8} & set(numbers)


@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt])
def test_whatever_the_caller_does_the_thread_ends(stop: type[BaseException]) -> None:
    camera = FakeCamera(10**6)
    with pytest.raises(stop), Clip(camera, "camera 0", is_live=True) as clip:
        for frame in clip.frames():
            if frame.number > 3:
                raise stop
    assert camera.released
    assert not _threads()


def test_a_camera_without_images_is_one_sentence() -> None:
    with pytest.raises(ImageError, match="camera 0"), Clip(FakeCamera(0), "camera 0", is_live=True) as clip:
        list(clip.frames())


def test_an_error_of_the_driver_reaches_the_caller() -> None:
    camera = FakeCamera(3, error=cv2.error("device lost"))
    with pytest.raises(ImageError, match="device lost"), Clip(camera, "camera 0", is_live=True) as clip:
        list(clip.frames())
    assert camera.released


def test_a_driver_that_hangs_does_not_hold_anybody() -> None:
    let_go = threading.Event()

    class Hanging(FakeCamera):
        def read(self) -> tuple[bool, Any]:
            if self.count == 1:
                let_go.wait(30)
            return super().read()

    camera = Hanging(2)
    with Clip(camera, "camera 0", is_live=True) as clip:
        next(iter(clip.frames()))
    assert not camera.released  # it is still being read from
    let_go.set()


@pytest.mark.parametrize(
    ("source", "live"),
    [("0", True), ("rtsp://host/door", True), ("clip.mp4", False), ("https://host/clip.mp4", False), ("0.mp4", False)],
)
def test_cameras_and_streams_are_live_and_files_are_not(source: str, live: bool) -> None:
    assert is_live(source) == live
