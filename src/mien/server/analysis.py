"""From the bytes of an image to its prediction, off the event loop and within the limits.

A pool has as many threads as images may be at work. Images live in memory for as long as that takes, and are
written nowhere.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from mien.images import ImageLimits, read_image
from mien.inference.predictor import Predictor
from mien.inference.results import Prediction
from mien.server.gateway.admission import Gate
from mien.server.metrics import Metrics
from mien.server.settings import ServerSettings

__all__ = ["Analyser"]


class Analyser:
    """Answers on images; create_app makes one.

    Args:
        predictor: What answers.
        settings: The limits.
        metrics: What is counted.
    """

    def __init__(self, predictor: Predictor, settings: ServerSettings, metrics: Metrics) -> None:
        self.predictor = predictor
        self.gate = Gate(
            at_once=settings.images_at_once,
            max_waiting=settings.max_waiting,
            max_wait_seconds=settings.max_wait_seconds,
        )
        self._limits = ImageLimits(
            max(settings.max_body_bytes, settings.max_frame_bytes),
            min(settings.max_pixels, predictor.limits.max_pixels),
        )
        self._max_faces = settings.max_faces
        self._metrics = metrics
        self._pool = ThreadPoolExecutor(settings.images_at_once, thread_name_prefix="mien-image")

    async def analyse(self, image: bytes, *, name: str | None = None) -> Prediction:
        """The faces of an encoded image that was admitted, once its turn has come.

        Raises:
            ImageError: It cannot be read, or is too large.
            ApiError: Its turn did not come in time.
        """
        async with self.gate.turn():
            # A thread cannot be stopped: a caller that goes away must not give its turn to another before the end.
            work = asyncio.get_running_loop().run_in_executor(self._pool, self._predict, image, name)
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

    def _predict(self, image: bytes, name: str | None) -> Prediction:
        image_rgb = read_image(image, limits=self._limits)
        return self.predictor.classify(self.predictor.find(image_rgb, max_faces=self._max_faces), name=name)
