"""Images in folders named after emotions, on disk or in a zip: which there are, what their names say, their pixels.

Owns the meaning of paths and the conversion to 48×48 grey, with the functions that serving uses (`mien.images`).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path, PurePath, PurePosixPath
from typing import NamedTuple

import numpy as np

from mien.data.dataset import SPLIT_NAMES
from mien.data.reading import (
    NOT_SAID,
    SPLIT_BY_FOLDERS,
    SPLIT_BY_NAMES,
    Problems,
    Progress,
    Samples,
    damage,
    file_name_code,
    folder_code,
    shortened,
)
from mien.emotions import EMOTIONS, INPUT_SIZE_PX, emotion_code
from mien.errors import DataError, ImageError
from mien.files import open_regular, shown_path
from mien.images import READABLE_SUFFIXES, ImageLimits, decode_image, resize_to_input, to_gray
from mien.machine import usable_cores

__all__ = ["Entry", "is_image_name", "is_system_file", "list_folder", "read_folder", "read_tree"]

# What operating systems and NAS boxes leave in folders; nobody wants to hear about them.
_SYSTEM_NAMES = {"__macosx", "thumbs.db", "desktop.ini", "@eadir"}

# Decoding releases the interpreter lock; more threads than this only wait for each other's file access.
MAX_THREADS = 4

FILES_PER_PROGRESS = 250

MAX_NAME = 512


class Entry(NamedTuple):
    """A file of a folder or zip: its path inside the source, with `/`, and how to get its bytes."""

    name: str
    read: Callable[[], bytes]


class _Image(NamedTuple):
    entry: Entry
    label: int
    membership_by_name: int
    membership_by_folder: int


def is_system_file(name: str) -> bool:
    """True for hidden files and for what operating systems leave behind, anywhere in the path `name`."""
    return any(part.startswith(".") or part.lower() in _SYSTEM_NAMES for part in PurePosixPath(name).parts)


def is_image_name(name: str) -> bool:
    """True when a file called `name` should be an image that mien reads."""
    return name.lower().endswith(READABLE_SUFFIXES)


def read_tree(
    entries: Sequence[Entry], *, source: str, problems: Problems, progress: Progress | None = None
) -> Samples:
    """Read images from files in `<emotion>/` or `<split>/<emotion>/`.

    Args:
        entries: The files, without system files, in any order.
        source: What to call the folder or zip in messages.
        problems: Where unreadable images go.
        progress: Called with the images read so far and their number.

    Returns:
        The images ordered by path, so that a folder and a zip of it give equal datasets.

    Raises:
        DataError: A folder's name means no emotion, no image is usable, or one is broken and must not be skipped.
    """
    ordered = sorted(_of_honest_names(entries, source, problems), key=lambda entry: entry.name)
    images = _sort_by_emotion([entry for entry in ordered if is_image_name(entry.name)], source, problems)
    if not images:
        problems.refuse_empty(source)
    membership, split_by, notes = _memberships(images)
    others = [entry.name for entry in ordered if not is_image_name(entry.name)]
    pixels, readable = _read_pixels(images, source, problems, progress)
    if not readable.any():
        problems.refuse_empty(source)
    return Samples(
        images=pixels[readable],
        labels=np.array([image.label for image in images], dtype=np.int64)[readable],
        sample_ids=np.array([image.entry.name for image in images])[readable],
        membership=membership[readable],
        split_by=split_by,
        notes=(*notes, *_note_others(others)),
        skipped=problems.skipped,
    )


def _of_honest_names(entries: Sequence[Entry], source: str, problems: Problems) -> Iterator[Entry]:
    """NumPy gives every id of an array the space of the longest."""
    for entry in entries:
        if len(entry.name) <= MAX_NAME:
            yield entry
        else:
            where, received = f"{source}/{shortened(entry.name)}", f"{len(entry.name):,}"
            problems.report(where, expected=f"a name of at most {MAX_NAME} characters", received=received)


def _sort_by_emotion(entries: Sequence[Entry], source: str, problems: Problems) -> list[_Image]:
    images: list[_Image] = []
    unknown: Counter[str] = Counter()
    for entry in entries:
        *folders, name = PurePosixPath(entry.name).parts
        label = emotion_code(folders[-1]) if folders else None
        if label is None:
            unknown["/".join(folders)] += 1
            continue
        by_name = file_name_code(name)
        by_folder = next((code for folder in reversed(folders[:-1]) if (code := folder_code(folder)) is not None), None)
        images.append(_Image(entry, label, _or_not_said(by_name), _or_not_said(by_folder)))
    if unknown:
        _report_unknown(unknown, source, problems)
    return images


def _or_not_said(code: int | None) -> int:
    return NOT_SAID if code is None else code


def _report_unknown(unknown: Counter[str], source: str, problems: Problems) -> None:
    """Folders that mean no emotion: all of them in one sentence, or, when skipping, an entry for each."""
    if not problems.skip_bad:
        found = ", ".join(f"{folder or 'the top folder'} ({count:,})" for folder, count in sorted(unknown.items())[:20])
        raise DataError(
            f"Expected images in folders named after {', '.join(EMOTIONS)} in {source}. Received images in: {found}. "
            "Rename or remove these folders, or leave them out with --skip-bad (skip_bad=True)."
        )
    for folder, count in sorted(unknown.items()):
        where = f"{source}/{folder}" if folder else source
        problems.report(where, expected="a folder named after an emotion", received=f"{count:,} images elsewhere")


def _memberships(images: Sequence[_Image]) -> tuple[np.ndarray, str, list[str]]:
    """int8 (N,) memberships, what they were read from, and notes where names and folders contradict each other."""
    by_name = np.array([image.membership_by_name for image in images], dtype=np.int8)
    by_folder = np.array([image.membership_by_folder for image in images], dtype=np.int8)
    named = by_name != NOT_SAID
    if named.all():
        return by_name, SPLIT_BY_NAMES, _note_disagreement(by_name, by_folder)
    notes = []
    if named.any():
        notes.append(f"Only {named.sum():,} of {len(named):,} file names tell FER-2013's split, so names do not count.")
    known = (by_folder != NOT_SAID).any()
    return by_folder, SPLIT_BY_FOLDERS if known else "", notes


def _note_disagreement(by_name: np.ndarray, by_folder: np.ndarray) -> list[str]:
    # The usual folder form keeps both of FER-2013's test sets under test/; only training images among test images, or
    # the reverse, mean that somebody moved files.
    train = SPLIT_NAMES.index("train")
    moved = (by_folder != NOT_SAID) & ((by_name == train) != (by_folder == train))
    if not moved.any():
        return []
    return [f"The folders of {moved.sum():,} images contradict their FER-2013 file names; the names decide."]


def _note_others(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    return [f"{len(names):,} files that are no images were ignored ({shown})."]


def _read_pixels(
    images: Sequence[_Image], source: str, problems: Problems, progress: Progress | None
) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (N, 48, 48), and bool (N,): which of them could be read."""
    pixels = np.zeros((len(images), INPUT_SIZE_PX, INPUT_SIZE_PX), dtype=np.uint8)
    readable = np.zeros(len(images), dtype=bool)
    pool = ThreadPoolExecutor(min(MAX_THREADS, usable_cores()))
    try:
        for position, result in enumerate(pool.map(_read_image, (image.entry for image in images))):
            if isinstance(result, str):
                where = f"{source}/{images[position].entry.name}"
                problems.report(where, expected="a readable image", received=result)
            else:
                pixels[position] = result
                readable[position] = True
            if progress and (position + 1) % FILES_PER_PROGRESS == 0:
                progress(position + 1, len(images))
    finally:
        pool.shutdown(cancel_futures=True)
    if progress:
        progress(len(images), len(images))
    return pixels, readable


def _read_image(entry: Entry) -> np.ndarray | str:
    """The image as uint8 (48, 48), or why it cannot be read."""
    try:
        return resize_to_input(to_gray(decode_image(entry.read())))
    except ImageError as error:
        return _reason(error)
    except Exception as error:  # files go, disks fail
        return damage(error)


def _reason(error: ImageError) -> str:
    """What came, out of an error that says "Expected …. Received: …. What to do."."""
    _, _, received = str(error).partition("Received: ")
    return (received or str(error)).partition(". ")[0].rstrip(".")


# A folder on disk

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
