"""`mien video`: faces and expressions over a clip, a stream or a camera."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.options import Detector, FacesAtMost, Head, Model, SmallestFace, Threads, Yunet
from mien.cli.streams import quiet_decoders
from mien.errors import ConfigError, ImageError

if TYPE_CHECKING:
    from mien.cli.terminal import Advance
    from mien.inference.video.analysis import FrameFaces
    from mien.inference.video.prediction import VideoPrediction
    from mien.inference.video.sinks import Sink
    from mien.inference.video.tracking import TrackSummary

__all__ = ["video"]


def video(
    clips: Annotated[
        list[str],
        typer.Argument(
            metavar="CLIP…", help="Video files, folders of them, the address of a stream, or 0 for the first camera."
        ),
    ],
    *,
    out: Annotated[
        list[Path] | None,
        typer.Option("--out", "-o", help="Write a row per face and frame: .csv, .jsonl or .parquet; may be repeated."),
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Write an annotated video: .mp4, .m4v, .mov or .avi.")] = None,
    timeline: Annotated[
        Path | None, typer.Option(help="Draw each person's emotions over time: .png, .svg or .pdf.")
    ] = None,
    model: Model = "base",
    head: Head = None,
    prior: Annotated[
        str,
        typer.Option(help="How common each expression is: everyday, even, trained or such as happy=3,neutral=5."),
    ] = "everyday",
    detector: Detector = "yunet",
    yunet: Yunet = None,
    smallest_face: SmallestFace = 24,
    every: Annotated[int, typer.Option(min=1, help="Detect faces only in every N-th frame.")] = 1,
    start: Annotated[float, typer.Option(min=0, help="Begin here, in seconds.")] = 0.0,
    end: Annotated[float | None, typer.Option(min=0, help="Stop here, in seconds.")] = None,
    max_faces: FacesAtMost = None,
    smooth: Annotated[
        float, typer.Option(min=0, help="Time constant of the averaging of probabilities, in seconds; 0 is none.")
    ] = 0.5,
    workers: Threads = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON instead of a table.")] = False,
) -> None:
    """Follow the faces of a video and say their expressions over time.

    Memory does not grow with the length. Ctrl-C ends with complete files up to there.

    Several clips have files of their own, with the clip's name added, as in rows-clip.csv. A clip that cannot be read
    is reported, the rest is done, and the exit code is 1.
    """
    from mien.cli.terminal import progress_bar, say
    from mien.inference.predictor import Predictor
    from mien.inference.video.clip import find_clips, is_live
    from mien.inference.video.prediction import predict_video

    sources = find_clips(clips, leave_out=save)
    predictor = Predictor(
        model,
        head=head,
        prior=prior,
        detector=detector,
        yunet_path=yunet,
        smallest_face_px=smallest_face,
        max_faces=max_faces,
        # Frames of a file keep all cores busy by themselves: one each. Live ones come one by one.
        threads=None if workers == 1 or is_live(sources[0]) else 1,
    )
    predictions = []
    for source, name in zip(sources, _names_to_add(sources, has_files=bool(out or save or timeline)), strict=True):
        try:
            with quiet_decoders(), progress_bar(name or "Video", rate="× real time") as advance:
                prediction = predict_video(
                    source,
                    predictor=predictor,
                    out=[_named(path, name) for path in out or ()],
                    save=_named(save, name) if save else None,
                    sinks=[_timeline(_named(timeline, name))] if timeline else [],
                    keep_rows=False,
                    every=every,
                    start_seconds=start,
                    end_seconds=end,
                    smoothing_seconds=smooth,
                    workers=workers,
                    on_progress=_Progress(advance, start, end),
                )
        except ImageError as error:
            if len(sources) == 1:
                raise
            say(f"mien: {error}", stderr=True)
            continue
        predictions.append(prediction)
        for remark in prediction.remarks:
            say(f"mien: {remark}", stderr=True)
        if not as_json:
            _print_summary(prediction, title=source if name else "")
        if prediction.was_stopped:
            break
    if as_json:
        typer.echo(json.dumps([prediction.to_dict() for prediction in predictions], indent=2))
    if predictions and predictions[-1].was_stopped:
        raise KeyboardInterrupt
    if len(predictions) < len(sources):
        raise typer.Exit(1)


def _names_to_add(sources: Sequence[str], *, has_files: bool) -> list[str]:
    """What tells the files of several clips apart; nothing for a single one.

    Raises:
        ConfigError: Two clips have the same name.
    """
    names = [Path(source).stem for source in sources]
    if has_files and len({name.casefold() for name in names}) < len(names):
        raise ConfigError(f"Expected clips of different names, which their files get. Received: {', '.join(sources)}.")
    return names if len(names) > 1 else [""]


def _named(path: Path, name: str) -> Path:
    return path.with_stem(f"{path.stem}-{name}") if name else path


def _timeline(target: Path) -> Sink:
    from mien.cli.timeline import TimelineSink

    return TimelineSink(target)


class _Progress:
    """Moves the bar on by the time of the frames."""

    def __init__(self, advance: Advance, start: float, end: float | None) -> None:
        self._advance, self._start, self._end, self._count = advance, start, end, 0

    def __call__(self, result: FrameFaces, length_seconds: float | None) -> None:
        self._count += 1
        faces = len(result.faces)
        stop = min((value for value in (self._end, length_seconds) if value is not None), default=None)
        self._advance(
            result.frame.time_seconds - self._start,
            None if stop is None else stop - self._start,
            f"{self._count:,} frames, {faces} {'face' if faces == 1 else 'faces'}",
        )


def _print_summary(prediction: VideoPrediction, *, title: str) -> None:
    from mien.cli.terminal import fitted_table, say, show

    if title:
        say(title)
    if prediction.people:
        rows = [_summary_cells(person) for person in prediction.people]
        names = ("person", "from", "to", "seen", "mostly", "then", "confidence")
        show(fitted_table(rows, *names, left=("mostly", "then"), least=("then", "seen")))
    else:
        say("No face was found.")
    for path in prediction.written:
        say(f"wrote {path}")


def _summary_cells(summary: TrackSummary) -> tuple[str, ...]:
    (first, share), (second, other), *_ = sorted(summary.shares.items(), key=lambda item: -item[1])
    return (
        f"{summary.track}",
        f"{summary.first_seconds:.1f} s",
        f"{summary.last_seconds:.1f} s",
        f"{summary.seen_seconds:.1f} s",
        f"{first} {share:.0%}",
        f"{second} {other:.0%}" if other else "",
        f"{summary.confidence:.0%}",
    )
