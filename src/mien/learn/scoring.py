"""From images to probabilities with a Keras model: every image counts, none is dropped for a batch's sake."""

from __future__ import annotations

import keras
import numpy as np

from mien.data.dataset import Split
from mien.emotions import NUM_EMOTIONS
from mien.errors import ModelError
from mien.images import to_tensor
from mien.run import Probabilities, Provenance, Run

__all__ = ["load_known_model", "load_model", "predict_heads", "predict_probabilities", "score_split"]

_BATCH_SIZE = 256  # measured: larger batches gain nothing on a CPU and cost memory


def load_model(run: Run) -> keras.Model:
    """The best model of a run.

    Raises:
        RunError: The run has no model yet.
        ModelError: The file is damaged.
    """
    path = run.require(run.model_path, f"mien train --run {run.path}")
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # zipfile, HDF5 and Keras each have errors of their own for a damaged file
        raise ModelError(f"Expected a Keras model in {path}. Received: {error}.") from error


def load_known_model(run: Run, data_fingerprint: str = "") -> tuple[keras.Model, Provenance]:
    """The best model of a run, and which that is: one that is being trained may replace it at any moment.

    Raises:
        RunError: The run has no model yet.
        ModelError: The file is damaged.
    """
    while True:
        provenance = run.provenance(data_fingerprint)
        model = load_model(run)
        if run.provenance(data_fingerprint) == provenance:
            return model, provenance


def predict_probabilities(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Probabilities of grey images, by the labels' head where there are two.

    Args:
        model: Any model of `mien.learn.models`.
        images: uint8 (N, 48, 48).

    Returns:
        float32 (N, 7), rows sum to 1.
    """
    return predict_heads(model, images)[-1]


def predict_heads(model: keras.Model, images: np.ndarray) -> list[np.ndarray]:
    """What each head of a model says: float32 (N, 7) for each, the votes' before the labels' where there are two."""
    if not len(images):
        return [np.zeros((0, NUM_EMOTIONS), np.float32) for _ in model.outputs]
    pixels = to_tensor(images)  # (N, 48, 48, 1)
    answers = model.predict(pixels, batch_size=_BATCH_SIZE, verbose=0)
    return list(answers) if len(model.outputs) > 1 else [answers]


def score_split(run: Run, split: Split, *, data_fingerprint: str = "") -> Probabilities:
    """What the best model of a run says about a split.

    Args:
        run: A run with a model.
        split: The images.
        data_fingerprint: Of the dataset that the split belongs to.
    """
    model, provenance = load_known_model(run, data_fingerprint)
    *votes, probabilities = predict_heads(model, split.images)
    return Probabilities(split.sample_ids, split.labels, probabilities, provenance, votes[0] if votes else None)
