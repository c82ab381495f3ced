"""Every command that can draw, on a terminal: what a person sees, which a pipe never shows.

The commands run in this process with a pseudo-terminal in the place of standard input, output and error, so that heavy
libraries are loaded once. What they write goes to a screen that is wider than they are told, where a line that is too
wide shows.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pyte
import pytest
from PIL import Image

from mien.cli import main

KINDS = {
    "60": {"columns": 60},
    "80": {"columns": 80},
    "200": {"columns": 200},
    "no-color": {"columns": 80, "NO_COLOR": "1"},
    "dumb": {"columns": 80, "TERM": "dumb"},
}
SCREEN_LINES = 400
SCREEN_COLUMNS = 1000


@dataclass(frozen=True)
class Seen:
    """What was on the screen.

    Attributes:
        code: The exit code.
        lines: What is left on the screen, without spaces at the end.
        widest: The most columns that were in use at any time.
        written: Everything that was written, escape codes and all.
    """

    code: int
    lines: list[str]
    widest: int
    written: str

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


class _Screen:
    """Reads a pseudo-terminal to its end."""

    def __init__(self, master: int) -> None:
        self._master = master
        self._screen = pyte.Screen(SCREEN_COLUMNS, SCREEN_LINES)
        self._stream = pyte.ByteStream(self._screen)
        self.written = b""
        self.widest = 0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while True:
            try:
                some = os.read(self._master, 65536)
            except OSError:  # how Linux says that nobody holds the other end
                return
            if not some:
                return
            self.written += some
            self._stream.feed(some)
            self.widest = max(self.widest, *(len(line) for line in self.lines()), 0)

    def lines(self) -> list[str]:
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip().split("\n")

    def join(self) -> None:
        self._thread.join(timeout=30)
        assert not self._thread.is_alive()


@contextmanager
def _terminal(columns: int) -> Iterator[_Screen]:
    """Standard input, output and error are a terminal of that width."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    screen = _Screen(master)
    kept = [os.dup(number) for number in (0, 1, 2)]
    streams = sys.stdin, sys.stdout, sys.stderr
    try:
        with ExitStack() as stack:
            for number in (0, 1, 2):
                os.dup2(slave, number)
            os.close(slave)
            sys.stdin = stack.enter_context(os.fdopen(0, "r", closefd=False))
            sys.stdout = stack.enter_context(os.fdopen(1, "w", closefd=False, encoding="utf-8"))
            sys.stderr = stack.enter_context(os.fdopen(2, "w", closefd=False, encoding="utf-8"))
            yield screen
    finally:
        sys.stdin, sys.stdout, sys.stderr = streams
        for number, duplicate in enumerate(kept):
            os.dup2(duplicate, number)  # closes the last hold on the terminal
            os.close(duplicate)
        screen.join()
        os.close(master)


Run = Callable[..., Seen]


@pytest.fixture(params=KINDS)
def on_terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command and checks what holds for every one: exit code 0, no traceback, no line too wide."""
    kind = dict(KINDS[request.param])
    columns = int(kind.pop("columns"))
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"TERM": "xterm-256color"} | kind).items():
        monkeypatch.setenv(name, str(value))

    def run(*arguments: object, out: str | None = None, folds: bool = True) -> Seen:
        """`out` is a file in the place of standard output; without `folds` lines may be as long as they like."""
        with _terminal(columns) as screen, redirect_stdout(Path(out).open("w")) if out else nullcontext():
            code = main([str(argument) for argument in arguments])
        seen = Seen(code, screen.lines(), screen.widest, screen.written.decode())
        assert "Traceback" not in seen.text
        assert seen.code == 0, seen.text
        assert seen.widest <= columns or not folds, seen.text
        if "NO_COLOR" in kind:
            assert "\x1b[3" not in seen.written
        if kind.get("TERM") == "dumb":
            assert "\x1b" not in seen.written
        return seen

    return run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with short names."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photos(here: Path) -> list[str]:
    """Two images that are faces, black and white."""
    for name, level in (("black.png", 0), ("white.png", 255)):
        Image.new("RGB", (60, 60), (level,) * 3).save(name)
    return ["black.png", "white.png"]


@pytest.fixture
def clip(here: Path) -> str:
    """A second of black, a second of white."""
    writer = cv2.VideoWriter("clip.avi", cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 64))
    for number in range(20):
        writer.write(np.full((64, 64, 3), 255 * (number // 10), np.uint8))
    writer.release()
    return "clip.avi"


def test_predict(on_terminal: Run, toy_model: Path, photos: list[str]) -> None:
    seen = on_terminal("predict", *photos, "--model", toy_model, "--detector", "none")
    assert "2 photos, 2 faces. Detector: none. Model: toy." in seen.lines
    assert "Photos" not in seen.text  # the bar is gone


def test_rows_on_the_screen_are_not_mixed_with_a_bar(on_terminal: Run, toy_model: Path, photos: list[str]) -> None:
    seen = on_terminal("predict", *photos, "--model", toy_model, "--detector", "none", "--jsonl", folds=False)
    assert [json.loads(line)["source"] for line in seen.lines] == photos
    assert "Photos" not in seen.written


def test_rows_in_a_pipe_stay_in_the_pipe(on_terminal: Run, toy_model: Path, photos: list[str]) -> None:
    seen = on_terminal("predict", *photos, "--model", toy_model, "--detector", "none", "--jsonl", out="rows.jsonl")
    assert [json.loads(line)["source"] for line in Path("rows.jsonl").read_text().splitlines()] == photos
    assert seen.text == ""


def test_video(on_terminal: Run, toy_model: Path, clip: str) -> None:
    seen = on_terminal("video", clip, "--model", toy_model, "--detector", "none", "--out", "rows.csv")
    assert "wrote rows.csv" in seen.lines
    assert "Video" not in seen.text
    assert "× real time" in seen.written or "Video" not in seen.written  # in one line
    assert "…" not in seen.written  # nothing is too wide, neither the bar nor the table
    assert "confidence" in seen.text
