"""A folder on disk as a source: images sorted by emotion."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import NoReturn

from mien.data.image_tree import Entry, is_image_name, is_system_file, read_tree
from mien.data.samples import Problems, Progress, Samples
from mien.errors import DataError
from mien.images import ImageLimits

__all__ = ["list_folder", "read_folder"]


def read_folder(path: Path, *, problems: Problems, progress: Progress | None = None) -> Samples:
    """Read the images of a folder.

    Raises:
        DataError: The folder has no images, a folder's name means no emotion, or an image is broken.
    """
    entries = list_folder(path)
    if not any(is_image_name(entry.name) for entry in entries):
        raise DataError(
            f"Expected images in folders named after emotions in {path}. Received: {_describe(entries)}. "
            "Give the folder above train/ and test/, or a csv or zip file itself."
        )
    return read_tree(entries, source=path.name or str(path), problems=problems, progress=progress)


def list_folder(path: Path) -> list[Entry]:
    """Every file below `path` that a person put there, links followed.

    Raises:
        DataError: A folder cannot be listed.
    """
    entries = []
    visited = set()
    for folder, subfolders, names in os.walk(path, followlinks=True, onerror=_refuse):
        real = os.path.realpath(folder)
        if real in visited:  # a link that leads back up would never end
            subfolders.clear()
            continue
        visited.add(real)
        subfolders[:] = sorted(name for name in subfolders if not is_system_file(name))
        entries += [_entry(Path(folder, name), path) for name in names if not is_system_file(name)]
    return entries


def _entry(file: Path, root: Path) -> Entry:
    return Entry(file.relative_to(root).as_posix(), partial(_read_bytes, file))


def _read_bytes(file: Path) -> bytes:
    with file.open("rb") as stream:
        # One byte more than an image may have, so that decoding refuses the file without all of it being read.
        return stream.read(ImageLimits().max_file_bytes + 1)


def _refuse(error: OSError) -> NoReturn:
    raise DataError(
        f"Expected a readable folder. Received: {error.filename} ({error.strerror}). Check its permissions."
    ) from error


def _describe(entries: list[Entry]) -> str:
    if not entries:
        return "an empty folder"
    names = sorted(entry.name for entry in entries)
    return f"{len(names):,} other files ({', '.join(names[:5])}{', …' if len(names) > 5 else ''})"
