"""What only a real port shows: slow, broken, huge and hostile senders, and that the server stays well."""

from __future__ import annotations

import contextlib
import gc
import io
import json
import socket
import struct
import threading
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import psutil
import pytest
from PIL import Image
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

Make = Callable[..., Any]
MEBIBYTE = 2**20
JPEG = {"Content-Type": "image/jpeg"}
POST = "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\n"


def _memory() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


def _read_response(sock: socket.socket) -> tuple[int, dict[str, Any]]:
    """The status and JSON of one answer that closes its connection or says its length."""
    data = b""
    with contextlib.suppress(ConnectionError, TimeoutError):
        while chunk := sock.recv(65_536):
            data += chunk
            head, end, body = data.partition(b"\r\n\r\n")
            length = next(
                (
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                ),
                None,
            )
            if end and length is not None and len(body) >= length:
                break
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def _is_well(server: Any) -> bool:
    return httpx.get(f"{server.url}/healthz", timeout=20).status_code == 200


@pytest.mark.parametrize("announced", [True, False])
def test_a_huge_body_is_refused_without_being_read(make_server: Make, announced: bool) -> None:
    server = make_server(max_body_megabytes=1)
    before, total, sent = _memory(), 2**30, 0
    kind = f"Content-Length: {total}" if announced else "Transfer-Encoding: chunked"
    chunk = bytes(MEBIBYTE) if announced else b"100000\r\n" + bytes(MEBIBYTE) + b"\r\n"
    with server.connect() as sock:
        sock.sendall(f"{POST}Content-Type: image/jpeg\r\n{kind}\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError):
            while sent < total:
                sock.sendall(chunk)
                sent += MEBIBYTE
                sock.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    if sock.recv(1, socket.MSG_PEEK):
                        break
                sock.settimeout(20)
        sock.settimeout(20)
        status, body = _read_response(sock)
    assert (status, body["error"]["code"]) == (413, "body_too_large")
    assert sent < 64 * MEBIBYTE
    assert _memory() - before < 64 * MEBIBYTE
    assert _is_well(server)


def test_who_waits_for_100_continue_is_refused_before_sending(make_server: Make) -> None:
    server = make_server()
    with server.connect() as sock:
        sock.sendall(
            b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"
            b"Content-Length: 1073741824\r\nExpect: 100-continue\r\n\r\n"
        )
        assert _read_response(sock)[0] == 413


def test_slow_bodies_and_headers_end(make_server: Make, white: bytes) -> None:
    server = make_server(body_seconds=0.3, header_seconds=0.3)
    head = f"{POST}Content-Type: image/jpeg\r\nContent-Length: {len(white)}\r\n\r\n"
    for sent in (head.encode() + white[:10], head[:40].encode()):
        with server.connect() as sock:
            sock.sendall(sent)
            status, body = _read_response(sock)
        assert (status, body["error"]["code"]) == (408, "too_slow")
    with server.connect() as sock:  # nothing at all
        assert sock.recv(1) == b""
    assert _is_well(server)


def test_what_is_no_http_gets_the_one_shape_too(make_server: Make) -> None:
    server = make_server()
    for sent in (b"\x16\x03\x01 TLS?\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000):
        with server.connect() as sock:
            with contextlib.suppress(ConnectionError):
                sock.sendall(sent)
            status, body = _read_response(sock)
        assert (status, body["error"]["code"]) == (400, "bad_request")
    assert _is_well(server)


def test_a_form_that_breaks_off_leaves_nothing_behind(make_server: Make, white: bytes) -> None:
    server = make_server()
    part = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n' + white[:100]
    head = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    for _ in range(20):
        with server.connect() as sock:
            sock.sendall(head + b"Content-Length: 100000\r\n\r\n" + part)
    context = server.app.state.context
    for _ in range(500):
        if context.held.held == 0:
            break
        threading.Event().wait(0.02)
    assert context.held.held == 0
    assert context.analyser.gate.admitted == 0
    assert _is_well(server)


def test_two_hundred_connections_at_once(make_server: Make, white: bytes) -> None:
    server = make_server(max_waiting=400, max_wait_seconds=60)
    head = f"{POST}Content-Type: image/jpeg\r\nContent-Length: {len(white)}\r\n\r\n"
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(server.connect(timeout=60)) for _ in range(200)]
        for sock in sockets:
            sock.sendall(head.encode() + white)
        assert _is_well(server)
        assert {_read_response(sock)[0] for sock in sockets} == {200}


def _bomb() -> bytes:
    """A PNG of 144 megapixels in a few kilobytes."""
    side = 12_000

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer, rows = zlib.compressobj(9), io.BytesIO()
    for _ in range(side // 1000):
        rows.write(packer.compress(bytes(1000 * (side // 8 + 1))))
    rows.write(packer.flush())
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows.getvalue()) + chunk(b"IEND", b"")


def test_a_decompression_bomb_is_refused_by_its_size(make_server: Make) -> None:
    server, bomb = make_server(), _bomb()
    assert len(bomb) < MEBIBYTE
    before = _memory()
    response = httpx.post(f"{server.url}/v1/predict", content=bomb, headers={"Content-Type": "image/png"})
    assert (response.status_code, response.json()["error"]["code"]) == (413, "image_too_large")
    assert _memory() - before < 64 * MEBIBYTE


def test_garbage_on_a_stream_ends_it_and_costs_nothing(make_server: Make) -> None:
    server = make_server()
    before = _memory()
    garbage = b"\xff\xd8\xff" + bytes(range(256))
    answers: list[str | bytes] = []
    with connect(server.url.replace("http", "ws") + "/v1/stream") as session:

        def read() -> None:
            with contextlib.suppress(ConnectionClosed):
                answers.extend(session)

        reading = threading.Thread(target=read, daemon=True)
        reading.start()
        with contextlib.suppress(ConnectionClosed):
            for _ in range(10_000):
                session.send(garbage)
            # Most were passed over for newer ones; what is looked at is what counts against the sender.
            for _ in range(1000):
                session.send(garbage)
                threading.Event().wait(0.01)
        reading.join(20)
        assert session.close_code == 1008
    assert 2 <= len(answers) < 10_000
    assert _memory() - before < 64 * MEBIBYTE
    assert _is_well(server)


def test_a_message_beyond_the_limit_closes_the_stream(make_server: Make) -> None:
    server = make_server(max_frame_megabytes=0.01)
    with connect(server.url.replace("http", "ws") + "/v1/stream") as session:
        session.recv()
        with pytest.raises(ConnectionClosed) as caught:
            session.send(bytes(100_000))
            session.recv(timeout=20)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1009


def test_two_lengths_close_the_connection(make_server: Make) -> None:
    with make_server().connect() as sock:
        sock.sendall(
            b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: 4\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        data = b""
        while chunk := sock.recv(65_536):
            data += chunk
    assert b"connection: close" in data.lower()
    assert data.count(b"HTTP/1.1 ") == 1  # what followed was not taken for a request


def test_one_connection_too_many_is_refused_and_the_others_stay(make_server: Make) -> None:
    server = make_server(max_connections=3)
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(server.connect()) for _ in range(3)]
        with server.connect() as one_more:
            status, told = _read_response(one_more)
            assert (status, told["error"]["code"]) == (503, "too_many_connections")
            assert one_more.recv(1) == b""
        idle[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert _read_response(idle[0])[0] == 200
    assert _is_well(server)


def test_a_silent_stream_ends_and_makes_room(make_server: Make, white: bytes) -> None:
    server = make_server(max_streams=1, idle_stream_seconds=0.3)
    address = f"ws://127.0.0.1:{server.port}/v1/stream"
    for _ in range(2):
        with connect(address) as session:
            assert "hello" in json.loads(session.recv(timeout=20))
            session.send(white)
            assert "prediction" in json.loads(session.recv(timeout=20))
            with pytest.raises(ConnectionClosed) as closed:
                session.recv(timeout=20)
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1000, "idle")


def test_the_log_names_addresses_without_their_questions(make_server: Make, capfd: pytest.CaptureFixture[str]) -> None:
    server = make_server(access_log=True)
    httpx.get(f"{server.url}/healthz?token=secret")
    with connect(f"ws://127.0.0.1:{server.port}/v1/stream?token=secret"):
        pass
    server.stop()
    told = "".join(capfd.readouterr())
    assert '"GET /healthz HTTP/1.1" 200' in told
    assert "/v1/stream" in told
    assert "secret" not in told


def test_head_keeps_the_connection(make_server: Make) -> None:
    with httpx.Client(base_url=make_server().url) as client:
        assert client.head("/v1/model").headers["content-length"] != "0"
        assert client.get("/healthz").json() == {"status": "ok"}


def _of_many_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again: each is another walk over the whole image."""
    buffer = io.BytesIO()
    Image.new("RGB", (2000, 2000), (90, 120, 150)).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    again = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + again * count + b"\xff\xd9"


def test_costly_images_do_not_make_others_wait(make_server: Make, white: bytes) -> None:
    server = make_server(concurrency=1, max_wait_seconds=5)
    statuses: list[tuple[int, str]] = []

    def post() -> None:
        response = httpx.post(f"{server.url}/v1/predict", content=_of_many_scans(4000), headers=JPEG, timeout=120)
        statuses.append((response.status_code, response.json()["error"]["code"]))

    hostile = [threading.Thread(target=post) for _ in range(2)]
    for one in hostile:
        one.start()
    response = httpx.post(f"{server.url}/v1/predict", content=white, headers=JPEG, timeout=120)
    for one in hostile:
        one.join(120)
    assert response.status_code == 200
    assert statuses == [(413, "image_too_large")] * 2
