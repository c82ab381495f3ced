"""Near-identical images: found when changed as copies of photographs are changed, and otherwise not."""

import cv2
import numpy as np
import pytest

from mien.data.near_identical import SIMILARITY_THRESHOLD, near_identical_pairs
from mien.synthetic.faces import draw_face


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE)


def scaled(image: np.ndarray, contrast: float, brightness: float) -> np.ndarray:
    return np.clip(contrast * (image.astype(float) - 128) + 128 + brightness, 0, 255).astype(np.uint8)


CHANGES = {
    "JPEG 80": lambda image: jpeg(image, 80),
    "JPEG 40": lambda image: jpeg(image, 40),
    "brighter": lambda image: scaled(image, 1.0, 30),
    "darker": lambda image: scaled(image, 1.0, -30),
    "less contrast": lambda image: scaled(image, 0.6, 0),
    "mirrored": lambda image: image[:, ::-1],
    "mirrored, darker JPEG": lambda image: jpeg(scaled(image[:, ::-1], 0.9, -20), 60),
}


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    """uint8 (300, 48, 48): more than one tile of blocks, and no multiple of a block."""
    return np.stack([draw_face(n % 7, np.random.default_rng((9, n))) for n in range(300)])


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found(faces: np.ndarray, change: str):
    # Copies of the first, of one in the middle and of the last image, far from each other.
    originals = (0, 137, 299)
    copies = np.stack([CHANGES[change](faces[n]) for n in originals])
    pairs = near_identical_pairs(np.concatenate([faces, copies]), threshold=0.97)
    found = set(zip(pairs.first.tolist(), pairs.second.tolist(), pairs.mirrored.tolist(), strict=True))
    assert {(n, 300 + k, change.startswith("mirrored")) for k, n in enumerate(originals)} <= found


def test_all_pairs_of_a_naive_search_are_found_and_no_others():
    # Few base images with growing noise give similarities on both sides of the threshold.
    rng = np.random.default_rng(0)
    base = np.stack([draw_face(n % 7, rng) for n in range(12)]).repeat(15, axis=0)
    spread = np.linspace(0, 60, 15).repeat(1)[np.arange(180) % 15]
    images = np.clip(base + spread[:, None, None] * rng.normal(size=base.shape), 0, 255).astype(np.uint8)
    flat = images.reshape(180, -1)
    straight, mirrored = np.corrcoef(flat), np.corrcoef(flat, images[:, :, ::-1].reshape(180, -1))[:180, 180:]
    similarity = np.maximum(straight, mirrored)
    expected = {(i, j) for i, j in np.argwhere(similarity >= SIMILARITY_THRESHOLD).tolist() if i < j}
    pairs = near_identical_pairs(images)
    assert set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == expected
    assert 100 < len(expected) < 180 * 14 / 2
    np.testing.assert_allclose(pairs.similarity, similarity[pairs.first, pairs.second], atol=1e-5)
    assert (np.diff(pairs.similarity) <= 0).all()


def test_noise_resembles_nothing():
    images = np.random.default_rng(0).integers(0, 256, (400, 48, 48), dtype=np.uint8)
    assert len(near_identical_pairs(images).first) == 0


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_images_for_a_pair(count: int):
    assert len(near_identical_pairs(np.zeros((count, 48, 48), np.uint8)).first) == 0


def test_progress_reaches_the_number_of_images(faces: np.ndarray):
    calls: list[tuple[int, int]] = []
    near_identical_pairs(faces, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (300, 300)
    assert calls == sorted(calls)
