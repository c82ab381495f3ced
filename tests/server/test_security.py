"""Headers, origins and the token."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from mien.server.security import _is_same_host

TOKEN = "0123456789abcdef~._-"
JPEG = {"Content-Type": "image/jpeg"}
Make = Callable[..., TestClient]


@pytest.mark.parametrize("path", ["/", "/healthz", "/v1/model", "/docs", "/openapi.json", "/nowhere", "/v1/predict"])
def test_every_answer_has_the_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = dict(part.partition(" ")[::2] for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert policy["img-src"] == "'self' blob: data:"
    assert policy["media-src"] == "'self' blob:"
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "camera=(self)" in headers["permissions-policy"]
    assert "server" not in headers


def test_other_pages_are_closed_out_by_default(client: TestClient, white: bytes) -> None:
    other = {"Origin": "https://evil.example"}
    response = client.post("/v1/predict", content=white, headers=JPEG | other)
    assert (response.status_code, response.json()["error"]["code"]) == (403, "origin_refused")
    assert "access-control-allow-origin" not in response.headers
    asked = other | {"Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" not in client.options("/v1/predict", headers=asked).headers
    own = {"Origin": "http://testserver"}
    assert client.post("/v1/predict", content=white, headers=JPEG | own).status_code == 200


def test_other_pages_may_be_let_in_by_name(make_client: Make, white: bytes) -> None:
    client = make_client(allowed_origins=("https://friend.example",))
    for origin, status in (("https://friend.example", 200), ("https://evil.example", 403)):
        response = client.post("/v1/predict", content=white, headers=JPEG | {"Origin": origin})
        assert response.status_code == status
        assert ("access-control-allow-origin" in response.headers) == (status == 200)


def test_the_token_guards_v1_but_not_what_the_page_and_probes_need(make_client: Make, white: bytes) -> None:
    client = make_client(token=TOKEN)
    for path in ("/", "/v1/model", "/healthz", "/readyz", "/docs"):
        assert client.get(path).status_code == 200
    assert client.get("/v1/model").json()["token_required"] is True
    for path in ("/v1/predict", "/v1/predict/batch"):
        response = client.post(path, content=white, headers=JPEG)
        assert (response.status_code, response.json()["error"]["code"]) == (401, "token_refused")
        assert response.headers["www-authenticate"].startswith("Bearer")
        assert TOKEN not in response.text


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        (f"Basic {TOKEN}", 401),
        ("Bearer ", 401),
        ("Bearer \xe4", 401),
    ],
)
def test_the_token_must_be_the_whole_token(make_client: Make, white: bytes, header: str, status: int) -> None:
    headers = {b"Content-Type": b"image/jpeg", b"Authorization": header.encode("latin-1")}
    assert make_client(token=TOKEN).post("/v1/predict", content=white, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://localhost:8000", "localhost:8000", True),
        ("https://mien.example", "mien.example", True),
        ("https://mien.example", "mien.example:443", True),
        ("https://MIEN.example", "mien.example", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("http://localhost:8001", "localhost:8000", False),
        ("https://mien.example.evil.example", "mien.example", False),
        ("null", "mien.example", False),
        ("", "", False),
        ("file://", "", False),
        ("http://[", "[", False),
        ("http://a:99999999", "a:99999999", False),
    ],
)
def test_the_same_host_is_told_from_others(origin: str, host: str, same: bool) -> None:
    assert _is_same_host(origin, host) is same
