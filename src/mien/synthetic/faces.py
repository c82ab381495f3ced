"""Faces drawn from geometry: the embedded dataset of the demo and of the tests, which needs no download.

Brows, eyes, mouth and folds follow the action units of each expression (`expression`); head, hair, pose, light,
glasses and the camera vary. Drawn faces show whether the machinery works: an accuracy reached on them says nothing
about photographs.
"""

from __future__ import annotations

import os

import numpy as np

from mien.data.dataset import SPLIT_NAMES, Dataset, Split, dataset_fingerprint
from mien.data.reading import Progress
from mien.data.writing import claim_empty_folder, write_png
from mien.emotions import EMOTIONS, INPUT_SIZE_PX, NUM_EMOTIONS
from mien.errors import DataError
from mien.files import user_path
from mien.synthetic.expression import sample_expression
from mien.synthetic.features import brows, eyes, folds, mouth
from mien.synthetic.head import beard, body, glasses, hair_back, hair_front, hand, nose, shading, skin_shape
from mien.synthetic.paint import paint
from mien.synthetic.person import sample_person, sample_shot

__all__ = ["draw_face", "synthetic_dataset", "write_synthetic"]

SAMPLES_PER_CLASS = 600

# As mien divides datasets without splits of their own: 70/15/15.
_HELD_OUT_SHARE = 0.15
_FEWEST_PER_CLASS = 3  # one for each split

_NOTE = "Drawn faces: an accuracy on them says nothing about photographs."


def draw_face(emotion_code: int, rng: np.random.Generator, *, size_px: int = INPUT_SIZE_PX) -> np.ndarray:
    """Draw one face.

    Args:
        emotion_code: What it shows, 0 to 6.
        rng: Where randomness comes from; it alone decides the image.
        size_px: Width and height.

    Returns:
        uint8 (size_px, size_px), grey.

    Raises:
        DataError: There is no such emotion.
    """
    if not 0 <= emotion_code < NUM_EMOTIONS:
        raise DataError(f"Expected an emotion code of 0 to {NUM_EMOTIONS - 1}. Received: {emotion_code}.")
    units = sample_expression(emotion_code, rng)
    person, shot = sample_person(rng), sample_shot(rng)
    nose_soft, nose_crisp = nose(person, units, float(np.cos(shot.light_angle)))
    soft = [
        *hair_back(person),
        *body(person, shot.clothes),
        *skin_shape(person, units),
        *shading(person),
        *nose_soft,
        *folds(person, units),
        *beard(person, units),
    ]
    crisp = [
        *nose_crisp,
        *mouth(person, units),
        *eyes(person, units, shot),
        *brows(person, units),
        *hair_front(person, rng.standard_normal(13)),
        *glasses(person),
        *hand(person, shot.hand),
    ]
    return paint(soft, crisp, shot, rng, size_px=size_px)


def synthetic_dataset(
    *, samples_per_class: int = SAMPLES_PER_CLASS, seed: int = 0, progress: Progress | None = None
) -> Dataset:
    """Draw a dataset with equally many faces of each emotion, divided 70/15/15.

    Args:
        samples_per_class: Faces of each emotion in all three splits together.
        seed: Decides every face; a face depends on its own number only, so a larger dataset begins like a smaller one.
        progress: Called as progress(done, total) after each emotion of a split.

    Returns:
        The dataset: the images and splits that `load_dataset` reads from the folder that `write_synthetic` writes.

    Raises:
        DataError: Too few samples, or a negative seed.
    """
    counts = _split_counts(samples_per_class, seed)
    total = samples_per_class * NUM_EMOTIONS
    done = 0
    splits = []
    for split, count in enumerate(counts):
        images = np.empty((NUM_EMOTIONS, count, INPUT_SIZE_PX, INPUT_SIZE_PX), np.uint8)
        for code in range(NUM_EMOTIONS):
            for number in range(count):
                images[code, number] = draw_face(code, np.random.default_rng((seed, split, code, number)))
            done += count
            if progress:
                progress(done, total)
        splits.append(_to_split(images, split))
    train, val, test = splits
    fingerprint = dataset_fingerprint(zip(SPLIT_NAMES, splits, strict=True))
    return Dataset(train, val, test, "source", "synthetic", fingerprint, notes=(_NOTE,))


def write_synthetic(
    out_dir: str | os.PathLike[str],
    *,
    samples_per_class: int = SAMPLES_PER_CLASS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Dataset:
    """Draw a dataset and write it as folders, `train/<emotion>/drawn_*.png`, `val/…` and `test/…`.

    Args:
        out_dir: A folder that does not exist yet or is empty.
        samples_per_class: As in `synthetic_dataset`.
        seed: As in `synthetic_dataset`.
        progress: As in `synthetic_dataset`.

    Returns:
        What was written.

    Raises:
        DataError: The folder has files in it or cannot be written, or as in `synthetic_dataset`.
    """
    folder = user_path(out_dir)
    claim_empty_folder(folder)
    dataset = synthetic_dataset(samples_per_class=samples_per_class, seed=seed, progress=progress)
    for split in (dataset.train, dataset.val, dataset.test):
        for image, sample_id in zip(split.images, split.sample_ids.tolist(), strict=True):
            write_png(folder / sample_id, image)
    return dataset


def _split_counts(samples_per_class: int, seed: int) -> tuple[int, int, int]:
    if samples_per_class < _FEWEST_PER_CLASS:
        raise DataError(
            f"Expected at least {_FEWEST_PER_CLASS} faces of each emotion, one for each split. "
            f"Received: {samples_per_class}."
        )
    if seed < 0:
        raise DataError(f"Expected a seed of 0 or more. Received: {seed}.")
    held_out = max(round(_HELD_OUT_SHARE * samples_per_class), 1)
    return samples_per_class - 2 * held_out, held_out, held_out


def _to_split(images: np.ndarray, split: int) -> Split:
    """A split from uint8 (7, K, 48, 48), ordered by path as a reader orders files."""
    per_class = images.shape[1]
    # Not FER-2013's names: they would be believed to tell its own splits.
    folder = SPLIT_NAMES[split]
    ids = [f"{folder}/{emotion}/drawn_{number:06}.png" for emotion in EMOTIONS for number in range(per_class)]
    labels = np.repeat(np.arange(NUM_EMOTIONS), per_class)
    order = np.argsort(ids)
    return Split(images.reshape(-1, INPUT_SIZE_PX, INPUT_SIZE_PX)[order], labels[order], np.array(ids)[order])
