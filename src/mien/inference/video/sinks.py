"""Where the faces of a video go: CSV, JSON lines, Parquet, or an annotated video.

What cannot be written is refused when a sink is made, before anything is opened. A file that was there before is
replaced only when the new one is complete; on failure it stays, and what was written is kept beside it (see
`mien.files.Output`).
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, TextIO

import cv2
import numpy as np

from mien.errors import ConfigError, OutputError
from mien.files import Output, atomic_write, unwritable
from mien.inference.draw import draw_faces
from mien.inference.video.analysis import ROW_COLUMNS, FrameFaces
from mien.inference.video.tracking import TrackSummary

__all__ = ["AnnotatedVideo", "CsvSink", "JsonLinesSink", "ParquetSink", "Sink", "find_ffmpeg", "row_sink"]


class Sink:
    """Takes frames one by one. `with` opens it, and puts the file in its place when the block ends well.

    Args:
        target: The file that will be there in the end.

    Attributes:
        sources: Files that are read meanwhile, none of which may be the target; to be said before the block begins.
        remarks: What the user should know of the file, a sentence each.
        is_written: True once the file is in its place.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.sources: Sequence[Path] = ()
        self.remarks: list[str] = []
        self.is_written = False
        self._is_finished = self._has_begun = self._is_empty = False

    def __enter__(self) -> Sink:
        self._output = Output(self.target, sources=self.sources, keep_partial=True)
        try:
            self._open(self._output.path)
        except OSError as error:
            self._output.abandon()
            raise unwritable(self.target, error) from error
        return self

    def write(self, result: FrameFaces) -> None:
        """Take one frame.

        Raises:
            OutputError: The disk is full or gone.
        """
        self._has_begun = True
        try:
            self._write(result)
        except OSError as error:
            raise unwritable(self.target, error) from error

    def finish(self, summaries: Sequence[TrackSummary] = ()) -> None:
        """Close the file and see that it is complete; it is put in its place when the block ends.

        Where several files belong together, all are finished before the first block ends.

        Args:
            summaries: The people of the video.

        Raises:
            OutputError: It is not complete.
        """
        if self._is_finished:
            return
        try:
            self._close()
            self._is_empty = not self._complete(summaries)
        except OSError as error:
            raise unwritable(self.target, error) from error
        self._is_finished = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._abandon(error)
            return
        try:
            self.finish()
        except BaseException as failure:
            self._abandon(failure)
            raise
        if self._is_empty:
            self._output.path.unlink(missing_ok=True)
            self._output.abandon()
            self.remarks.append(f"{self.target.name} was not written: there is nothing to show.")
        else:
            self._output.commit()
            self.is_written = True

    def _abandon(self, error: BaseException) -> None:
        if not self._is_finished:
            with contextlib.suppress(Exception):  # the first error is the news
                self._close()
        if not self._has_begun:  # a header is nothing to keep
            self._output.path.unlink(missing_ok=True)
        self._output.abandon(error)

    def _open(self, path: Path) -> None:
        raise NotImplementedError

    def _write(self, result: FrameFaces) -> None:
        raise NotImplementedError

    def _close(self) -> None:
        """Let go of the file; also called after failures."""
        raise NotImplementedError

    def _complete(self, summaries: Sequence[TrackSummary]) -> bool:
        """Do what is to be done with a closed file, check it, and say whether there is anything in it."""
        return True


class _TextSink(Sink):
    _file: TextIO

    def _open(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")

    def _close(self) -> None:
        self._file.close()


class CsvSink(_TextSink):
    """One row per face and frame."""

    def _open(self, path: Path) -> None:
        super()._open(path)
        self._rows = csv.DictWriter(self._file, ROW_COLUMNS, lineterminator="\n")
        self._rows.writeheader()

    def _write(self, result: FrameFaces) -> None:
        self._rows.writerows(result.rows())


class JsonLinesSink(_TextSink):
    """One JSON object per face and frame."""

    def _write(self, result: FrameFaces) -> None:
        for row in result.rows():
            self._file.write(json.dumps(row) + "\n")


class ParquetSink(Sink):
    """The same rows in columns, written in groups, so that memory stays flat.

    Raises:
        ConfigError: pyarrow is not installed.
    """

    _GROUP_ROWS = 20_000

    def __init__(self, target: Path) -> None:
        super().__init__(target)
        try:
            self._pyarrow, self._parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
        except ModuleNotFoundError as error:
            raise ConfigError(
                "Expected pyarrow for Parquet files. Received: it is not installed. Run: pip install pyarrow, "
                "or write .csv or .jsonl."
            ) from error

    def _open(self, path: Path) -> None:
        pa = self._pyarrow
        strings = ("emotion", "instant_emotion", "quality")
        kinds = {"frame": pa.int64(), "track": pa.int32(), "uncertain": pa.bool_()}
        kinds |= dict.fromkeys(strings, pa.string())
        kinds["time_seconds"] = pa.float64()  # float32 would be off by a frame after some hours
        self._schema = pa.schema([(name, kinds.get(name, pa.float32())) for name in ROW_COLUMNS])
        self._writer = self._parquet.ParquetWriter(path, self._schema)
        self._rows: list[dict[str, Any]] = []

    def _write(self, result: FrameFaces) -> None:
        self._rows += result.rows()
        if len(self._rows) >= self._GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(self._pyarrow.Table.from_pylist(self._rows, schema=self._schema))
            self._rows = []

    def _close(self) -> None:
        self._flush()
        self._writer.close()


# What every OpenCV can write; where ffmpeg is, mp4v gives way to H.264.
_CODECS = {".mp4": "mp4v", ".m4v": "mp4v", ".mov": "mp4v", ".avi": "MJPG"}
# A picture stays on for at most this long: a damaged time stamp would otherwise fill the disk with it.
_LONGEST_STILL_SECONDS = 10.0
# Less than what is seen between sound and lips.
_LONGEST_LEAD_SECONDS = 0.1


class AnnotatedVideo(Sink):
    """The video with boxes and labels, at a constant rate; H.264 and with the sound of the original where ffmpeg is.

    Args:
        target: An .mp4, .m4v, .mov or .avi file.
        fps: Frames per second; frames are repeated or left out so that the time stays right.
        sound_path: The video to take the sound from, or None.

    Raises:
        ConfigError: Another ending.
    """

    def __init__(self, target: Path, *, fps: float, sound_path: Path | None = None) -> None:
        super().__init__(target)
        if target.suffix.lower() not in _CODECS:
            raise ConfigError(
                f"Expected an annotated video that ends in {', '.join(_CODECS)}. Received: {target.name}."
            )
        self._fps, self._sound_path = fps, sound_path

    def _open(self, path: Path) -> None:
        self._path = path
        self._ffmpeg = find_ffmpeg()
        self._encoder: _Encoder | None = None
        self._size = (0, 0)
        self._first_seconds = self._last_seconds = self._cut_seconds = 0.0
        self._written = 0

    def _write(self, result: FrameFaces) -> None:
        image_rgb = draw_faces(
            result.frame.image_rgb,
            [tracked.face for tracked in result.faces],
            names=[f"{tracked.track}" for tracked in result.faces],
        )
        encoder = self._encoder or self._start(image_rgb, result.frame.time_seconds)
        # Streams may change their size half way; a video file may not.
        if image_rgb.shape[1::-1] != self._size:
            image_rgb = cv2.resize(image_rgb, self._size, interpolation=cv2.INTER_AREA)
        due = self._due(result.frame.time_seconds)
        # Times jitter, and no frame is lost to that; only where they come faster than the rate, some are.
        is_ahead = self._written - due >= _LONGEST_LEAD_SECONDS * self._fps
        for _ in range(max(due - self._written, 0 if is_ahead else 1)):
            encoder.write(image_rgb)
            self._written += 1

    def _due(self, time_seconds: float) -> int:
        """How many frames there have to be by now."""
        still_seconds = time_seconds - self._last_seconds
        if still_seconds > _LONGEST_STILL_SECONDS:
            self._cut_seconds += still_seconds - _LONGEST_STILL_SECONDS
            self.remarks.append(
                f"{self.target.name}: the time jumps by {still_seconds:,.0f} s after {self._last_seconds:.1f} s; "
                f"{_LONGEST_STILL_SECONDS:.0f} s of them are saved, and no sound."
            )
        self._last_seconds = time_seconds
        return round((time_seconds - self._first_seconds - self._cut_seconds) * self._fps) + 1

    def _start(self, image_rgb: np.ndarray, time_seconds: float) -> _Encoder:
        self._first_seconds = self._last_seconds = time_seconds
        self._size = (image_rgb.shape[1] // 2 * 2, image_rgb.shape[0] // 2 * 2)  # codecs halve the size of colours
        codec = _CODECS[self.target.suffix.lower()]
        if codec == "mp4v" and self._ffmpeg and _has_h264(self._ffmpeg):
            self._encoder = _H264Encoder(self._ffmpeg, self._path, self._fps, self._size)
        else:
            self._encoder = _OpenCvEncoder(codec, self._path, self._fps, self._size)
            self.remarks.append(_what_it_is(self.target, codec, has_ffmpeg=self._ffmpeg is not None))
        return self._encoder

    def _close(self) -> None:
        if self._encoder is not None:
            self._encoder.close()

    def _complete(self, summaries: Sequence[TrackSummary]) -> bool:
        if self._encoder is None:
            return False
        _check_frames(self._path, self._written)
        if self._ffmpeg and self._sound_path is not None and not self._cut_seconds:
            span = (self._first_seconds, self._written / self._fps)
            try:
                with atomic_write(self._path) as temporary:
                    _add_sound(self._ffmpeg, self._path, self._sound_path, span, temporary)
                    _check_frames(temporary, self._written)
            except (OSError, OutputError) as error:
                self.remarks.append(f"{self.target.name} has no sound: {error}")
        return True


class _Encoder(Protocol):
    def write(self, image_rgb: np.ndarray) -> None: ...

    def close(self) -> None: ...


class _OpenCvEncoder:
    """What OpenCV brings along; it says nothing when it fails."""

    def __init__(self, codec: str, path: Path, fps: float, size: tuple[int, int]) -> None:
        self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, size)
        if not self._writer.isOpened():
            raise OSError(f"OpenCV cannot write {path.suffix} videos here")

    def write(self, image_rgb: np.ndarray) -> None:
        self._writer.write(cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        self._writer.release()


class _H264Encoder:
    """ffmpeg, which takes frames through a pipe: the codec that browsers and phones play."""

    def __init__(self, ffmpeg: str, path: Path, fps: float, size: tuple[int, int]) -> None:
        rate = Fraction(fps).limit_denominator(1001)  # such as 30000/1001
        frames = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[0]}x{size[1]}", "-r", f"{rate}", "-i", "-"]
        codec = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p"]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  until `close`; a pipe that nobody reads would fill up
        self._process = subprocess.Popen(
            [ffmpeg, "-v", "error", "-y", *frames, *codec, "-movflags", "+faststart", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            start_new_session=True,  # Ctrl-C is for mien, which ends the video first
        )

    def write(self, image_rgb: np.ndarray) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(np.ascontiguousarray(image_rgb).data)
        except OSError:  # it has ended, and says why
            self.close()
            raise

    def close(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        code = self._process.wait()
        if self._errors.closed:
            return
        with self._errors:
            self._errors.seek(0)
            said = self._errors.read().decode(errors="replace").strip()
        if code:
            raise OSError(f"ffmpeg ended with {code}: {_last_line(said)}")


def find_ffmpeg() -> str | None:
    """The ffmpeg program: the system's, else the one that the package imageio-ffmpeg brings, else None.

    Unlike `shutil.which` on Windows, it never looks in the current folder, where a download may lie.
    """
    name = "ffmpeg.exe" if os.name == "nt" else "ffmpeg"
    for folder in map(Path, os.get_exec_path()):
        if folder.is_absolute() and os.access(folder / name, os.X_OK) and (folder / name).is_file():
            return str(folder / name)
    try:
        program = Path(import_module("imageio_ffmpeg").get_ffmpeg_exe())
    except (ModuleNotFoundError, RuntimeError):  # RuntimeError: the package has no program for this system
        return None
    return str(program) if program.is_absolute() else None


def _has_h264(ffmpeg: str) -> bool:
    """Some systems leave it out, for its patents."""
    return b" libx264 " in _run([ffmpeg, "-v", "error", "-encoders"]).stdout


def _add_sound(ffmpeg: str, image_path: Path, sound_path: Path, span: tuple[float, float], target: Path) -> None:
    """Put the sound of one video, from a time and for a time in seconds, under all frames of another.

    Raises:
        OSError: ffmpeg cannot do it.
    """
    sound = ["-ss", f"{span[0]:.3f}", "-t", f"{span[1]:.3f}", "-i", str(sound_path)]
    command = [ffmpeg, "-nostdin", "-v", "error", "-y", "-i", str(image_path), *sound]
    done = _run([*command, "-map", "0:v", "-map", "1:a?", "-c:v", "copy", "-movflags", "+faststart", str(target)])
    if done.returncode:
        raise OSError(f"ffmpeg ended with {done.returncode}: {_last_line(done.stderr.decode(errors='replace'))}")


def _run(command: list[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL)


def _last_line(said: str) -> str:
    return (said.strip().splitlines() or ["it did not say why"])[-1]


def _check_frames(path: Path, expected: int) -> None:
    """See that a video is whole: on a full disk it has fewer frames, or no index.

    Raises:
        OSError: It is not.
    """
    capture = cv2.VideoCapture(str(path))
    found = round(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
    capture.release()
    if found < expected:  # with sound, some formats tell the length rather than the count, which is a little more
        raise OSError(f"{found} of {expected} frames arrived in the file")


def _what_it_is(target: Path, codec: str, *, has_ffmpeg: bool) -> str:
    kind = "Motion JPEG" if codec == "MJPG" else "MPEG-4 Part 2"
    if has_ffmpeg:
        return f"{target.name} is {kind}, which browsers do not play."
    return (
        f"{target.name} is {kind}, which browsers do not play, and has no sound. With ffmpeg (pip install "
        "imageio-ffmpeg) an .mp4 is H.264, with sound."
    )


_ROW_SINKS: dict[str, type[Sink]] = {".csv": CsvSink, ".jsonl": JsonLinesSink, ".parquet": ParquetSink}


def row_sink(target: Path) -> Sink:
    """The sink for a path's ending.

    Raises:
        ConfigError: Another ending, or Parquet without pyarrow.
    """
    kind = _ROW_SINKS.get(target.suffix.lower())
    if kind is None:
        raise ConfigError(f"Expected a file that ends in {', '.join(_ROW_SINKS)}. Received: {target.name}.")
    return kind(target)
