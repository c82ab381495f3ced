"""Parsed sources kept in the user's cache folder, so that the second reading takes a fraction of a second.

An entry is named after the file's identity, size and times, the rule by which git knows an unchanged file. The time of
the last status change (ctime) cannot be set back by any program, so an edit shows even where size and modification time
were restored; on Windows, where ctime is the time of creation, such an edit goes unseen. Anything wrong with the cache
(no rights, no space, a damaged entry) costs time, never an error.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from pathlib import Path

import numpy as np

from mien import __version__
from mien.data.reading import Samples
from mien.errors import OutputError
from mien.files import atomic_write, cache_folder

__all__ = ["cache_key", "load_cached", "store_cached"]

# Raise it whenever a reader would give other samples for the same bytes.
FORMAT_VERSION = 2

# FER-2013 takes 87 MB. The entries used last stay, older ones go.
MAX_ENTRIES = 6

# A file changed within the last moments may change again without its times showing it: file systems keep time in steps
# of up to two seconds (FAT). Such a file is read each time until it has settled.
SETTLED_SECONDS = 3.0

_ENTRY_SUFFIX = ".samples.npz"


def cache_key(path: Path) -> str | None:
    """What changes whenever the file is replaced or written to, or mien itself; None while the file is too fresh.

    Raises:
        OSError: There is no such file.
    """
    stat = path.stat()
    if time.time() - max(stat.st_mtime, stat.st_ctime) <= SETTLED_SECONDS:
        return None
    # Another version of mien may read the same bytes differently.
    reader = (FORMAT_VERSION, __version__)
    file = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    return hashlib.blake2b(repr((reader, os.path.realpath(path), file)).encode(), digest_size=16).hexdigest()


def load_cached(key: str) -> Samples | None:
    """The samples stored under this key, or None when there are none or they are damaged."""
    path = _entry_path(key)
    if path is None:
        return None
    try:
        with np.load(path, allow_pickle=False) as entry:
            samples = _from_arrays({name: entry[name] for name in entry.files})
    except Exception:  # zipfile, zlib, tokenize and NumPy all have errors of their own; the next store mends it
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # marks the entry as used, so that it outlives older ones
    return samples


def store_cached(key: str, samples: Samples) -> None:
    """Keep `samples` for the next time; silently does nothing where that is impossible."""
    path = _entry_path(key)
    if path is None:
        return
    with contextlib.suppress(OutputError, OSError):
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **_to_arrays(samples))  # type: ignore[arg-type]
        _forget_oldest(path.parent)


def _entry_path(key: str) -> Path | None:
    folder = cache_folder()
    return folder and folder / f"{key}{_ENTRY_SUFFIX}"


def _to_arrays(samples: Samples) -> dict[str, np.ndarray]:
    return {
        "images": samples.images,
        "labels": samples.labels,
        "sample_ids": samples.sample_ids,
        "membership": samples.membership,
        "split_by": np.array(samples.split_by),
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
        split_by=str(arrays["split_by"]),
        row_count=int(arrays["row_count"]),
        notes=tuple(arrays["notes"].tolist()),
        skipped=tuple((where, why) for where, why in arrays["skipped"].tolist()),
    )


def _forget_oldest(folder: Path) -> None:
    entries = sorted(folder.glob(f"*{_ENTRY_SUFFIX}"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in entries[MAX_ENTRIES:]:
        path.unlink(missing_ok=True)
