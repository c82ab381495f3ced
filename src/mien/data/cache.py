"""Parsed sources kept in the user's cache folder, so that the second reading takes a fraction of a second.

An entry is named after a hash of the source's content (`file_hash`), so changed content is never served from an old
entry. Anything wrong with the cache (no rights, no space, a damaged entry) costs time, never an error.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import zipfile
import zlib
from pathlib import Path

import numpy as np

from mien import __version__
from mien.data.samples import Samples
from mien.errors import DataError, OutputError
from mien.files import atomic_write, cache_folder

__all__ = ["load_cached", "store_cached"]

# Raise it whenever a reader would give other samples for the same bytes.
FORMAT_VERSION = 1

# FER-2013 takes 87 MB. The entries used last stay, older ones go.
MAX_ENTRIES = 6

_ENTRY_SUFFIX = ".samples.npz"
_BROKEN_ENTRY = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error, DataError)


def load_cached(content_hash: str, *, folder: Path | None = None) -> Samples | None:
    """The samples stored for this content, or None when there are none or they are damaged.

    Args:
        content_hash: From `file_hash.remembered_hash`.
        folder: The cache folder; `files.cache_folder()` by default.
    """
    path = _entry_path(content_hash, folder)
    if path is None:
        return None
    try:
        with np.load(path, allow_pickle=False) as entry:
            samples = _from_arrays({name: entry[name] for name in entry.files})
    except _BROKEN_ENTRY:
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # marks the entry as used, so that it outlives older ones
    return samples


def store_cached(content_hash: str, samples: Samples, *, folder: Path | None = None) -> None:
    """Keep `samples` for the next time; silently does nothing where that is impossible."""
    path = _entry_path(content_hash, folder)
    if path is None:
        return
    with contextlib.suppress(OutputError, OSError):
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **_to_arrays(samples))  # type: ignore[arg-type]
        _forget_oldest(path.parent)


def _entry_path(content_hash: str, folder: Path | None) -> Path | None:
    folder = folder or cache_folder()
    if folder is None:
        return None
    # Another version of mien may read the same bytes differently.
    key = hashlib.blake2b(f"{FORMAT_VERSION}:{__version__}:{content_hash}".encode(), digest_size=16).hexdigest()
    return folder / f"{key}{_ENTRY_SUFFIX}"


def _to_arrays(samples: Samples) -> dict[str, np.ndarray]:
    return {
        "images": samples.images,
        "labels": samples.labels,
        "sample_ids": samples.sample_ids,
        "membership": samples.membership,
        "told_by": np.array(samples.told_by),
        "row_count": np.array(samples.row_count),
        "notes": np.array(samples.notes, dtype=str),
        "skipped": np.array(samples.skipped, dtype=str).reshape(-1, 2),
    }


def _from_arrays(arrays: dict[str, np.ndarray]) -> Samples:
    return Samples(
        images=arrays["images"],
        labels=arrays["labels"],
        sample_ids=arrays["sample_ids"],
        membership=arrays["membership"],
        told_by=str(arrays["told_by"]),
        row_count=int(arrays["row_count"]),
        notes=tuple(arrays["notes"].tolist()),
        skipped=tuple((where, why) for where, why in arrays["skipped"].tolist()),
    )


def _forget_oldest(folder: Path) -> None:
    entries = sorted(folder.glob(f"*{_ENTRY_SUFFIX}"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in entries[MAX_ENTRIES:]:
        path.unlink(missing_ok=True)
