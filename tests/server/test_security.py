"""Headers, origins and the token."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from mien.server.gateway.security import _is_same_host

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


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8000", 200),
        ("mien.localhost:8000", 200),
        ("127.0.0.1:8000", 200),
        ("[::1]:8000", 200),
        ("192.168.1.20", 200),
        ("mien.example.org", 200),
        ("evil.example", 421),
        ("evil.example:8000", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("user@localhost@evil.example", 421),
        ("[", 421),
        ("", 421),
    ],
)
def test_names_that_a_page_could_make_up_are_refused(make_client: Make, host: str, status: int) -> None:
    client = make_client(allowed_hosts=("mien.example.org",))
    for path in ("/", "/v1/model", "/healthz", "/static/favicon.svg"):
        response = client.get(path, headers={"Host": host})
        assert response.status_code == status, path
        assert response.headers["x-content-type-options"] == "nosniff"
    if status == 421:
        assert response.json()["error"]["code"] == "host_refused"


def test_a_page_whose_name_was_turned_to_this_machine_gets_nothing(client: TestClient, white: bytes) -> None:
    rebound = {"Host": "evil.example:8000", "Origin": "http://evil.example:8000"}
    assert client.post("/v1/predict", content=white, headers=JPEG | rebound).status_code == 421


def test_a_wrong_token_is_told_before_any_image(make_client: Make) -> None:
    client = make_client(token=TOKEN)
    assert client.get("/v1/model", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert client.get("/v1/model", headers={"Authorization": "Bearer another"}).status_code == 401


def test_the_document_names_the_token_and_each_operation(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    operations = [one for path in document["paths"].values() for one in path.values()]
    assert sorted(one["operationId"] for one in operations) == [
        "health", "metrics", "model", "predict", "predict_batch", "readiness",
    ]  # fmt: skip
    assert {one["operationId"] for one in operations if one.get("security")} == {"predict", "predict_batch"}


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/v1/model", "/metrics", "/docs", "/openapi.json"])
def test_head_says_what_get_says_without_the_body(client: TestClient, path: str) -> None:
    asked, got = client.head(path), client.get(path)
    assert (asked.status_code, asked.content) == (200, b"")
    assert asked.headers["content-type"] == got.headers["content-type"]


def test_no_address_leads_to_another(client: TestClient) -> None:
    for path in ("/healthz/", "/v1/model/", "/docs/"):
        assert client.get(path, follow_redirects=False).status_code == 404
