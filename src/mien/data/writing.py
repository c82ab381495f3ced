"""Datasets written to disk in forms that `load_dataset` reads back into the same splits: FER-2013's csv, or a folder.

What is in a dataset is other modules' business.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np

from mien.data.dataset import SPLIT_NAMES, Dataset
from mien.data.reading import file_name_code
from mien.emotions import EMOTIONS
from mien.errors import DataError
from mien.files import atomic_write

__all__ = ["FER_FOLDERS", "FER_PREFIXES", "claim_empty_folder", "write_csv", "write_folder", "write_png"]

# FER-2013's own words, by position in SPLIT_NAMES: Usage in the csv, and the beginning of file names on Kaggle, where
# both of its test sets lie under test/.
FER_PREFIXES = ("Training", "PublicTest", "PrivateTest")
FER_FOLDERS = ("train", "test", "test")


def claim_empty_folder(folder: Path) -> None:
    """Make `folder` if it does not exist.

    Raises:
        DataError: There is something in it, which would become part of the dataset, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        occupied = next(folder.iterdir(), None)
    except OSError as error:
        raise DataError(f"Expected a folder to write to. Received: {folder} ({error.strerror or error}).") from error
    if occupied is not None:
        raise DataError(
            f"Expected a new or empty folder. Received: {folder}, which has {occupied.name} in it. "
            "Choose another one, or empty it."
        )


def write_png(path: Path, image: np.ndarray) -> None:
    """Write uint8 (H, W) losslessly, making the folders above it.

    Raises:
        DataError: The file cannot be written.
    """
    import cv2

    _, data = cv2.imencode(".png", image)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise DataError(f"Expected a folder that can be written. Received: {path} ({error.strerror}).") from error


def write_folder(dataset: Dataset, folder: Path) -> None:
    """Write `<split>/<emotion>/<name>.png`, named as FER-2013's files when the split is FER-2013's.

    Args:
        dataset: What to write. Votes are not kept.
        folder: As in `claim_empty_folder`.

    Raises:
        DataError: The folder has files in it or cannot be written.
    """
    claim_empty_folder(folder)
    taken: set[Path] = set()
    for code, name in enumerate(SPLIT_NAMES):
        split = dataset.split(name)
        for image, label, sample_id in zip(split.images, split.labels.tolist(), split.sample_ids.tolist(), strict=True):
            path = folder / _relative_path(dataset.protocol, code, label, sample_id)
            path = next(free for free in _alternatives(path) if free not in taken)
            taken.add(path)
            write_png(path, image)


def write_csv(dataset: Dataset, path: Path) -> None:
    """Write FER-2013's csv, with the columns emotion, pixels and Usage; gzipped when `path` ends in `.gz`.

    Args:
        dataset: What to write. Sample ids and votes are not kept.
        path: The file; an old one is replaced in one step.

    Raises:
        OutputError: The file cannot be written.
    """
    with atomic_write(path) as temporary, _open_text(temporary) as file:
        file.write("emotion,pixels,Usage\n")
        for code, name in enumerate(SPLIT_NAMES):
            split = dataset.split(name)
            for image, label in zip(split.images, split.labels.tolist(), strict=True):
                file.write(f"{label},{' '.join(map(str, image.ravel().tolist()))},{FER_PREFIXES[code]}\n")


def _open_text(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "wt", encoding="ascii", newline="\n")
    return path.open("w", encoding="ascii", newline="\n")


def _relative_path(protocol: str, split: int, label: int, sample_id: str) -> Path:
    stem = PurePosixPath(sample_id).stem
    if protocol == "official":
        folder = FER_FOLDERS[split]
        stem = stem if file_name_code(stem) == split else f"{FER_PREFIXES[split]}_{stem}"
    else:
        folder = SPLIT_NAMES[split]
        # A name in FER-2013's form would be believed more than the folder when the dataset is read again.
        stem = stem if file_name_code(stem) is None else f"{folder}_{stem}"
    return Path(folder, EMOTIONS[label], f"{stem}.png")


def _alternatives(path: Path) -> Iterator[Path]:
    """The path itself, then names for images that were called the same in different folders."""
    yield path
    number = 2
    while True:
        yield path.with_stem(f"{path.stem}-{number}")
        number += 1
