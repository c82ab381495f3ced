"""Analysed frames per second over WS /v1/stream: 640×480 with one face, two frames under way, as the page does it.

python benchmarks/serve_stream.py [--seconds 10] [--streams 1 2] [--json FILE] [-- OPTIONS OF mien serve]
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine_facts, markdown
from PIL import Image
from serve_load import server
from websockets.asyncio.client import connect

UNDER_WAY = 2


def frames(count: int = 30) -> list[bytes]:
    """The portrait that comes with scikit-image, moved a little from frame to frame."""
    from skimage.data import astronaut

    made = []
    for number in range(count):
        picture = Image.new("RGB", (640, 480), (90, 90, 90))
        picture.paste(Image.fromarray(astronaut()), (60 + number, -20))
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=80)
        made.append(buffer.getvalue())
    return made


async def stream(port: int, pictures: list[bytes], seconds: float) -> dict[str, Any]:
    """One connection, kept busy; the first second does not count."""
    sent: dict[int, float] = {}
    round_trips, analysis, faces, dropped, sequence = [], [], 0, 0, 0
    async with connect(f"ws://127.0.0.1:{port}/v1/stream", max_size=None) as session:
        await session.recv()
        begin = time.perf_counter() + 1
        while (now := time.perf_counter()) < begin + seconds:
            while len(sent) < UNDER_WAY:
                sent[sequence] = time.perf_counter()
                await session.send(pictures[sequence % len(pictures)])
                sequence += 1
            answer = json.loads(await session.recv())
            now = time.perf_counter()
            if now >= begin:
                round_trips.append(1000 * (now - sent[answer["sequence"]]))
                analysis.append(answer["milliseconds"])
                faces += len(answer["prediction"]["faces"])
            dropped = answer["dropped"]
            sent = {number: when for number, when in sent.items() if number > answer["sequence"]}
    p50, p95 = np.percentile(round_trips, [50, 95])
    return {
        "frames_per_second": round(len(round_trips) / seconds, 1),
        "round_trip_p50_ms": round(float(p50), 1),
        "round_trip_p95_ms": round(float(p95), 1),
        "analysis_p50_ms": round(float(np.median(analysis)), 1),
        "faces_per_frame": round(faces / len(round_trips), 2),
        "dropped": dropped,
    }


async def measure(port: int, streams: int, seconds: float) -> list[dict[str, Any]]:
    pictures = frames()
    rows = await asyncio.gather(*(stream(port, pictures, seconds) for _ in range(streams)))
    return [{"streams": streams} | row for row in rows]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--json", type=Path, help="write the numbers here, too")
    parser.add_argument("options", nargs="*", help="more options of mien serve, after --")
    arguments = parser.parse_args()
    rows = []
    with server(1, arguments.options) as port:
        for streams in arguments.streams:
            rows += asyncio.run(measure(port, streams, arguments.seconds))
    lines = [f"| {' | '.join(rows[0])} |".replace("_", " "), "|" + len(rows[0]) * "---|"]
    lines += [f"| {' | '.join(map(str, row.values()))} |" for row in rows]
    print(markdown(machine_facts()), "\n".join(lines), sep="\n\n")
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine_facts(), "rows": rows}, indent=2), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
