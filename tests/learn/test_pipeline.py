from __future__ import annotations

from dataclasses import replace

import numpy as np

from mien.config import AugmentConfig, Config, TrainConfig
from mien.data.dataset import Split
from mien.learn.pipeline import EpochBatches, balanced_class_weights

PLAIN = AugmentConfig(flip=False, rotation_degrees=0, shift=0, zoom=0, brightness=0, contrast=0, erasing_probability=0)


def numbered_split(count: int) -> Split:
    images = np.arange(count, dtype=np.uint8)[:, None, None] * np.ones((48, 48), np.uint8)
    return Split(images, np.arange(count) % 7, np.array([str(i) for i in range(count)]))


def config(**train: object) -> Config:
    return Config(augment=PLAIN, train=replace(TrainConfig(batch_size=8), **train))


def seen(batches: EpochBatches) -> list[int]:
    return [int(image[0, 0, 0]) for index in range(len(batches)) for image in batches[index][0]]


def test_an_epoch_shows_each_image_once_in_batches_of_one_size() -> None:
    batches = EpochBatches(numbered_split(50), config(), epoch=0)
    assert len(batches) == 6
    assert {batches[i][0].shape for i in range(6)} == {(8, 48, 48, 1)}
    assert len(set(seen(batches))) == 48


def test_seed_and_epoch_decide_whatever_the_order_of_asking() -> None:
    split, settings = numbered_split(40), Config(train=TrainConfig(batch_size=8, seed=3))
    forward = EpochBatches(split, settings, epoch=2)
    backward = EpochBatches(split, settings, epoch=2)
    ahead = [forward[i] for i in range(5)]
    behind = [backward[i] for i in reversed(range(5))][::-1]
    for (images, labels), (images_again, labels_again) in zip(ahead, behind, strict=True):
        np.testing.assert_array_equal(images, images_again)
        np.testing.assert_array_equal(labels, labels_again)


def test_epochs_and_seeds_differ() -> None:
    split = numbered_split(40)
    first = seen(EpochBatches(split, config(), epoch=0))
    assert first != seen(EpochBatches(split, config(), epoch=1))
    assert first != seen(EpochBatches(split, config(seed=1), epoch=0))


def test_labels_belong_to_their_images() -> None:
    batches = EpochBatches(numbered_split(50), config(), epoch=0)
    for index in range(len(batches)):
        images, labels = batches[index]
        np.testing.assert_array_equal(images[:, 0, 0, 0] % 7, labels.argmax(1))


def test_fewer_images_than_a_batch_are_one_batch() -> None:
    batches = EpochBatches(numbered_split(5), config(), epoch=0)
    assert len(batches) == 1
    assert sorted(seen(batches)) == [0, 1, 2, 3, 4]


def test_balanced_weights_by_hand() -> None:
    split = numbered_split(4).take(np.array([0, 0, 0, 1]))  # three angry, one disgust
    np.testing.assert_allclose(balanced_class_weights(split), [4 / 6, 2, 0, 0, 0, 0, 0])


def test_balanced_weights_travel_with_the_batch() -> None:
    split = numbered_split(50)
    batches = EpochBatches(split, config(class_weights="balanced"), epoch=0)
    _, labels, weights = batches[0]
    np.testing.assert_allclose(weights, balanced_class_weights(split)[labels.argmax(1)])


def test_images_are_no_longer_mixed_after_mix_epochs() -> None:
    settings = replace(config(), augment=replace(PLAIN, mixup_alpha=1.0, mix_epochs=2))
    mixed, pure = (EpochBatches(numbered_split(40), settings, epoch=epoch)[0][1] for epoch in (1, 2))
    assert (mixed.max(1) < 1).any()
    assert (pure.max(1) == 1).all()
