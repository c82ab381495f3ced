"""`mien predict`: photos in; faces and expressions out, as a table, JSON, CSV or annotated copies."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.options import FacesAtMost, Head, Model, SmallestFace, Threads, Yunet
from mien.cli.streams import quiet_decoders
from mien.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

    from mien.inference.image_files import Photo
    from mien.inference.predictor import Job
    from mien.inference.results import Box, Prediction, Unreadable

    Result = tuple[Prediction | Unreadable, np.ndarray | None]

__all__ = ["predict"]


def predict(
    photos: Annotated[
        list[str], typer.Argument(metavar="PHOTO…", help="Images, folders, patterns, or - for standard input.")
    ],
    *,
    model: Model = "base",
    head: Head = None,
    prior: Annotated[
        str,
        typer.Option(
            help="How common each expression is: everyday, even, trained, estimate or such as happy=3,neutral=5."
        ),
    ] = "everyday",
    detector: Annotated[
        str, typer.Option(help="Who finds the faces: yunet, none (each photo is a face), or a boxes.json.")
    ] = "yunet",
    yunet: Yunet = None,
    smallest_face: SmallestFace = 24,
    save: Annotated[
        Path | None, typer.Option(help="Write annotated copies: a file for one photo, a folder for more.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list instead of a table.")] = False,
    as_jsonl: Annotated[bool, typer.Option("--jsonl", help="Print one line of JSON per photo, as they come.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print one row per face, as they come.")] = False,
    max_faces: FacesAtMost = None,
    margin: Annotated[
        float | None,
        typer.Option(min=-0.4, max=2, help="Share of a box added on each side; suits the detector if unset."),
    ] = None,
    workers: Threads = None,
    max_megapixels: Annotated[
        float, typer.Option(min=0.001, max=10_000, help="Refuse images with more pixels than this.")
    ] = 52.0,
    max_megabytes: Annotated[float, typer.Option(min=0.001, max=100_000, help="Refuse files larger than this.")] = 64.0,
) -> None:
    """Find the faces of photos and say their expressions.

    A photo without faces is an answer. One that cannot be read is listed with the reason, the rest is done, and the
    exit code is 1.
    """
    from mien.cli.prediction_output import chosen_writer

    writer = chosen_writer(as_json=as_json, as_jsonl=as_jsonl, as_csv=as_csv)

    from mien.images import ImageLimits
    from mien.inference.image_files import copy_paths, find_photos
    from mien.inference.predictor import Predictor

    found = find_photos(photos, leave_out=save)
    copies = copy_paths(save, found) if save else [None] * len(found)
    boxes = _given_boxes(detector)
    predictor = Predictor(
        model,
        head=head,
        prior=prior,
        detector="none" if boxes is not None else detector,
        yunet_path=yunet,
        smallest_face_px=smallest_face,
        margin=margin,
        max_faces=max_faces,
        # Many photos keep all cores busy by themselves: one each.
        threads=None if len(found) == 1 else 1,
        limits=ImageLimits(round(max_megabytes * 2**20), round(max_megapixels * 1e6)),
    )
    jobs = [_job(photo, boxes) for photo in found]
    results = predictor.predict_jobs(jobs, workers=workers, keep_images=save is not None)
    with quiet_decoders(), writer:
        # Rows that come one by one on the same screen are progress enough.
        quiet = len(found) == 1 or ((as_jsonl or as_csv) and sys.stdout.isatty())
        for (result, image_rgb), copy in zip(results if quiet else _watched(results, len(found)), copies, strict=True):
            writer.write(result)
            if copy is not None and image_rgb is not None:
                _save(result, image_rgb, copy)
    if writer.unreadable:
        raise typer.Exit(1)


def _given_boxes(detector: str) -> dict[str, tuple[Box, ...]] | None:
    if not detector.lower().endswith(".json"):
        return None
    from mien.inference.faces.boxes import read_boxes

    return read_boxes(Path(detector))


def _job(photo: Photo, boxes: dict[str, tuple[Box, ...]] | None) -> Job:
    from mien.inference.image_files import STDIN
    from mien.inference.predictor import Job

    source = sys.stdin.buffer if str(photo.path) == STDIN else photo.path
    name = "stdin" if str(photo.path) == STDIN else str(photo.path)
    return Job(source, name, None if boxes is None else _boxes_of(photo, boxes))


def _boxes_of(photo: Photo, boxes: dict[str, tuple[Box, ...]]) -> tuple[Box, ...]:
    for name in (str(photo.path), photo.path.as_posix(), photo.inside.as_posix(), photo.path.name):
        if name in boxes:
            return boxes[name]
    raise ConfigError(
        f"Expected boxes for every photo. Received: none for {photo.path}. Add it to the file of boxes, "
        "with an empty list if it has no face."
    )


def _watched(results: Iterator[Result], total: int) -> Iterator[Result]:
    """The results, with a bar."""
    from mien.cli.terminal import progress_bar

    with progress_bar("Photos", rate="photos/s") as advance:
        for done, result in enumerate(results, start=1):
            yield result
            advance(done, total, f"{done:,} of {total:,}")


def _save(result: Prediction | Unreadable, image_rgb: np.ndarray, path: Path) -> None:
    from mien.inference.draw import draw_faces
    from mien.inference.image_files import write_image
    from mien.inference.results import Prediction

    if isinstance(result, Prediction):
        write_image(path, draw_faces(image_rgb, result.faces))
