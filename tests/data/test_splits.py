import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.data.dataset import content_hashes
from mien.data.reading import NOT_SAID, Samples
from mien.data.splits import OFFICIAL_CLASS_COUNTS, STRATIFIED_SHARES, split_samples, stratified_membership


def make_samples(
    contents: list[int], labels: list[int], membership: list[int] | None = None, split_by: str = ""
) -> Samples:
    """Samples whose pixels are equal exactly where `contents` are."""
    images = np.zeros((len(contents), 48, 48), dtype=np.uint8)
    images[:, 0, :4] = np.array(contents, dtype="<u4").view(np.uint8).reshape(-1, 4)
    return Samples(
        images=images,
        labels=np.array(labels, dtype=np.int64),
        sample_ids=np.array([f"row-{n + 1}" for n in range(len(contents))], dtype=str),
        membership=np.array(membership if membership is not None else [NOT_SAID] * len(contents), dtype=np.int8),
        split_by=split_by,
    )


samples_with_repeats = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 6)), min_size=1, max_size=120)


@given(samples_with_repeats, st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_every_image_is_in_one_split_and_identical_images_share_it(pairs, seed):
    contents, labels = zip(*pairs, strict=True)
    samples = make_samples(list(contents), list(labels))
    dataset = split_samples(samples, source="x", seed=seed)
    assert dataset.protocol == "stratified"
    parts = (dataset.train, dataset.val, dataset.test)
    ids = [name for part in parts for name in part.sample_ids.tolist()]
    assert sorted(ids) == sorted(samples.sample_ids.tolist())
    hashes = [set(content_hashes(part.images).tolist()) for part in parts]
    assert not hashes[0] & hashes[1]
    assert not hashes[0] & hashes[2]
    assert not hashes[1] & hashes[2]


@given(st.lists(st.integers(0, 6), min_size=1, max_size=200), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_without_repeats_every_class_has_its_share_of_every_split(labels, seed):
    samples = make_samples(list(range(len(labels))), labels)
    membership = stratified_membership(samples.images, samples.labels, seed=seed)
    for code in set(labels):
        counts = np.bincount(membership[samples.labels == code], minlength=3)
        total = counts.sum()
        # Rounding moves at most one image; a class of three or more moves one more to fill an empty split.
        assert (np.abs(counts - total * np.array(STRATIFIED_SHARES)) < 2).all()
        if total >= 3:
            assert counts.min() >= 1


@given(samples_with_repeats)
@settings(max_examples=60, deadline=None)
def test_repeats_move_a_class_off_its_share_by_no_more_than_all_repeats(pairs):
    contents, labels = (np.array(values) for values in zip(*pairs, strict=True))
    samples = make_samples(contents.tolist(), labels.tolist())
    membership = stratified_membership(samples.images, samples.labels)
    _, inverse, sizes = np.unique(contents, return_inverse=True, return_counts=True)
    repeated = sizes[inverse] > 1
    for code in set(labels.tolist()):
        counts = np.bincount(membership[labels == code], minlength=3)
        slack = repeated[labels == code].sum() + 2
        assert (np.abs(counts - counts.sum() * np.array(STRATIFIED_SHARES)) <= slack).all()


@given(samples_with_repeats, st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_the_same_seed_gives_the_same_split(pairs, seed):
    contents, labels = zip(*pairs, strict=True)
    samples = make_samples(list(contents), list(labels))
    first, second = (stratified_membership(samples.images, samples.labels, seed=seed) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_the_order_of_the_images_and_their_names_make_no_difference():
    rng = np.random.default_rng(3)
    images, labels = rng.integers(0, 256, (60, 48, 48), np.uint8), rng.integers(0, 7, 60)
    images[40:50] = images[:10]
    labels[40:50] = labels[:10]
    order = rng.permutation(60)
    split = stratified_membership(images, labels, seed=1)
    np.testing.assert_array_equal(stratified_membership(images[order], labels[order], seed=1), split[order])


def test_another_seed_gives_another_split():
    samples = make_samples(list(range(100)), [0] * 100)
    first, second = (stratified_membership(samples.images, samples.labels, seed=seed) for seed in (0, 1))
    assert (first != second).any()


def test_large_groups_are_balanced_by_hand():
    # One class: groups of 6, 2, 2 and no single images, so 70/15/15 of ten (7, 2, 1 after rounding) is met as
    # closely as whole groups can: 6 to train, 2 and 2 to the others.
    contents = [1] * 6 + [2] * 2 + [3] * 2
    samples = make_samples(contents, [4] * 10)
    counts = np.bincount(stratified_membership(samples.images, samples.labels), minlength=3)
    assert counts.tolist() == [6, 2, 2]


def official_samples(split_by: str) -> Samples:
    labels, membership = [], []
    for split, counts in enumerate(OFFICIAL_CLASS_COUNTS.values()):
        for code, count in enumerate(counts):
            labels += [code] * count
            membership += [split] * count
    return make_samples(list(range(len(labels))), labels, membership, split_by)


@pytest.mark.parametrize("split_by", ["usage", "names"])
def test_all_21_counts_make_the_split_official(split_by):
    dataset = split_samples(official_samples(split_by), source="x")
    assert (dataset.protocol, dataset.notes) == ("official", ())
    assert [len(dataset.train), len(dataset.val), len(dataset.test)] == [28709, 3589, 3589]


def test_one_missing_image_is_noted_and_makes_a_csv_unofficial():
    whole = official_samples("usage")
    part = Samples(whole.images[1:], whole.labels[1:], whole.sample_ids[1:], whole.membership[1:], "usage")
    dataset = split_samples(part, source="x")
    assert dataset.protocol == "source"
    assert dataset.notes == (
        "The train split has 28,708 images where FER-2013 has 28,709 (angry 3,994 instead of 3,995).",
    )


def test_file_names_tell_the_official_split_whatever_the_counts():
    dataset = split_samples(make_samples([1, 2, 3], [0, 1, 2], [0, 1, 2], "names"), source="x")
    assert dataset.protocol == "official"
    assert any("where FER-2013 has 28,709" in note for note in dataset.notes)
    assert any(note.startswith("No images of happy, sad, surprise, neutral") for note in dataset.notes)


def test_folders_of_another_dataset_are_kept_without_remarks_about_fer_2013():
    dataset = split_samples(make_samples(list(range(21)), list(range(7)) * 3, [0, 1, 2] * 7, "folders"), source="x")
    assert (dataset.protocol, dataset.notes) == ("source", ())


@pytest.mark.parametrize(("present", "lacking"), [(2, "val"), (1, "test")])
def test_a_missing_split_is_taken_from_train(present, lacking):
    labels = [n % 7 for n in range(280)]
    membership = [0] * 210 + [present] * 70
    samples = make_samples([n // 2 for n in range(210)] + list(range(1000, 1070)), labels, membership, "folders")
    dataset = split_samples(samples, source="x")
    assert dataset.protocol == "source"
    taken = dataset.split(lacking)
    assert len(taken) == pytest.approx(0.15 * 210, abs=7)
    assert len(dataset.train) + len(taken) == 210
    assert not set(content_hashes(taken.images)) & set(content_hashes(dataset.train.images))
    kept = dataset.split("test" if lacking == "val" else "val")
    assert kept.sample_ids.tolist() == [f"row-{n}" for n in range(211, 281)]
    assert any(f"no {lacking} split: 15% of train ({len(taken)} images)" in note for note in dataset.notes)


@pytest.mark.parametrize(
    "membership", [[0] * 30, [1] * 15 + [2] * 15, [NOT_SAID] + [0] * 15 + [2] * 14], ids=["train", "no train", "gaps"]
)
def test_incomplete_splits_are_not_used(membership):
    dataset = split_samples(make_samples(list(range(30)), [0] * 30, membership, "folders"), source="x")
    assert dataset.protocol == "stratified"
    assert [len(dataset.train), len(dataset.val), len(dataset.test)] == [21, 5, 4]
    assert "no complete splits" in dataset.notes[0]


def test_what_was_skipped_is_noted():
    samples = make_samples([1], [0])
    skipped = Samples(
        samples.images, samples.labels, samples.sample_ids, samples.membership, "", skipped=(("a.jpg", "broken"),)
    )
    dataset = split_samples(skipped, source="x")
    assert dataset.skipped == (("a.jpg", "broken"),)
    assert any(note == "Left out because unusable: 1 row or file." for note in dataset.notes)
