"""`load_dataset`: finds out what a source is by looking into it, and has the right reader read it.

Only dispatch: rows of a csv are `csv_source`'s business, images in folders and zips `folder_source`'s and
`zip_source`'s, splits `splits`', and keeping the result for the next time `cache`'s.
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import BinaryIO, cast

from mien.data.cache import cache_key, load_cached, store_cached
from mien.data.csv_source import read_csv
from mien.data.dataset import Dataset
from mien.data.reading import (
    GZIP_SIGNATURE,
    HARMLESS_BYTES,
    MAX_RATIO,
    WHAT_IS_READ,
    ZIP_SIGNATURES,
    Problems,
    Progress,
    Samples,
    undamaged,
)
from mien.data.splits import split_samples
from mien.data.votes import join_votes
from mien.errors import DataError
from mien.files import refuse_address, user_path

__all__ = ["load_dataset"]

# The longest signature.
HEAD_BYTES = 4

# For the progress only: fer2013.csv is 3.2 times as long as its gzip.
TYPICAL_GZIP_RATIO = 3.2


def load_dataset(
    source: str | os.PathLike[str],
    *,
    votes: str | os.PathLike[str] | None = None,
    skip_bad: bool = False,
    cache: bool = True,
    seed: int = 0,
    progress: Progress | None = None,
) -> Dataset:
    """Read a dataset of faces sorted by emotion, whatever its form, into train, val and test.

    Reads fer2013.csv (plain, gzipped, zipped), a zip or folder of `<split>/<emotion>/` or `<emotion>/` with images of
    any size. What the source is shows from its content, not from its name.

    Args:
        source: A file or folder.
        votes: FER+'s `fer2013new.csv`, which is joined to the rows of the csv.
        skip_bad: Leave out rows and files that cannot be used and list them in `Dataset.skipped`, instead of raising.
        cache: Keep what was parsed from a file in the user's cache folder (`MIEN_CACHE_DIR`), for as long as the file
            is not touched. Folders are always read anew.
        seed: Decides the split where the source has none.
        progress: Called as progress(done, total) during a first reading.

    Returns:
        The three splits, and how they came about.

    Raises:
        DataError: The source is missing, is none of these, or has a bad row or file and `skip_bad` is off.
    """
    path = user_path(source)
    if not path.exists():
        refuse_address(str(source))
        raise DataError(f"Expected an existing file or folder. Received: {path}. {WHAT_IS_READ}")
    _refuse_unreadable(path)
    samples = _read_cached(path, skip_bad, progress) if cache and path.is_file() else _read(path, skip_bad, progress)
    joined = None if votes is None else join_votes(samples, user_path(votes))
    return split_samples(samples, source=str(path), votes=joined, seed=seed)


def _refuse_unreadable(path: Path) -> None:
    if path.is_dir():
        return
    if not path.is_file():
        raise DataError(f"Expected a file or folder. Received: {path}, which is a device or pipe. {WHAT_IS_READ}")
    try:
        path.open("rb").close()
    except OSError as error:
        raise DataError(
            f"Expected a readable file. Received: {path} ({error.strerror}). Check its permissions."
        ) from error


def _read_cached(path: Path, skip_bad: bool, progress: Progress | None) -> Samples:
    key = cache_key(path)
    cached = load_cached(key) if key else None
    if cached is not None:
        return cached
    samples = _read(path, skip_bad, progress)
    # What was left out under skip_bad must be an error without it, so only complete samples are kept; and only those of
    # the file that was there before, which somebody may have replaced meanwhile.
    if key and not samples.skipped and cache_key(path) == key:
        store_cached(key, samples)
    return samples


def _read(path: Path, skip_bad: bool, progress: Progress | None) -> Samples:
    problems = Problems(skip_bad=skip_bad)
    # Images need OpenCV, which takes longer to import than a csv's header takes to read.
    if path.is_dir():
        from mien.data.folder_source import read_folder

        return read_folder(path, problems=problems, progress=progress)
    head = _head(path)
    if head.startswith(ZIP_SIGNATURES):
        from mien.data.zip_source import read_zip

        return read_zip(path, problems=problems, progress=progress)
    size_bytes = path.stat().st_size
    if head.startswith(GZIP_SIGNATURE):
        with undamaged(path.name), gzip.open(path, "rb") as unpacked:
            return read_csv(
                cast(BinaryIO, unpacked),
                name=path.name,
                problems=problems,
                progress=progress,
                total_bytes=int(size_bytes * TYPICAL_GZIP_RATIO),
                max_bytes=HARMLESS_BYTES + size_bytes * MAX_RATIO,
            )
    with undamaged(path.name), path.open("rb") as stream:
        return read_csv(stream, name=path.name, problems=problems, progress=progress, total_bytes=size_bytes)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)
