from __future__ import annotations

import numpy as np

from mien.evaluate.faithfulness import measure_faithfulness
from mien.evaluate.occlusion import occlusion_maps

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 40, (8, 48, 48)).astype(np.uint8)
for _index, _image in enumerate(IMAGES):
    _image[10:22, 3 + 3 * _index : 15 + 3 * _index] = 220
CODES = np.full(8, 3)
SQUARE = (IMAGES > 200).astype(np.float32)


def brightness_model(images: np.ndarray) -> np.ndarray:
    """Calls `happy` what has a bright place; the rest of the probability is spread."""
    happy = np.clip((images.max(axis=(1, 2)).astype(float) - 40) / 180, 0.01, 0.94)
    probabilities = np.repeat((1 - happy)[:, None] / 6, 7, axis=1)
    probabilities[:, 3] = happy
    return probabilities.astype(np.float32)


def test_a_true_map_beats_chance_and_its_opposite_loses() -> None:
    true = measure_faithfulness(brightness_model, IMAGES, SQUARE, CODES)
    assert true.deletion_gain > 0.1
    assert true.insertion_gain > 0
    opposite = measure_faithfulness(brightness_model, IMAGES, 1 - SQUARE, CODES)
    assert opposite.deletion_gain < 0
    assert opposite.deletion_gain < true.deletion_gain


def test_curves_start_and_end_at_the_whole_and_the_blurred_image() -> None:
    found = measure_faithfulness(brightness_model, IMAGES, SQUARE, CODES, steps=4)
    whole = brightness_model(IMAGES)[:, 3].mean()
    np.testing.assert_allclose(found.share, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose([found.deletion[0], found.insertion[-1]], whole, rtol=1e-6)
    np.testing.assert_allclose(found.deletion[-1], found.insertion[0], rtol=1e-6)
    np.testing.assert_allclose(found.random_deletion[[0, -1]], found.deletion[[0, -1]], rtol=1e-6)


def test_random_maps_are_the_same_each_time() -> None:
    first, again = (measure_faithfulness(brightness_model, IMAGES, SQUARE, CODES, steps=4) for _ in range(2))
    np.testing.assert_array_equal(first.random_deletion, again.random_deletion)


def test_occlusion_finds_the_place_that_matters() -> None:
    maps = occlusion_maps(brightness_model, IMAGES, CODES, patch_px=16)
    assert maps.shape == IMAGES.shape
    assert maps.dtype == np.float32
    assert maps.max() <= 1
    for found, square in zip(maps, SQUARE, strict=True):
        assert found[square > 0].mean() > 3 * found[square == 0].mean()


def test_a_model_that_does_not_look_has_empty_occlusion_maps() -> None:
    flat = np.full((8, 7), 1 / 7, np.float32)
    assert not occlusion_maps(lambda images: flat, IMAGES, CODES).any()
