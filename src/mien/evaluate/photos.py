"""The whole way on ordinary photos: the face is found first, then its expression is compared with what people saw.

A benchmark of ready crops says nothing of faces that are not found, cut otherwise, or as common as they are every day.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.data.folder_source import is_image_name
from mien.emotions import EMOTIONS, NUM_EMOTIONS, emotion_code
from mien.errors import DataError
from mien.evaluate.metrics import wilson_interval
from mien.inference.predictor import Predictor
from mien.inference.results import Prediction
from mien.probabilities import prior_array

__all__ = ["LABELS_FILE", "PhotoScores", "evaluate_photos", "read_photo_labels"]

LABELS_FILE = "labels.csv"
"""Columns `file` and `emotion`, beside the photos; without it, each photo lies in a folder named after its emotion."""


@dataclass(frozen=True)
class PhotoScores:
    """What became of labelled photos; the largest face of each counts, and one that is not found is an error."""

    confusion: np.ndarray
    """int64 (7, 8): rows labels, columns answers, the last of them no face."""
    unreadable: tuple[str, ...]
    """Photos that could not be read, each with why; they are not in the confusion."""
    model: str
    detector: str

    @property
    def n(self) -> int:
        """Photos that were scored."""
        return int(self.confusion.sum())

    @property
    def no_face(self) -> int:
        """Photos in which no face was found."""
        return int(self.confusion[:, NUM_EMOTIONS].sum())

    @property
    def recalls(self) -> dict[str, tuple[float, float, float]]:
        """For each emotion that occurs: share of its faces that were right, and its 95 % Wilson interval."""
        counts = self.confusion.sum(axis=1)
        shares = np.diag(self.confusion) / np.maximum(counts, 1)
        return {
            name: (float(share), *wilson_interval(float(share), int(count)))
            for name, share, count in zip(EMOTIONS, shares, counts, strict=True)
            if count
        }

    @property
    def balanced_accuracy(self) -> float:
        """Mean recall of the emotions that occur."""
        return float(np.mean([recall for recall, _, _ in self.recalls.values()]))

    def accuracy_if(self, prior: str | Mapping[str, float] = "everyday") -> float:
        """The accuracy if expressions were as common as `prior` says, among those that occur here."""
        shares = prior_array(prior, np.full(NUM_EMOTIONS, 1 / NUM_EMOTIONS))
        occurring = [EMOTIONS.index(name) for name in self.recalls]
        return float(np.average([recall for recall, _, _ in self.recalls.values()], weights=shares[occurring]))


def read_photo_labels(folder: Path) -> dict[Path, int]:
    """The photos of a folder with the code of their emotion.

    Args:
        folder: With `labels.csv`, or with a folder for each emotion.

    Raises:
        DataError: There are no labelled photos, or a label is no emotion of the seven.
    """
    listed = folder / LABELS_FILE
    labels = _listed(folder, listed) if listed.is_file() else _from_folders(folder)
    if not labels:
        raise DataError(
            f"Expected photos with {LABELS_FILE} (file, emotion), or in folders named after emotions. "
            f"Received: {folder} without any."
        )
    return labels


def _listed(folder: Path, listed: Path) -> dict[Path, int]:
    labels = {}
    try:
        with listed.open(newline="", encoding="utf-8-sig") as file:
            for number, row in enumerate(csv.DictReader(file), start=1):
                code = emotion_code(row.get("emotion") or "")
                if not row.get("file") or code is None:
                    raise DataError(f"Expected file and emotion in row {number} of {listed}. Received: {dict(row)}.")
                labels[folder / row["file"]] = code
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"Expected file and emotion in {listed}. Received: {error}.") from error
    return labels


def _from_folders(folder: Path) -> dict[Path, int]:
    photos = sorted(path for path in folder.rglob("*") if is_image_name(path.name) and path.is_file())
    codes = {path: emotion_code(path.parent.name) for path in photos}
    return {path: code for path, code in codes.items() if code is not None}


def evaluate_photos(
    predictor: Predictor,
    labels: Mapping[Path, int],
    *,
    workers: int | None = None,
    on_progress: Callable[[int], None] = lambda done: None,
) -> PhotoScores:
    """Predict labelled photos and compare.

    Args:
        predictor: Detector, model, head and prior, as its user would have them.
        labels: Photos and the codes of their emotions.
        workers: Threads that read and detect.
        on_progress: Called with the number of photos done.
    """
    confusion = np.zeros((NUM_EMOTIONS, NUM_EMOTIONS + 1), np.int64)
    unreadable = []
    results = predictor.predict_many(labels, workers=workers)
    for done, (code, result) in enumerate(zip(labels.values(), results, strict=True), start=1):
        if isinstance(result, Prediction):
            confusion[code, _answer(result)] += 1
        else:
            unreadable.append(f"{result.source}: {result.error}")
        on_progress(done)
    return PhotoScores(confusion, tuple(unreadable), predictor.card.name, predictor.detector_name)


def _answer(prediction: Prediction) -> int:
    return EMOTIONS.index(prediction.faces[0].emotion) if prediction.faces else NUM_EMOTIONS
