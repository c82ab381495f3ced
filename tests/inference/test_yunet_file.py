from __future__ import annotations

import contextlib
import hashlib
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mien.errors import DetectorError
from mien.inference.yunet_file import YUNET_SHA256, YUNET_URLS, cached_yunet_path, fetch_yunet, find_yunet

CONTENT = b"a detector" * 9000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def url(tmp_path: Path) -> str:
    path = tmp_path / "server" / "yunet.onnx"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return path.as_uri()


def test_the_file_is_fetched_checked_and_put_in_place(tmp_path: Path, url: str) -> None:
    seen: list[tuple[int, int | None]] = []
    target = tmp_path / "cache" / "mien" / "yunet.onnx"
    path = fetch_yunet(target, urls=[url], sha256=DIGEST, progress=lambda done, total: seen.append((done, total)))
    assert path == target
    assert target.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_a_file_that_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    target = tmp_path / "yunet.onnx"
    target.write_bytes(CONTENT)
    assert fetch_yunet(target, urls=[], sha256=DIGEST) == target


def test_a_damaged_file_is_replaced(tmp_path: Path, url: str) -> None:
    target = tmp_path / "yunet.onnx"
    target.write_bytes(b"half of it")
    fetch_yunet(target, urls=[url], sha256=DIGEST)
    assert target.read_bytes() == CONTENT


def test_the_second_address_serves_when_the_first_does_not(tmp_path: Path, url: str) -> None:
    missing = (tmp_path / "gone.onnx").as_uri()
    assert fetch_yunet(tmp_path / "y.onnx", urls=[missing, url], sha256=DIGEST).read_bytes() == CONTENT


def test_another_file_is_refused_and_nothing_is_kept(tmp_path: Path, url: str) -> None:
    target = tmp_path / "cache" / "yunet.onnx"
    with pytest.raises(DetectorError, match="another file of 90,000 bytes"):
        fetch_yunet(target, urls=[url], sha256=YUNET_SHA256)
    assert not target.parent.exists()


def test_without_network_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    # Port 9 of this machine: nothing listens there, as nothing answers without network.
    with pytest.raises(DetectorError, match="MIEN_YUNET") as caught:
        fetch_yunet(tmp_path / "yunet.onnx", urls=["http://127.0.0.1:9/yunet.onnx"], sha256=DIGEST)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


# A server of our own, which behaves as servers do on bad days.


class _Server(ThreadingHTTPServer):
    """Answers by path; counts what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.path == "/moved":
            self._head(302, Location="/right")
        elif self.path == "/right":
            self._head(200, **{"Content-Length": str(len(CONTENT))})
            self.wfile.write(CONTENT)
        elif self.path == "/unknown-length":
            self._head(200)
            self.wfile.write(CONTENT)
        elif self.path == "/cut-off":
            self._head(200, **{"Content-Length": str(len(CONTENT))})
            self.wfile.write(CONTENT[:70_000])
        elif self.path == "/other":
            self._head(200, **{"Content-Length": "9"})
            self.wfile.write(b"<html>no\n")
        elif self.path == "/endless":
            self._head(200)
            with contextlib.suppress(OSError):  # the client has had enough
                for _ in range(200):
                    self.wfile.write(bytes(1_000_000))
        else:
            self.send_error(404)

    def _head(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def _address(server: _Server, path: str) -> str:
    return f"http://127.0.0.1:{server.server_port}/{path}"


@pytest.mark.parametrize("path", ["right", "moved", "unknown-length"])
def test_a_server_gives_the_file(server: _Server, tmp_path: Path, path: str) -> None:
    target = tmp_path / "cache" / "yunet.onnx"
    assert fetch_yunet(target, urls=[_address(server, path)], sha256=DIGEST).read_bytes() == CONTENT
    assert [entry.name for entry in target.parent.iterdir()] == ["yunet.onnx"]
    asked = len(server.asked)
    fetch_yunet(target, urls=[_address(server, path)], sha256=DIGEST)
    assert len(server.asked) == asked  # it is here already


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("gone", "Not Found"),
        ("cut-off", "cut off after 70,000 of 90,000 bytes"),
        ("other", "another file of 9 bytes"),
        ("endless", "another file of 5,"),
    ],
)
def test_a_server_on_a_bad_day_is_one_sentence(server: _Server, tmp_path: Path, path: str, why: str) -> None:
    target = tmp_path / "cache" / "yunet.onnx"
    target.parent.mkdir()
    target.write_bytes(b"what was there before")
    with pytest.raises(DetectorError, match=why) as caught:
        fetch_yunet(target, urls=[_address(server, path)], sha256=DIGEST)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("Expected to download") and message.endswith("to its path.")
    assert target.read_bytes() == b"what was there before"
    assert [entry.name for entry in target.parent.iterdir()] == ["yunet.onnx"]


def test_the_next_address_serves_after_a_bad_one(server: _Server, tmp_path: Path) -> None:
    urls = [_address(server, path) for path in ("gone", "cut-off", "other", "right")]
    assert fetch_yunet(tmp_path / "yunet.onnx", urls=urls, sha256=DIGEST).read_bytes() == CONTENT
    assert server.asked == ["/gone", "/cut-off", "/other", "/right"]


def test_the_official_addresses_are_encrypted() -> None:
    assert all(address.startswith("https://") and "opencv" in address for address in YUNET_URLS)
    assert len(YUNET_SHA256) == 64


def test_the_named_file_is_found_before_the_cached_one(tmp_path: Path) -> None:
    named = tmp_path / "mine.onnx"
    named.write_bytes(CONTENT)
    assert find_yunet({"MIEN_YUNET": str(named)}) == named
    with pytest.raises(DetectorError, match="MIEN_YUNET"):
        find_yunet({"MIEN_YUNET": str(tmp_path / "no.onnx")})


@pytest.mark.skipif(sys.platform != "linux", reason="each system has its own cache folder")
def test_the_cached_file_is_found(tmp_path: Path) -> None:
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    assert find_yunet(environment) is None
    cached = cached_yunet_path(environment)
    cached.parent.mkdir()
    cached.write_bytes(CONTENT)
    assert find_yunet(environment) == cached


def test_the_shared_file_has_the_pinned_digest(yunet_path: Path) -> None:
    assert hashlib.sha256(yunet_path.read_bytes()).hexdigest() == YUNET_SHA256
