"""Stopping without losing work: first tell everybody, then stop taking requests, then let what is under way end.

On the first SIGTERM or Ctrl-C the server drains: /readyz says 503, answers close their connections and streams end,
while requests that still come are taken. After `drain_seconds` uvicorn gets the signal: it stops listening and waits
for what is under way.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ["Lifecycle"]

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Lifecycle:
    """Whether the server is about to stop."""

    def __init__(self) -> None:
        self.is_draining = False
        self._listeners: set[Callable[[], None]] = set()

    def on_drain(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call a listener when the server is about to stop.

        Returns:
            What takes the listener off again.
        """
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def drain(self) -> None:
        """Say that the server is about to stop; on the event loop."""
        self.is_draining = True
        for listener in tuple(self._listeners):
            listener()

    def drain_on_signals(self, seconds: float) -> None:
        """Put draining before what the process does on SIGTERM and Ctrl-C; in the main thread, on the event loop."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            signal.signal(number, _Handler(self, loop, seconds, signal.getsignal(number)))


class _Handler:
    """What a signal does: drain, and pass the signal on later; a second Ctrl-C passes it on at once."""

    def __init__(self, lifecycle: Lifecycle, loop: asyncio.AbstractEventLoop, seconds: float, then: Any) -> None:
        self._lifecycle, self._loop, self._seconds, self._then = lifecycle, loop, seconds, then

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if not callable(self._then):
            return
        if self._lifecycle.is_draining:
            # A supervisor sends SIGTERM to who has had the terminal's Ctrl-C already: that is no second wish.
            if number == signal.SIGINT:
                self._then(number, frame)
            return
        self._lifecycle.is_draining = True
        self._loop.call_soon_threadsafe(self._drain, number)

    def _drain(self, number: int) -> None:
        self._lifecycle.drain()
        self._loop.call_later(self._seconds, self._then, number, None)
