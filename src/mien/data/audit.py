"""What is wrong with a dataset: duplicates within and across splits, contradictory labels, blanks, imbalance.

It only finds; leaving things out is `clean`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from mien.data.dataset import SPLIT_NAMES, Dataset, content_hashes
from mien.data.near_identical import SIMILARITY_THRESHOLD, near_identical_pairs
from mien.data.reading import Progress
from mien.emotions import EMOTIONS

__all__ = [
    "BLANK_STD",
    "Audit",
    "Blank",
    "IdenticalGroup",
    "Imbalance",
    "Member",
    "NearPair",
    "audit",
    "identical_to_train",
    "members_of",
]

# Pixels whose standard deviation is at most this, of 255, show nothing that a person could see.
BLANK_STD = 2.0


class Member(NamedTuple):
    """One image of a dataset: its split, its id there, and its label as a word."""

    split: str
    sample_id: str
    emotion: str


@dataclass(frozen=True)
class IdenticalGroup:
    """Images that are equal pixel by pixel.

    Attributes:
        members: Two or more, in the order of the dataset.
    """

    members: tuple[Member, ...]

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that it lies in, train first."""
        present = {member.split for member in self.members}
        return tuple(name for name in SPLIT_NAMES if name in present)

    @property
    def emotions(self) -> tuple[str, ...]:
        """The labels it carries, in `EMOTIONS` order: more than one contradict each other."""
        present = {member.emotion for member in self.members}
        return tuple(emotion for emotion in EMOTIONS if emotion in present)


@dataclass(frozen=True)
class NearPair:
    """Two images of one photograph that differ in some pixels.

    Attributes:
        first, second: The images; each stands for all that are identical to it.
        similarity: Correlation of the pixels, at least the threshold and at most 1.
        mirrored: Whether one is the mirror image of the other.
    """

    first: Member
    second: Member
    similarity: float
    mirrored: bool


@dataclass(frozen=True)
class Blank:
    """An image that shows nothing: the standard deviation of its pixels is at most `BLANK_STD`; 0 is constant."""

    member: Member
    pixel_std: float


@dataclass(frozen=True)
class Imbalance:
    """The largest and the smallest class of a split; `ratio` is None when the smallest is empty."""

    largest: str
    largest_images: int
    smallest: str
    smallest_images: int
    ratio: float | None


@dataclass(frozen=True)
class Audit:
    """Everything that was found.

    Attributes:
        images: Images of each split.
        identical_groups: Groups of identical images, blank ones included.
        identical_to_train: For val and test, how many of their images are identical to one of train.
        near_identical: Pairs of almost identical images, most similar first; None when they were not looked for.
        similarity_threshold: The least similarity of such a pair.
        blanks: Images that show nothing.
        imbalance: For each split that has images.
        unreadable: (where, why) of each row or file that was left out while reading.
    """

    images: Mapping[str, int]
    identical_groups: tuple[IdenticalGroup, ...]
    identical_to_train: Mapping[str, int]
    near_identical: tuple[NearPair, ...] | None
    similarity_threshold: float
    blanks: tuple[Blank, ...]
    imbalance: Mapping[str, Imbalance]
    unreadable: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        return (
            f"Audit({sum(self.images.values())} images, {len(self.identical_groups)} identical groups, "
            f"{len(self.blanks)} blanks)"
        )

    @property
    def identical_images(self) -> int:
        """How many images the identical groups hold together."""
        return sum(len(group.members) for group in self.identical_groups)

    @property
    def groups_across_splits(self) -> tuple[IdenticalGroup, ...]:
        """Identical groups that lie in more than one split."""
        return tuple(group for group in self.identical_groups if len(group.splits) > 1)

    @property
    def conflicting_groups(self) -> tuple[IdenticalGroup, ...]:
        """Identical groups whose labels contradict each other."""
        return tuple(group for group in self.identical_groups if len(group.emotions) > 1)

    @property
    def constants(self) -> tuple[Blank, ...]:
        """Blanks of one single grey."""
        return tuple(blank for blank in self.blanks if blank.pixel_std == 0)

    @property
    def near_identical_across_splits(self) -> tuple[NearPair, ...]:
        """Almost identical pairs whose images lie in different splits."""
        return tuple(pair for pair in self.near_identical or () if pair.first.split != pair.second.split)

    def counts(self) -> dict[str, int]:
        """The findings as numbers."""
        counts = {
            "images": sum(self.images.values()),
            "identical_groups": len(self.identical_groups),
            "identical_images": self.identical_images,
            "groups_across_splits": len(self.groups_across_splits),
            "conflicting_groups": len(self.conflicting_groups),
            **{f"{name}_identical_to_train": count for name, count in self.identical_to_train.items()},
            "blanks": len(self.blanks),
            "constants": len(self.constants),
            "unreadable": len(self.unreadable),
        }
        if self.near_identical is not None:
            counts["near_identical_pairs"] = len(self.near_identical)
            counts["near_identical_pairs_across_splits"] = len(self.near_identical_across_splits)
        return counts

    def to_dict(self) -> dict[str, Any]:
        """Counts and lists as plain values, for JSON."""
        pairs = self.near_identical
        return {
            "counts": self.counts(),
            "images": dict(self.images),
            "imbalance": {name: asdict(value) for name, value in self.imbalance.items()},
            "identical_groups": [[member._asdict() for member in group.members] for group in self.identical_groups],
            "similarity_threshold": self.similarity_threshold,
            "near_identical": None if pairs is None else [_pair_dict(pair) for pair in pairs],
            "blanks": [{**blank.member._asdict(), "pixel_std": blank.pixel_std} for blank in self.blanks],
            "unreadable": [{"where": where, "why": why} for where, why in self.unreadable],
        }


def audit(
    dataset: Dataset,
    *,
    near_identical: bool = True,
    similarity_threshold: float = SIMILARITY_THRESHOLD,
    progress: Progress | None = None,
) -> Audit:
    """Look for everything that makes a dataset worse than its size suggests.

    Args:
        dataset: What to look at.
        near_identical: Also compare every image with every other one, which takes most of the time.
        similarity_threshold: See `near_identical.SIMILARITY_THRESHOLD`.
        progress: Called as progress(done, total) during that comparison.

    Returns:
        The findings.
    """
    images = np.concatenate([dataset.split(name).images for name in SPLIT_NAMES])
    hashes = content_hashes(images)
    members = members_of(dataset)
    groups = _identical_index_groups(hashes)
    stds = images.std(axis=(1, 2))
    pairs = None
    if near_identical:
        distinct = np.unique(hashes, return_index=True)[1]
        distinct = np.sort(distinct[stds[distinct] > BLANK_STD])
        pairs = _near_pairs(images, distinct, members, similarity_threshold, progress)
    return Audit(
        images={name: len(dataset.split(name)) for name in SPLIT_NAMES},
        identical_groups=tuple(IdenticalGroup(tuple(members[i] for i in group.tolist())) for group in groups),
        identical_to_train={name: int(identical_to_train(dataset, name).sum()) for name in ("val", "test")},
        near_identical=pairs,
        similarity_threshold=similarity_threshold,
        blanks=tuple(Blank(members[i], float(stds[i])) for i in np.flatnonzero(stds <= BLANK_STD)),
        imbalance={name: _imbalance(dataset, name) for name in SPLIT_NAMES if len(dataset.split(name))},
        unreadable=dataset.skipped,
    )


def identical_to_train(dataset: Dataset, split: str) -> np.ndarray:
    """Which images of a split are pixel by pixel equal to one of train: on them a score measures memory, not skill.

    Args:
        dataset: All three splits.
        split: `val` or `test`; for `train` every image is.

    Returns:
        bool (N,), in the order of the split.

    Raises:
        DataError: There is no such split.
    """
    return np.isin(content_hashes(dataset.split(split).images), content_hashes(dataset.train.images))


def members_of(dataset: Dataset) -> list[Member]:
    """Every image, train first, then val and test."""
    return [
        Member(name, sample_id, EMOTIONS[label])
        for name in SPLIT_NAMES
        for sample_id, label in zip(
            dataset.split(name).sample_ids.tolist(), dataset.split(name).labels.tolist(), strict=True
        )
    ]


def _identical_index_groups(hashes: np.ndarray) -> list[np.ndarray]:
    """Indices of each group of two or more equal hashes, ordered by their first member."""
    _, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    repeated = np.flatnonzero(counts[inverse] > 1)
    order = repeated[np.argsort(inverse[repeated], kind="stable")]
    borders = np.flatnonzero(np.diff(inverse[order])) + 1
    groups = np.split(order, borders) if len(order) else []
    return sorted(groups, key=lambda group: int(group[0]))


def _near_pairs(
    images: np.ndarray, distinct: np.ndarray, members: list[Member], threshold: float, progress: Progress | None
) -> tuple[NearPair, ...]:
    found = near_identical_pairs(images[distinct], threshold=threshold, progress=progress)
    first, second = distinct[found.first].tolist(), distinct[found.second].tolist()
    rows = zip(first, second, found.similarity.tolist(), found.mirrored.tolist(), strict=True)
    return tuple(NearPair(members[i], members[j], similarity, mirrored) for i, j, similarity, mirrored in rows)


def _imbalance(dataset: Dataset, name: str) -> Imbalance:
    counts = dataset.split(name).class_counts()
    largest, smallest = int(np.argmax(counts)), int(np.argmin(counts))
    most, fewest = int(counts[largest]), int(counts[smallest])
    return Imbalance(EMOTIONS[largest], most, EMOTIONS[smallest], fewest, most / fewest if fewest else None)


def _pair_dict(pair: NearPair) -> dict[str, Any]:
    return {
        "first": pair.first._asdict(),
        "second": pair.second._asdict(),
        "similarity": pair.similarity,
        "mirrored": pair.mirrored,
    }
