"""Who may ask, and what browsers are told: the host, the token, the origin, and the headers of every answer."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from mien.server.errors import ApiError
from mien.server.settings import ServerSettings

__all__ = ["BEARER", "SECURITY_HEADERS", "SUBPROTOCOL", "AccessRule"]

# For the OpenAPI document only; `AccessRule` does the checking.
BEARER = HTTPBearer(auto_error=False, scheme_name="token", description="Asked for where the server has a token.")

SUBPROTOCOL = "mien"
_BEARER_PROTOCOL = "bearer."

# Everything the page needs comes from this server; images and clips that a person opens are blobs.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
SECURITY_HEADERS: tuple[tuple[str, str], ...] = (
    ("content-security-policy", _POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("permissions-policy", "camera=(self), microphone=(), geolocation=(), display-capture=()"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
)

_DEFAULT_PORTS = {"http": 80, "https": 443}


class AccessRule:
    """Lets requests and streams in, or says why not.

    Args:
        settings: The token and the origins that are allowed.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._token = settings.token.encode("ascii")
        self._origins = frozenset(settings.allowed_origins)
        self._hosts = frozenset(host.lower() for host in ("localhost", settings.host, *settings.allowed_hosts))

    @property
    def token_required(self) -> bool:
        """Whether /v1 asks for a token."""
        return bool(self._token)

    async def check_request(self, request: Request) -> None:
        """A route's dependency; runs before the body is read.

        Raises:
            ApiError: 401 or 403.
        """
        self.check_origin(request)
        self.check_token(request)

    def check_host(self, connection: HTTPConnection) -> None:
        """Refuse names that are not this server's.

        A web page elsewhere could let a name of its own point to this machine (DNS rebinding), and would then be of
        the same origin; addresses in numbers cannot be made to point elsewhere.

        Raises:
            ApiError: 421.
        """
        host = connection.headers.get("host", "")
        name = _host_name(host)
        if name in self._hosts or name.endswith(".localhost") or _is_number(name):
            return
        raise ApiError(
            421,
            "host_refused",
            f"Expected a name of this server. Received: {host[:200] or 'none'}.",
            "The server answers to other names with --allowed-hosts.",
        )

    def check_origin(self, connection: HTTPConnection) -> None:
        """Refuse other web pages; programs that are no browser send no Origin.

        Raises:
            ApiError: 403.
        """
        origin = connection.headers.get("origin")
        if origin is None or origin in self._origins or _is_same_host(origin, connection.headers.get("host", "")):
            return
        raise ApiError(
            403,
            "origin_refused",
            f"Expected a request of this server's own page. Received: one of {origin[:200]}.",
            "The server allows other pages with --allowed-origins.",
        )

    def check_token(self, connection: HTTPConnection, *, subprotocols: Sequence[str] = ()) -> None:
        """Refuse who does not know the token.

        Args:
            connection: With an Authorization header, or else
            subprotocols: What a WebSocket offers; one may be `bearer.` and the token.

        Raises:
            ApiError: 401.
        """
        if not self._token:
            return
        scheme, _, given = connection.headers.get("authorization", "").partition(" ")
        offered = [given.strip()] if scheme.lower() == "bearer" else []
        offered += [one.removeprefix(_BEARER_PROTOCOL) for one in subprotocols if one.startswith(_BEARER_PROTOCOL)]
        # Every byte is compared whatever differs first, so that the time taken says nothing of the token.
        if any([hmac.compare_digest(one.encode("utf-8", "replace"), self._token) for one in offered]):  # noqa: C419
            return
        raise ApiError(
            401,
            "token_refused",
            f"Expected the server's token. Received: {'another one' if offered else 'none'}.",
            "Send the header: Authorization: Bearer TOKEN",
            headers={"WWW-Authenticate": 'Bearer realm="mien"'},
        )


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_same_host(origin: str, host: str) -> bool:
    """Whether a page's origin is the host that it asks; the scheme may differ behind a proxy that ends TLS."""
    try:
        page = urlsplit(origin)
        default = _DEFAULT_PORTS[page.scheme]
        asked = urlsplit(f"//{host}")
        return (page.hostname, page.port or default) == (asked.hostname, asked.port or default) and bool(page.hostname)
    except (ValueError, KeyError):  # no address, or of another scheme such as `null`
        return False
