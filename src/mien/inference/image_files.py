"""Image files of a person: which ones are meant, where annotated copies go, and how those are written."""

from __future__ import annotations

import glob
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from mien.errors import ImageError
from mien.files import atomic_write, refuse_address
from mien.images import READABLE_SUFFIXES

__all__ = ["STDIN", "Photo", "copy_paths", "find_photos", "write_image"]

STDIN = "-"

# Photos that mien cannot read are still photos: they are listed, so that the result says so instead of nothing.
_PHOTO_SUFFIXES = (*READABLE_SUFFIXES, ".heic", ".heif", ".avif", ".jxl")


class Photo(NamedTuple):
    """An image file.

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
        MienError: An argument is an address.
    """
    left_out = None if leave_out is None else leave_out.resolve()
    photos = {photo.path: photo for argument in arguments for photo in _expand(argument, left_out)}
    return list(photos.values())


def _expand(argument: str, left_out: Path | None) -> Iterator[Photo]:
    path = Path(argument)
    refuse_address(argument)
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


# Annotated copies

_WRITABLE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
# Labels have sharp edges, which lower qualities smear.
_OPTIONS = {
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 92],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 92],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 90],
}
_LARGEST_SIDE_PX = {".jpg": 65_500, ".jpeg": 65_500, ".webp": 16_383}


def copy_paths(target: Path, photos: Sequence[Photo]) -> list[Path]:
    """The path of each photo's annotated copy.

    Args:
        target: A file, for one photo; otherwise a folder, in which copies keep the photos' names.
        photos: The photos.

    Raises:
        ImageError: A copy would replace a photo, one file was named for several photos, or the file's ending is that
            of no format that can be written.
    """
    is_file = bool(target.suffix) and not target.is_dir()
    if is_file and target.suffix.lower() not in _WRITABLE_SUFFIXES:
        raise ImageError(
            f"Expected a folder, or a file that ends in {', '.join(_WRITABLE_SUFFIXES)}. Received: {target}. "
            "If that is to be a folder, make it first."
        )
    if is_file and len(photos) > 1:
        raise ImageError(f"Expected a folder for {len(photos)} annotated copies. Received: the file {target}.")
    paths = [target] if is_file else _in_folder(target, photos)
    originals = {_identity(photo.path) for photo in photos} - {None}
    for path in paths:
        if _identity(path) in originals:
            raise ImageError(f"Expected another place than a photo's own for an annotated copy. Received: {path}.")
    return paths


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file it is, whatever its name; None for none."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _in_folder(folder: Path, photos: Sequence[Photo]) -> list[Path]:
    taken: set[str] = set()
    numbers: dict[str, int] = {}
    paths = []
    for photo in photos:
        name = own = photo.inside
        if own.suffix.lower() not in _WRITABLE_SUFFIXES:
            name = own = own.with_name(own.name + ".jpg")
        # Two folders may each have an IMG_0001.jpg, and another a 2.jpg of it; many systems take names for equal that
        # differ by case.
        number = numbers.get(_key(own), 1)
        while _key(name) in taken:
            number += 1
            name = own.with_stem(f"{own.stem}-{number}")
        numbers[_key(own)] = number
        taken.add(_key(name))
        paths.append(folder / name)
    return paths


def _key(name: Path) -> str:
    return unicodedata.normalize("NFC", str(name)).casefold()


def write_image(path: Path, image_rgb: np.ndarray) -> None:
    """Write uint8 (H, W, 3) RGB in the format of the path's ending, whole or not at all.

    Raises:
        ImageError: The image cannot be encoded, such as WebP beyond 16,383 pixels.
        OutputError: The folder cannot be written.
    """
    suffix = path.suffix.lower()
    height, width = image_rgb.shape[:2]
    # Asked beforehand, because OpenCV prints to standard error when it finds out by itself.
    if max(height, width) > _LARGEST_SIDE_PX.get(suffix, max(height, width)):
        raise ImageError(f"Expected an image that fits into {suffix}. Received: {width}×{height}. Save it as PNG.")
    _, encoded = cv2.imencode(suffix, cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR), _OPTIONS.get(suffix, []))
    with atomic_write(path) as temporary:
        temporary.write_bytes(encoded.tobytes())
