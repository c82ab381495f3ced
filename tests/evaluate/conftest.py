"""Toy predictions: three images worked by hand, and random ones of any size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mien.emotions import NUM_EMOTIONS
from mien.run import Probabilities


def draw(n: int, seed: int = 0, *, skill: float = 1.5) -> Probabilities:
    """Labels and probabilities that are right more often than not."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, NUM_EMOTIONS, n)
    logits = random.normal(size=(n, NUM_EMOTIONS)) + skill * np.eye(NUM_EMOTIONS)[labels]
    exponentials = np.exp(logits)
    p = (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32)
    return Probabilities(np.array([f"image-{i}" for i in range(n)]), labels, p)


@pytest.fixture(scope="session")
def drawn() -> Callable[..., Probabilities]:
    return draw


@pytest.fixture(scope="session")
def by_hand() -> tuple[np.ndarray, np.ndarray]:
    """Labels 0, 0, 3, 3: right at 0.8, wrong (3 at 0.6, the label second), right at 0.7, wrong (6 at 0.5)."""
    p = np.zeros((4, NUM_EMOTIONS))
    p[0, [0, 1]] = 0.8, 0.2
    p[1, [3, 0]] = 0.6, 0.4
    p[2, [3, 0]] = 0.7, 0.3
    p[3, [6, 4, 3]] = 0.5, 0.3, 0.2
    return np.array([0, 0, 3, 3]), p
