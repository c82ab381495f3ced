"""Train, val and test: the source's own splits where it has them, else stratified ones that no image straddles.

Fit on train, choose on val, look at test once. Identical images (equal pixels) always stay in one split, because a
test image that was seen in training measures memory, not skill.
"""

from __future__ import annotations

import numpy as np

from mien.data.dataset import SPLIT_NAMES, Dataset, Split, content_hashes, dataset_fingerprint
from mien.data.reading import NOT_SAID, SPLIT_BY_NAMES, SPLIT_BY_USAGE, Samples
from mien.emotions import EMOTIONS, NUM_EMOTIONS

__all__ = ["OFFICIAL_CLASS_COUNTS", "PROTOCOLS", "split_samples", "stratified_membership"]

PROTOCOLS = ("official", "source", "stratified")

# FER-2013's images per emotion code 0 to 6 in Training, PublicTest and PrivateTest, counted on the original csv.
OFFICIAL_CLASS_COUNTS = {
    "train": (3995, 436, 4097, 7215, 4830, 3171, 4965),
    "val": (467, 56, 496, 895, 653, 415, 607),
    "test": (491, 55, 528, 879, 594, 416, 626),
}

# FER-2013's own proportions are 80/10/10; a smaller dataset needs more than a tenth to measure on.
STRATIFIED_SHARES = (0.70, 0.15, 0.15)

_TRAIN, _VAL, _TEST = range(len(SPLIT_NAMES))


def split_samples(samples: Samples, *, source: str, votes: np.ndarray | None = None, seed: int = 0) -> Dataset:
    """Put every sample into its split.

    Args:
        samples: What a reader found.
        source: The path that was read, for the record.
        votes: float32 (N, 10) or None, in the order of the samples.
        seed: Decides the split where the source does not.

    Returns:
        The dataset. Its protocol is `official` when FER-2013's file names tell the split, or the Usage column
        does and all 21 counts are FER-2013's; `source` when the source has splits otherwise; else `stratified`.
    """
    membership, protocol, notes = _decide(samples, seed)
    train, val, test = (_select(samples, votes, membership == code) for code in range(len(SPLIT_NAMES)))
    fingerprint = dataset_fingerprint(zip(SPLIT_NAMES, (train, val, test), strict=True))
    notes = [*samples.notes, *notes]
    if absent := [EMOTIONS[code] for code in np.flatnonzero(np.bincount(samples.labels, minlength=NUM_EMOTIONS) == 0)]:
        notes.append(f"No images of {', '.join(absent)}: a network trained on this cannot learn them.")
    if samples.skipped:
        what = "1 row or file" if len(samples.skipped) == 1 else f"{len(samples.skipped):,} rows or files"
        notes.append(f"Left out because unusable: {what}.")
    return Dataset(train, val, test, protocol, source, fingerprint, tuple(notes), samples.skipped)


def stratified_membership(
    images: np.ndarray, labels: np.ndarray, *, shares: tuple[float, ...] = STRATIFIED_SHARES, seed: int = 0
) -> np.ndarray:
    """Divide images by content so that each class has its share of every part and identical images stay together.

    Neither the order of the images nor what they are called makes a difference.

    Groups of identical images are dealt out first, largest first, each to the part that it brings closest to its
    shares; single images then fill every class up to its share. So a class misses its share only where groups are too
    large for it.

    Args:
        images: uint8 (N, 48, 48).
        labels: int64 (N,), 0 to 6.
        shares: What each part gets of every class; they sum to 1. A class of at least as many images as there are
            parts gives one to each, unless its images are identical.
        seed: The same seed gives the same parts.

    Returns:
        int8 (N,): the part, 0 to len(shares) - 1, of each image.
    """
    rng = np.random.default_rng(seed)
    membership = np.full(len(labels), NOT_SAID, dtype=np.int8)
    missing = _targets(np.bincount(labels, minlength=NUM_EMOTIONS), shares)  # (parts, 7)
    weights = 1 / np.maximum(missing, 1)
    hashes = content_hashes(images)
    groups, singles = _groups(hashes)
    order = rng.permutation(len(groups))
    for position in sorted(order, key=lambda position: -len(groups[position])):
        index = groups[position]
        counts = np.bincount(labels[index], minlength=NUM_EMOTIONS)
        part = _best_part(missing, counts, weights)
        membership[index] = part
        missing[part] -= counts
    for code in range(NUM_EMOTIONS):
        index = singles[labels[singles] == code]
        # By content, so that it does not matter what the files are called, and in which order they come.
        index = rng.permutation(index[np.argsort(hashes[index])])
        membership[index] = _deal(missing[:, code], len(index))
    return membership


def _decide(samples: Samples, seed: int) -> tuple[np.ndarray, str, list[str]]:
    """Membership without gaps, the protocol, and notes about them."""
    present = set(np.unique(samples.membership).tolist())
    if NOT_SAID in present or _TRAIN not in present or len(present) == 1:
        note = "The source does not say which image is in which split: divided 70/15/15 by class and content hash."
        if present != {NOT_SAID}:
            note = (
                "The source has no complete splits "
                f"({_names(present - {NOT_SAID})} only): divided 70/15/15 by class and content hash."
            )
        return stratified_membership(samples.images, samples.labels, seed=seed), "stratified", [f"{note} Seed {seed}."]
    if len(present) < len(SPLIT_NAMES):
        return _fill_missing_split(samples, present, seed)
    deviations = _official_deviations(samples)
    if samples.split_by == SPLIT_BY_NAMES or (samples.split_by == SPLIT_BY_USAGE and not deviations):
        return samples.membership, "official", deviations
    return samples.membership, "source", deviations if samples.split_by == SPLIT_BY_USAGE else []


def _fill_missing_split(samples: Samples, present: set[int], seed: int) -> tuple[np.ndarray, str, list[str]]:
    """Take the split that the source lacks from its training images."""
    (lacking,) = set(range(len(SPLIT_NAMES))) - present
    share = STRATIFIED_SHARES[lacking]
    membership = samples.membership.copy()
    index = np.flatnonzero(membership == _TRAIN)
    taken = stratified_membership(
        samples.images[index], samples.labels[index], shares=(1 - share, share), seed=seed
    ).astype(bool)
    membership[index[taken]] = lacking
    note = (
        f"The source has no {SPLIT_NAMES[lacking]} split: {share:.0%} of train ({taken.sum():,} images) were taken "
        f"for it by class and content hash. Seed {seed}."
    )
    return membership, "source", [note]


def _official_deviations(samples: Samples) -> list[str]:
    """A sentence for each split whose counts are not FER-2013's."""
    notes = []
    for code, name in enumerate(SPLIT_NAMES):
        counts = np.bincount(samples.labels[samples.membership == code], minlength=NUM_EMOTIONS)
        official = np.array(OFFICIAL_CLASS_COUNTS[name])
        if (counts == official).all():
            continue
        parts = [f"{EMOTIONS[c]} {counts[c]:,} instead of {official[c]:,}" for c in np.flatnonzero(counts != official)]
        notes.append(
            f"The {name} split has {counts.sum():,} images where FER-2013 has {official.sum():,} ({', '.join(parts)})."
        )
    return notes


def _select(samples: Samples, votes: np.ndarray | None, mask: np.ndarray) -> Split:
    index = _as_slice(mask)
    chosen = None if votes is None else votes[index]
    return Split(samples.images[index], samples.labels[index], samples.sample_ids[index], chosen)


def _as_slice(mask: np.ndarray) -> slice | np.ndarray:
    """The mask as a slice when it is one run: FER-2013's rows lie split by split, and a slice copies no images."""
    index = np.flatnonzero(mask)
    if not len(index):
        return slice(0, 0)
    first, last = int(index[0]), int(index[-1])
    return slice(first, last + 1) if last - first + 1 == len(index) else mask


def _names(codes: set[int]) -> str:
    return ", ".join(SPLIT_NAMES[code] for code in sorted(codes))


def _groups(hashes: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Indices of each group of two or more identical images, in the order of hashes, and those of all other images."""
    _, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    singles = np.flatnonzero(counts[inverse] == 1)
    grouped = np.flatnonzero(counts[inverse] > 1)
    order = grouped[np.argsort(inverse[grouped], kind="stable")]
    borders = np.flatnonzero(np.diff(inverse[order])) + 1
    return (np.split(order, borders) if len(order) else []), singles


def _best_part(missing: np.ndarray, counts: np.ndarray, weights: np.ndarray) -> int:
    """The part that a group with `counts` (7,) of each class should go to, given what each part is missing (parts, 7).

    It keeps the sum of squared deviations over targets (chi-squared) smallest; of two equal ones the later and smaller
    part wins, so that val and test are not left empty.
    """
    gains = ((2 * missing - counts) * counts * weights).sum(axis=1)  # (parts,)
    return len(gains) - 1 - int(np.argmax(gains[::-1].round(9)))


def _targets(class_counts: np.ndarray, shares: tuple[float, ...]) -> np.ndarray:
    """int64 (parts, 7): how many images of each class each part should get; columns sum to `class_counts`."""
    exact = np.outer(shares, class_counts)
    targets = np.floor(exact + 1e-9).astype(np.int64)
    for code, total in enumerate(class_counts):
        # Largest remainders first, as seats are given in a proportional vote.
        order = np.argsort(-(exact[:, code] - targets[:, code]), kind="stable")
        targets[order[: total - targets[:, code].sum()], code] += 1
        if total >= len(shares):
            for part in np.flatnonzero(targets[:, code] == 0):
                targets[np.argmax(targets[:, code]), code] -= 1
                targets[part, code] += 1
    return targets


def _deal(missing: np.ndarray, count: int) -> np.ndarray:
    """int8 (count,): parts in blocks, as many of each as are missing; what groups overfilled is taken off the rest."""
    wanted = np.maximum(missing, 0)
    while wanted.sum() > count:
        wanted[np.argmax(wanted)] -= 1
    return np.repeat(np.arange(len(wanted), dtype=np.int8), wanted)
