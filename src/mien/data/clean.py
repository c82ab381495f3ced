"""A cleaner training set from the same images: the policy, and the list of what it left out.

Val and test stay as they are, labels and all, so that scores stay comparable with everybody else's. From train goes
what shows nothing, what is also in val or test, and all but one of identical images. Of contradictory labels the
majority decides; where there is none, the whole group goes, because nobody can say which label is right.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mien.data.audit import BLANK_STD, NearPair, members_of
from mien.data.dataset import SPLIT_NAMES, Dataset, content_hashes, dataset_fingerprint
from mien.emotions import EMOTIONS
from mien.files import atomic_write

__all__ = ["Cleaned", "Removed", "clean", "write_removed"]

_HELD_OUT = ("test", "val")  # an image that is in both is said to be in test


class Removed(NamedTuple):
    """One image that was left out; of what could not even be read, only the place and the reason are known.

    Attributes:
        split: Where it was.
        sample_id: Its id there.
        emotion: Its label.
        reason: `blank`, `identical to test`, `near-identical to val`, `duplicate`, `conflicting labels`, `unreadable`.
        detail: The id of the image that stays in its place, or more about the reason.
    """

    split: str
    sample_id: str
    emotion: str
    reason: str
    detail: str


class Cleaned(NamedTuple):
    """The dataset that is left, and everything that was left out, in the order of the dataset."""

    dataset: Dataset
    removed: tuple[Removed, ...]


def clean(dataset: Dataset, *, near_identical: Sequence[NearPair] = ()) -> Cleaned:
    """Leave out of train what should not be learnt from.

    Args:
        dataset: What to clean. It is not changed.
        near_identical: An audit's pairs; train images that almost equal one of val or test go too. None do by default,
            because published results were reached with them.

    Returns:
        The dataset with a smaller train split, and the list of what went.
    """
    train = dataset.train
    hashes = content_hashes(train.images)
    held_out = {
        digest: (name, sample_id)
        for name in reversed(_HELD_OUT)
        for digest, sample_id in zip(
            content_hashes(dataset.split(name).images).tolist(), dataset.split(name).sample_ids.tolist(), strict=True
        )
    }
    reasons: dict[int, tuple[str, str]] = {}
    _find_blanks(train.images, reasons)
    _find_held_out(hashes, held_out, reasons)
    _find_duplicates(hashes, train.labels, train.sample_ids, reasons)
    _find_near_identical(dataset, hashes, held_out, near_identical, reasons)
    kept = np.setdiff1d(np.arange(len(train)), np.fromiter(reasons, np.int64, len(reasons)))
    removed = [
        Removed("train", str(train.sample_ids[i]), EMOTIONS[train.labels[i]], *reasons[i]) for i in sorted(reasons)
    ]
    unreadable = [Removed("", where, "", "unreadable", why) for where, why in dataset.skipped]
    return Cleaned(_with_train(dataset, kept), (*removed, *unreadable))


def write_removed(removed: Iterable[Removed], path: Path) -> None:
    """Write the list as csv, with the columns of `Removed`.

    Raises:
        OutputError: The file cannot be written.
    """
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Removed._fields)
        writer.writerows(removed)


def _find_blanks(images: np.ndarray, reasons: dict[int, tuple[str, str]]) -> None:
    stds = images.std(axis=(1, 2))
    for i in np.flatnonzero(stds <= BLANK_STD).tolist():
        reasons[i] = ("blank", f"standard deviation of pixels {stds[i]:.2f}")


def _find_held_out(
    hashes: np.ndarray, held_out: dict[str, tuple[str, str]], reasons: dict[int, tuple[str, str]]
) -> None:
    for i, digest in enumerate(hashes.tolist()):
        if i not in reasons and digest in held_out:
            name, sample_id = held_out[digest]
            reasons[i] = (f"identical to {name}", sample_id)


def _find_duplicates(
    hashes: np.ndarray, labels: np.ndarray, sample_ids: np.ndarray, reasons: dict[int, tuple[str, str]]
) -> None:
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for i, digest in enumerate(hashes.tolist()):
        if i not in reasons:
            groups[digest].append(i)
    for group in groups.values():
        if len(group) == 1:
            continue
        majority = _majority(labels[group].tolist())
        if majority is None:
            said = ", ".join(EMOTIONS[label] for label in sorted(set(labels[group].tolist())))
            reasons |= dict.fromkeys(group, ("conflicting labels", said))
            continue
        stays = next(i for i in group if labels[i] == majority)
        for i in group:
            if i != stays:
                reasons[i] = ("duplicate", str(sample_ids[stays]))


def _find_near_identical(
    dataset: Dataset,
    hashes: np.ndarray,
    held_out: dict[str, tuple[str, str]],
    pairs: Sequence[NearPair],
    reasons: dict[int, tuple[str, str]],
) -> None:
    if not pairs:
        return
    every = np.concatenate([hashes, *(content_hashes(dataset.split(name).images) for name in SPLIT_NAMES[1:])])
    digest_of = {(m.split, m.sample_id): d for m, d in zip(members_of(dataset), every.tolist(), strict=True)}
    near: dict[str, tuple[str, str]] = {}
    for pair in pairs:
        # Each member stands for all images identical to it, so a pair within train may mean one of train and test.
        digests = [digest_of[member.split, member.sample_id] for member in (pair.first, pair.second)]
        for one, other in (digests, digests[::-1]):
            if other in held_out:
                near[one] = held_out[other]
    for i, digest in enumerate(hashes.tolist()):
        if i not in reasons and digest in near:
            name, sample_id = near[digest]
            reasons[i] = (f"near-identical to {name}", sample_id)


def _majority(labels: list[int]) -> int | None:
    """The label that more than half of the images carry."""
    label, count = Counter(labels).most_common(1)[0]
    return label if 2 * count > len(labels) else None


def _with_train(dataset: Dataset, kept: np.ndarray) -> Dataset:
    train = dataset.train.take(kept)
    gone = len(dataset.train) - len(train)
    note = f"Cleaned: {gone:,} of {len(dataset.train):,} train images were left out; val and test are as they were."
    fingerprint = dataset_fingerprint([("train", train), ("val", dataset.val), ("test", dataset.test)])
    return replace(dataset, train=train, fingerprint=fingerprint, notes=(*dataset.notes, note))
