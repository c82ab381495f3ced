"""From the bytes of a picture to its prediction, off the event loop and within the limits.

Decoding and searching run in a pool of threads, as many as pictures may be at work; faces go to the batcher. Pictures
live in memory for as long as that takes, and are written nowhere.
"""

from __future__ import annotations

import asyncio
import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from mien.images import ImageLimits, read_image
from mien.inference.predictor import Predictor
from mien.inference.results import DetectedFace, Prediction
from mien.server.admission import Gate
from mien.server.batching import FaceBatcher
from mien.server.metrics import Metrics
from mien.server.settings import ServerSettings

__all__ = ["Analyser"]


class _Searched(NamedTuple):
    shape: tuple[int, ...]
    found: tuple[DetectedFace, ...]
    left_out: int
    crops: np.ndarray


class Analyser:
    """Answers on pictures; create_app makes one.

    Args:
        predictor: What answers.
        settings: The limits.
        metrics: What is counted.
    """

    def __init__(self, predictor: Predictor, settings: ServerSettings, metrics: Metrics) -> None:
        self.predictor = predictor
        self.gate = Gate(
            at_once=settings.pictures_at_once,
            max_waiting=settings.max_waiting,
            max_wait_seconds=settings.max_wait_seconds,
        )
        self._limits = ImageLimits(
            max(settings.max_body_bytes, settings.max_frame_bytes),
            min(settings.max_pixels, predictor.limits.max_pixels),
        )
        self._max_faces = settings.max_faces
        self._metrics = metrics
        self._pool = ThreadPoolExecutor(settings.pictures_at_once, thread_name_prefix="mien-picture")
        self._batcher = FaceBatcher(predictor.predict_faces, told=metrics.batch_faces.observe)

    async def analyse(self, picture: bytes, *, name: str | None = None) -> Prediction:
        """The faces of an encoded picture that was admitted, once its turn has come.

        Raises:
            ImageError: It cannot be read, or is too large.
            ApiError: Its turn did not come in time.
        """
        async with self.gate.turn():
            # A thread cannot be stopped: a caller that goes away must not give its turn to another before the end.
            work = asyncio.ensure_future(self._work(picture, name))
            try:
                prediction = await asyncio.shield(work)
            except asyncio.CancelledError:
                await asyncio.wait([work])
                raise
        self._metrics.faces.inc(len(prediction.faces))
        return prediction

    def close(self) -> None:
        """Let the threads go once their work is over."""
        self._pool.shutdown(wait=False)
        self._batcher.close()

    async def _work(self, picture: bytes, name: str | None) -> Prediction:
        searched = await asyncio.get_running_loop().run_in_executor(self._pool, self._search, picture)
        probabilities = await self._batcher.classify(searched.crops)
        prediction = self.predictor.answer(searched.shape, searched.found, searched.crops, probabilities, name=name)
        return dataclasses.replace(prediction, faces_left_out=searched.left_out)

    def _search(self, picture: bytes) -> _Searched:
        image_rgb = read_image(picture, limits=self._limits)
        all_found = self.predictor.locate(image_rgb)
        found = all_found[: self._max_faces]
        crops = self.predictor.crops(image_rgb, found)
        return _Searched(image_rgb.shape, found, len(all_found) - len(found), crops)
