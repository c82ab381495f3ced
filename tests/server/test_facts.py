"""The model's facts, the probes, the counters and the reference page."""

from __future__ import annotations

import re

from starlette.testclient import TestClient

from mien import __version__
from mien.emotions import EMOTIONS
from mien.server.schemas import ModelAnswer

JPEG = {"Content-Type": "image/jpeg"}


def test_the_model_says_what_it_is_and_takes(client: TestClient) -> None:
    facts = client.get("/v1/model").json()
    ModelAnswer.model_validate(facts)
    assert facts["emotions"] == list(EMOTIONS)
    assert (facts["name"], facts["detector"], facts["version"]) == ("toy", "none", __version__)
    assert facts["token_required"] is False
    assert facts["limits"]["max_body_bytes"] == 32 * 2**20


def test_the_probes_answer(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}


def _values(client: TestClient) -> dict[str, float]:
    lines = [line for line in client.get("/metrics").text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_everything_is_counted_by_route_and_outcome(client: TestClient, white: bytes) -> None:
    client.post("/v1/predict", content=white, headers=JPEG)
    client.post("/v1/predict", content=b"GIF87a", headers=JPEG)
    client.get("/secret/name")
    client.get("/static/nowhere")
    values = _values(client)
    assert values['mien_requests_total{method="POST",path="/v1/predict",status="200"}'] == 1
    assert values['mien_requests_total{method="POST",path="/v1/predict",status="422"}'] == 1
    assert values['mien_requests_total{method="GET",path="other",status="404"}'] == 1
    assert values['mien_requests_total{method="GET",path="/static",status="404"}'] == 1
    assert values['mien_images_total{outcome="ok"}'] == 1
    assert values['mien_images_total{outcome="unreadable_image"}'] == 1
    assert values["mien_faces_total"] == 1
    assert values["mien_images_working"] == values["mien_images_waiting"] == values["mien_held_bytes"] == 0
    assert not any("secret" in name for name in values)


def test_two_applications_count_for_themselves(client: TestClient, make_client: object) -> None:
    other = make_client()  # type: ignore[operator]
    client.get("/healthz")
    assert 'mien_requests_total{method="GET",path="/healthz",status="200"}' not in _values(other)


def test_the_reference_needs_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "<script" not in page.text
    assert "style=" not in page.text
    links = re.findall(r"(?:href|src)='([^'#]+)", page.text)
    assert links
    assert all("://" not in link and client.get(f"/{link}").status_code == 200 for link in links)
    for path in client.get("/openapi.json").json()["paths"]:
        assert f"<code>{path}</code>" in page.text
    names = re.findall(r"href='#(\w+)'", page.text)
    assert all(f"id='{name}'" in page.text for name in names)


def test_the_page_comes_from_the_package_and_is_asked_for_again(client: TestClient) -> None:
    response = client.get("/")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    again = client.get(
        "/static/index.html", headers={"If-None-Match": client.get("/static/index.html").headers["etag"]}
    )
    assert again.status_code == 304
    assert client.head("/").status_code == 200
    assert client.get("/static/").status_code == 404
