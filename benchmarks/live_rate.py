"""Live frames per second through `mien serve`: by a bare client, and by the page in headless Chromium.

    python benchmarks/live_rate.py [--seconds 20] [--width 640] [--height 480] [--chromium /usr/bin/chromium] [--json]

Needs `pip install 'mien[dev]'` and, for the page, Chromium. Starts the server on a free port of this machine. Both
clients send JPEGs of the same clip, one face that moves, and keep two frames under way. What the browser costs is
the difference between the two: it draws the clip, encodes, shows boxes and a timeline, on the same cores.

A frame counts when its answer has come. Latency is from taking the frame (before encoding) to its answer; its median.
Processor seconds per second of each side tell how many cores it kept busy.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
from machine import machine_facts, markdown
from skimage.data import astronaut

UNDER_WAY = 2
QUALITY = 80  # as the page encodes
WARM_UP_SECONDS = 3.0
PATIENCE_SECONDS = 60.0


def clip(width_px: int, height_px: int) -> list[np.ndarray]:
    """Two seconds at 30 frames/s of a face that wanders over a plain background."""
    side = round(0.6 * height_px)
    face = cv2.resize(cv2.cvtColor(astronaut()[:260, 95:355], cv2.COLOR_RGB2BGR), (side, side))
    frames = []
    for number in range(60):
        frame = np.full((height_px, width_px, 3), (168, 160, 150), np.uint8)
        x = round((width_px - side) * (0.5 + 0.2 * np.sin(2 * np.pi * number / 60)))
        frame[(height_px - side) // 2 :, x : x + side][:side] = face
        frames.append(frame)
    return frames


def as_jpeg(frame: np.ndarray) -> bytes:
    """One frame as the page sends it."""
    return bytes(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1])


@contextlib.contextmanager
def serving() -> Iterator[tuple[str, int]]:
    """`mien serve` on a free port: its address and process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mien", "serve", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    address = f"127.0.0.1:{port}"
    try:
        _wait_until_ready(address, process)
        yield address, process.pid
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def _wait_until_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        if process.poll() is not None:
            sys.exit(f"mien serve ended with {process.returncode}.")
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{address}/readyz", timeout=5):
            return
        if time.monotonic() > deadline:
            sys.exit("mien serve did not become ready.")
        time.sleep(0.05)


def cpu_seconds(pid: int) -> float:
    """Processor seconds of a process and its children."""
    root = psutil.Process(pid)
    total = 0.0
    for process in (root, *root.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total


async def bare_client(address: str, frames: list[np.ndarray], seconds: float) -> dict[str, float]:
    """Encode and send frames, two under way, and count the answers."""
    import websockets

    latencies: list[float] = []
    async with websockets.connect(f"ws://{address}/v1/stream", subprotocols=["mien"], max_size=None) as stream:
        await stream.recv()  # hello
        taken: dict[int, float] = {}
        sent = 0
        begin = time.perf_counter() + WARM_UP_SECONDS
        while (now := time.perf_counter()) < begin + seconds:
            while len(taken) < UNDER_WAY:
                taken[sent] = time.perf_counter()
                await stream.send(as_jpeg(frames[sent % len(frames)]))
                sent += 1
            told = json.loads(await stream.recv())
            now = time.perf_counter()
            if now >= begin:
                latencies.append(now - taken[told["sequence"]])
            taken = {number: when for number, when in taken.items() if number > told["sequence"]}
    return {"frames_per_second": len(latencies) / seconds, "latency_ms": 1000 * statistics.median(latencies)}


def page_client(address: str, frames: list[np.ndarray], seconds: float, *, chromium: str) -> dict[str, float]:
    """Let the page run with a camera that plays the clip, and read what it says of itself."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as library:
        camera = Path(folder) / "camera.mjpeg"
        camera.write_bytes(b"".join(as_jpeg(frame) for frame in frames))
        arguments = [
            "--no-sandbox",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-video-capture={camera}",
        ]
        browser = library.chromium.launch(executable_path=chromium, args=arguments)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"http://{address}/")
        page.wait_for_selector("#state[data-state=ready]")
        page.click("#start-camera")
        page.wait_for_selector("#cards .card")
        time.sleep(WARM_UP_SECONDS)
        browser_pid = _browser_pid(camera)
        rows, cpu, begin = _rows(page), cpu_seconds(browser_pid), time.perf_counter()
        latencies = []
        while time.perf_counter() < begin + seconds:
            time.sleep(1)
            latencies.append(float(page.inner_text("#latency-value")))
        passed = time.perf_counter() - begin
        facts = {
            "frames_per_second": (_rows(page) - rows) / passed,  # one face, so one row each
            "latency_ms": statistics.median(latencies),
            "browser_cores": (cpu_seconds(browser_pid) - cpu) / passed,
        }
        browser.close()
    return facts


def _rows(page: Any) -> int:
    return int(page.inner_text("#rows").split()[0].replace(",", ""))


def _browser_pid(camera: Path) -> int:
    """The browser's main process: the one of ours that was told of this camera and has no such parent."""
    told = [
        process
        for process in psutil.Process().children(recursive=True)
        if any(str(camera) in part for part in process.cmdline())
    ]
    pids = {process.pid for process in told}
    return next(process.pid for process in told if process.ppid() not in pids)


def measure(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Both clients in turns against one server."""
    frames = clip(options.width, options.height)
    results: dict[str, dict[str, float]] = {}
    with serving() as (address, pid):
        for client in ("bare client", "page"):
            if client == "page" and options.chromium is None:
                print("Chromium is not here, so the page is left out.", file=sys.stderr)
                continue
            before, begin = cpu_seconds(pid), time.perf_counter()
            if client == "page":
                facts = page_client(address, frames, options.seconds, chromium=options.chromium)
            else:
                facts = asyncio.run(bare_client(address, frames, options.seconds))
            facts["server_cores"] = (cpu_seconds(pid) - before) / (time.perf_counter() - begin)
            results[client] = {key: round(value, 2) for key, value in facts.items()}
    return results


def as_table(results: dict[str, dict[str, float]]) -> str:
    """Markdown for docs/benchmarks.md."""
    lines = [
        "| client | analysed frames/s | latency, ms | cores, server | cores, browser |",
        "|---|---|---|---|---|",
    ]
    for client, facts in results.items():
        browser = f"{facts['browser_cores']:.2f}" if "browser_cores" in facts else ""
        lines.append(
            f"| {client} | {facts['frames_per_second']:.1f} | {facts['latency_ms']:.0f} "
            f"| {facts['server_cores']:.2f} | {browser} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = measure(options)
    if options.json:
        print(json.dumps({"machine": machine_facts(), "seconds": options.seconds, "results": results}, indent=2))
    else:
        print(markdown(machine_facts()), as_table(results), sep="\n\n")


if __name__ == "__main__":
    main()
