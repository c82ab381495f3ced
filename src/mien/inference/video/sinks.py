"""Where the faces of a video go: CSV, JSON lines, Parquet, or an annotated video.

Each is written under a temporary name and gets its own when it is closed; closing happens on success, failure and
Ctrl-C alike, so what is there is complete up to there, and whole.
"""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import cv2
import numpy as np

from mien.errors import ConfigError, RunError
from mien.inference.draw import draw_faces
from mien.inference.video.analysis import ROW_COLUMNS, FrameAnswer

__all__ = ["AnnotatedVideo", "CsvSink", "JsonLinesSink", "ParquetSink", "Sink", "find_ffmpeg", "row_sink"]


class Sink:
    """Takes answers one by one; `with` closes it.

    Args:
        path: The file that will be there in the end.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part_path = path.with_name(f".{path.stem}-part{path.suffix}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
        except OSError as error:
            raise self._unwritable(error) from error

    def __enter__(self) -> Sink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._close()
            if self._part_path.exists():
                self._part_path.replace(self.path)
        except OSError as closing_error:
            if error is None:  # else that one is the news
                raise self._unwritable(closing_error) from closing_error

    def write(self, answer: FrameAnswer) -> None:
        """Take one frame's answer.

        Raises:
            RunError: The disk is full or gone.
        """
        try:
            self._write(answer)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> RunError:
        return RunError(
            f"Expected a folder with room to write {self.path.name}. Received: {error.strerror or error} "
            f"({self.path.parent}). Free some space or choose another folder."
        )

    def _open(self) -> None:
        raise NotImplementedError

    def _write(self, answer: FrameAnswer) -> None:
        raise NotImplementedError

    def _close(self) -> None:
        raise NotImplementedError


class CsvSink(Sink):
    """One row per face and frame."""

    _file: TextIO

    def _open(self) -> None:
        self._file = self._part_path.open("w", encoding="utf-8", newline="")
        self._rows = csv.DictWriter(self._file, ROW_COLUMNS, lineterminator="\n")
        self._rows.writeheader()

    def _write(self, answer: FrameAnswer) -> None:
        self._rows.writerows(answer.rows())

    def _close(self) -> None:
        self._file.close()


class JsonLinesSink(Sink):
    """One JSON object per face and frame."""

    _file: TextIO

    def _open(self) -> None:
        self._file = self._part_path.open("w", encoding="utf-8")

    def _write(self, answer: FrameAnswer) -> None:
        for row in answer.rows():
            self._file.write(json.dumps(row) + "\n")

    def _close(self) -> None:
        self._file.close()


class ParquetSink(Sink):
    """The same rows in columns, written in groups, so that memory stays flat."""

    _GROUP_ROWS = 20_000

    def _open(self) -> None:
        try:
            pa, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
        except ModuleNotFoundError as error:
            raise ConfigError(
                "Expected pyarrow for Parquet files. Received: it is not installed. Run: pip install pyarrow, "
                "or write .csv or .jsonl."
            ) from error
        texts = ("emotion", "instant_emotion", "quality")
        kinds = {"frame": pa.int64(), "track": pa.int32(), "uncertain": pa.bool_()} | dict.fromkeys(texts, pa.string())
        kinds["time_seconds"] = pa.float64()  # float32 would be off by a frame after some hours
        self._schema = pa.schema([(name, kinds.get(name, pa.float32())) for name in ROW_COLUMNS])
        self._table = pa.Table
        self._writer = parquet.ParquetWriter(self._part_path, self._schema)
        self._rows: list[dict[str, Any]] = []

    def _write(self, answer: FrameAnswer) -> None:
        self._rows += answer.rows()
        if len(self._rows) >= self._GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(self._table.from_pylist(self._rows, schema=self._schema))
            self._rows = []

    def _close(self) -> None:
        self._flush()
        self._writer.close()


# What every OpenCV can write; H.264 is not among it.
_CODECS = {".mp4": "mp4v", ".m4v": "mp4v", ".mov": "mp4v", ".avi": "MJPG"}


class AnnotatedVideo(Sink):
    """The video with boxes and labels, at a constant rate; with the sound of the original where ffmpeg is.

    Args:
        path: An .mp4 or .avi file.
        fps: Frames per second; frames are repeated or left out so that the time stays right.
        sound_path: The video to take the sound from, or None.
    """

    def __init__(self, path: Path, *, fps: float, sound_path: Path | None = None) -> None:
        if path.suffix.lower() not in _CODECS:
            raise ConfigError(f"Expected an annotated video that ends in .mp4 or .avi. Received: {path.name}.")
        self._fps, self._sound_path = fps, sound_path
        super().__init__(path)

    def _open(self) -> None:
        self._writer: Any = None
        self._size = (0, 0)
        self._first_seconds = 0.0
        self._written = 0

    def _write(self, answer: FrameAnswer) -> None:
        picture = draw_faces(
            answer.frame.image_rgb,
            [tracked.face for tracked in answer.faces],
            names=[f"{tracked.track}" for tracked in answer.faces],
        )
        if self._writer is None:
            self._start(picture, answer.frame.time_seconds)
        # Streams may change their size half way; a video file may not.
        if picture.shape[1::-1] != self._size:
            picture = cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA)
        due = round((answer.frame.time_seconds - self._first_seconds) * self._fps) + 1
        for _ in range(max(0, due - self._written)):
            self._writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        self._written = max(self._written, due)

    def _start(self, picture: np.ndarray, time_seconds: float) -> None:
        codec = cv2.VideoWriter.fourcc(*_CODECS[self.path.suffix.lower()])
        self._size = (picture.shape[1] // 2 * 2, picture.shape[0] // 2 * 2)  # codecs halve the size of colours
        self._writer = cv2.VideoWriter(str(self._part_path), codec, self._fps, self._size)
        if not self._writer.isOpened():
            raise OSError(f"OpenCV cannot write {self.path.suffix} videos here")
        self._first_seconds = time_seconds

    def _close(self) -> None:
        if self._writer is None:
            return
        self._writer.release()
        ffmpeg = find_ffmpeg() if self._sound_path is not None else None
        if ffmpeg and self._sound_path is not None:
            _add_sound(ffmpeg, self._part_path, self._sound_path, self._first_seconds)


def find_ffmpeg() -> str | None:
    """The ffmpeg program: the system's, else the one that the package imageio-ffmpeg brings, else None."""
    system = shutil.which("ffmpeg")
    if system:
        return system
    try:
        return str(import_module("imageio_ffmpeg").get_ffmpeg_exe())
    except (ModuleNotFoundError, RuntimeError):  # RuntimeError: the package has no program for this system
        return None


def _add_sound(ffmpeg: str, picture_path: Path, sound_path: Path, from_seconds: float) -> None:
    """Put the sound of one video under the picture of another; where that fails, the picture stays as it is."""
    with_sound = picture_path.with_name("with-sound" + picture_path.name)
    command = [ffmpeg, "-nostdin", "-v", "error", "-y", "-i", str(picture_path), "-ss", f"{from_seconds:.3f}"]
    command += ["-i", str(sound_path), "-map", "0:v", "-map", "1:a?", "-c:v", "copy", "-shortest", str(with_sound)]
    done = subprocess.run(command, check=False, capture_output=True)
    if done.returncode == 0:
        with_sound.replace(picture_path)
    with_sound.unlink(missing_ok=True)


_ROW_SINKS: dict[str, type[Sink]] = {".csv": CsvSink, ".jsonl": JsonLinesSink, ".parquet": ParquetSink}


def row_sink(path: Path) -> Sink:
    """The sink for a path's ending.

    Raises:
        ConfigError: Another ending, or Parquet without pyarrow.
        RunError: The folder cannot be written.
    """
    kind = _ROW_SINKS.get(path.suffix.lower())
    if kind is None:
        raise ConfigError(f"Expected a file that ends in {', '.join(_ROW_SINKS)}. Received: {path.name}.")
    return kind(path)
