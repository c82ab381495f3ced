"""Hostile and broken clients against `mien serve`: does it keep answering, and does its memory come back?

Each attack runs in a process of its own while this one asks /healthz every 20 ms. A row says what the attackers got,
the slowest and the 99th percentile of /healthz, and the server's memory before, at its peak and after. Exit code 1 when
/healthz took more than 100 ms or memory stayed more than 50 MB higher.

    python benchmarks/serve_abuse.py [--scale 1.0] [--json FILE]
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import functools
import http.client
import io
import json
import multiprocessing
import random
import socket
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from machine import machine_facts, markdown
from PIL import Image

MEBIBYTE = 2**20
SLOWEST_MS = 100
MOST_KEPT_MEGABYTES = 50
# The server's own time limits, shortened so that the slow attacks end while they are watched.
OPTIONS = ["--header-seconds", "3", "--body-seconds", "5", "--max-waiting", "64"]
PREDICT = "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\n"


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (640, 480), (90, 120, 150)).save(buffer, "JPEG")
    return buffer.getvalue()


def bomb(side: int = 30_000) -> bytes:
    """A PNG of a gigapixel in a few hundred kilobytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1000 * (side // 8 + 1))) for _ in range(side // 1000)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def _status(sock: socket.socket) -> str:
    """The status of an answer, or how the connection ended."""
    try:
        head = sock.recv(4096)
    except (TimeoutError, ConnectionError) as error:
        return type(error).__name__
    return head.split()[1].decode() if head else "closed"


def _post(kind: str, length: int) -> bytes:
    return f"{PREDICT}Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode()


# The attacks: each takes the port and a scale, and gives what it got.


def huge_body(port: int, scale: float, *, chunked: bool) -> list[str]:
    """A gigabyte of zeros."""
    total, sent = int(scale * 2**30), 0
    with _connect(port) as sock:
        if chunked:
            sock.sendall(f"{PREDICT}Content-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        else:
            sock.sendall(_post("image/jpeg", total))
        piece = b"100000\r\n" + bytes(MEBIBYTE) + b"\r\n" if chunked else bytes(MEBIBYTE)
        with contextlib.suppress(ConnectionError):
            while sent < total:
                sock.sendall(piece)
                sent += MEBIBYTE
        return [f"{_status(sock)} after {sent // MEBIBYTE} MiB"]


def slow_bodies(port: int, scale: float) -> list[str]:
    """Clients that send a byte every 50 ms."""
    content, count = picture(), max(1, round(100 * scale))
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(_connect(port)) for _ in range(count)]
        for sock in sockets:
            sock.sendall(_post("image/jpeg", len(content)))
        for position in range(120):
            for sock in sockets:
                with contextlib.suppress(ConnectionError):
                    sock.sendall(content[position : position + 1])
            time.sleep(0.05)
        return [_status(sock) for sock in sockets]


def slow_headers(port: int, scale: float) -> list[str]:
    """Connections that send part of a header, or nothing."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(_connect(port)) for _ in range(max(2, round(200 * scale)))]
        for sock in sockets[::2]:
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHos")
        return [_status(sock) for sock in sockets]


def many_connections(port: int, scale: float) -> list[str]:
    """200 at once, each with a picture."""
    content = picture()
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(_connect(port)) for _ in range(max(1, round(200 * scale)))]
        for sock in sockets:
            sock.sendall(_post("image/jpeg", len(content)) + content)
        return [_status(sock) for sock in sockets]


def bombs(port: int, scale: float) -> list[str]:
    """Small files of huge pictures, and of pictures just within the limit."""
    got = []
    for content in (bomb(), bomb(7000)) * max(1, round(10 * scale)):
        with _connect(port) as sock:
            sock.sendall(_post("image/png", len(content)) + content)
            got.append(_status(sock))
    return got


def half_forms(port: int, scale: float) -> list[str]:
    """Forms that break off, with the connection."""
    part = b'--x\r\nContent-Disposition: form-data; name="i"; filename="a.jpg"\r\n\r\n' + bytes(100_000)
    for _ in range(max(1, round(200 * scale))):
        with _connect(port) as sock:
            sock.sendall(_post("multipart/form-data; boundary=x", 10_000_000) + part)
    return ["left"]


def crafted_forms(port: int, scale: float) -> list[str]:
    """Forms that make a parser work: bare carriage returns, tiny parts, endless headers."""
    bodies = (
        b"--x\r\n\r\n" + b"\r" * (4 * MEBIBYTE),
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 80_000,
        b"--x\r\n" + b"A: b\r\n" * 500_000,
    )
    got = []
    for body in bodies * max(1, round(3 * scale)):
        with _connect(port) as sock:
            with contextlib.suppress(ConnectionError):
                sock.sendall(_post("multipart/form-data; boundary=x", len(body)) + body)
            got.append(_status(sock))
    return got


def noise(port: int, scale: float) -> list[str]:
    """Bytes that are no HTTP."""
    random_source, got = random.Random(6), []
    for _ in range(max(1, round(300 * scale))):
        with _connect(port) as sock:
            with contextlib.suppress(ConnectionError):
                sock.sendall(random_source.randbytes(2000) + b"\r\n\r\n")
            got.append(_status(sock))
    return got


def stream_garbage(port: int, scale: float) -> list[str]:
    """10,000 messages that are no pictures, again after each refusal."""
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    left, got = max(1, round(10_000 * scale)), []
    while left > 0:
        with connect(f"ws://127.0.0.1:{port}/v1/stream") as session:
            try:
                while left > 0:
                    session.send(b"\xff\xd8\xff" + bytes(1000))
                    left -= 1
                    if left % 8 == 0:
                        session.recv(timeout=30)
            except ConnectionClosed as closed:
                got.append(f"closed {closed.rcvd.code if closed.rcvd else 'hard'}")
    return got or ["open"]


ATTACKS: dict[str, Callable[[int, float], list[str]]] = {
    "1 GB body, announced": functools.partial(huge_body, chunked=False),
    "1 GB body, chunked": functools.partial(huge_body, chunked=True),
    "100 slow bodies": slow_bodies,
    "200 slow headers": slow_headers,
    "200 connections": many_connections,
    "decompression bombs": bombs,
    "200 half-sent forms": half_forms,
    "crafted forms": crafted_forms,
    "noise instead of HTTP": noise,
    "10,000 garbage messages": stream_garbage,
}


def _run(attack: Callable[[int, float], list[str]], port: int, scale: float, results: Any) -> None:
    results.put(collections.Counter(attack(port, scale)))


class Watch:
    """Asks /healthz again and again, and looks at the server's memory."""

    def __init__(self, port: int, process: psutil.Process) -> None:
        self._process = process
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.milliseconds: list[float] = []

    def look(self) -> None:
        started = time.perf_counter()
        self._connection.request("GET", "/healthz")
        answer = self._connection.getresponse()
        answer.read()
        assert answer.status == 200
        self.milliseconds.append(1000 * (time.perf_counter() - started))

    def megabytes(self) -> float:
        family = [self._process, *self._process.children(recursive=True)]
        return sum(one.memory_info().rss for one in family) / MEBIBYTE


@contextlib.contextmanager
def server() -> Iterator[tuple[int, psutil.Process]]:
    command = [sys.executable, "-m", "mien", "serve", "--port", "0", "--no-open", *OPTIONS]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline().partition("127.0.0.1:")[2].partition("/")[0])
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60)


def measure(name: str, port: int, process: psutil.Process, scale: float) -> dict[str, Any]:
    """One attack, watched."""
    watch = Watch(port, process)
    watch.look()
    before = peak = watch.megabytes()
    results: Any = multiprocessing.Queue()
    attacker = multiprocessing.Process(target=_run, args=(ATTACKS[name], port, scale, results), daemon=True)
    attacker.start()
    started = time.perf_counter()
    while attacker.is_alive() and results.empty() and time.perf_counter() - started < 300:
        watch.look()
        peak = max(peak, watch.megabytes())
        time.sleep(0.02)
    got = results.get(timeout=10) if attacker.exitcode in (None, 0) else {"the attack failed": 1}
    attacker.join(10)
    time.sleep(1)  # what was under way ends
    watch.look()
    return {
        "attack": name,
        "seconds": round(time.perf_counter() - started, 1),
        "got": dict(got),
        "healthz_max_ms": round(max(watch.milliseconds), 1),
        "healthz_p99_ms": round(float(np.percentile(watch.milliseconds, 99)), 1),
        "looks": len(watch.milliseconds),
        "before_mb": round(before),
        "peak_mb": round(peak),
        "after_mb": round(watch.megabytes()),
    }


def warm_up(port: int) -> None:
    """Pictures first, so that what libraries keep for themselves is not taken for a leak."""
    for _ in range(3):
        many_connections(port, 0.2)
        bombs(port, 0.1)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--scale", type=float, default=1.0, help="share of each attack; below 1 to rehearse")
    parser.add_argument("--json", type=Path, help="write the numbers here, too")
    arguments = parser.parse_args()
    rows = []
    with server() as (port, process):
        warm_up(port)
        for name in ATTACKS:
            rows.append(measure(name, port, process, arguments.scale))
            print(f"{name}: {rows[-1]}", file=sys.stderr)
    lines = [
        "| attack | attackers got | /healthz slowest | p99 | memory before, peak, after |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        got = ", ".join(f"{count} × {what}" for what, count in row["got"].items())
        memory = f"{row['before_mb']}, {row['peak_mb']}, {row['after_mb']} MB"
        lines.append(
            f"| {row['attack']} | {got} | {row['healthz_max_ms']} ms | {row['healthz_p99_ms']} ms | {memory} |"
        )
    print(markdown(machine_facts()), "\n".join(lines), sep="\n\n")
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine_facts(), "rows": rows}, indent=2), encoding="utf-8")
    slow = max(row["healthz_max_ms"] for row in rows) > SLOWEST_MS
    return int(slow or rows[-1]["after_mb"] - rows[0]["before_mb"] > MOST_KEPT_MEGABYTES)


if __name__ == "__main__":
    sys.exit(main())
