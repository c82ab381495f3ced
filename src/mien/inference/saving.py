"""Where annotated copies go, and how they are written: whole, beside each other, and never over a photo."""

from __future__ import annotations

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
        ImageError: A copy would replace its photo, or one file was named for several photos.
    """
    is_file = target.suffix.lower() in _WRITABLE_SUFFIXES and not target.is_dir()
    if is_file and len(photos) > 1:
        raise ImageError(f"Expected a folder for {len(photos)} annotated copies. Received: the file {target}.")
    paths = [target] if is_file else _in_folder(target, photos)
    originals = {photo.path.resolve() for photo in photos}
    for path in paths:
        if path.resolve() in originals:
            raise ImageError(f"Expected another place than the photo's own for its annotated copy. Received: {path}.")
    return paths


def _in_folder(folder: Path, photos: Sequence[Photo]) -> list[Path]:
    taken: dict[Path, int] = {}
    paths = []
    for photo in photos:
        name = photo.inside
        if name.suffix.lower() not in _WRITABLE_SUFFIXES:
            name = name.with_name(name.name + ".jpg")
        number = taken[name] = taken.get(name, 0) + 1
        # Two folders may each have an IMG_0001.jpg.
        paths.append(folder / (name if number == 1 else name.with_stem(f"{name.stem}-{number}")))
    return paths


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
