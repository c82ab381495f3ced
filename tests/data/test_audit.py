"""The audit of a toy dataset whose faults are known; `test_real_audit` has FER-2013."""

import json

import numpy as np
import pytest

from mien.data import Dataset, Split
from mien.data.audit import Audit, Member, audit, identical_to_train
from mien.errors import DataError


def split_of(images: list[np.ndarray], labels: list[int], prefix: str) -> Split:
    ids = np.array([f"{prefix}{n}" for n in range(len(images))])
    return Split(np.stack(images), np.array(labels), ids)


@pytest.fixture
def faulty(pixels: np.ndarray) -> Dataset:
    """Three identical in train with two labels, one of them in test; a mirrored pair; a constant and an almost one."""
    p = pixels
    constant = np.full((48, 48), 200, np.uint8)
    almost = constant.copy()
    almost[:2, :24] += 8  # a standard deviation of 1.15
    train = split_of([p[0], p[0], p[1], p[2], p[0], constant, p[3]], [3, 3, 0, 1, 4, 5, 6], "a")
    val = split_of([p[4], almost, p[5]], [0, 2, 3], "b")
    test = split_of([p[0], p[2][:, ::-1].copy(), p[4]], [3, 1, 0], "c")
    return Dataset(train, val, test, "source", "toy", "f", skipped=(("x.jpg", "broken"),))


@pytest.fixture
def found(faulty: Dataset) -> Audit:
    return audit(faulty)


def test_identical_images_form_groups(found: Audit):
    first, second = found.identical_groups
    assert [member.sample_id for member in first.members] == ["a0", "a1", "a4", "c0"]
    assert (first.splits, first.emotions) == (("train", "test"), ("happy", "sad"))
    assert second.members == (Member("val", "b0", "angry"), Member("test", "c2", "angry"))
    assert found.identical_images == 6
    assert found.groups_across_splits == (first, second)
    assert found.conflicting_groups == (first,)


def test_what_is_also_in_train_is_counted(found: Audit, faulty: Dataset):
    assert found.identical_to_train == {"val": 0, "test": 1}
    assert identical_to_train(faulty, "test").tolist() == [True, False, False]
    assert identical_to_train(faulty, "train").all()
    with pytest.raises(DataError, match="train, val, test"):
        identical_to_train(faulty, "private")


def test_a_mirrored_copy_is_near_identical_and_identical_ones_are_not_listed_again(found: Audit):
    assert found.near_identical is not None
    (pair,) = found.near_identical
    assert (pair.first, pair.second) == (Member("train", "a3", "disgust"), Member("test", "c1", "disgust"))
    assert pair.mirrored
    assert pair.similarity == pytest.approx(1)
    assert found.near_identical_across_splits == (pair,)


def test_blanks_and_constants(found: Audit):
    assert [(blank.member.sample_id, round(blank.pixel_std, 1)) for blank in found.blanks] == [("a5", 0.0), ("b1", 1.1)]
    assert [blank.member.sample_id for blank in found.constants] == ["a5"]


def test_imbalance_of_each_split(found: Audit):
    train = found.imbalance["train"]
    assert (train.largest, train.largest_images, train.smallest, train.smallest_images) == ("happy", 2, "fear", 0)
    assert train.ratio is None


def test_the_numbers_and_the_json_agree(found: Audit):
    facts = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert facts["counts"] == {
        "images": 13,
        "identical_groups": 2,
        "identical_images": 6,
        "groups_across_splits": 2,
        "conflicting_groups": 1,
        "val_identical_to_train": 0,
        "test_identical_to_train": 1,
        "blanks": 2,
        "constants": 1,
        "unreadable": 1,
        "near_identical_pairs": 1,
        "near_identical_pairs_across_splits": 1,
    }
    assert facts["identical_groups"][1][0] == {"split": "val", "sample_id": "b0", "emotion": "angry"}
    assert facts["near_identical"][0]["mirrored"] is True
    assert facts["unreadable"] == [{"where": "x.jpg", "why": "broken"}]
    assert repr(found) == "Audit(13 images, 2 identical groups, 2 blanks)"


def test_near_identical_images_need_not_be_looked_for(faulty: Dataset):
    found = audit(faulty, near_identical=False)
    assert found.near_identical is None
    assert found.near_identical_across_splits == ()
    assert "near_identical_pairs" not in found.counts()


def test_a_clean_dataset_has_no_findings(pixels: np.ndarray):
    parts = [
        split_of(list(pixels[part]), [n % 7 for n in range(8)], "x") for part in (slice(8), slice(8, 16), slice(16, 24))
    ]
    found = audit(Dataset(*parts, protocol="source", source="toy", fingerprint="f"))
    assert {name for name, count in found.counts().items() if count} == {"images"}
