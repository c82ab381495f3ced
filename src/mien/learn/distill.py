"""What other models say about the training images, as soft targets (Hinton, Vinyals & Dean 2015, arXiv:1503.02531).

The teachers answer once, on the images as they are and mirrored, before training starts; an augmented image keeps the
answer to its original. That costs a minute where asking at every step would double the training time. Labels of
FER-2013 are noisy, and a teacher's answer says how sure of one to be.
"""

from __future__ import annotations

import numpy as np

from mien.config import DistillConfig
from mien.data.dataset import Split
from mien.emotions import NUM_EMOTIONS
from mien.inference.classifier import Classifier

__all__ = ["load_teachers", "soft_targets"]


def load_teachers(config: DistillConfig) -> list[Classifier]:
    """The teachers of a config, in its order; none with a weight of 0.

    Raises:
        ModelError: One of them is missing or damaged.
    """
    return [Classifier(teacher) for teacher in config.teachers] if config.weight else []


def soft_targets(split: Split, probabilities: np.ndarray, config: DistillConfig) -> np.ndarray:
    """Targets between the label and the teachers: weight · softened probabilities + (1 - weight) · label.

    Args:
        split: The N images with their labels.
        probabilities: float32 (N, 7), the teachers' mean answers.
        config: Weight and temperature.

    Returns:
        float32 (N, 7); rows sum to 1.
    """
    softened = np.maximum(probabilities, np.finfo(np.float32).tiny) ** (1 / config.temperature)
    softened /= softened.sum(axis=1, keepdims=True)
    labels = np.eye(NUM_EMOTIONS, dtype=np.float32)[split.labels]
    mixed: np.ndarray = config.weight * softened + (1 - config.weight) * labels
    return mixed.astype(np.float32)
