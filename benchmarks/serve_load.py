"""Requests per second and times of `mien serve` on loopback: one photo with one face, 1, 8 and 64 clients.

Each client keeps one connection and asks again as soon as it is answered. The generator speaks HTTP itself, on one
thread, and says how much of a core it took, since it shares the machine with the server. Then more clients come than
may wait: how many are refused, how long the accepted ones take, and how soon a lone request is as fast as before.

    python benchmarks/serve_load.py [--seconds 10] [--clients 1 8 64] [--workers 1 2] [--overload 256] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine_facts, markdown
from PIL import Image

# A client that is refused comes back after this time; real ones would wait for Retry-After, a second at least.
BACK_AFTER_SECONDS = 0.1


def photo() -> bytes:
    """The portrait that comes with scikit-image, as a JPEG: 512×512, one face."""
    from skimage.data import astronaut

    buffer = io.BytesIO()
    Image.fromarray(astronaut()).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@contextlib.contextmanager
def server(workers: int, options: list[str]) -> Iterator[int]:
    """A running `mien serve`; gives its port."""
    command = [sys.executable, "-m", "mien", "serve", "--port", "0", "--no-open", "--workers", str(workers), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline().partition("127.0.0.1:")[2].partition("/")[0])
    finally:
        process.terminate()
        process.wait(60)


def request_of(content: bytes) -> bytes:
    """One POST, as bytes that are made once."""
    head = "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


class Client:
    """One connection."""

    def __init__(self, port: int, request: bytes) -> None:
        self._port, self._request = port, request
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self) -> int:
        """The status of one answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(self._request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        if b"connection: close" in head:
            self.close()
        return int(head.split(None, 2)[1])

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


async def load(port: int, request: bytes, clients: int, seconds: float) -> dict[str, Any]:
    """Clients that ask without a break; the first tenth of the time does not count."""
    milliseconds: dict[int, list[float]] = collections.defaultdict(list)
    begin = time.perf_counter() + seconds / 10
    end = begin + seconds

    async def run() -> None:
        client = Client(port, request)
        while (started := time.perf_counter()) < end:
            try:
                status = await client.ask()
            except (ConnectionError, asyncio.IncompleteReadError):
                status = 0
                client.close()
            if started >= begin:
                milliseconds[status].append(1000 * (time.perf_counter() - started))
            if status != 200:
                await asyncio.sleep(BACK_AFTER_SECONDS)
        client.close()

    cpu = time.process_time()
    await asyncio.gather(*(run() for _ in range(clients)))
    busy = time.process_time() - cpu
    answered = milliseconds.pop(200, [])
    refused = {str(status): len(times) for status, times in sorted(milliseconds.items())}
    p50, p95, p99 = (round(float(p), 1) for p in np.percentile(answered or [np.nan], [50, 95, 99]))
    return {
        "clients": clients,
        "per_second": round(len(answered) / seconds, 1),
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "refused": refused,
        "refused_share": round(sum(refused.values()) / max(1, sum(refused.values()) + len(answered)), 3),
        "generator_cores": round(busy / (1.1 * seconds), 2),
    }


async def recovery_seconds(port: int, request: bytes, usual_ms: float) -> float:
    """How long after an overload until a lone request takes at most twice its usual time."""
    started, client = time.perf_counter(), Client(port, request)
    while time.perf_counter() - started < 30:
        asked = time.perf_counter()
        if await client.ask() == 200 and 1000 * (time.perf_counter() - asked) <= 2 * usual_ms:
            break
    client.close()
    return round(time.perf_counter() - started, 2)


async def wait_until_warm(port: int, request: bytes, workers: int) -> None:
    """Every worker has answered before time is taken."""
    for _ in range(10 * workers):
        client = Client(port, request)
        await client.ask()
        client.close()


async def measure(port: int, request: bytes, workers: int, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    await wait_until_warm(port, request, workers)
    rows = [await load(port, request, clients, arguments.seconds) for clients in arguments.clients]
    overload = await load(port, request, arguments.overload, arguments.seconds)
    overload["recovery_seconds"] = await recovery_seconds(port, request, rows[0]["p50_ms"])
    return [{"workers": workers} | row for row in (*rows, overload)]


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = [
        "| workers | clients | answers/s | p50 ms | p95 ms | p99 ms | refused | generator, cores |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        refused = ", ".join(f"{count} × {status}" for status, count in row["refused"].items()) or "0"
        share = f" ({row['refused_share']:.0%})" if row["refused"] else ""
        cells = [row[key] for key in ("workers", "clients", "per_second", "p50_ms", "p95_ms", "p99_ms")]
        lines.append(f"| {' | '.join(map(str, cells))} | {refused}{share} | {row['generator_cores']} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="time of each measurement")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--overload", type=int, default=256, help="clients of the overload")
    parser.add_argument("--json", type=Path, help="write the numbers here, too")
    parser.add_argument("options", nargs="*", help="more options of mien serve, after --")
    arguments = parser.parse_args()
    request, rows = request_of(photo()), []
    for workers in arguments.workers:
        with server(workers, arguments.options) as port:
            rows += asyncio.run(measure(port, request, workers, arguments))
    print(markdown(machine_facts()), table(rows), sep="\n\n", end="\n\n")
    for row in rows:
        if "recovery_seconds" in row:
            print(
                f"{row['workers']} workers: back to normal {row['recovery_seconds']} s after {row['clients']} clients."
            )
    for workers in arguments.workers:
        by_clients = {row["clients"]: row for row in rows if row["workers"] == workers}
        if {1, 8} <= set(by_clients):
            ratio = by_clients[8]["p99_ms"] / by_clients[1]["p50_ms"]
            print(f"{workers} workers: p99 at 8 clients is {ratio:.1f} × the time of a lone request.")
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine_facts(), "rows": rows}, indent=2), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
