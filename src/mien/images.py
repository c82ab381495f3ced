"""The input contract: any image read safely, turned grey, cropped, and brought to 48×48; training and serving share it.

Owns decoding, orientation, colour, limits, and the one way from an image to the pixels that a model sees. Knows
nothing of datasets, detectors or models. Colours are as stored in the file: embedded colour profiles are not applied.

Pillow reads the head of every file, which decides whether its pixels are decoded at all. OpenCV then decodes ordinary
JPEG, in half of Pillow's time and memory; Pillow decodes everything else.
"""

from __future__ import annotations

import functools
import io
import math
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import cv2
import numpy as np

from mien.emotions import INPUT_SIZE_PX
from mien.errors import ImageError, ImageFormatError, ImageNotFoundError, ImageTooLargeError, MienError
from mien.files import open_regular, shown_path
from mien.machine import OPENCV_MOST_PIXELS

if TYPE_CHECKING:
    from PIL import Image, ImageFile

__all__ = [
    "READABLE_SUFFIXES",
    "Colour",
    "ImageLimits",
    "ImageSource",
    "crop_face",
    "decode_image",
    "no_crops",
    "read_image",
    "resize_to_input",
    "to_gray",
    "to_tensor",
]

READABLE_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif")

_READABLE = "JPEG, PNG, WebP, BMP, TIFF or GIF"

Colour = Literal["rgb", "bgr", "gray"]
ImageSource = Any  # str | PathLike | bytes | binary file object | PIL.Image.Image | np.ndarray


@dataclass(frozen=True)
class ImageLimits:
    """What is too large to be read."""

    max_file_bytes: int = 64 * 2**20
    """Largest encoded image, in bytes."""
    max_pixels: int = 52_000_000
    """Most pixels (width × height) of a decoded image: a 50-megapixel photo passes, and takes 156 MB as RGB."""


DEFAULT_LIMITS = ImageLimits()


def decode_image(data: bytes, *, limits: ImageLimits = DEFAULT_LIMITS) -> np.ndarray:
    """Decode an encoded image; its size is checked against the limits before any pixel is decoded.

    JPEG of any EXIF orientation and colour space, PNG with alpha (laid on white), palette or 16 bits, WebP, BMP, TIFF
    (first page), GIF (first frame).

    Args:
        data: The bytes of the file.
        limits: What is too large.

    Returns:
        uint8 (H, W, 3), RGB, upright.

    Raises:
        ImageError: Another format, damaged or truncated data, or more than the limits allow.
    """
    if len(data) > limits.max_file_bytes:
        raise _too_many_bytes(len(data), limits)
    kind = _kind(data)
    with _refused(f"Expected a complete {kind} image.", "Save or download it again."):
        file = io.BytesIO(data)
        with _open(file, kind) as image:
            _check_size(*image.size, limits)
            if isinstance(image, _jpeg()):
                _check_scans(data, file.tell(), image)
                if _is_ordinary(data, file.tell(), image):
                    return _decode_with_opencv(data)
            image.load()
            return _from_pillow(image, limits)


def read_image(source: ImageSource, *, colour: Colour = "rgb", limits: ImageLimits = DEFAULT_LIMITS) -> np.ndarray:
    """An image from wherever it is.

    Args:
        source: A path, encoded bytes, a binary file object, a PIL image, or a uint8 array (H, W), (H, W, 1),
            (H, W, 3) or (H, W, 4), the fourth channel being alpha.
        colour: The channel order of an array: `rgb`, `bgr` (OpenCV's own) or `gray`; files say it themselves.
        limits: What is too large.

    Returns:
        uint8 (H, W, 3), RGB, upright.

    Raises:
        ImageError: The source cannot be read, is no image, or is too large. `ImageNotFoundError`, which is a
            FileNotFoundError too, where there is no such file.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, colour, limits)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return decode_image(bytes(source), limits=limits)
    if isinstance(source, (str, os.PathLike)):
        return decode_image(_read_file(Path(source), limits), limits=limits)
    if _is_pil_image(source):
        with _refused("Expected a PIL image that can be loaded."):
            return _from_pillow(source, limits)
    if hasattr(source, "read"):
        with _refused("Expected a file object that can be read."):
            data = _read_all(source, limits)
        return decode_image(data, limits=limits)
    raise ImageError(
        f"Expected a path, bytes, a file object, a PIL image or a NumPy array. Received: {type(source).__name__}."
    )


def to_gray(image_rgb: np.ndarray) -> np.ndarray:
    """Luminance (ITU-R BT.601, the weights of JPEG itself).

    Where the three channels are equal the result is exactly that channel: OpenCV's fixed-point weights sum to one.

    Args:
        image_rgb: uint8 (H, W, 3).

    Returns:
        uint8 (H, W).
    """
    gray: np.ndarray = cv2.cvtColor(image_rgb, cv2.COLOR_RGB2GRAY)
    return gray


def resize_to_input(gray: np.ndarray) -> np.ndarray:
    """Bring a grey image to the input size: 'area-down, cubic-up', each axis on its own.

    Averaging areas keeps fine detail from turning into false patterns; cubic keeps enlarged edges smooth.

    Args:
        gray: uint8 (H, W).

    Returns:
        uint8 (48, 48); the image itself, unchanged, when it has that size already.
    """
    height, width = gray.shape
    # OpenCV's area rule is linear for an axis that grows, so shrinking and growing are separate steps.
    smaller = (min(width, INPUT_SIZE_PX), min(height, INPUT_SIZE_PX))
    if smaller != (width, height):
        gray = cv2.resize(gray, smaller, interpolation=cv2.INTER_AREA)
    if smaller != (INPUT_SIZE_PX, INPUT_SIZE_PX):
        gray = cv2.resize(gray, (INPUT_SIZE_PX, INPUT_SIZE_PX), interpolation=cv2.INTER_CUBIC)
    return gray


def crop_face(gray: np.ndarray, box: Sequence[float], *, margin: float = 0.0, roll_degrees: float = 0.0) -> np.ndarray:
    """Cut a square around a face and bring it to the input size.

    The square has the box's centre and its longer side, widened by `margin`, and is turned by `roll_degrees`. What
    lies outside the image repeats its nearest edge pixel.

    Args:
        gray: uint8 (H, W).
        box: x, y of the top left corner, width and height, in pixels.
        margin: Share of the longer side added on each side; negative cuts into the box.
        roll_degrees: How far the head is tilted, clockwise as one looks at the image; the crop is level.

    Returns:
        uint8 (48, 48).

    Raises:
        ImageError: The box lies outside the image, or is far larger than it.
    """
    x, y, side = _square(gray.shape, box, margin)
    if roll_degrees:
        return resize_to_input(_level(gray, (x, y, side), roll_degrees))
    height, width = gray.shape
    inside = gray[max(y, 0) : min(y + side, height), max(x, 0) : min(x + side, width)]
    top, left = max(-y, 0), max(-x, 0)
    bottom, right = side - top - inside.shape[0], side - left - inside.shape[1]
    if top or left or bottom or right:
        inside = cv2.copyMakeBorder(inside, top, bottom, left, right, cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(resize_to_input(inside))  # (48, 48)


def _level(gray: np.ndarray, square: tuple[int, int, int], roll_degrees: float) -> np.ndarray:
    """The pixels of a square that is turned about its centre."""
    x, y, side = square
    # The centre of a square of pixels lies between the middle ones: half a pixel before side / 2.
    centre = (x + (side - 1) / 2, y + (side - 1) / 2)
    matrix = cv2.getRotationMatrix2D(centre, roll_degrees, 1.0)
    matrix[:, 2] -= (x, y)
    level: np.ndarray = cv2.warpAffine(
        gray, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return level


def no_crops() -> np.ndarray:
    """uint8 (0, 48, 48): the crops of no face."""
    return np.zeros((0, INPUT_SIZE_PX, INPUT_SIZE_PX), np.uint8)


def to_tensor(crops: np.ndarray) -> np.ndarray:
    """Grey crops as every model takes them.

    Args:
        crops: uint8 (N, 48, 48).

    Returns:
        float32 (N, 48, 48, 1), 0 to 255: scaling is inside the models.
    """
    return crops[..., None].astype(np.float32)  # (N, 48, 48, 1)


def _square(shape: tuple[int, ...], box: Sequence[float], margin: float) -> tuple[int, int, int]:
    height, width = shape
    x, y, box_width, box_height = (float(value) for value in box)
    longer = max(box_width, box_height)
    overlaps = x < width and y < height and x + box_width > 0 and y + box_height > 0
    # A square of many times the image would be mostly repeated edge, and could be as large as memory.
    if not (all(map(math.isfinite, (x, y, longer))) and overlaps and 0 < longer <= 4 * max(width, height)):
        raise ImageError(
            f"Expected a face box (x, y, width, height) that overlaps the {width}×{height} image. "
            f"Received: {tuple(box)}."
        )
    side = max(1, round(longer * (1 + 2 * margin)))
    left, top = round(x + box_width / 2 - side / 2), round(y + box_height / 2 - side / 2)
    # Rounding and negative margins must leave at least one pixel of the image in the square.
    return min(max(left, 1 - side), width - 1), min(max(top, 1 - side), height - 1), side


# Bytes


@contextmanager
def _refused(expected: str, advice: str = "") -> Iterator[None]:
    """Turn whatever a reader raises into an ImageError: damaged files make Pillow raise nearly anything."""
    try:
        yield
    except MienError:
        raise
    except Exception as error:
        raise ImageError(f"{expected} Received: {_reason(error)}. {advice}".rstrip()) from error


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    # "cannot identify image file <_io.BytesIO object at 0x…>" holds an address that helps nobody.
    text = "an unreadable header" if "identify image file" in text else text[:200] or type(error).__name__
    return text.rstrip(".")


def _read_file(path: Path, limits: ImageLimits) -> bytes:
    try:
        with open_regular(path) as file:
            return _read_all(file, limits)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        kind = ImageNotFoundError if isinstance(error, FileNotFoundError) else ImageError
        reason = getattr(error, "strerror", None) or str(error)
        raise kind(f"Expected a readable image file at {shown_path(path)}. Received: {reason}.") from error


# Python sets aside as much memory as is asked for, which takes longer than reading a small file.
_PART_BYTES = 2**20


def _read_all(file: BinaryIO, limits: ImageLimits) -> bytes:
    parts: list[bytes] = []
    size = 0
    # A pipe or a socket gives what it has; only an empty part is the end.
    while part := file.read(min(_PART_BYTES, limits.max_file_bytes + 1 - size)):
        if not isinstance(part, bytes):
            raise ImageError(f"Expected a file opened in binary mode ('rb'). Received: {type(part).__name__}.")
        parts.append(part)
        size += len(part)
        if size > limits.max_file_bytes:
            raise _too_many_bytes(size, limits)
    if part is None:
        raise BlockingIOError("a file object that has no data yet")
    if not isinstance(part, bytes):
        raise ImageError(f"Expected a file opened in binary mode ('rb'). Received: {type(part).__name__}.")
    return b"".join(parts)


def _too_many_bytes(size: int, limits: ImageLimits) -> ImageTooLargeError:
    return ImageTooLargeError(
        f"Expected an image file of at most {limits.max_file_bytes:,} bytes. Received: {size:,} or more. "
        "If you trust it, raise the limit: --max-megabytes, or ImageLimits.max_file_bytes in Python."
    )


def _check_size(width: int, height: int, limits: ImageLimits) -> None:
    if width < 1 or height < 1:
        raise ImageError(f"Expected an image of at least 1×1 pixels. Received: {width}×{height}.")
    if width * height > limits.max_pixels:
        raise ImageTooLargeError(
            f"Expected an image of at most {limits.max_pixels:,} pixels. Received: {width}×{height} = "
            f"{width * height:,}. Make it smaller, or raise ImageLimits.max_pixels if you trust it."
        )


# Formats

# First bytes of what mien reads.
_SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}
# And of what people try: named, so that the error helps.
_FOREIGN = {
    b"\xff\x0a": "a JPEG XL image",
    b"\0\0\0\x0cJXL ": "a JPEG XL image",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 image",
    b"II+\0": "a BigTIFF image",
    b"MM\0+": "a BigTIFF image",
    b"8BPS": "a Photoshop file",
    b"%PDF": "a PDF document",
    b"<svg": "an SVG drawing",
    b"<?xml": "an XML or SVG file",
    b"\0\0\1\0": "an icon",
    b"PK\x03\x04": "a zip archive",
    b"RIFF": "a RIFF file that is no WebP",
}
# Brands of the ISO container (bytes 8 to 12), which phones use for photos.
_BRANDS = {
    b"avif": "an AVIF image",
    b"avis": "an AVIF image",
    b"crx ": "a raw image",
    b"qt  ": "a QuickTime video",
}
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")


def _kind(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    for signature, kind in _SIGNATURES.items():
        if data.startswith(signature):
            return kind
    raise ImageFormatError(
        f"Expected a {_READABLE} image. Received: {_what(data)}. Save it as JPEG or PNG and try again."
    )


def _what(data: bytes) -> str:
    if not data:
        return "an empty file"
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        return "a HEIC image" if brand in _HEIC_BRANDS else _BRANDS.get(brand, "a video file (use mien video)")
    for signature, name in _FOREIGN.items():
        if data.startswith(signature):
            return name
    return f"{len(data):,} bytes that start with {data[:8]!r}"


# JPEG

# Encoders write about ten scans. Each goes over the whole image again and may take no more than ten bytes, so a small
# file can cost minutes: "Two Issues with the JPEG Standard" on libjpeg-turbo.org, whose `djpeg -maxscans` shows how to
# guard against it. libtiff stops at 100.
_MOST_SCANS = 50
_SCAN_MARKER, _END_MARKER = b"\xff\xda", b"\xff\xd9"


def _jpeg() -> type[ImageFile.ImageFile]:
    from PIL.JpegImagePlugin import JpegImageFile

    return JpegImageFile


def _check_scans(data: bytes, head_bytes: int, image: Any) -> None:
    """Refuse a JPEG of very many scans; `head_bytes` ends with the header of the first one."""
    first = data.rfind(_SCAN_MARKER, 0, head_bytes)
    channels_in_first = data[first + 4]
    if channels_in_first == image.layers and not image.info.get("progressive"):
        return  # there is but one, and what follows it may be a video
    # Inside a scan a marker cannot occur by chance.
    scans = 1 + data.count(_SCAN_MARKER, head_bytes)
    if scans > _MOST_SCANS:
        raise ImageTooLargeError(
            f"Expected a JPEG image of at most {_MOST_SCANS} scans. Received: {scans}, which would take very long. "
            "Save it anew."
        )


def _is_ordinary(data: bytes, head_bytes: int, image: Image.Image) -> bool:
    """True where OpenCV gives what it should: Pillow knows how Adobe programs invert CMYK, and refuses truncated files,
    which OpenCV fills with grey."""
    pixels = image.width * image.height
    return image.mode in ("L", "RGB") and pixels <= OPENCV_MOST_PIXELS and data.find(_END_MARKER, head_bytes) >= 0


def _decode_with_opencv(data: bytes) -> np.ndarray:
    # OpenCV 4.11 and later decode to RGB; changing the order afterwards takes a second copy of the image.
    rgb_mode = getattr(cv2, "IMREAD_COLOR_RGB", None)
    # Both modes apply the EXIF orientation.
    mode = cv2.IMREAD_COLOR if rgb_mode is None else rgb_mode
    image: np.ndarray | None = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), mode)
    if image is None:
        raise ValueError("data that cannot be decoded")
    return image if rgb_mode is not None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


# Pillow

_ORIENTATION_TAG = 0x0112
# EXIF orientation → (transpose first, then flip up-down, flip left-right), so that the image stands upright.
_UPRIGHT = {
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}
# Pillow's copy to an array doubles memory for a moment, so it goes in strips of about this many pixels.
_STRIP_PIXELS = 2_000_000


@functools.cache
def _pillow_readers() -> dict[str, Any]:
    """Pillow's reader of each format.

    `Image.open` would choose among them, and refuse every image of more than 178 megapixels, whatever our limits say.
    """
    from PIL import BmpImagePlugin, GifImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

    # Remarks on odd metadata. `warnings.catch_warnings` is for one thread.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    return {
        "JPEG": _jpeg(),
        "PNG": PngImagePlugin.PngImageFile,
        "WEBP": WebPImagePlugin.WebPImageFile,
        "BMP": BmpImagePlugin.BmpImageFile,
        "TIFF": TiffImagePlugin.TiffImageFile,
        "GIF": GifImagePlugin.GifImageFile,
    }


def _open(file: BinaryIO, kind: str) -> ImageFile.ImageFile:
    """Read the head of an image, and no pixel."""
    reader: ImageFile.ImageFile = _pillow_readers()[kind](file)
    return reader


def _from_pillow(image: Image.Image, limits: ImageLimits) -> np.ndarray:
    width, height = image.size
    _check_size(width, height, limits)
    if image.mode == "F" or (image.mode == "I" and image.getextrema()[1] > 0xFFFF):  # type: ignore[operator]
        raise ImageError(
            f"Expected 8 or 16 bits per channel. Received: mode {image.mode}, whose range is unknown. Save it as PNG."
        )
    out = np.empty((height, width, 3), dtype=np.uint8)
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        out[top:bottom] = _opaque(image.crop((0, top, width, bottom)))
    return _upright(out, image.getexif().get(_ORIENTATION_TAG, 1))


def _opaque(image: Image.Image) -> np.ndarray:
    """uint8 (H, W, 3) or (H, W, 1): 16 bits cut to 8, transparency laid on white."""
    if image.mode.startswith("I"):  # I;16 and its byte orders, or 32 bits that hold 16
        values = np.asarray(image)
        return (values >> 8).astype(np.uint8)[..., None]
    if image.has_transparency_data:
        return _on_white(np.asarray(image.convert("RGBA")))
    return np.asarray(image.convert("RGB"))


def _on_white(rgba: np.ndarray) -> np.ndarray:
    alpha = rgba[..., 3:].astype(np.uint16)
    blended = rgba[..., :3] * alpha + 255 * (255 - alpha)
    return ((blended + 127) // 255).astype(np.uint8)


def _upright(image: np.ndarray, orientation: object) -> np.ndarray:
    transpose, up_down, left_right = _UPRIGHT.get(orientation, (False, False, False))  # type: ignore[call-overload]
    if transpose:
        image = image.transpose(1, 0, 2)
    if up_down:
        image = image[::-1]
    if left_right:
        image = image[:, ::-1]
    return np.ascontiguousarray(image)


def _is_pil_image(source: object) -> bool:
    module = sys.modules.get("PIL.Image")  # who has a PIL image has imported it
    return module is not None and isinstance(source, module.Image)


# Arrays


def _from_array(array: np.ndarray, colour: Colour, limits: ImageLimits) -> np.ndarray:
    if colour not in ("rgb", "bgr", "gray"):
        raise ImageError(f"Expected colour 'rgb', 'bgr' or 'gray'. Received: {colour!r}.")
    if array.dtype != np.uint8:
        raise ImageError(
            f"Expected a uint8 array with values 0 to 255. Received: {array.dtype}. "
            "Scale it yourself, because its range cannot be known: (image * 255).astype('uint8') for 0 to 1."
        )
    channels = 1 if array.ndim == 2 else array.shape[2] if array.ndim == 3 else 0
    if channels not in ((1,) if colour == "gray" else (1, 3, 4)):
        shapes = "(H, W)" if colour == "gray" else "(H, W, 3)"
        raise ImageError(f"Expected an array of shape {shapes} with colour {colour!r}. Received: {array.shape}.")
    height, width = array.shape[:2]
    _check_size(width, height, limits)
    if channels == 1:
        return np.repeat(array.reshape(height, width, 1), 3, axis=2)
    opaque = _on_white(array) if channels == 4 else array
    return np.ascontiguousarray(opaque[..., ::-1] if colour == "bgr" else opaque)
