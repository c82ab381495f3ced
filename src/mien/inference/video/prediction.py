"""`predict_video`: a clip in, its people and their expressions out, and the files that were asked for."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.errors import ConfigError
from mien.inference.predictor import Predictor
from mien.inference.video.analysis import FrameFaces, VideoAnalysis
from mien.inference.video.clip import is_live, local_path, open_clip
from mien.inference.video.sinks import AnnotatedVideo, Sink, row_sink
from mien.inference.video.tracking import TrackSummary

__all__ = ["VideoPrediction", "predict_video"]


@dataclass(frozen=True)
class VideoPrediction:
    """What a video shows.

    Attributes:
        source: The file, address or camera.
        people: Who was seen, in the order in which they came.
        rows: A row per face and frame, as in the files (see `mien.inference.video.analysis.ROW_COLUMNS`); a table is
            `pandas.DataFrame(prediction.rows)`.
        written: The files that were written.
        remarks: What was wrong with the video or is to be known of the files, a sentence each.
        was_stopped: True when Ctrl-C ended it early.
    """

    source: str
    people: tuple[TrackSummary, ...]
    rows: tuple[dict[str, Any], ...] = ()
    written: tuple[Path, ...] = ()
    remarks: tuple[str, ...] = ()
    was_stopped: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The people as plain JSON values; the rows are in the files."""
        return {"source": self.source, "people": [person.to_dict() for person in self.people]}

    def __repr__(self) -> str:
        return f"VideoPrediction({self.source}: {len(self.people)} people, {len(self.rows):,} rows)"


def predict_video(
    source: str | os.PathLike[str] | int,
    *,
    predictor: Predictor | None = None,
    out: Sequence[str | os.PathLike[str]] = (),
    save: str | os.PathLike[str] | None = None,
    sinks: Sequence[Sink] = (),
    keep_rows: bool = True,
    every: int = 1,
    start_seconds: float = 0.0,
    end_seconds: float | None = None,
    smoothing_seconds: float = 0.5,
    workers: int | None = None,
    on_progress: Callable[[FrameFaces, float | None], None] | None = None,
) -> VideoPrediction:
    """Follow the faces of a video and say their expressions over time.

    Ctrl-C ends it as the end of the video does: it is the only end of a camera.

    Example:
        >>> prediction = mien.predict_video("clip.mp4", save="annotated.mp4")
        >>> for person in prediction.people:
        ...     print(person.track, person.emotion, person.seen_seconds)

    Args:
        source: A video file, the address of a stream, or 0 for the first camera.
        predictor: What detects and classifies; None takes a new one. One of a single thread goes best with files, of
            which several frames are worked on at a time.
        out: Files of rows: .csv, .jsonl or .parquet.
        save: An annotated video: .mp4, .m4v, .mov or .avi.
        sinks: Other things that take the frames.
        keep_rows: False where they would not fit into memory.
        every, start_seconds, end_seconds, smoothing_seconds, workers: See `VideoAnalysis`.
        on_progress: Called after each frame with it and the length of the video in seconds, None where it has none.

    Raises:
        ImageError: The video does not open, or no frame can be read.
        ConfigError: An ending of a file is unknown, or a number makes no sense. Nothing has been opened.
        OutputError: A file cannot be written; older ones are as they were.
    """
    rows: list[dict[str, Any]] = []
    was_stopped = False
    with open_clip(source) as clip:
        path = local_path(source)
        rows_sinks = [row_sink(Path(target)) for target in out]
        videos = [] if save is None else [AnnotatedVideo(Path(save), fps=clip.fps, sound_path=path)]
        sinks = [*rows_sinks, *videos, *sinks]
        _check_targets([sink.target for sink in sinks])
        analysis = VideoAnalysis(
            predictor or Predictor(threads=None if workers == 1 or is_live(str(source)) else 1),
            every=every,
            start_seconds=start_seconds,
            end_seconds=end_seconds,
            smoothing_seconds=smoothing_seconds,
            yield_skipped=save is not None,
            workers=workers,
        )
        with contextlib.ExitStack() as opened:
            for sink in sinks:
                sink.sources = [] if path is None else [path]
                opened.enter_context(sink)
            try:
                for result in analysis.follow(clip):
                    for sink in sinks:
                        sink.write(result)
                    rows += result.rows() if keep_rows else ()
                    if on_progress:
                        on_progress(result, clip.length_seconds)
            except KeyboardInterrupt:
                was_stopped = True
            for sink in sinks:
                sink.finish(analysis.summaries())
    return VideoPrediction(
        source=clip.name,
        people=analysis.summaries(),
        rows=tuple(rows),
        written=tuple(sink.target for sink in sinks if sink.is_written),
        remarks=(*clip.remarks(), *(remark for sink in sinks for remark in sink.remarks)),
        was_stopped=was_stopped,
    )


def _check_targets(targets: Sequence[Path]) -> None:
    # On some systems names that differ by case are one file.
    if len({str(target.resolve()).casefold() for target in targets}) < len(targets):
        raise ConfigError(f"Expected different files to write. Received: {', '.join(map(str, targets))}.")
