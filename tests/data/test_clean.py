"""Cleaning: the policy on a toy dataset whose faults are known."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.data import Dataset, Split
from mien.data.audit import audit, identical_to_train
from mien.data.clean import Removed, clean, write_removed
from mien.errors import OutputError


@pytest.fixture
def dirty(pixels: np.ndarray) -> Dataset:
    p = pixels
    train = [
        (p[0], 3),  # a0: one of three; the majority says happy
        (p[0], 4),  # a1
        (p[0], 3),  # a2
        (p[1], 0),  # a3: contradicts a4, and nobody decides
        (p[1], 1),  # a4
        (p[2], 2),  # a5: also in val, with another label
        (p[3], 5),  # a6: also in test and in val
        (np.zeros((48, 48), np.uint8), 6),  # a7: blank, and also in test
        (p[4], 6),  # a8: alone
        (p[5][:, ::-1], 1),  # a9: the mirror image of one in test
        (p[6], 2),  # a10: the majority has the later image
        (p[6], 1),  # a11
        (p[6], 1),  # a12
    ]
    val = [(p[2], 3), (p[3], 5), (p[7], 0), (p[7], 1)]
    test = [(p[3], 5), (np.zeros((48, 48), np.uint8), 6), (p[5], 1)]
    parts = [
        Split(
            np.stack([image for image, _ in rows]),
            np.array([label for _, label in rows]),
            np.array([f"{prefix}{n}" for n in range(len(rows))]),
            np.arange(10 * len(rows), dtype=np.float32).reshape(-1, 10),
        )
        for prefix, rows in (("a", train), ("b", val), ("c", test))
    ]
    return Dataset(*parts, protocol="source", source="toy", fingerprint="f", skipped=(("x.jpg", "broken"),))


def test_what_goes_and_why(dirty: Dataset):
    cleaned, removed = clean(dirty)
    assert cleaned.train.sample_ids.tolist() == ["a0", "a8", "a9", "a11"]
    assert removed == (
        Removed("train", "a1", "sad", "duplicate", "a0"),
        Removed("train", "a2", "happy", "duplicate", "a0"),
        Removed("train", "a3", "angry", "conflicting labels", "angry, disgust"),
        Removed("train", "a4", "disgust", "conflicting labels", "angry, disgust"),
        Removed("train", "a5", "fear", "identical to val", "b0"),
        Removed("train", "a6", "surprise", "identical to test", "c0"),
        Removed("train", "a7", "neutral", "blank", "standard deviation of pixels 0.00"),
        Removed("train", "a10", "fear", "duplicate", "a11"),
        Removed("train", "a12", "disgust", "duplicate", "a11"),
        Removed("", "x.jpg", "", "unreadable", "broken"),
    )


def test_val_and_test_stay_as_they_are(dirty: Dataset):
    cleaned = clean(dirty).dataset
    assert cleaned.val is dirty.val
    assert cleaned.test is dirty.test


def test_the_kept_images_keep_their_labels_and_votes(dirty: Dataset):
    train = clean(dirty).dataset.train
    index = [dirty.train.sample_ids.tolist().index(sample_id) for sample_id in train.sample_ids.tolist()]
    np.testing.assert_array_equal(train.labels, dirty.train.labels[index])
    np.testing.assert_array_equal(train.images, dirty.train.images[index])
    np.testing.assert_array_equal(train.votes, dirty.train.votes[index])


def test_near_identical_ones_go_when_asked(dirty: Dataset):
    cleaned, removed = clean(dirty, near_identical=audit(dirty).near_identical or ())
    assert "a9" not in cleaned.train.sample_ids.tolist()
    assert Removed("train", "a9", "disgust", "near-identical to test", "c2") in removed


def test_a_cleaned_dataset_has_nothing_left_to_clean(dirty: Dataset):
    once = clean(dirty, near_identical=audit(dirty).near_identical or ()).dataset
    again = clean(once, near_identical=audit(once).near_identical or ())
    assert [row for row in again.removed if row.split] == []
    assert again.dataset.fingerprint == once.fingerprint != dirty.fingerprint
    assert not identical_to_train(once, "val").any()
    assert not identical_to_train(once, "test").any()
    assert "9 of 13" not in once.notes[-1]
    assert "10 of 13 train images were left out" in once.notes[-1]


def test_the_list_is_a_csv(dirty: Dataset, tmp_path: Path):
    removed = clean(dirty).removed
    write_removed(removed, tmp_path / "below" / "removed.csv")
    with (tmp_path / "below" / "removed.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["split", "sample_id", "emotion", "reason", "detail"]
    assert [tuple(row) for row in rows] == [tuple(row) for row in removed]


def test_an_unwritable_place_is_a_known_error(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_removed((), tmp_path / "file" / "removed.csv")


ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=14)


@settings(max_examples=60, deadline=None)
@given(ROWS, ROWS, ROWS)
def test_whatever_the_duplicates_train_ends_clean(
    train: list[tuple[int, int]], val: list[tuple[int, int]], test: list[tuple[int, int]]
):
    images = np.random.default_rng(0).integers(0, 256, (6, 48, 48), dtype=np.uint8)
    images[5] = 7  # a blank
    parts = [
        Split(
            images[[image for image, _ in rows]],
            np.array([label for _, label in rows], dtype=np.int64),
            np.array([f"{n}" for n in range(len(rows))], dtype="U4"),
        )
        for rows in (train, val, test)
    ]
    cleaned, removed = clean(Dataset(*parts, protocol="source", source="toy", fingerprint="f"))
    kept = [train[int(sample_id)] for sample_id in cleaned.train.sample_ids]
    held_out = {image for image, _ in val + test}
    labels_of = {image: [label for other, label in train if other == image] for image, _ in train}
    majorities = {
        image: [label for label in range(3) if 2 * labels.count(label) > len(labels)]
        for image, labels in labels_of.items()
        if image not in held_out and image != 5
    }
    # One of each image that is left, with its majority label; images without a majority are gone.
    assert sorted(kept) == sorted((image, label[0]) for image, label in majorities.items() if label)
    assert len(kept) + len(removed) == len(train)
