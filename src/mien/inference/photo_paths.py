"""Which photos a person means: files, folders with everything below, patterns, and `-` for standard input."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from mien.errors import ImageError
from mien.images import READABLE_SUFFIXES

__all__ = ["STDIN", "Photo", "find_photos"]

STDIN = "-"

# Photos that mien cannot read are still photos: they are listed, so that the answer says so instead of nothing.
_PHOTO_SUFFIXES = (*READABLE_SUFFIXES, ".heic", ".heif", ".avif", ".jxl")


class Photo(NamedTuple):
    """A file to answer on.

    Attributes:
        path: Where it is; `-` is standard input.
        inside: Its path below the folder that was named, or its file name: what copies of it are called.
    """

    path: Path
    inside: Path


def find_photos(arguments: Sequence[str], *, leave_out: Path | None = None) -> list[Photo]:
    """The photos that arguments name, in order, each once.

    Args:
        arguments: Paths of files or folders, patterns such as `holiday/*.jpg` or `**/*.png`, or `-`.
        leave_out: A file or folder, such as that of annotated copies, whose files folders and patterns do not name.

    Returns:
        At least one photo. A file that does not exist is among them: reading it says why.

    Raises:
        ImageError: A folder has no photos below it, or a pattern meets none.
    """
    left_out = None if leave_out is None else leave_out.resolve()
    photos = {photo.path: photo for argument in arguments for photo in _expand(argument, left_out)}
    return list(photos.values())


def _expand(argument: str, left_out: Path | None) -> Iterator[Photo]:
    path = Path(argument)
    if argument == STDIN:
        yield Photo(path, Path("stdin"))
    elif path.is_dir():
        yield from _below(path, left_out)
    elif not path.exists() and glob.has_magic(argument):
        yield from _matching(argument, left_out)
    else:
        yield Photo(path, Path(path.name))


def _below(folder: Path, left_out: Path | None) -> Iterator[Photo]:
    if folder.resolve() == left_out:  # who names the folder itself means it
        left_out = None
    files = (path for path in folder.rglob("*") if path.suffix.lower() in _PHOTO_SUFFIXES and path.is_file())
    paths = sorted(path for path in files if not _is_in(path, left_out))
    if not paths:
        raise ImageError(f"Expected photos in {folder} or below. Received: no file with a photo's ending.")
    yield from (Photo(path, path.relative_to(folder)) for path in paths)


def _is_in(path: Path, place: Path | None) -> bool:
    return place is not None and path.resolve().is_relative_to(place)


def _matching(pattern: str, left_out: Path | None) -> Iterator[Photo]:
    # Unix shells expand patterns themselves; this serves Windows, quotes, and `**`.
    paths = sorted(Path(name) for name in glob.glob(pattern, recursive=True))  # noqa: PTH207  absolute patterns too
    files = [path for path in paths if path.is_file() and not _is_in(path, left_out)]
    if not files:
        raise ImageError(f"Expected files that match {pattern}. Received: none.")
    yield from (Photo(path, Path(path.name)) for path in files)
