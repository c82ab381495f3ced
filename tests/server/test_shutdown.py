"""SIGTERM under load: every request that was taken is answered. `mien serve` as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGTERM is another thing on Windows")

POST = "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(params=[1, 2], ids=["one worker", "two workers"])
def process(toy_model: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "mien", "serve", "--port", "0", "--no-open", "--model", str(toy_model)]
    options = ["--detector", "none", "--max-waiting", "200", "--drain-seconds", "0.3", "--workers", str(request.param)]
    # Who runs the tests in the background may have them ignore Ctrl-C, and children inherit that.
    ignored = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        running = subprocess.Popen(
            command + options, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
    finally:
        signal.signal(signal.SIGINT, ignored)
    yield running
    if running.poll() is None:
        os.killpg(running.pid, signal.SIGKILL)  # its workers, too: they would keep the pipes open
    running.communicate()


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("mien serves toy"), line
    return int(line.partition("127.0.0.1:")[2].partition("/")[0])


def _sockets_of_children(process: subprocess.Popen[str]) -> list[int]:
    """How many sockets each child process has open."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [sum(map(_is_socket, Path(f"/proc/{child}/fd").iterdir())) for child in children]


def _is_socket(opened: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):  # closed since it was listed
        return str(opened.readlink()).startswith("socket:")
    return False


def _counted(port: int) -> float:
    """Answers that /metrics knows of, whichever worker is asked."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("mien_images_total{"))


class Client:
    """Asks again and again over one connection, and notes what became of each request."""

    def __init__(self, port: int, request: bytes) -> None:
        self.port, self.request = port, request
        self.answered = self.lost = 0
        self.statuses: set[int] = set()

    async def run(self) -> None:
        """Until the server takes no more connections."""
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except ConnectionError:
                return
            try:
                await self._ask_on(reader, writer)
            finally:
                writer.close()

    async def _ask_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = True
        while True:
            try:
                writer.write(self.request)
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
                await reader.readexactly(length)
            except (ConnectionError, asyncio.IncompleteReadError):
                # A first request may meet a port that is just being closed: the kernel took it, the server did not.
                # On a connection that the server keeps open, nothing may be lost.
                self.lost += not first
                return
            first = False
            self.answered += 1
            self.statuses.add(int(head.split()[1]))
            if b"connection: close" in head:
                return


def test_sigterm_under_load_loses_no_request(process: subprocess.Popen[str], white: bytes) -> None:
    port = _port(process)
    head = f"{POST}Content-Type: image/jpeg\r\nContent-Length: {len(white)}\r\n\r\n"
    clients = [Client(port, head.encode() + white) for _ in range(16)]

    async def load() -> None:
        running = [asyncio.create_task(client.run()) for client in clients]
        while sum(client.answered for client in clients) < 100:
            await asyncio.sleep(0.01)
        assert _counted(port) >= 100
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(asyncio.gather(*running), 60)

    asyncio.run(load())
    assert process.wait(30) == 0
    assert sum(client.answered for client in clients) > 100
    assert sum(client.lost for client in clients) == 0
    assert set().union(*(client.statuses for client in clients)) == {200}
    assert process.stderr is not None
    assert process.stderr.read() == ""


@pytest.mark.parametrize("process", [1], indirect=True)
def test_ctrl_c_is_one_line_and_130(process: subprocess.Popen[str]) -> None:
    _port(process)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert process.stderr is not None
    assert process.stderr.read().strip() == "mien: Stopped."


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells which process took a connection")
@pytest.mark.parametrize("process", [2], indirect=True)
def test_connections_are_spread_over_the_workers(process: subprocess.Popen[str]) -> None:
    port = _port(process)
    with contextlib.ExitStack() as opened:

        def connect() -> socket.socket:
            return opened.enter_context(socket.create_connection(("127.0.0.1", port), 60))

        for _ in range(32):
            connection = connect()
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
        with_connections = _sockets_of_children(process)
    # By chance alone, one of two gets fewer than three of 32 once in four million times.
    deadline = time.monotonic() + 20
    while sum(with_connections) - sum(bare := _sockets_of_children(process)) < 32 and time.monotonic() < deadline:
        time.sleep(0.05)
    taken = [more - fewer for more, fewer in zip(with_connections, bare, strict=True)]
    assert len([count for count in taken if count >= 3]) == 2, taken
