"""What other models say about the training images, as soft targets (Hinton, Vinyals & Dean 2015, arXiv:1503.02531).

The teachers answer once, on the images as they are and mirrored, before training starts; an augmented image keeps the
answer to its original, which costs a minute. Or they answer at every step about the images that the student sees
(Beyer et al. 2022, arXiv:2106.05237): what they have learnt by heart of an image fades with each change to it, and the
student copies what they understood. Labels of FER-2013 are noisy, and a teacher's answer says how sure of one to be.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mien.config import DistillConfig
from mien.emotions import NUM_EMOTIONS
from mien.inference.classifier import Classifier
from mien.inference.ensemble import Answering, mean_probabilities
from mien.probabilities import apply_temperature

__all__ = ["Teacher", "load_teachers", "soft_targets", "targets_for_views"]


class Teacher:
    """An exported model that answers the questions of a student's heads.

    Args:
        model: A bundled model, or the folder of an exported one.
        heads: The student's heads, in order.
        threads: Threads of one answer.

    Raises:
        ModelError: It is missing or damaged.
    """

    def __init__(self, model: str, heads: Sequence[str], *, threads: int | None = None) -> None:
        self._classifier = Classifier(model, threads=threads)
        self._heads = heads

    @property
    def onnx_sha256(self) -> str:
        """Of the model's file."""
        return self._classifier.card.onnx_sha256

    def probabilities(self, crops: np.ndarray) -> np.ndarray:
        """float32 (N, 7 · heads) for uint8 (N, 48, 48); NaN for a question that the model does not answer."""
        answers = self._classifier.all_heads(crops)
        unknown = np.full((len(crops), NUM_EMOTIONS), np.nan, np.float32)
        return np.concatenate([answers.get(head, unknown) for head in self._heads], axis=1)


def load_teachers(config: DistillConfig, heads: Sequence[str] = ("labels",)) -> list[Teacher]:
    """The teachers of a config, in its order, for a student with these heads; none with a weight of 0.

    Raises:
        ModelError: One of them is missing or damaged.
    """
    # At every step, the threads that prepare batches ask side by side: one thread for each answer is enough then.
    threads = 1 if config.each_view else None
    return [Teacher(teacher, heads, threads=threads) for teacher in config.teachers] if config.weight else []


def targets_for_views(
    images: np.ndarray, labels: np.ndarray, teachers: Sequence[Answering], config: DistillConfig
) -> np.ndarray:
    """Targets for augmented and mixed images, each answered by the teachers as it is.

    Args:
        images: float32 (N, 48, 48) in 0–255; the teachers see them rounded.
        labels: float32 (N, 7 · heads), the targets without teachers.
        teachers: At least one; their mean counts.
        config: Weight and temperature.

    Returns:
        float32 (N, 7 · heads).
    """
    answers = mean_probabilities(teachers, np.rint(images).astype(np.uint8), flip=False)
    return soft_targets(labels, answers, config)


def soft_targets(labels: np.ndarray, probabilities: np.ndarray, config: DistillConfig) -> np.ndarray:
    """Targets between the label and the teachers: weight · softened probabilities + (1 - weight) · label.

    Args:
        labels: float32 (N, 7 · heads), the targets without teachers; rows of each head sum to 1: one 1 each, or mixed.
        probabilities: float32 (N, 7 · heads), the teachers' mean answers; NaN where none of them answers.
        config: Weight and temperature.

    Returns:
        float32 (N, 7 · heads), as `labels`, which stay as they are where no teacher answers.
    """
    each = probabilities.reshape(len(labels), -1, NUM_EMOTIONS)  # (N, heads, 7)
    softened = apply_temperature(each, config.temperature).reshape(labels.shape)
    mixed = config.weight * softened + (1 - config.weight) * labels
    return np.where(np.isnan(softened), labels, mixed).astype(np.float32)
