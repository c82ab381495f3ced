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
import shutil
import struct
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import pyte
import pytest
from PIL import Image

from mien.cli import main
from mien.config import with_overrides
from mien.demo import DEMO_CONFIG, Demo
from mien.emotions import NUM_EMOTIONS
from mien.run import Probabilities
from mien.run import Run as MienRun

KINDS = {
    "60": {"columns": 60},
    "80": {"columns": 80},
    "200": {"columns": 200},
    "no-color": {"columns": 80, "NO_COLOR": "1"},
    "dumb": {"columns": 80, "TERM": "dumb"},
}
# For what takes long: the terminal where least fits.
only_narrow = pytest.mark.parametrize("on_terminal", ["60"], indirect=True)
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


def test_names_survive_a_narrow_terminal(on_terminal: Run, toy_model: Path, here: Path) -> None:
    """Where a photo's name would not stand beside all columns, the coordinates go first."""
    Image.new("RGB", (60, 60)).save("a-photo-of-holidays.png")
    seen = on_terminal("predict", "a-photo-of-holidays.png", "--model", toy_model, "--detector", "none")
    assert any(line.startswith("a-photo-of-holidays.png ") for line in seen.lines)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small dataset of drawn faces."""
    from mien.synthetic.faces import write_synthetic

    folder = tmp_path_factory.mktemp("drawn") / "faces"
    write_synthetic(folder, samples_per_class=8)
    return folder


@pytest.fixture
def faces(here: Path, drawn: Path) -> str:
    """The drawn faces, under a short name, which holds what Rich reads as markup."""
    shutil.copytree(drawn, "[/b]faces")
    return "[/b]faces"


def test_data(on_terminal: Run, faces: str) -> None:
    drawn = on_terminal("data", "synthetic", "more", "--samples-per-class", 3)
    assert drawn.lines == ["Drew 21 faces into more: 7 train, 7 val, 7 test.", "Next: mien train more"]
    checked = on_terminal("data", "check", faces)
    assert checked.lines[0] == "[/b]faces: 56 images"
    assert [line.split() for line in checked.lines if line.startswith("total")] == [["total", "42", "7", "7"]]
    assert "fingerprint" in checked.text
    audited = on_terminal("data", "audit", faces, "--clean", "clean")
    assert audited.lines[-1] == "What was left out and why: clean/removed.csv"
    summary = on_terminal("data", "summary", faces, "--no-figures")
    assert [line for line in summary.lines if line.startswith("white")]


def _scored(folder: str, right: int) -> str:
    """A run without a model: probabilities of 28 images, some of them right."""
    labels = np.arange(28) % NUM_EMOTIONS
    p = np.full((28, NUM_EMOTIONS), 0.05, np.float32)
    p[np.arange(28), np.where(np.arange(28) < right, labels, (labels + 1) % NUM_EMOTIONS)] = 0.7
    ids = np.array([f"image-{n}" for n in range(28)])
    MienRun(Path(folder)).write_probabilities("val", Probabilities(ids, labels, p))
    return folder


def test_compare(on_terminal: Run, here: Path) -> None:
    seen = on_terminal("compare", _scored("one", 8), _scored("two", 20), "--save", "changed.csv")
    assert seen.lines[0] == "2 runs on val, 28 images"
    assert seen.lines[-1] == "Written to changed.csv: 12 images that changed sides"


def test_ensemble(on_terminal: Run, toy_model: Path, faces: str) -> None:
    seen = on_terminal("ensemble", toy_model, "--data", faces, "--run", "both")
    assert "Next: mien evaluate both --split val" in " ".join(seen.lines)


def test_models(on_terminal: Run) -> None:
    seen = on_terminal("models", "list")
    assert [line.split()[0] for line in seen.lines if line.startswith(("base ", "small "))] == ["base", "small"]


@only_narrow
def test_bench(on_terminal: Run, toy_model: Path) -> None:
    seen = on_terminal("bench", toy_model, "--seconds", "0.01", "--detector", "none")
    assert seen.lines[-1].endswith("frames/s")
    assert "Measuring" not in seen.text


def test_an_error_is_wrapped_between_words(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)  # which processes of pytest-xdist have
    for columns in (60, 80, 200):
        with _terminal(columns) as screen:
            assert main(["data", "check", "no-such-dataset.csv"]) == 1
        assert screen.widest <= columns
        assert screen.lines()[0].startswith("mien: ")


@only_narrow
def test_evaluate_and_report_of_stored_probabilities(on_terminal: Run, here: Path) -> None:
    _scored("run", 20)
    seen = on_terminal("evaluate", "run", "--from-probabilities")
    assert "accuracy 71.43%" in seen.text
    assert seen.lines[-1].endswith("figures)")
    assert on_terminal("report", "run", "--no-data").lines[-1].startswith("suspected labels: run")


TINY = ("model.widths=[4]", "model.blocks=[1]", "train.epochs=3", "train.precision=float32")


@only_narrow
def test_from_training_to_explanations(on_terminal: Run, faces: str) -> None:
    """The commands that take a network: each once, on the narrowest terminal, where most does not fit."""
    settings = chain.from_iterable(("--set", one) for one in ("model.architecture=cnn", *TINY))
    trained = on_terminal("train", faces, "--run", "r", *settings)
    assert [line.split()[0] for line in trained.lines[1:5]] == ["epoch", "1", "2", "3"]
    assert trained.lines[-1] == "Next: mien evaluate r --split val"
    assert on_terminal("evaluate", "r").lines[-1].endswith("figures)")
    assert "model.onnx" in on_terminal("export", "r").text


def test_explain(on_terminal: Run, toy_model: Path, photos: list[str]) -> None:
    seen = on_terminal("explain", photos[0], "--model", toy_model, "--detector", "none")
    assert seen.lines[-1] == "black-explained.png"


@only_narrow
def test_demo(on_terminal: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = with_overrides(DEMO_CONFIG, TINY)
    monkeypatch.setattr("mien.demo.Demo", partial(Demo, config=config, samples_per_class=12))
    lines = on_terminal("demo").lines
    assert " ".join(lines[-2:]) == "Look at demo/overview.png. All about the network: mien report demo/run"
