"""`mien video`: faces and expressions over a clip, a stream or a camera."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.streams import quiet_decoders
from mien.errors import ConfigError

if TYPE_CHECKING:
    from mien.inference.video.analysis import FrameAnswer
    from mien.inference.video.clip import Clip
    from mien.inference.video.sinks import Sink
    from mien.inference.video.tracking import TrackSummary

__all__ = ["video"]


def video(
    source: Annotated[str, typer.Argument(help="A video file, the address of a stream, or 0 for the first camera.")],
    *,
    out: Annotated[
        list[Path] | None,
        typer.Option("--out", "-o", help="Write a row per face and frame: .csv, .jsonl or .parquet; may be repeated."),
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Write an annotated video: .mp4, .m4v, .mov or .avi.")] = None,
    timeline: Annotated[
        Path | None, typer.Option(help="Draw each person's emotions over time: .png, .svg or .pdf.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="Name of a bundled model (see mien models list), or a run folder.")
    ] = "base",
    head: Annotated[
        str | None,
        typer.Option(help="Question: votes (what people see) or labels (FER-2013's); the model's own if unset."),
    ] = None,
    prior: Annotated[
        str,
        typer.Option(help="How common each expression is: everyday, even, trained or such as happy=3,neutral=5."),
    ] = "everyday",
    detector: Annotated[str, typer.Option(help="Who finds the faces: yunet or none.")] = "yunet",
    yunet: Annotated[Path | None, typer.Option(help="A YuNet file of your own, instead of mien's.")] = None,
    smallest_face: Annotated[
        int,
        typer.Option(
            min=24, help="Side of the smallest face that matters, in pixels; 48 is found up to four times as fast."
        ),
    ] = 24,
    every: Annotated[int, typer.Option(min=1, help="Detect faces only in every N-th frame.")] = 1,
    start: Annotated[float, typer.Option(min=0, help="Begin here, in seconds.")] = 0.0,
    end: Annotated[float | None, typer.Option(min=0, help="Stop here, in seconds.")] = None,
    max_faces: Annotated[int | None, typer.Option(min=1, help="Most faces per frame, the largest first.")] = None,
    smooth: Annotated[
        float, typer.Option(min=0, help="Time constant of the averaging of probabilities, in seconds; 0 is none.")
    ] = 0.5,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads that detect faces; all cores, at most 4, if unset.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON instead of a table.")] = False,
) -> None:
    """Follow the faces of a video and say their expressions over time.

    Memory does not grow with the length. Ctrl-C ends with complete files up to there.
    """
    from mien.inference.predictor import Predictor
    from mien.inference.video.analysis import VideoAnalysis
    from mien.inference.video.clip import is_live, open_clip

    stopped = False
    with quiet_decoders(), open_clip(source) as clip:
        sinks = _sinks(clip, source, out or (), save, timeline)
        analysis = VideoAnalysis(
            # Frames of a file keep all cores busy by themselves: one each. Live ones come one by one.
            Predictor(
                model,
                head=head,
                prior=prior,
                detector=detector,
                yunet_path=yunet,
                smallest_face_px=smallest_face,
                max_faces=max_faces,
                threads=None if workers == 1 or is_live(source) else 1,
            ),
            every=every,
            start_seconds=start,
            end_seconds=end,
            smoothing_seconds=smooth,
            yield_skipped=save is not None,
            workers=workers,
        )
        with contextlib.ExitStack() as opened:
            for sink in sinks:
                opened.enter_context(sink)
            try:
                for answer in _watched(analysis.answers(clip), clip, start, end):
                    for sink in sinks:
                        sink.write(answer)
            except KeyboardInterrupt:
                stopped = True  # the usual end of a camera; the files are closed and the summary is printed
            for sink in sinks:
                sink.finish(analysis.summaries())
    from mien.cli.terminal import say

    _print_summary(analysis.summaries(), sinks, as_json=as_json)
    for remark in (*clip.remarks(), *(remark for sink in sinks for remark in sink.remarks)):
        say(f"mien: {remark}", stderr=True)
    if stopped:
        raise KeyboardInterrupt


def _sinks(clip: Clip, source: str, out: Sequence[Path], save: Path | None, timeline: Path | None) -> list[Sink]:
    """What the frames go to, checked and not yet opened."""
    from mien.inference.video.clip import local_path
    from mien.inference.video.sinks import AnnotatedVideo, row_sink

    targets = [*out, *(path for path in (save, timeline) if path)]
    # On some systems names that differ by case are one file.
    if len({str(path.resolve()).casefold() for path in targets}) < len(targets):
        raise ConfigError(f"Expected outputs other than each other. Received: {', '.join(map(str, targets))}.")
    path = local_path(source)
    sources = [] if path is None else [path]
    sinks = [row_sink(target, sources=sources) for target in out]
    if save:
        sinks.append(AnnotatedVideo(save, fps=clip.fps, sound_path=path, sources=sources))
    if timeline:
        from mien.cli.timeline import TimelineSink

        sinks.append(TimelineSink(timeline, sources=sources))
    return sinks


def _watched(answers: Iterable[FrameAnswer], clip: Clip, start: float, end: float | None) -> Iterator[FrameAnswer]:
    """The answers, with a bar."""
    from mien.cli.terminal import progress_bar

    seconds = None if clip.frame_count is None else clip.frame_count / clip.fps
    stop = end if seconds is None or (end is not None and end < seconds) else seconds
    with progress_bar("Video", rate="× real time") as advance:
        for number, answer in enumerate(answers, start=1):
            yield answer
            done, faces = answer.frame.time_seconds - start, len(answer.faces)
            facts = f"{number:,} frames, {faces} {'face' if faces == 1 else 'faces'}"
            advance(done, None if stop is None else stop - start, facts)


def _print_summary(summaries: Sequence[TrackSummary], sinks: Sequence[Sink], *, as_json: bool) -> None:
    import json

    if as_json:
        typer.echo(json.dumps([summary.to_dict() for summary in summaries], indent=2))
        return
    from mien.cli.terminal import fitted_table, say, show

    if summaries:
        rows = [_summary_cells(summary) for summary in summaries]
        names = ("person", "from", "to", "seen", "mostly", "then", "confidence")
        show(fitted_table(rows, *names, left=("mostly", "then"), least=("then", "seen")))
    else:
        say("No face was found.")
    for sink in sinks:
        if sink.is_written:
            say(f"wrote {sink.target}")


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
