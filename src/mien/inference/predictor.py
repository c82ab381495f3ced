"""`Predictor`: a photo in, its faces and their expressions out. What most people come for.

Joins a classifier, a detector and the input contract of `mien.images`; each is built once and can be used from
several threads.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from mien.card import ModelCard
from mien.emotions import EMOTIONS, NUM_EMOTIONS
from mien.errors import ConfigError, DetectorError
from mien.images import DEFAULT_LIMITS, INPUT_SIZE_PX, Colour, ImageLimits, ImageSource, crop_face, read_image, to_gray
from mien.inference.boxes import checked_boxes
from mien.inference.classifier import Classifier
from mien.inference.faces import FaceDetector, choose_detector
from mien.inference.pose import roll_to_level
from mien.inference.quality import flags_of
from mien.inference.results import DetectedFace, Face, Prediction, Unreadable
from mien.inference.shrinking import SMALLEST_FACE_PX
from mien.probabilities import change_prior, estimate_prior

__all__ = ["NO_CROPS", "Predictor"]

NO_CROPS = np.zeros((0, INPUT_SIZE_PX, INPUT_SIZE_PX), np.uint8)

Name = TypeVar("Name", str, None)


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
            of its images together before it gives the first answer, `predict` from the faces of the one.
        detector: `yunet`, `none` (each image is a face), or an object of your own (see
            `mien.inference.faces.FaceDetector`).
        yunet_path: YuNet's file, if not the one that was installed with mien or that MIEN_YUNET names.
        smallest_face_px: Side in pixels of the smallest face that matters, at least 24; the search for larger ones is
            faster: up to four times with 48.
        margin: Share of a box's longer side that the crop adds on each side; None takes what suits the detector.
        max_faces: Most faces to answer on per image, the largest first; None answers on all.
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
        """The confidence under which an answer is called uncertain."""
        return self._classifier.head.uncertain_below

    @property
    def limits(self) -> ImageLimits:
        """What images are too large to be read."""
        return self._limits

    @property
    def detector_name(self) -> str:
        """Which detector answers."""
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
        image_rgb = read_image(source, colour=colour, limits=self._limits)
        found = self.locate(image_rgb, boxes=boxes)
        crops = self.crops(image_rgb, found)
        probabilities = self._classifier.probabilities(crops)
        name = name or _name_of(source, None)
        prediction = self.answer(image_rgb.shape, found, crops, probabilities, name=name, boxes_given=boxes is not None)
        return next(self.with_estimated_prior([prediction])) if self.estimates_prior else prediction

    def predict_many(
        self, sources: Iterable[ImageSource], *, colour: Colour = "rgb", workers: int | None = None
    ) -> Iterator[Prediction | Unreadable]:
        """The faces of many images: reading and detection overlap, and faces share batches.

        Args:
            sources: Anything that `predict` takes; taken as they are needed, so they may be endless.
            colour: Channel order of arrays.
            workers: Threads that read and search; None takes as many as there are cores.

        Yields:
            For each source, in order, its prediction, or why it could not be read; the batch goes on.
        """
        from mien.inference.many import Job, predict_many

        jobs = (Job(source, _name_of(source, f"image-{number}")) for number, source in enumerate(sources, start=1))
        for answer in predict_many(self, jobs, workers=workers, colour=colour):
            yield answer.result

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
            yield replace(one, faces=tuple(replace(face, **self._facts(next(changed))) for face in one.faces))

    # The steps of `predict`, for those who overlap them over many images.

    def locate(
        self, image_rgb: np.ndarray, *, boxes: Sequence[Sequence[float]] | None = None
    ) -> tuple[DetectedFace, ...]:
        """Where the faces are: the given boxes, or what the detector finds in uint8 (H, W, 3)."""
        if boxes is not None:
            return tuple(DetectedFace(box) for box in checked_boxes(boxes))
        return self._detector.detect(image_rgb)[: self._max_faces]

    def crops(self, image_rgb: np.ndarray, faces: Sequence[DetectedFace]) -> np.ndarray:
        """The faces as the model takes them: uint8 (N, 48, 48)."""
        if not faces:
            return NO_CROPS
        gray = to_gray(image_rgb)
        crops = [
            crop_face(gray, face.box, margin=self._margin, roll_degrees=roll_to_level(face.landmarks)) for face in faces
        ]
        return np.stack(crops)

    def answer(
        self,
        shape: Sequence[int],
        found: Sequence[DetectedFace],
        crops: np.ndarray,
        probabilities: np.ndarray,
        *,
        name: str | None = None,
        boxes_given: bool = False,
    ) -> Prediction:
        """Put places, crops uint8 (N, 48, 48) and probabilities float32 (N, 7) of one image together."""
        return Prediction(
            faces=tuple(
                self.face(one, p, quality=flags_of(one, crop, shape))
                for one, crop, p in zip(found, crops, probabilities, strict=True)
            ),
            width_px=int(shape[1]),
            height_px=int(shape[0]),
            detector="boxes" if boxes_given else self.detector_name,
            model=self.card.name,
            source=name,
        )

    def face(self, found: DetectedFace, probabilities: np.ndarray, *, quality: tuple[str, ...] = ()) -> Face:
        """One face's answer from its place and its calibrated probabilities, float32 (7,)."""
        return Face(
            box=found.box,
            **self._facts(probabilities),
            detection_score=found.score,
            landmarks=found.landmarks,
            quality=quality,
        )

    def _facts(self, probabilities: np.ndarray) -> dict[str, Any]:
        best = int(probabilities.argmax())
        confidence = float(probabilities[best])
        return {
            "emotion": EMOTIONS[best],
            "confidence": confidence,
            "probabilities": {name: float(p) for name, p in zip(EMOTIONS, probabilities, strict=True)},
            "uncertain": confidence < self.uncertain_below,
        }


def _name_of(source: ImageSource, otherwise: Name) -> str | Name:
    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else otherwise


def _checked_detector(detector: Any) -> FaceDetector:
    if not (hasattr(detector, "detect") and hasattr(detector, "name") and hasattr(detector, "margin")):
        raise DetectorError(
            f"Expected a detector's name or an object with name, margin and detect(). Received: {detector!r}."
        )
    return detector  # type: ignore[no-any-return]
