"""One shape for every error, and nothing told of defects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from mien.inference.predictor import Predictor


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/v1/", 404, "not_found"),
        ("GET", "/static/nowhere.js", 404, "not_found"),
        ("GET", "/static/../../settings.py", 404, "not_found"),
        ("GET", "/static/%2e%2e/settings.py", 404, "not_found"),
        ("GET", "/v1/predict", 405, "method_not_allowed"),
        ("DELETE", "/healthz", 405, "method_not_allowed"),
        ("POST", "/static/index.html", 405, "method_not_allowed"),
        ("GET", "/v1/stream", 404, "not_found"),
        ("POST", "/v1/predict", 415, "unsupported_type"),
    ],
)
def test_every_error_has_the_shape(client: TestClient, method: str, path: str, status: int, code: str) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    error = response.json()["error"]
    assert sorted(error) == ["code", "hint", "message"]
    assert error["code"] == code
    assert error["message"].startswith("Expected")
    assert "allow" in response.headers or status != 405


def test_a_defect_is_logged_and_not_told(
    make_client: Callable[..., TestClient], toy_model: Path, white: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        name, margin = "broken", 0.0

        def detect(self, image_rgb: Any) -> Any:
            raise RuntimeError("secret detail")

    client = make_client(Predictor(toy_model, detector=Broken()))
    response = client.post("/v1/predict", content=white, headers={"Content-Type": "image/jpeg"})
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal"
    assert "secret" not in response.text
    assert "Traceback" not in response.text
    assert "secret detail" in caplog.text
    assert response.headers["x-content-type-options"] == "nosniff"


def test_a_long_path_does_not_make_a_long_answer(client: TestClient) -> None:
    assert len(client.get("/" + "x" * 10_000).content) < 500
