"""What uvicorn does before a request reaches the application, made a little stricter.

h11 rather than httptools: it bounds the headers of a request, and the time it takes is lost beside the analysis of a
image. Added here: a time in which the headers must be complete, the one shape of errors, and no server's name.
"""

from __future__ import annotations

import asyncio
import functools
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from mien.server.errors import ApiError
from mien.server.gateway.security import SECURITY_HEADERS

__all__ = ["protocol_class"]


@functools.cache  # asked for at each connection, because a class made here cannot be sent to a worker
def protocol_class(header_seconds: float, max_connections: int) -> type[asyncio.Protocol]:
    """The class of uvicorn's connections.

    Args:
        header_seconds: Time from the first byte of a request, or from connecting, to the end of its headers.
        max_connections: Connections open at once.
    """
    return type("Guarded", (_Guarded,), {"header_seconds": header_seconds, "max_connections": max_connections})


class _Guarded(H11Protocol):
    header_seconds: float
    max_connections: int
    _header_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.max_connections:
            self._refuse(
                ApiError(503, "too_many_connections", f"Expected at most {self.max_connections} connections at once.")
            )
            return
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0] and not self.transport.is_closing():
            self._start_timer()  # headers have begun and are not complete
        else:
            self._stop_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP, or has too large headers."""
        self._refuse(ApiError(400, "bad_request", f"Expected an HTTP/1.1 request. Received: {msg}"))

    def _start_timer(self) -> None:
        if self._header_timer is None:
            self._header_timer = self.loop.call_later(self.header_seconds, self._too_slow)

    def _stop_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _too_slow(self) -> None:
        self._header_timer = None
        if self.transport.is_closing():
            return
        if not self.conn.trailing_data[0]:
            self.transport.close()  # nothing was ever asked
            return
        message = f"Expected the headers within {self.header_seconds:g} s. Received: only a part of them."
        self._refuse(ApiError(408, "too_slow", message))

    def _refuse(self, error: ApiError) -> None:
        """Answer without the application, and close."""
        body = json.dumps({"error": error.to_dict()}).encode()
        headers: list[tuple[Any, Any]] = [
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
            ("connection", "close"),
            *SECURITY_HEADERS,
        ]
        try:
            for event in (h11.Response(status_code=error.status, headers=headers), h11.Data(data=body)):
                self.transport.write(self.conn.send(event) or b"")
            self.transport.write(self.conn.send(h11.EndOfMessage()) or b"")
        except h11.LocalProtocolError:
            pass  # an answer has begun already
        self.transport.close()
