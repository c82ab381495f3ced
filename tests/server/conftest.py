"""Applications around a toy model: class by brightness, each image a face."""

from __future__ import annotations

import functools
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from PIL import Image
from starlette.testclient import TestClient

from mien.inference.predictor import Predictor
from mien.server.app import create_app
from mien.server.serving import uvicorn_config
from mien.server.settings import ServerSettings

TESTS = Path(__file__).resolve().parent.parent


def encoded(level: int = 0, *, size: tuple[int, int] = (60, 60), kind: str = "PNG") -> bytes:
    """An even grey image; black is `angry`, white `neutral`."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (level,) * 3).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    return encoded


@pytest.fixture(scope="session")
def black() -> bytes:
    return encoded(0)


@pytest.fixture(scope="session")
def white() -> bytes:
    return encoded(255, kind="JPEG")


@pytest.fixture(scope="session")
def predictor(toy_model: Path) -> Predictor:
    return Predictor(toy_model, detector="none", threads=1)


class SlowDetector:
    """Finds the whole image, once it is let go: what a test holds a server busy with."""

    name, margin = "slow", 0.0

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = threading.Semaphore(0)

    def detect(self, image_rgb: Any) -> Any:
        from mien.inference.faces.detector import WholeImage

        self.begun.release()
        self.go.wait(20)
        return WholeImage().detect(image_rgb)


@pytest.fixture
def slow_detector() -> Iterator[SlowDetector]:
    detector = SlowDetector()
    yield detector
    detector.go.set()


@pytest.fixture
def slow_predictor(toy_model: Path, slow_detector: SlowDetector) -> Predictor:
    return Predictor(toy_model, detector=slow_detector, threads=1)


@pytest.fixture
def make_client(predictor: Predictor) -> Iterator[Callable[..., TestClient]]:
    clients = []

    def make(app_predictor: Predictor = predictor, **settings: Any) -> TestClient:
        app = create_app(
            app_predictor, ServerSettings(**({"concurrency": 2, "allowed_hosts": ("testserver",)} | settings))
        )
        # Errors are looked at as a client gets them, also the unexpected ones.
        client = TestClient(app, base_url="http://testserver", raise_server_exceptions=False)
        client.__enter__()
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(make_client: Callable[..., TestClient]) -> TestClient:
    return make_client()


class LiveServer:
    """An application behind uvicorn on a port of its own, in a thread of this process."""

    def __init__(self, app: FastAPI, settings: ServerSettings) -> None:
        self.app = app
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self._server = uvicorn.Server(uvicorn_config(functools.partial(lambda one: one, app), settings))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self, *, timeout: float = 20) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def start(self) -> None:
        self._thread.start()
        deadline = time.monotonic() + 60
        while not self._server.started:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)


@pytest.fixture
def make_server(predictor: Predictor) -> Iterator[Callable[..., LiveServer]]:
    servers = []

    def make(app_predictor: Predictor = predictor, **options: Any) -> LiveServer:
        settings = ServerSettings(**({"concurrency": 2, "shutdown_seconds": 5} | options))
        server = LiveServer(create_app(app_predictor, settings), settings)
        server.start()
        servers.append(server)
        return server

    yield make
    for server in servers:
        server.stop()
