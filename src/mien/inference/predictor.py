"""`Predictor`: a photo in, its faces and their expressions out. What most people come for.

Joins a classifier, a detector and the input contract of `mien.images`; each is built once and can be used from
several threads. An image is read, its faces are found (`Found`), and they are classified (`Prediction`): for one image
step by step, for many by several threads, whose faces share the classifier's batches.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mien.card import ModelCard
from mien.emotions import EMOTIONS, NUM_EMOTIONS
from mien.errors import ConfigError, DetectorError, ImageError
from mien.images import DEFAULT_LIMITS, Colour, ImageLimits, ImageSource, crop_face, no_crops, read_image, to_gray
from mien.inference.classifier import Classifier
from mien.inference.faces.boxes import checked_boxes
from mien.inference.faces.detector import FaceDetector, choose_detector
from mien.inference.faces.quality import flags_of, roll_to_level
from mien.inference.faces.yunet import SMALLEST_FACE_PX
from mien.inference.results import DetectedFace, Face, Found, Prediction, Unreadable
from mien.inference.thread_pool import in_order
from mien.machine import usable_cores
from mien.probabilities import change_prior, estimate_prior

__all__ = ["Job", "Predictor"]

# A batch is classified when it has this many faces, or images, whichever comes first: larger ones are hardly faster,
# and predictions would come late.
_BATCH_FACES = 32
_BATCH_IMAGES = 16


@dataclass(frozen=True)
class Job:
    """One of many images.

    Attributes:
        source: Anything that `mien.images.read_image` takes.
        name: What its prediction calls it.
        boxes: Where the faces are, as [x, y, width, height] in pixels; None asks the detector.
    """

    source: ImageSource
    name: str
    boxes: Sequence[Sequence[float]] | None = None


class _Ready:
    """An image whose faces are found, waiting for its batch; `found` says why not where it could not be read."""

    __slots__ = ("found", "image_rgb", "name")

    def __init__(self, name: str, found: Found | Unreadable, image_rgb: np.ndarray | None = None) -> None:
        self.name, self.found, self.image_rgb = name, found, image_rgb


class Predictor:
    """Finds faces and says their expressions.

    Example:
        >>> predictor = Predictor()
        >>> for face in predictor.predict("photo.jpg").faces:
        ...     print(face.emotion, face.confidence, face.box)

    Args:
        model: The name of a bundled model, or the path of a run or folder with an exported one.
        head: Which of the model's questions to answer: `votes` (what people see in a face), `labels` (what FER-2013
            calls it); None takes the first of its card.
        prior: How common each expression is in the images: `everyday` as in ordinary photographs, `even`, `trained` as
            where the model learnt, a mapping from emotion to share, or `estimate`: `predict_many` learns it from all
            of its images together before it gives the first prediction, `predict` from the faces of the one.
        detector: `yunet`, `none` (each image is a face), or an object of your own (see
            `mien.inference.faces.FaceDetector`).
        yunet_path: YuNet's file, if not the one that was installed with mien or that MIEN_YUNET names.
        smallest_face_px: Side in pixels of the smallest face that matters, at least 24; detecting larger ones is
            faster: up to four times with 48.
        margin: Share of a box's longer side that the crop adds on each side; None takes what suits the detector.
        max_faces: Most faces per image, the largest first; None takes all.
        threads: Threads of the classifier and of YuNet; None takes as many as there are cores, at most 4.
        limits: What images are too large to be read.

    Raises:
        ModelError: The model is missing, damaged, or made for something else.
        DetectorError: The detector is not available on this machine, or the smallest face is too small.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = "base",
        *,
        head: str | None = None,
        prior: str | Mapping[str, float] = "everyday",
        detector: str | FaceDetector = "yunet",
        yunet_path: str | os.PathLike[str] | None = None,
        smallest_face_px: int = SMALLEST_FACE_PX,
        margin: float | None = None,
        max_faces: int | None = None,
        threads: int | None = None,
        limits: ImageLimits = DEFAULT_LIMITS,
    ) -> None:
        self._arguments = {
            "model": model,
            "head": head,
            "prior": prior,
            "detector": detector,
            "yunet_path": yunet_path,
            "smallest_face_px": smallest_face_px,
            "margin": margin,
            "max_faces": max_faces,
            "threads": threads,
            "limits": limits,
        }
        if isinstance(detector, str):
            detector = choose_detector(
                detector, yunet_path=yunet_path, smallest_face_px=smallest_face_px, threads=threads
            )
        self._detector = _checked_detector(detector)
        self.estimates_prior = prior == "estimate"
        known_prior = "trained" if self.estimates_prior else prior
        self._classifier = Classifier(model, head=head, prior=known_prior, threads=threads)
        self._margin = self._detector.margin if margin is None else margin
        self._max_faces = max_faces
        self._limits = limits

    def __repr__(self) -> str:
        return f"Predictor({self.card.name!r}, detector={self.detector_name!r})"

    # Sessions of ONNX Runtime cannot be sent to another process; there they are opened anew.

    def __getstate__(self) -> dict[str, Any]:
        return self._arguments

    def __setstate__(self, arguments: dict[str, Any]) -> None:
        self.__init__(**arguments)  # type: ignore[misc]

    @property
    def card(self) -> ModelCard:
        """What the model is and reaches."""
        return self._classifier.card

    @property
    def head_name(self) -> str:
        """Which of the model's questions is answered: `votes` or `labels`."""
        return self._classifier.head_name

    @property
    def uncertain_below(self) -> float:
        """The confidence under which a prediction is called uncertain."""
        return self._classifier.head.uncertain_below

    @property
    def limits(self) -> ImageLimits:
        """What images are too large to be read."""
        return self._limits

    @property
    def detector_name(self) -> str:
        """Which detector finds the faces."""
        return self._detector.name

    def predict(
        self,
        source: ImageSource,
        *,
        colour: Colour = "rgb",
        boxes: Sequence[Sequence[float]] | None = None,
        name: str | None = None,
    ) -> Prediction:
        """The faces of one image and their expressions.

        Args:
            source: A path, encoded bytes, a binary file object, a PIL image or a uint8 array.
            colour: Channel order of an array: `rgb`, `bgr` or `gray`.
            boxes: Where the faces are, as [x, y, width, height] in pixels; None asks the detector.
            name: What the result calls the image; None takes the path, where it is one.

        Returns:
            The prediction; without faces when there are none.

        Raises:
            ImageError: The image cannot be read, is too large, or a given box lies outside it.
            DetectorError: `boxes` are no boxes.
        """
        found = self.find(source, colour=colour, boxes=boxes)
        prediction = self.classify(found, name=_path_of(source) if name is None else name)
        return next(self.with_estimated_prior([prediction])) if self.estimates_prior else prediction

    def predict_many(
        self, sources: Iterable[ImageSource], *, colour: Colour = "rgb", workers: int | None = None
    ) -> Iterator[Prediction | Unreadable]:
        """The faces of many images: reading and detection overlap, and faces share batches.

        Args:
            sources: Anything that `predict` takes; taken as they are needed, so they may be endless.
            colour: Channel order of arrays.
            workers: Threads that read and detect; None takes as many as there are cores.

        Returns:
            For each source, in order, its prediction, or why it could not be read; the rest goes on.

        Raises:
            ImageError: One image instead of several.
        """
        if _is_one(sources, colour):
            received = repr(sources) if isinstance(sources, (str, os.PathLike)) else type(sources).__name__
            raise ImageError(f"Expected several images, such as a list of paths. Received: {received}. Call predict.")
        jobs = (Job(one, _path_of(one) or f"image-{number}") for number, one in enumerate(sources, start=1))
        return (result for result, _ in self.predict_jobs(jobs, colour=colour, workers=workers))

    def predict_jobs(
        self,
        jobs: Iterable[Job],
        *,
        colour: Colour = "rgb",
        workers: int | None = None,
        keep_images: bool = False,
    ) -> Iterator[tuple[Prediction | Unreadable, np.ndarray | None]]:
        """As `predict_many`, of images with names and boxes of their own.

        Memory stays bounded: at most two images per worker, and those of one batch, are held at a time. A predictor
        that estimates how common each expression is needs all faces, and the images that are kept, before it gives the
        first prediction.

        Args:
            jobs: The images; taken as they are needed.
            colour: Channel order of arrays.
            workers: Threads that read and detect; None takes as many as there are cores.
            keep_images: Whether images come with their predictions, to be drawn on.

        Yields:
            For each job, in order, its prediction, or why there is none, and the image, uint8 (H, W, 3), if it is kept.
        """

        def ready(job: Job) -> _Ready:
            try:
                image_rgb = read_image(job.source, colour=colour, limits=self._limits)
                found = self.find(image_rgb, boxes=job.boxes)
            except ImageError as error:
                return _Ready(job.name, Unreadable(job.name, str(error)))
            return _Ready(job.name, found, image_rgb if keep_images else None)

        results = self._in_batches(ready, jobs, workers or usable_cores(), keep_images)
        # Closed when the caller stops taking predictions, too, so that no thread is left.
        with contextlib.closing(results):
            yield from self._with_estimate(results) if self.estimates_prior else results

    def _in_batches(
        self, ready: Callable[[Job], _Ready], jobs: Iterable[Job], workers: int, keep_images: bool
    ) -> Generator[tuple[Prediction | Unreadable, np.ndarray | None], None, None]:
        batch: list[_Ready] = []
        faces = 0
        with contextlib.closing(in_order(ready, jobs, workers=workers, ahead=2 * workers)) as all_ready:
            for one in all_ready:
                batch.append(one)
                faces += len(one.found.faces) if isinstance(one.found, Found) else 0
                # Kept images are large, so they do not wait for others.
                if keep_images or len(batch) == _BATCH_IMAGES or faces >= _BATCH_FACES:
                    yield from self._classified(batch)
                    batch, faces = [], 0
            yield from self._classified(batch)

    def _classified(self, batch: Sequence[_Ready]) -> Iterator[tuple[Prediction | Unreadable, np.ndarray | None]]:
        """All faces of some images at once, given back to their images."""
        crops = [one.found.crops for one in batch if isinstance(one.found, Found)]
        probabilities = self._classifier.probabilities(np.concatenate([no_crops(), *crops]))
        for one in batch:
            if isinstance(one.found, Unreadable):
                yield one.found, None
                continue
            count = len(one.found.faces)
            yield self.classify(one.found, probabilities[:count], name=one.name), one.image_rgb
            probabilities = probabilities[count:]

    def _with_estimate(
        self, results: Iterable[tuple[Prediction | Unreadable, np.ndarray | None]]
    ) -> Iterator[tuple[Prediction | Unreadable, np.ndarray | None]]:
        waiting = list(results)
        changed = self.with_estimated_prior([one for one, _ in waiting if isinstance(one, Prediction)])
        for one, image_rgb in waiting:
            yield next(changed) if isinstance(one, Prediction) else one, image_rgb

    def predict_faces(self, crops: np.ndarray) -> np.ndarray:
        """Probabilities of many face crops at once, without any detector.

        Args:
            crops: uint8 (N, 48, 48), grey.

        Returns:
            float32 (N, 7), calibrated; rows sum to 1, columns in `EMOTIONS` order.

        Raises:
            ImageError: The array has another type or shape.
        """
        return self._classifier.probabilities(crops)

    def refuse_estimate(self, where: str) -> None:
        """Refuse a prior that is estimated from all images where predictions must come one by one.

        Raises:
            ConfigError: The prior is to be estimated.
        """
        if self.estimates_prior:
            raise ConfigError(
                f"Expected a prior that is known before the first image of {where}. Received: estimate, which needs "
                "all images. Choose everyday, even, trained or shares of your own."
            )

    def with_estimated_prior(self, predictions: Sequence[Prediction]) -> Iterator[Prediction]:
        """The predictions as they are when each expression is as common as among all their faces.

        Args:
            predictions: Made by this predictor; see `mien.probabilities.estimate_prior`.
        """
        rows = [[face.probabilities[name] for name in EMOTIONS] for one in predictions for face in one.faces]
        probabilities = np.array(rows, np.float64).reshape(-1, NUM_EMOTIONS)
        old = self._classifier.prior
        changed = iter(change_prior(probabilities, old, estimate_prior(probabilities, old)))
        for one in predictions:
            yield replace(one, faces=tuple(self.with_probabilities(face, next(changed)) for face in one.faces))

    # The steps of `predict`, for those who have something to do between them.

    def find(
        self,
        image: ImageSource,
        *,
        colour: Colour = "rgb",
        boxes: Sequence[Sequence[float]] | None = None,
        max_faces: int | None = None,
    ) -> Found:
        """The faces of one image, cut out as the model takes them.

        Args:
            image: Anything that `predict` takes.
            colour: Channel order of an array.
            boxes: Where the faces are, as [x, y, width, height] in pixels; None asks the detector.
            max_faces: Most faces to keep, the largest first; None takes the predictor's.

        Raises:
            ImageError: The image cannot be read, is too large, or a given box lies outside it.
            DetectorError: `boxes` are no boxes.
        """
        image_rgb = read_image(image, colour=colour, limits=self._limits)
        if boxes is None:
            detected = self._detector.detect(image_rgb)
            faces = detected[: self._max_faces if max_faces is None else max_faces]
        else:
            detected = faces = tuple(DetectedFace(box) for box in checked_boxes(boxes))
        return Found(
            width_px=image_rgb.shape[1],
            height_px=image_rgb.shape[0],
            faces=tuple(faces),
            crops=self._crops(image_rgb, faces),
            detector=self.detector_name if boxes is None else "boxes",
            faces_left_out=len(detected) - len(faces),
        )

    def _crops(self, image_rgb: np.ndarray, faces: Sequence[DetectedFace]) -> np.ndarray:
        """uint8 (N, 48, 48)."""
        if not faces:
            return no_crops()
        gray = to_gray(image_rgb)
        return np.stack(
            [crop_face(gray, one.box, margin=self._margin, roll_degrees=roll_to_level(one.landmarks)) for one in faces]
        )

    def classify(self, found: Found, probabilities: np.ndarray | None = None, *, name: str | None = None) -> Prediction:
        """The expressions of faces that were found.

        Args:
            found: What `find` returned.
            probabilities: float (N, 7), what is known of each face already, such as a mean over time; None asks the
                model.
            name: What the prediction calls the image.
        """
        if probabilities is None:
            probabilities = self._classifier.probabilities(found.crops)
        faces = [
            Face(
                box=one.box,
                **self._facts(p),
                detection_score=one.score,
                landmarks=one.landmarks,
                quality=flags_of(one, crop, (found.height_px, found.width_px)),
            )
            for one, crop, p in zip(found.faces, found.crops, probabilities, strict=True)
        ]
        return Prediction(
            faces=tuple(faces),
            width_px=found.width_px,
            height_px=found.height_px,
            detector=found.detector,
            model=self.card.name,
            source=name,
            faces_left_out=found.faces_left_out,
        )

    def with_probabilities(self, face: Face, probabilities: np.ndarray) -> Face:
        """The same face with other probabilities, float (7,), such as a mean over time."""
        return replace(face, **self._facts(probabilities))

    def _facts(self, probabilities: np.ndarray) -> dict[str, Any]:
        best = int(probabilities.argmax())
        confidence = float(probabilities[best])
        return {
            "emotion": EMOTIONS[best],
            "confidence": confidence,
            "probabilities": {name: float(p) for name, p in zip(EMOTIONS, probabilities, strict=True)},
            "uncertain": confidence < self.uncertain_below,
        }


def _is_one(sources: Any, colour: Colour) -> bool:
    """True for one image, which may be iterable, too: over letters, lines or rows."""
    if isinstance(sources, np.ndarray):
        return sources.ndim < (3 if colour == "gray" else 4)
    single = isinstance(sources, (str, os.PathLike, bytes, bytearray, memoryview)) or hasattr(sources, "read")
    return single or not isinstance(sources, Iterable)


def _path_of(source: ImageSource) -> str | None:
    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else None


def _checked_detector(detector: Any) -> FaceDetector:
    if not (hasattr(detector, "detect") and hasattr(detector, "name") and hasattr(detector, "margin")):
        raise DetectorError(
            f"Expected a detector's name or an object with name, margin and detect(). Received: {detector!r}."
        )
    return detector  # type: ignore[no-any-return]
