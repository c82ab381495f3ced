"""Damaged, random and generated requests: refused in the one shape, never a 500."""

from __future__ import annotations

import random
from collections.abc import Iterator

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from starlette.testclient import TestClient

from mien.inference.predictor import Predictor
from mien.server.app import create_app
from mien.server.settings import ServerSettings

SEED = 6


def _damaged(random_source: random.Random, valid: list[bytes], count: int) -> Iterator[bytes]:
    """Cut, flipped, doubled and mixed pieces of what is valid, and noise."""
    for number in range(count):
        content = bytearray(random_source.choice(valid))
        kind = number % 5
        if kind == 0:
            content = content[: random_source.randrange(len(content))]
        elif kind == 1:
            for _ in range(1 + random_source.randrange(20)):
                content[random_source.randrange(len(content))] = random_source.randrange(256)
        elif kind == 2:
            at = random_source.randrange(len(content))
            content[at:at] = random_source.randbytes(random_source.randrange(1, 300))
        elif kind == 3:
            other = random_source.choice(valid)
            content = content[: len(content) // 2] + other[len(other) // 2 :]
        else:
            content = bytearray(random_source.randbytes(random_source.randrange(2000)))
        yield bytes(content)


def _form(*images: bytes) -> bytes:
    parts = [
        b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n' + image + b"\r\n"
        for image in images
    ]
    return b"".join(parts) + b"--x--\r\n"


def test_damaged_bodies_never_make_a_500(client: TestClient, black: bytes, white: bytes) -> None:
    random_source = random.Random(SEED)
    bodies = [black, white]
    forms = [_form(black), _form(white, black), _form()]
    statuses = set()
    for kind, valid, path in (
        ("image/jpeg", bodies, "/v1/predict"),
        ("multipart/form-data; boundary=x", forms, "/v1/predict"),
        ("multipart/form-data; boundary=x", forms, "/v1/predict/batch"),
    ):
        for content in _damaged(random_source, valid, 150):
            response = client.post(path, content=content, headers={"Content-Type": kind})
            statuses.add(response.status_code)
            assert response.status_code < 500, (SEED, content)
            assert response.status_code == 200 or set(response.json()) == {"error"}
    assert {200, 415, 422} <= statuses  # the fuzz reaches what is good as well as what is not


def test_damaged_headers_never_make_a_500(client: TestClient, white: bytes) -> None:
    random_source = random.Random(SEED)
    names = [b"Content-Type", b"Authorization", b"Origin", b"Host", b"Content-Length", b"Transfer-Encoding"]
    valid = [b"multipart/form-data; boundary=x", b"image/jpeg", b"Bearer x", b"https://a.example:80", b"12", b"chunked"]
    for number, value in enumerate(_damaged(random_source, valid, 300)):
        clean = bytes(byte for byte in value if byte not in b"\r\n\0")
        headers = [(b"Content-Type", b"image/jpeg"), (names[number % len(names)], clean)]
        response = client.post("/v1/predict", content=white, headers=headers)
        assert response.status_code < 500, (SEED, value)


def test_generated_requests_meet_the_document(predictor: Predictor) -> None:
    app = create_app(predictor, ServerSettings(concurrency=1, allowed_hosts=("testserver",)))
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    tried = set()
    # Without positive_data_acceptance: to the document any bytes are an image, to the server they are not.
    checks = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_schema_conformance,
        negative_data_rejection,
        unsupported_method,
    ]

    for result in schema.get_all_operations():
        operation = result.ok()

        @settings(
            max_examples=5, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
        )
        @_given(operation)
        def meets(case: schemathesis.Case) -> None:
            case.call_and_validate(checks=checks)

        meets()
        tried.add(operation.label)
    assert {"POST /v1/predict", "POST /v1/predict/batch", "GET /v1/model", "GET /healthz"} <= tried


def _given(operation: object) -> object:
    from hypothesis import given

    return given(operation.as_strategy())  # type: ignore[attr-defined]
