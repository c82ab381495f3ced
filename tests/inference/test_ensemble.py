"""The mean of several models and of mirror images."""

from __future__ import annotations

import numpy as np

from mien.inference.ensemble import mean_probabilities


class SideModel:
    """Says class 0 where the left half is brighter, else class 1, with the given confidence."""

    def __init__(self, confidence: float) -> None:
        self._confidence = confidence

    def probabilities(self, crops: np.ndarray) -> np.ndarray:
        answer = np.zeros((len(crops), 7), np.float32)
        left = crops[:, :, :24].mean((1, 2)) > crops[:, :, 24:].mean((1, 2))
        answer[np.arange(len(crops)), np.where(left, 0, 1)] = self._confidence
        answer[:, 6] = 1 - self._confidence
        return answer


def _left_bright(count: int) -> np.ndarray:
    images = np.zeros((count, 48, 48), np.uint8)
    images[:, :, :24] = 200
    return images


def test_every_member_answers_on_images_and_their_mirror_images() -> None:
    told: list[int] = []
    answers = mean_probabilities([SideModel(1.0), SideModel(0.5)], _left_bright(70), on_progress=told.append)
    # Each member sees left and right once; 0.75 is their mean confidence, half of it for each side.
    np.testing.assert_allclose(answers, np.tile([0.375, 0.375, 0, 0, 0, 0, 0.25], (70, 1)))
    assert told == [64, 70]


def test_without_flip_one_member_answers_as_if_alone() -> None:
    images = _left_bright(3)
    np.testing.assert_array_equal(
        mean_probabilities([SideModel(0.8)], images, flip=False), SideModel(0.8).probabilities(images)
    )


def test_no_images_no_answers() -> None:
    assert mean_probabilities([SideModel(1.0)], _left_bright(0)).shape == (0, 7)
