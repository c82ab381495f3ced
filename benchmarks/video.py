"""Frames per second of `mien video`: one frame at a time on all cores, beside several at a time on one core each.

    python benchmarks/video.py CLIP [--model base] [--rounds 5] [--long-minutes 0] [--json]

The ways take turns on the same clip, and the best round counts. Decoding is part of every figure. With `--long-minutes`
the clip is played again and again for so long a time (of the clip, not on the clock), and the memory of this process
is printed after each tenth: it must stay flat.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mien import Predictor
from mien.inference.video.analysis import VideoAnalysis
from mien.inference.video.clip import Frame, open_clip
from mien.machine import usable_cores


class Again:
    """A clip that begins again when it ends, for so many seconds of its own time."""

    is_live = False

    def __init__(self, path: Path, seconds: float) -> None:
        self._path, self._seconds = path, seconds
        with open_clip(path) as clip:
            self.fps, self.name = clip.fps, clip.name

    def frames(self, **_: Any) -> Iterator[Frame]:
        passed, number = 0.0, 0
        while passed < self._seconds:
            with open_clip(self._path) as clip:
                for frame in clip.frames():
                    yield Frame(number, passed + frame.time_seconds, frame.image_rgb)
                    number += 1
            passed += frame.time_seconds + 1 / self.fps


def frames_per_second(predictor: Predictor, path: Path, workers: int) -> float:
    started, frames = time.perf_counter(), 0
    with open_clip(path) as clip:
        for _ in VideoAnalysis(predictor, workers=workers).follow(clip):
            frames += 1
    return frames / (time.perf_counter() - started)


def megabytes_now() -> float:
    """Resident memory of this process; Linux only."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def memory_over_time(predictor: Predictor, path: Path, minutes: float, workers: int) -> list[float]:
    """Megabytes after each tenth."""
    clip: Any = Again(path, 60 * minutes)
    sizes, step = [], 60 * minutes / 10
    for result in VideoAnalysis(predictor, workers=workers).follow(clip):
        if result.frame.time_seconds >= step * (len(sizes) + 1):
            sizes.append(round(megabytes_now(), 1))
    return [*sizes, round(megabytes_now(), 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--model", default="base")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--long-minutes", type=float, default=0.0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    cores = min(4, usable_cores())
    ways = {"one frame at a time": (None, 1), f"{cores} frames at a time": (1, cores)}
    predictors = {name: Predictor(arguments.model, threads=threads) for name, (threads, _) in ways.items()}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(arguments.rounds):
        for name, (_, workers) in ways.items():
            rates[name].append(frames_per_second(predictors[name], arguments.clip, workers))
    with open_clip(arguments.clip) as clip:
        own = clip.fps
    facts: dict[str, Any] = {name: round(max(found), 1) for name, found in rates.items()} | {"clip's own": own}
    if arguments.long_minutes:
        name = f"{cores} frames at a time"
        facts["megabytes"] = memory_over_time(predictors[name], arguments.clip, arguments.long_minutes, cores)
    if arguments.json:
        print(json.dumps(facts, indent=2))
        return
    print(f"| {arguments.clip.name}, {arguments.model} | frames per second |\n|---|---|")
    for name, value in facts.items():
        print(f"| {name} | {value} |")


if __name__ == "__main__":
    main()
