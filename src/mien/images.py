"""The input contract: any image read safely, turned grey, cropped, and brought to 48×48; training and serving share it.

Owns decoding, orientation, colour, limits, and the one way from a picture to the pixels that a model sees. Knows
nothing of datasets, detectors or models. Colours are as stored in the file: embedded colour profiles are not applied.

JPEG and plain PNG go through OpenCV; everything else through Pillow, which is imported only then.
"""

from __future__ import annotations

import io
import math
import os
import struct
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NamedTuple

import cv2
import numpy as np

from mien.errors import ImageError, ImageFormatError, ImageTooLargeError

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "INPUT_SIZE_PX",
    "READABLE_SUFFIXES",
    "Colour",
    "ImageLimits",
    "ImageSource",
    "crop_face",
    "decode_image",
    "read_image",
    "resize_to_input",
    "to_gray",
    "to_tensor",
]

INPUT_SIZE_PX = 48
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
    plain_size = _plain_jpeg_size(data) if kind == "JPEG" else _plain_png_size(data) if kind == "PNG" else None
    if plain_size is None:
        return _decode_with_pillow(data, kind, limits)
    _check_size(*plain_size, limits)
    return _decode_with_opencv(data, kind)


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
        ImageError: The source cannot be read, is no image, or is too large.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, colour, limits)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return decode_image(bytes(source), limits=limits)
    if isinstance(source, (str, os.PathLike)):
        return decode_image(_read_file(Path(source), limits), limits=limits)
    if _is_pil_image(source):
        return _from_pillow(source, limits)
    if hasattr(source, "read"):
        return decode_image(_read_all(source, limits), limits=limits)
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
        roll_degrees: How far the head is tilted, clockwise as one looks at the picture; the crop is level.

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

_FIRST_BYTES = 2**20


def _read_file(path: Path, limits: ImageLimits) -> bytes:
    try:
        with path.open("rb") as file:
            return _read_all(file, limits)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageError(f"Expected a readable image file at {path}. Received: {reason}.") from error


def _read_all(file: BinaryIO, limits: ImageLimits) -> bytes:
    most = limits.max_file_bytes + 1
    # Python sets aside as much memory as is asked for, which takes longer than reading a small file.
    data = file.read(min(most, _FIRST_BYTES))
    if not isinstance(data, bytes):
        raise ImageError(f"Expected a file opened in binary mode ('rb'). Received: {type(data).__name__}.")
    if len(data) == _FIRST_BYTES:
        data += file.read(most - _FIRST_BYTES)
    if len(data) > limits.max_file_bytes:
        raise _too_many_bytes(len(data), limits)
    return data


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


# JPEG and PNG by hand: only what is needed to know the size and whether OpenCV reads the file as it should.

_SOF_MARKERS = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0))
_SOS_MARKER = 0xDA


class _Size(NamedTuple):
    width: int
    height: int


def _plain_jpeg_size(data: bytes) -> _Size | None:
    """The size of a complete 8-bit grey or three-channel JPEG; None for every other one."""
    size, position = None, 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # padding
            position += 1
            continue
        (length,) = struct.unpack_from(">H", data, position + 2)
        if marker in _SOF_MARKERS and position + 10 <= len(data):
            precision, height, width, channels = struct.unpack_from(">BHHB", data, position + 4)
            # Four channels are CMYK, whose inversion by Adobe programs Pillow knows about.
            if precision != 8 or channels not in (1, 3):
                return None
            size = _Size(width, height)
        if marker == _SOS_MARKER:
            # OpenCV fills what a truncated file lacks with grey and says nothing; Pillow refuses it.
            return size if data.rfind(b"\xff\xd9") > position else None
        position += 2 + length
    return None


# Chunks that change nothing OpenCV would get wrong. Transparency needs a background; some profiles make libpng talk.
_PLAIN_CHUNKS = (b"IHDR", b"PLTE", b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"tIME", b"bKGD", b"sBIT", b"IDAT", b"IEND")
_GRAY_RGB_PALETTE = (0, 2, 3)


def _plain_png_size(data: bytes) -> _Size | None:
    """The size of a complete opaque 8-bit PNG without anything special; None for every other one."""
    if len(data) < 33 or data[12:16] != b"IHDR":
        return None
    width, height, depth, colour_type = struct.unpack_from(">IIBB", data, 16)
    plain = depth == 8 and colour_type in _GRAY_RGB_PALETTE and _has_plain_chunks(data)
    return _Size(width, height) if plain else None


def _has_plain_chunks(data: bytes) -> bool:
    """True when every chunk is known, complete and intact up to the end marker.

    The checksums are for quiet: libpng prints to standard error what it finds damaged.
    """
    view, position = memoryview(data), 8
    while position + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        if name not in _PLAIN_CHUNKS or end + 4 > len(data):
            return False
        if zlib.crc32(view[position + 4 : end]) != int.from_bytes(view[end : end + 4]):
            return False
        if name == b"IEND":
            return True
        position = end + 4
    return False


def _decode_with_opencv(data: bytes, kind: str) -> np.ndarray:
    # OpenCV 4.11 and later decode to RGB; changing the order afterwards takes a second copy of the picture.
    rgb_mode = getattr(cv2, "IMREAD_COLOR_RGB", None)
    try:
        # Both modes apply the EXIF orientation.
        mode = cv2.IMREAD_COLOR if rgb_mode is None else rgb_mode
        image: np.ndarray | None = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), mode)
    except cv2.error as error:
        raise _damaged(kind, str(error.err)) from error
    if image is None:
        raise _damaged(kind, "data that cannot be decoded")
    return image if rgb_mode is not None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _damaged(kind: str, reason: str) -> ImageError:
    return ImageError(f"Expected a complete {kind} image. Received: {reason.rstrip('.')}. Save or download it again.")


# Pillow

_ORIENTATION_TAG = 0x0112
# EXIF orientation → (transpose first, then flip up-down, flip left-right), so that the picture stands upright.
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


def _decode_with_pillow(data: bytes, kind: str, limits: ImageLimits) -> np.ndarray:
    import warnings

    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's own size warning, and remarks on odd metadata
        try:
            with Image.open(io.BytesIO(data), formats=[kind]) as image:
                _check_size(*image.size, limits)
                image.load()
                return _from_pillow(image, limits)
        except ImageError:
            raise
        except Image.DecompressionBombError as error:
            raise ImageTooLargeError(
                f"Expected an image of at most {limits.max_pixels:,} pixels. Received: far more. Make it smaller."
            ) from error
        # Damaged files make Pillow's format readers raise nearly anything, from KeyError to struct.error.
        except Exception as error:
            raise _damaged(kind, f"damaged data ({_pillow_reason(error)})") from error


def _pillow_reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    # "cannot identify image file <_io.BytesIO object at 0x…>" holds an address that helps nobody.
    return "an unreadable header" if "identify image file" in text else text[:200] or type(error).__name__


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
