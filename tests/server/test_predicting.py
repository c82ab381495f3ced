"""Images over HTTP: the command line's own JSON, each limit, and one file's error that stays its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from mien.inference.predictor import Predictor
from mien.server.schemas import BatchAnswer, PredictionAnswer

JPEG = {"Content-Type": "image/jpeg"}
Make = Callable[..., TestClient]


def _error(response: httpx.Response) -> tuple[int, str]:
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "hint"}
    assert all(isinstance(value, str) for value in body["error"].values())
    return response.status_code, body["error"]["code"]


def test_a_raw_image_is_answered_as_the_command_line_answers(
    client: TestClient, predictor: Predictor, white: bytes
) -> None:
    response = client.post("/v1/predict", content=white, headers=JPEG)
    assert response.status_code == 200
    assert response.json() == predictor.predict(white).to_dict()
    assert response.headers["cache-control"] == "no-store"
    PredictionAnswer.model_validate(response.json())


def test_what_a_raw_body_calls_itself_does_not_matter(client: TestClient, black: bytes) -> None:
    for kind in ("image/png", "image/jpeg", "application/octet-stream", "IMAGE/PNG; q=1"):
        assert client.post("/v1/predict", content=black, headers={"Content-Type": kind}).status_code == 200


def test_a_file_of_a_form_keeps_its_name_without_folders(client: TestClient, black: bytes) -> None:
    response = client.post("/v1/predict", files={"image": ("C:\\me\\photo.png", black)}, data={"note": "ignored"})
    assert response.json()["source"] == "photo.png"
    assert response.json()["faces"][0]["emotion"] == "angry"


def test_each_file_of_a_batch_has_its_own_answer(client: TestClient, black: bytes, white: bytes) -> None:
    files = [("images", ("a.png", black)), ("images", ("b.txt", b"no image")), ("other", ("c.jpg", white))]
    response = client.post("/v1/predict/batch", files=files)
    assert response.status_code == 200
    BatchAnswer.model_validate(response.json())
    first, second, third = response.json()["results"]
    assert (first["source"], first["prediction"]["faces"][0]["emotion"]) == ("a.png", "angry")
    assert (second["source"], second["error"]["code"]) == ("b.txt", "unsupported_format")
    assert "prediction" not in second
    assert third["prediction"]["faces"][0]["emotion"] == "neutral"


def test_no_face_is_an_answer(make_client: Make, toy_model: Any, white: bytes) -> None:
    client = make_client(Predictor(toy_model, detector="yunet"))
    response = client.post("/v1/predict", content=white, headers=JPEG)
    assert (response.status_code, response.json()["faces"]) == (200, [])


@pytest.mark.parametrize(
    ("content", "headers", "expected"),
    [
        (b"", JPEG, (422, "empty_body")),
        (b"GIF87a and nothing else", JPEG, (422, "unreadable_image")),
        (b"\0\0\0\x18ftypheic", JPEG, (415, "unsupported_format")),
        (b"hello", {"Content-Type": "text/plain"}, (415, "unsupported_type")),
        (b"hello", {}, (415, "unsupported_type")),
        (b"hello", {"Content-Type": "multipart/form-data"}, (422, "bad_multipart")),
        (b"hello", {"Content-Type": "multipart/form-data; boundary=x"}, (422, "bad_multipart")),
        (b"--x\r\n", {"Content-Type": "multipart/form-data; boundary=x"}, (422, "bad_multipart")),
        (b"--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"}, (422, "no_file")),
        (b"", {"Content-Type": "multipart/form-data; boundary=" + 500 * "x"}, (422, "bad_multipart")),
    ],
)
def test_what_is_no_image_is_refused(
    client: TestClient, content: bytes, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    assert _error(client.post("/v1/predict", content=content, headers=headers)) == expected


def test_a_form_without_a_file_and_one_with_two_are_refused(client: TestClient, black: bytes) -> None:
    two = [("image", ("a.png", black)), ("image", ("b.png", black))]
    boundary = {"Content-Type": "multipart/form-data; boundary=x"}
    no_file = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'
    assert _error(client.post("/v1/predict", content=no_file, headers=boundary)) == (422, "no_file")
    assert _error(client.post("/v1/predict", files=two)) == (422, "too_many_files")


def test_a_form_of_many_fields_is_refused(client: TestClient) -> None:
    response = client.post("/v1/predict", files=[(f"f{number}", (None, b"x")) for number in range(100)])
    assert _error(response) == (422, "bad_multipart")


def test_more_files_than_the_limit_are_a_413(make_client: Make, black: bytes) -> None:
    client = make_client(max_files=2)
    files = [("images", (f"{number}.png", black)) for number in range(3)]
    assert client.post("/v1/predict/batch", files=files[:2]).status_code == 200
    assert _error(client.post("/v1/predict/batch", files=files)) == (413, "too_many_files")


def test_a_raw_body_is_no_batch(client: TestClient, white: bytes) -> None:
    assert _error(client.post("/v1/predict/batch", content=white, headers=JPEG)) == (415, "unsupported_type")


def test_a_body_beyond_the_limit_is_a_413_announced_or_not(make_client: Make, black: bytes) -> None:
    client = make_client(max_body_megabytes=0.01)

    def unannounced() -> Iterator[bytes]:
        yield from [b"x" * 4096] * 10

    for content in (b"x" * 40_960, unannounced()):
        assert _error(client.post("/v1/predict", content=content, headers=JPEG)) == (413, "body_too_large")
    assert client.post("/v1/predict", content=black, headers=JPEG).status_code == 200


def test_a_image_beyond_the_limit_is_a_413(make_client: Make, encode: Callable[..., bytes]) -> None:
    client = make_client(max_megapixels=0.01)
    assert _error(client.post("/v1/predict", content=encode(size=(101, 100)), headers=JPEG)) == (
        413,
        "image_too_large",
    )
    assert client.post("/v1/predict", content=encode(size=(100, 100)), headers=JPEG).status_code == 200


def test_only_so_many_faces_are_answered(make_client: Make, toy_model: Any, white: bytes) -> None:
    class Crowd:
        name, margin = "crowd", 0.0

        def detect(self, image_rgb: Any) -> Any:
            from mien.inference.faces.detector import WholeImage

            return WholeImage().detect(image_rgb) * 9

    client = make_client(Predictor(toy_model, detector=Crowd()), max_faces=4)
    told = client.post("/v1/predict", content=white, headers=JPEG).json()
    assert (len(told["faces"]), told["faces_left_out"]) == (4, 5)


def test_beyond_what_may_wait_the_answer_is_429(
    make_client: Make, slow_predictor: Predictor, slow_detector: Any, white: bytes
) -> None:
    client = make_client(slow_predictor, concurrency=1, max_waiting=1, max_files=1)
    statuses: list[int] = []

    def post() -> None:
        statuses.append(client.post("/v1/predict", content=white, headers=JPEG).status_code)

    threads = [threading.Thread(target=post) for _ in range(2)]
    threads[0].start()
    assert slow_detector.begun.acquire(timeout=10)
    threads[1].start()
    gate = client.app.state.context.analyser.gate  # type: ignore[attr-defined]
    while gate.admitted < 2:
        threading.Event().wait(0.01)
    refused = client.post("/v1/predict", content=white, headers=JPEG)
    health = client.get("/healthz")
    slow_detector.go.set()
    for thread in threads:
        thread.join()
    assert _error(refused) == (429, "too_busy")
    assert int(refused.headers["retry-after"]) >= 1
    assert health.status_code == 200
    assert statuses == [200, 200]
    assert client.post("/v1/predict", content=white, headers=JPEG).status_code == 200
    assert (gate.admitted, gate.working) == (0, 0)


def test_a_turn_that_does_not_come_is_503(
    make_client: Make, slow_predictor: Predictor, slow_detector: Any, white: bytes
) -> None:
    client = make_client(slow_predictor, concurrency=1, max_wait_seconds=0.05)
    thread = threading.Thread(target=client.post, args=("/v1/predict",), kwargs={"content": white, "headers": JPEG})
    thread.start()
    assert slow_detector.begun.acquire(timeout=10)
    refused = client.post("/v1/predict", content=white, headers=JPEG)
    slow_detector.go.set()
    thread.join()
    assert _error(refused) == (503, "waited_too_long")
    assert "retry-after" in refused.headers


def test_bodies_of_all_requests_together_are_bounded(make_client: Make, black: bytes) -> None:
    client = make_client(max_body_megabytes=0.1, max_held_megabytes=0.1)
    held = client.app.state.context.held  # type: ignore[attr-defined]
    with held.account() as account:
        account.take(100_000)
        assert _error(client.post("/v1/predict", content=b"x" * 10_000, headers=JPEG)) == (429, "too_busy")
    assert client.post("/v1/predict", content=black, headers=JPEG).status_code == 200
    assert held.held == 0
