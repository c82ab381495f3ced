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


def find_photos(arguments: Sequence[str]) -> list[Photo]:
    """The photos that arguments name, in order, each once.

    Args:
        arguments: Paths of files or folders, patterns such as `holiday/*.jpg` or `**/*.png`, or `-`.

    Returns:
        At least one photo. A file that does not exist is among them: reading it says why.

    Raises:
        ImageError: A folder has no photos below it, or a pattern meets none.
    """
    photos = {photo.path: photo for argument in arguments for photo in _expand(argument)}
    return list(photos.values())


def _expand(argument: str) -> Iterator[Photo]:
    path = Path(argument)
    if argument == STDIN:
        yield Photo(path, Path("stdin"))
    elif path.is_dir():
        yield from _below(path)
    elif not path.exists() and glob.has_magic(argument):
        yield from _matching(argument)
    else:
        yield Photo(path, Path(path.name))


def _below(folder: Path) -> Iterator[Photo]:
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _PHOTO_SUFFIXES and path.is_file())
    if not paths:
        raise ImageError(f"Expected photos in {folder} or below. Received: no file with a photo's ending.")
    yield from (Photo(path, path.relative_to(folder)) for path in paths)


def _matching(pattern: str) -> Iterator[Photo]:
    # Unix shells expand patterns themselves; this serves Windows, quotes, and `**`.
    paths = sorted(Path(name) for name in glob.glob(pattern, recursive=True))  # noqa: PTH207  absolute patterns too
    files = [path for path in paths if path.is_file()]
    if not files:
        raise ImageError(f"Expected files that match {pattern}. Received: none.")
    yield from (Photo(path, Path(path.name)) for path in files)
