"""Who may come in: a bounded number of images at work and waiting, and a bounded number of bytes held for them.

Everything here runs on the event loop, so plain numbers need no lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Iterator

from mien.server.errors import too_busy

__all__ = ["Gate", "HeldBytes"]

# Weight of the newest image in the average time of one, which Retry-After is computed from.
_NEWEST_SHARE = 0.1
_LONGEST_RETRY_SECONDS = 60


class Gate:
    """Turns for images, first come first served.

    Args:
        at_once: Images at work together.
        max_waiting: Images that may wait beside them.
        max_wait_seconds: Longest wait for a turn.
    """

    def __init__(self, *, at_once: int, max_waiting: int, max_wait_seconds: float) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._at_once, self._most = at_once, at_once + max_waiting
        self._max_wait_seconds = max_wait_seconds
        self._seconds_each = 0.02
        self.admitted = 0
        self.working = 0

    @property
    def waiting(self) -> int:
        """Images that were admitted and wait for their turn."""
        return self.admitted - self.working

    def check(self, images: int = 1) -> None:
        """Refuse before any effort what would be refused later.

        Raises:
            ApiError: 429, with Retry-After.
        """
        if self.admitted + images > self._most:
            raise too_busy(
                f"Expected at most {self._most} images at once. Received: more.",
                retry_after_seconds=self._retry_after_seconds(),
            )
        # If the turn would come too late, say so now, before any work is done.
        if self.waiting * self._seconds_each / self._at_once > self._max_wait_seconds:
            raise too_busy(
                f"Expected a turn within {self._max_wait_seconds:g} s. Received: too many images before this one.",
                retry_after_seconds=self._retry_after_seconds(),
            )

    @contextlib.contextmanager
    def admit(self, images: int = 1, *, always: bool = False) -> Iterator[None]:
        """Hold places for some images.

        Args:
            images: How many.
            always: Also where there is no room; for streams, whose own number bounds them.

        Raises:
            ApiError: 429, with Retry-After.
        """
        if not always:
            self.check(images)
        self.admitted += images
        try:
            yield
        finally:
            self.admitted -= images

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one image's turn and keep it.

        Raises:
            ApiError: 503, with Retry-After, when it did not come in time.
        """
        try:
            async with asyncio.timeout(self._max_wait_seconds):
                await self._turns.acquire()
        except TimeoutError:
            raise too_busy(
                f"Expected a free turn within {self._max_wait_seconds:g} s. Received: none.",
                retry_after_seconds=self._retry_after_seconds(),
                status=503,
                code="waited_too_long",
            ) from None
        self.working += 1
        started = time.monotonic()
        try:
            yield
        finally:
            self.working -= 1
            self._turns.release()
            self._seconds_each += _NEWEST_SHARE * (time.monotonic() - started - self._seconds_each)

    def _retry_after_seconds(self) -> int:
        """When about half of what waits now should be done: whole seconds, as the header has them."""
        seconds = 0.5 * self.admitted * self._seconds_each / self._at_once
        return min(_LONGEST_RETRY_SECONDS, max(1, math.ceil(seconds)))


class HeldBytes:
    """Bytes of bodies in memory, of all requests together.

    Args:
        most: Where it ends.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.held = 0

    @contextlib.contextmanager
    def account(self) -> Iterator[Account]:
        """One request's share, given back when the block ends."""
        account = Account(self)
        try:
            yield account
        finally:
            self.held -= account.size

    def take(self, size: int) -> None:
        """Hold more.

        Raises:
            ApiError: 429, with Retry-After.
        """
        if self.held + size > self._most:
            raise too_busy("Expected memory for this body. Received: too many large bodies.", retry_after_seconds=1)
        self.held += size


class Account:
    """What one request holds."""

    def __init__(self, held: HeldBytes) -> None:
        self._held = held
        self.size = 0

    def take(self, size: int) -> None:
        """Hold more; see `HeldBytes.take`."""
        self._held.take(size)
        self.size += size
