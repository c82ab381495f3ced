"""A dataset in numbers, checked against numbers worked out by hand."""

import json

import numpy as np
import pytest

from mien.data import Dataset, Split
from mien.data.summary import summarize


def split_of(images: np.ndarray, labels: list[int]) -> Split:
    return Split(images, np.array(labels, dtype=np.int64), np.array([f"i{n}" for n in range(len(labels))], dtype="U8"))


@pytest.fixture
def dataset() -> Dataset:
    """Train: a black, a white and a half black, half grey image; val: noise; test: nothing."""
    half = np.zeros((48, 48), np.uint8)
    half[:24] = 100
    images = np.stack([np.zeros((48, 48), np.uint8), np.full((48, 48), 255, np.uint8), half])
    noise = np.random.default_rng(0).integers(0, 256, (5, 48, 48), dtype=np.uint8)
    empty = split_of(np.empty((0, 48, 48), np.uint8), [])
    return Dataset(split_of(images, [3, 3, 0]), split_of(noise, [1] * 5), empty, "source", "toy", "f")


def test_classes_of_each_split(dataset: Dataset):
    found = summarize(dataset)
    assert {name: split.images for name, split in found.splits.items()} == {"train": 3, "val": 5, "test": 0}
    assert found.splits["train"].class_counts.tolist() == [1, 0, 0, 2, 0, 0, 0]


def test_pixels_by_hand(dataset: Dataset):
    pixels = summarize(dataset).splits["train"].pixels
    assert pixels is not None
    assert pixels.mean == pytest.approx((0 + 255 + 50) / 3)
    assert pixels.image_mean_std == pytest.approx(np.std([0, 255, 50]))
    assert pixels.image_std_mean == pytest.approx(50 / 3)
    assert (pixels.black_share, pixels.white_share) == (pytest.approx(0.5), pytest.approx(1 / 3))


def test_pixels_as_numpy_says(dataset: Dataset):
    pixels = summarize(dataset).splits["val"].pixels
    assert pixels is not None
    assert pixels.mean == pytest.approx(dataset.val.images.mean())
    assert pixels.std == pytest.approx(dataset.val.images.std())


def test_an_empty_split_has_no_pixels(dataset: Dataset):
    assert summarize(dataset).splits["test"].pixels is None


def test_mean_faces_are_of_train(dataset: Dataset):
    faces = summarize(dataset).mean_faces
    assert faces.shape == (7, 48, 48)
    np.testing.assert_allclose(faces[3], 127.5)
    np.testing.assert_array_equal(faces[0], dataset.train.images[2])
    assert np.isnan(faces[[1, 2, 4, 5, 6]]).all()


def test_the_dictionary_is_json(dataset: Dataset):
    facts = json.loads(json.dumps(summarize(dataset).to_dict(), allow_nan=False))
    assert facts["train"]["classes"]["happy"] == 2
    assert facts["train"]["pixels"]["black_share"] == pytest.approx(0.5)
    assert facts["test"] == {"images": 0, "classes": dict.fromkeys(facts["test"]["classes"], 0), "pixels": None}
