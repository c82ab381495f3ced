"""A folder on disk as a source: images sorted by emotion."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path, PurePath

from mien.data.image_tree import Entry, is_image_name, is_system_file, read_tree
from mien.data.samples import Problems, Progress, Samples, damage
from mien.errors import DataError
from mien.files import open_regular, shown_path
from mien.images import ImageLimits

__all__ = ["list_folder", "read_folder"]

# Datasets have two or three; Python's own walk gives up at a thousand.
MAX_DEPTH = 50


def read_folder(path: Path, *, problems: Problems, progress: Progress | None = None) -> Samples:
    """Read the images of a folder.

    Raises:
        DataError: The folder has no images, a folder's name means no emotion, or an image is broken.
    """
    entries = list_folder(path, problems=problems)
    if not any(is_image_name(entry.name) for entry in entries):
        raise DataError(
            f"Expected images in folders named after emotions in {path}. Received: {_describe(entries)}. "
            "Give the folder above train/ and test/, or a csv or zip file itself."
        )
    return read_tree(entries, source=path.name or str(path), problems=problems, progress=progress)


def list_folder(path: Path, *, problems: Problems) -> list[Entry]:
    """Every file below `path` that a person put there. Links are followed to places outside of it.

    A link to another folder of the same source would give its images a second label, or take away their own, so it is
    a problem; one that leads back up is not followed.

    Raises:
        DataError: A folder cannot be listed, is far down, or is there twice, and must not be skipped.
    """
    entries = []
    root = os.path.realpath(path)
    seen: dict[str, str] = {}
    for folder, subfolders, names in os.walk(path, followlinks=True, onerror=partial(_report_unreadable, problems)):
        real, inside = os.path.realpath(folder), os.path.relpath(folder, path)
        if real in seen and PurePath(inside).is_relative_to(seen[real]):
            subfolders.clear()  # a link that leads back up would never end
            continue
        if twin := _read_elsewhere(real, inside, root, seen):
            problems.report(shown_path(folder), expected="a folder of its own", received=f"a link to {twin}")
            subfolders.clear()
            continue
        if inside.count(os.sep) >= MAX_DEPTH:
            problems.report(shown_path(folder), expected=f"at most {MAX_DEPTH} folders in folders", received="more")
            subfolders.clear()
            continue
        seen[real] = inside
        subfolders[:] = sorted(name for name in subfolders if not is_system_file(name))
        entries += [_entry(Path(folder, name), path) for name in names if not is_system_file(name)]
    return entries


def _read_elsewhere(real: str, inside: str, root: str, seen: dict[str, str]) -> str | None:
    """The name under which the images of a folder are read, where that is another one."""
    if real != os.path.normpath(f"{root}/{inside}") and Path(real).is_relative_to(root):
        return shown_path(os.path.relpath(real, root))
    return shown_path(seen[real]) if real in seen else None


def _report_unreadable(problems: Problems, error: OSError) -> None:
    problems.report(shown_path(error.filename), expected="a readable folder", received=damage(error))


def _entry(file: Path, root: Path) -> Entry:
    return Entry(shown_path(file.relative_to(root).as_posix()), partial(_read_bytes, file))


def _read_bytes(file: Path) -> bytes:
    with open_regular(file) as stream:
        # One byte more than an image may have, so that decoding refuses the file without all of it being read.
        return stream.read(ImageLimits().max_file_bytes + 1)


def _describe(entries: list[Entry]) -> str:
    if not entries:
        return "an empty folder"
    names = sorted(entry.name for entry in entries)
    return f"{len(names):,} other files ({', '.join(names[:5])}{', …' if len(names) > 5 else ''})"
