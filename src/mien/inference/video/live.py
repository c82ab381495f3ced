"""Cameras and live streams: a thread takes every image, and whoever asks gets the newest one.

Without that, a detector that is slower than the camera works on older and older images, as they queue up in the driver.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

from mien.errors import ImageError

__all__ = ["LiveReader"]

# Cameras drop a image now and then; this many in a row, so far apart, and it is gone.
_MOST_FAILURES = 10
_RETRY_SECONDS = 0.05
# A driver may hang in a read; leaving does not wait for it longer than this.
_LEAVE_SECONDS = 2.0


class LiveReader:
    """The newest image of a live source, again and again, until it ends or is closed.

    Args:
        capture: An opened `cv2.VideoCapture`, or anything with its `read()`.
        name: What messages call it.
    """

    def __init__(self, capture: Any, name: str) -> None:
        self._name = name
        self._latest = _Latest()
        self._thread = threading.Thread(target=_read, args=(capture, self._latest), name="mien-camera", daemon=True)
        self._thread.start()

    def images(self) -> Iterator[tuple[int, float, Any]]:
        """Image after image; one is kept at a time, however slow the caller is.

        Yields:
            The image's number from 0 (numbers are missing where images were), seconds since the start, and the
            image as OpenCV gives it.

        Raises:
            ImageError: Reading fails in a way that OpenCV does not expect.
        """
        while (image := self._latest.wait()) is not None:
            yield image
        if self._latest.error is not None:
            raise ImageError(
                f"Expected images from {self._name}. Received: {self._latest.error}. Is another program using it?"
            ) from self._latest.error

    def close(self) -> bool:
        """End the thread; False when the driver hangs, and the capture must be left alone."""
        self._latest.stop()
        self._thread.join(_LEAVE_SECONDS)
        return not self._thread.is_alive()


class _Latest:
    """A place for one image, handed from the reading thread to the caller's."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._image: tuple[int, float, Any] | None = None
        self.is_over = False
        self.error: Exception | None = None

    def put(self, image: tuple[int, float, Any]) -> None:
        with self._changed:
            self._image = image  # one that nobody took is gone
            self._changed.notify()

    def stop(self, error: Exception | None = None) -> None:
        with self._changed:
            self.is_over, self.error = True, self.error or error
            self._changed.notify()

    def wait(self) -> tuple[int, float, Any] | None:
        """A image that was not taken before, or None when there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._image is not None or self.is_over)
            image, self._image = self._image, None
            return image


def _read(capture: Any, latest: _Latest) -> None:
    started, number, failures = time.monotonic(), 0, 0
    try:
        while not latest.is_over and failures < _MOST_FAILURES:
            done, image = capture.read()
            if done and image is not None and image.size:
                latest.put((number, time.monotonic() - started, image))
                failures = 0
            else:
                failures += 1
                time.sleep(_RETRY_SECONDS)
            number += 1
    except Exception as error:  # raised again in the caller's thread
        latest.stop(error)
    latest.stop()
