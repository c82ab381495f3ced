"""Many images: found, read and searched by several threads while their faces share the classifier's batches.

Answers come in the order of the sources. An image that cannot be read is an answer of its own, and the rest goes on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mien.errors import ImageError
from mien.images import Colour, ImageLimits, ImageSource, read_image
from mien.inference.overlap import in_order
from mien.inference.predictor import NO_CROPS, Predictor
from mien.inference.results import DetectedFace, Prediction, Unreadable
from mien.machine import usable_cores

__all__ = ["Answer", "Job", "predict_many"]

# A batch is answered when it has this many faces, or images, whichever comes first: larger ones are hardly faster,
# and answers would come late.
_BATCH_FACES = 32
_BATCH_IMAGES = 16


@dataclass(frozen=True)
class Job:
    """One image to answer on.

    Attributes:
        source: Anything that `mien.images.read_image` takes.
        name: What the answer calls it.
        boxes: Where the faces are, or None to search.
    """

    source: ImageSource
    name: str
    boxes: Sequence[Sequence[float]] | None = None


class Answer(NamedTuple):
    """What became of one image.

    Attributes:
        result: The prediction, or why there is none.
        image_rgb: uint8 (H, W, 3), where it was asked to be kept.
    """

    result: Prediction | Unreadable
    image_rgb: np.ndarray | None


class _Searched(NamedTuple):
    """An image whose faces are cut out, waiting for its batch."""

    job: Job
    shape: tuple[int, ...]
    found: tuple[DetectedFace, ...]
    crops: np.ndarray
    image_rgb: np.ndarray | None


def predict_many(
    predictor: Predictor,
    jobs: Iterable[Job],
    *,
    workers: int | None = None,
    colour: Colour = "rgb",
    limits: ImageLimits | None = None,
    keep_images: bool = False,
) -> Iterator[Answer]:
    """Answer on many images.

    Memory stays bounded: at most two images per worker, and those of one batch, are held at a time. A predictor that
    estimates how common each expression is needs all answers, and the images that are kept, before it gives the first.

    Args:
        predictor: What answers.
        jobs: The images; taken from the iterable as they are needed.
        workers: Threads that read and search; None takes as many as there are cores.
        colour: Channel order of images that are arrays.
        limits: What is too large; None takes the predictor's.
        keep_images: Whether answers carry their image, to be drawn on.

    Yields:
        One answer per job, in order.
    """
    workers = workers or usable_cores()
    limits = limits or predictor.limits

    def search(job: Job) -> _Searched | Unreadable:
        try:
            image_rgb = read_image(job.source, colour=colour, limits=limits)
            found = predictor.locate(image_rgb, boxes=job.boxes)
            crops = predictor.crops(image_rgb, found)
        except ImageError as error:
            return Unreadable(job.name, str(error))
        return _Searched(job, image_rgb.shape, found, crops, image_rgb if keep_images else None)

    if predictor.estimates_prior:
        yield from _with_estimated_prior(predictor, _answers(predictor, search, jobs, workers, keep_images))
    else:
        yield from _answers(predictor, search, jobs, workers, keep_images)


def _with_estimated_prior(predictor: Predictor, answers: Iterator[Answer]) -> Iterator[Answer]:
    waiting = list(answers)
    predictions = [one.result for one in waiting if isinstance(one.result, Prediction)]
    changed = predictor.with_estimated_prior(predictions)
    for one in waiting:
        yield one._replace(result=next(changed)) if isinstance(one.result, Prediction) else one


def _answers(
    predictor: Predictor,
    search: Callable[[Job], _Searched | Unreadable],
    jobs: Iterable[Job],
    workers: int,
    keep_images: bool,
) -> Iterator[Answer]:
    waiting: list[_Searched | Unreadable] = []
    # Closed when the caller stops taking answers, too, so that no thread is left.
    with contextlib.closing(in_order(search, jobs, workers=workers, ahead=2 * workers)) as all_searched:
        for searched in all_searched:
            waiting.append(searched)
            # Kept images are large, so they do not wait for others.
            if keep_images or len(waiting) == _BATCH_IMAGES or _faces(waiting) >= _BATCH_FACES:
                yield from _classified(predictor, waiting)
                waiting = []
        yield from _classified(predictor, waiting)


def _faces(waiting: Sequence[_Searched | Unreadable]) -> int:
    return sum(len(one.found) for one in waiting if isinstance(one, _Searched))


def _classified(predictor: Predictor, waiting: Sequence[_Searched | Unreadable]) -> Iterator[Answer]:
    """All faces of some images in one batch, given back to their images."""
    crops = [one.crops for one in waiting if isinstance(one, _Searched)]
    probabilities = predictor.predict_faces(np.concatenate([NO_CROPS, *crops]))
    start = 0
    for one in waiting:
        if isinstance(one, Unreadable):
            yield Answer(one, None)
            continue
        mine = probabilities[start : start + len(one.found)]
        start += len(one.found)
        given = one.job.boxes is not None
        result = predictor.answer(one.shape, one.found, one.crops, mine, name=one.job.name, boxes_given=given)
        yield Answer(result, one.image_rgb)
