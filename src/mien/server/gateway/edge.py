"""The outermost layer: what holds for every request whatever it asks.

Adds the security headers, turns what nobody expected into an answer without details, counts, and ends a connection
whose body was refused without reading it to its end.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mien.server.errors import ApiError, error_response, unexpected
from mien.server.gateway.lifecycle import Lifecycle
from mien.server.gateway.security import SECURITY_HEADERS, AccessRule
from mien.server.metrics import Metrics

__all__ = ["Edge"]

_log = logging.getLogger("mien.server")

# The rest of a refused body of this size is swallowed, so that the connection can be kept; with a larger one it closes.
_SMALL_BODY_BYTES = 2**20
_CLIENT_GONE = 499  # nginx's number for it; nobody receives it
_METHODS = ("GET", "HEAD", "POST", "OPTIONS")
_HEADERS = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS]


class Edge:
    """ASGI middleware.

    Args:
        app: What answers.
        access: Which hosts are this server's.
        metrics: What counts.
        lifecycle: Whether the server is about to stop.
        on_request: Called after each request.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        access: AccessRule,
        metrics: Metrics,
        lifecycle: Lifecycle,
        on_request: Callable[[], None],
    ) -> None:
        self._app, self._access, self._metrics, self._lifecycle, self._on_request = (
            app,
            access,
            metrics,
            lifecycle,
            on_request,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, stream or lifespan."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        if method == "HEAD":
            scope = {**scope, "method": "GET"}  # routes know GET only; what is below here leaves the body out
        exchange = _Exchange(scope, receive, send, self._lifecycle)
        started = time.perf_counter()
        try:
            self._access.check_host(Request(scope))
            await self._app(scope, exchange.receive, exchange.send)
        except ApiError as error:
            await error_response(error)(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            exchange.status = _CLIENT_GONE
        except Exception:
            _log.exception("A defect in mien, while answering %s", _path(scope))
            if exchange.status:
                raise  # the answer has begun: the connection is cut
            await error_response(unexpected())(scope, exchange.receive, exchange.send)
        finally:
            self._count(scope, method, exchange.status or _CLIENT_GONE, time.perf_counter() - started)

    def _count(self, scope: Scope, method: str, status: int, seconds: float) -> None:
        method = method if method in _METHODS else "other"
        self._metrics.requests.labels(_path(scope), method, str(status)).inc()
        self._metrics.request_seconds.labels(_path(scope)).observe(seconds)
        self._on_request()


class _Exchange:
    """One request and its answer, as seen from outside."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, lifecycle: Lifecycle) -> None:
        self._receive, self._send, self._lifecycle = receive, send, lifecycle
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")[:20]
        self._unread = int(length) if length.isdigit() else 0
        self._has_more = self._unread > 0 or b"transfer-encoding" in headers
        self._is_chunked = b"transfer-encoding" in headers
        # With both lengths, a proxy before this server may see the next request elsewhere (RFC 9112, 6.3).
        self._closes = self._is_chunked and b"content-length" in headers
        self.status = 0

    async def receive(self) -> Message:
        """A part of the body, noted."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._unread -= len(message.get("body", b""))
            self._has_more = message.get("more_body", False)
        else:
            self._has_more = False
        return message

    async def send(self, message: Message) -> None:
        """A part of the answer, with what every answer has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            is_refused = self._has_more and (self._is_chunked or self._unread > _SMALL_BODY_BYTES)
            headers = [*message.get("headers", ()), *_HEADERS]
            if self._closes or is_refused or self._lifecycle.is_draining:
                headers.append((b"connection", b"close"))
            await self._send({**message, "headers": headers})
        else:
            await self._send(message)


def _path(scope: Scope) -> str:
    """The route's own path, of which there are few; never what was asked, of which there is no end."""
    path = getattr(scope.get("route"), "path", None)
    if path is None and scope["path"].startswith("/static/"):
        path = "/static"
    return path if isinstance(path, str) else "other"
