from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.config import AugmentConfig
from mien.learn.augment import augment_batch, mix_batch

NOTHING = AugmentConfig(
    flip=False, rotation_degrees=0, shift=0, zoom=0, brightness=0, contrast=0, erasing_probability=0
)


def images(count: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 48, 48), dtype=np.uint8)


def only(**magnitudes: object) -> AugmentConfig:
    from dataclasses import replace

    return replace(NOTHING, **magnitudes)


def test_all_magnitudes_zero_changes_nothing() -> None:
    before = images()
    after = augment_batch(before, NOTHING, np.random.default_rng(0))
    assert after.dtype == np.float32
    np.testing.assert_array_equal(after, before)


def test_the_seed_alone_decides() -> None:
    config = AugmentConfig(erasing_probability=1.0)
    first, again, other = (augment_batch(images(), config, np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_flip_gives_the_image_or_its_exact_mirror() -> None:
    before = images(64)
    after = augment_batch(before, only(flip=True), np.random.default_rng(0))
    mirrored = [np.array_equal(a, b[:, ::-1]) for a, b in zip(after, before, strict=True)]
    kept = [np.array_equal(a, b) for a, b in zip(after, before, strict=True)]
    assert all(m or k for m, k in zip(mirrored, kept, strict=True))
    assert 16 < sum(mirrored) < 48


def test_shift_moves_a_dot_by_no_more_than_asked() -> None:
    dot = np.zeros((50, 48, 48), np.uint8)
    dot[:, 23:25, 23:25] = 255
    after = augment_batch(dot, only(shift=0.25), np.random.default_rng(0))
    grid = np.arange(48)
    rows = (after.sum(2) * grid).sum(1) / after.sum((1, 2))
    assert np.abs(rows - 23.5).max() <= 12.1
    assert np.abs(rows - 23.5).max() > 6


def test_rotation_keeps_the_centre_and_turns_both_ways() -> None:
    bar = np.zeros((60, 48, 48), np.uint8)
    bar[:, 23:25, 6:42] = 255
    after = augment_batch(bar, only(rotation_degrees=30), np.random.default_rng(0))
    y, x = np.mgrid[:48, :48] - 23.5
    slope = [np.polyfit(x[i > 100], y[i > 100], 1)[0] for i in after]
    degrees = np.rad2deg(np.arctan(slope))
    assert -31 < degrees.min() < -15
    assert 15 < degrees.max() < 31
    assert (after[:, 23:25, 23:25] > 200).all()


def test_a_flipped_rotation_is_a_rotation_of_the_flipped_image() -> None:
    # One warp holds both; a wrong order of the two would shear the image instead.
    before = np.tile(np.arange(48, dtype=np.uint8) * 5, (200, 48, 1))
    after = augment_batch(before, only(flip=True, rotation_degrees=20), np.random.default_rng(0))
    centre = after[:, 20:28, 20:28]
    gradient_x = np.diff(centre, axis=2).mean((1, 2))
    gradient_y = np.diff(centre, axis=1).mean((1, 2))
    np.testing.assert_allclose(np.hypot(gradient_x, gradient_y), 5, atol=0.3)
    assert gradient_x.min() < -4
    assert gradient_x.max() > 4


def test_zoom_changes_the_size_both_ways() -> None:
    square = np.zeros((60, 48, 48), np.uint8)
    square[:, 14:34, 14:34] = 255
    sides = np.sqrt(augment_batch(square, only(zoom=0.3), np.random.default_rng(0)).sum((1, 2)) / 255)
    assert 20 * 0.69 < sides.min() < 17
    assert 23 < sides.max() < 20 * 1.32


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**31))
def test_light_stays_in_range(brightness: float, contrast: float, seed: int) -> None:
    config = only(brightness=brightness, contrast=contrast)
    after = augment_batch(images(), config, np.random.default_rng(seed))
    assert after.min() >= 0
    assert after.max() <= 255


def test_contrast_keeps_the_mean_and_brightness_moves_it() -> None:
    before = np.full((40, 48, 48), 128, np.uint8)
    before[:, ::2] = 120
    after = augment_batch(before, only(contrast=0.5), np.random.default_rng(0))
    np.testing.assert_allclose(after.mean((1, 2)), 124, atol=1e-3)
    assert after.std((1, 2)).min() < 3 < 5 < after.std((1, 2)).max()
    moved = augment_batch(before, only(brightness=0.1), np.random.default_rng(0)).mean((1, 2)) - 124
    assert np.abs(moved).max() <= 25.6
    assert moved.min() < -10
    assert moved.max() > 10


@pytest.mark.parametrize("area", [0.05, 0.2, 1.0])
def test_erasing_hides_one_rectangle_of_at_most_the_area(area: float) -> None:
    before = np.zeros((80, 48, 48), np.uint8)
    config = only(erasing_probability=1.0, erasing_area=area)
    changed = augment_batch(before, config, np.random.default_rng(0)) > 0
    for mask in changed:
        height, width = mask.any(1), mask.any(0)
        assert mask.sum() > 0.9 * height.sum() * width.sum()  # noise holds a few zeros
        assert height.sum() * width.sum() <= area * 48 * 48 + 60  # rounding of both sides


def test_erasing_probability_is_a_share_of_images() -> None:
    before = np.zeros((1000, 48, 48), np.uint8)
    after = augment_batch(before, only(erasing_probability=0.25), np.random.default_rng(0))
    assert 0.2 < after.any((1, 2)).mean() < 0.3


@pytest.mark.parametrize("kinds", [{"mixup_alpha": 0.4}, {"cutmix_alpha": 1.0}, {"mixup_alpha": 1, "cutmix_alpha": 1}])
def test_mixing_keeps_ranges_and_label_sums(kinds: dict[str, float]) -> None:
    labels = np.eye(7, dtype=np.float32)[[0, 1, 2, 3, 4, 5]]
    for seed in range(20):
        before = images().astype(np.float32)
        mixed, soft = mix_batch(before, labels, only(**kinds), np.random.default_rng(seed))
        assert mixed.dtype == soft.dtype == np.float32
        assert mixed.min() >= 0
        assert mixed.max() <= 255 + 1e-3  # float32 rounding
        np.testing.assert_allclose(soft.sum(1), 1, atol=1e-6)


def test_mixup_mixes_pixels_by_the_share_of_the_label() -> None:
    flat = np.array([0, 100, 200], np.float32)[:, None, None] * np.ones((48, 48), np.float32)
    labels = np.eye(7, dtype=np.float32)[[0, 1, 2]]
    mixed, soft = mix_batch(flat, labels, only(mixup_alpha=1.0), np.random.default_rng(0))
    np.testing.assert_allclose(mixed[:, 0, 0], soft[:, :3] @ np.array([0, 100, 200]), rtol=1e-5)


def test_cutmix_label_is_the_exact_share_of_pixels() -> None:
    flat = np.array([0, 100, 200], np.float32)[:, None, None] * np.ones((48, 48), np.float32)
    labels = np.eye(7, dtype=np.float32)[[0, 1, 2]]
    for seed in range(20):
        mixed, soft = mix_batch(flat, labels, only(cutmix_alpha=1.0), np.random.default_rng(seed))
        np.testing.assert_allclose(mixed.mean((1, 2)), soft[:, :3] @ np.array([0, 100, 200]), rtol=1e-4, atol=1e-3)


def test_no_mixing_returns_what_came() -> None:
    before, labels = images().astype(np.float32), np.eye(7, dtype=np.float32)[:6]
    mixed, soft = mix_batch(before, labels, NOTHING, np.random.default_rng(0))
    assert mixed is before
    assert soft is labels
