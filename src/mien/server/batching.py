"""Faces of concurrent pictures share runs of the model: what comes while one run is under way goes into the next.

Nothing waits for company: a lone face is run at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from mien.emotions import NUM_EMOTIONS

__all__ = ["FaceBatcher"]

# Faces per run: a larger batch is hardly faster, and the answers to all of it come late.
MAX_FACES = 64


class _Asked(NamedTuple):
    crops: np.ndarray
    answer: asyncio.Future[np.ndarray]


class FaceBatcher:
    """Asks a model on behalf of many.

    Args:
        probabilities: The model: uint8 (N, 48, 48) to float32 (N, 7); called from one thread of its own.
        told: Called with the number of faces of each run.
    """

    def __init__(
        self, probabilities: Callable[[np.ndarray], np.ndarray], *, told: Callable[[int], None] = lambda faces: None
    ) -> None:
        self._probabilities, self._told = probabilities, told
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mien-model")
        self._asked: deque[_Asked] = deque()
        self._running: asyncio.Task[None] | None = None

    async def classify(self, crops: np.ndarray) -> np.ndarray:
        """float32 (N, 7) for uint8 (N, 48, 48), in a run together with what others ask meanwhile."""
        if len(crops) == 0:
            return np.zeros((0, NUM_EMOTIONS), np.float32)
        asked = _Asked(crops, asyncio.get_running_loop().create_future())
        self._asked.append(asked)
        if self._running is None:
            self._running = asyncio.create_task(self._run_all())
        return await asked.answer

    def close(self) -> None:
        """Let the thread go once its run is over."""
        self._thread.shutdown(wait=False)

    async def _run_all(self) -> None:
        try:
            while self._asked:
                await self._run(self._next_batch())
        finally:
            self._running = None

    def _next_batch(self) -> list[_Asked]:
        batch = [self._asked.popleft()]
        faces = len(batch[0].crops)
        while self._asked and faces + len(self._asked[0].crops) <= MAX_FACES:
            faces += len(self._asked[0].crops)
            batch.append(self._asked.popleft())
        return batch

    async def _run(self, batch: list[_Asked]) -> None:
        crops = np.concatenate([asked.crops for asked in batch])  # (N, 48, 48)
        self._told(len(crops))
        loop = asyncio.get_running_loop()
        try:
            probabilities = await loop.run_in_executor(self._thread, self._probabilities, crops)  # (N, 7)
        except Exception as error:
            for asked in batch:
                if not asked.answer.done():
                    asked.answer.set_exception(error)
            return
        start = 0
        for asked in batch:
            end = start + len(asked.crops)
            if not asked.answer.done():  # who asked may have gone
                asked.answer.set_result(probabilities[start:end])
            start = end
