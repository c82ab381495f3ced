"""Where annotated copies go, and how they are written: whole, beside each other, and never over a photo."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mien.errors import ImageError
from mien.files import atomic_write
from mien.inference.photo_paths import Photo

__all__ = ["copy_paths", "write_image"]

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
