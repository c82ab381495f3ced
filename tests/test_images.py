"""Any image is read as it looks, or refused in one sentence; every way to 48×48 gives the same pixels."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageOps

from mien.errors import ImageError, ImageTooLargeError
from mien.images import (
    ImageLimits,
    crop_face,
    decode_image,
    read_image,
    resize_to_input,
    to_gray,
    to_tensor,
)


def _picture(width: int = 40, height: int = 24) -> Image.Image:
    """A smooth picture whose four corners differ, so that no turn or swap of channels goes unseen."""
    y, x = np.mgrid[0:height, 0:width]
    red, green = 255 * x / (width - 1), 255 * y / (height - 1)
    return Image.fromarray(np.stack([red, green, 128 - red / 4], axis=2).astype(np.uint8))


def _encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    assert a.shape == b.shape
    return float(np.abs(a.astype(int) - b.astype(int)).mean())


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("JPEG", "RGB", {"quality": 95}),
        ("JPEG", "RGB", {"quality": 95, "progressive": True}),
        ("JPEG", "CMYK", {"quality": 95}),
        ("PNG", "RGB", {}),
        ("PNG", "RGBA", {}),
        ("WEBP", "RGB", {"lossless": True}),
        ("WEBP", "RGBA", {"lossless": True}),
        ("BMP", "RGB", {}),
        ("TIFF", "RGB", {}),
        ("TIFF", "CMYK", {}),
        ("TIFF", "YCbCr", {}),
    ],
)
def test_colours_come_back(kind: str, mode: str, options: dict[str, Any]) -> None:
    picture = _picture()
    decoded = decode_image(_encode(picture.convert(mode), kind, **options))
    assert decoded.dtype == np.uint8
    assert decoded.flags.c_contiguous
    assert _distance(decoded, np.asarray(picture)) < 4


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "P"), ("GIF", "P"), ("PNG", "1"), ("BMP", "1"), ("BMP", "P")])
def test_palettes_give_their_colours(kind: str, mode: str) -> None:
    palette = _picture().convert(mode)
    assert _distance(decode_image(_encode(palette, kind)), np.asarray(palette.convert("RGB"))) == 0


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_cut_to_eight(kind: str) -> None:
    gray = np.arange(0, 65536, 64, dtype=np.uint16).reshape(32, 32)
    assert (decode_image(_encode(Image.fromarray(gray), kind)) == (gray >> 8).astype(np.uint8)[..., None]).all()


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparency_is_laid_on_white(kind: str) -> None:
    rgba = np.zeros((8, 8, 4), np.uint8)
    rgba[:, 4:, 3] = 255
    rgba[:, 2:4, 3] = 128
    decoded = decode_image(_encode(Image.fromarray(rgba), kind, **({"lossless": True} if kind == "WEBP" else {})))
    assert (decoded[:, :2] == 255).all()
    assert (decoded[:, 2:4] == 127).all()
    assert (decoded[:, 4:] == 0).all()


def test_a_gif_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    data = _encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (decode_image(data) == (255, 0, 0)).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("kind", "mode"), [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("WEBP", "RGB")]
)
def test_any_exif_orientation_stands_upright(kind: str, mode: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = _encode(_picture().convert(mode), kind, exif=exif, quality=95)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")  # Pillow's own, as the judge
    assert _distance(decode_image(data), np.asarray(expected)) < 1


def test_an_oriented_tiff_stands_upright() -> None:
    data = _encode(_picture(), "TIFF", tiffinfo={0x0112: 6})
    assert _distance(decode_image(data), np.asarray(_picture().transpose(Image.Transpose.ROTATE_270))) == 0


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b"\0\0\0\x18ftypheic" + bytes(40), "HEIC"),
        (b"\0\0\0\x18ftypavif" + bytes(40), "AVIF"),
        (b"\0\0\0\x18ftypisom" + bytes(40), "mien video"),
        (b"%PDF-1.7", "PDF"),
        (b"PK\x03\x04" + bytes(40), "zip"),
        (b"RIFF\0\0\0\0WAVE", "RIFF"),
        (b"emotion,pixels,Usage", "20 bytes"),
    ],
)
def test_other_formats_are_named(data: bytes, word: str) -> None:
    with pytest.raises(ImageError, match=word):
        decode_image(data)


def test_float_pixels_are_refused_because_their_range_is_unknown() -> None:
    with pytest.raises(ImageError, match="range"):
        decode_image(_encode(Image.new("F", (9, 9)), "TIFF"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.9])
def test_a_truncated_image_is_refused(kind: str, share: float) -> None:
    data = _encode(_picture(200, 200), kind)
    with pytest.raises(ImageError):
        decode_image(data[: int(len(data) * share)])


def test_a_damaged_png_is_refused_quietly(capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(_encode(_picture(), "PNG"))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(ImageError, match="PNG"):
        decode_image(bytes(data))
    assert capfd.readouterr().err == ""


def _bomb(kind: str, side: int) -> bytes:
    """A file of a few bytes that claims side × side pixels."""
    if kind == "PNG":
        header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        end = struct.pack(">I", zlib.crc32(b"IEND"))
        return (
            b"\x89PNG\r\n\x1a\n\0\0\0\x0d" + header + struct.pack(">I", zlib.crc32(header)) + bytes(4) + b"IEND" + end
        )
    small = bytearray(_encode(_picture(), kind))
    if kind == "JPEG":
        start = small.index(b"\xff\xc0")
        small[start + 5 : start + 9] = struct.pack(">HH", side, side)
    elif kind == "GIF":
        small[6:10] = struct.pack("<HH", side, side)
    else:
        small[18:26] = struct.pack("<ii", side, side)
    return bytes(small)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP"])
def test_a_decompression_bomb_is_refused_before_decoding(kind: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ImageError, match="pixels"):
            decode_image(_bomb(kind, 60_000))
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_limits_are_options() -> None:
    data = _encode(_picture(), "PNG")
    with pytest.raises(ImageError, match="pixels"):
        decode_image(data, limits=ImageLimits(max_pixels=40 * 24 - 1))
    with pytest.raises(ImageError, match="bytes"):
        decode_image(data, limits=ImageLimits(max_file_bytes=len(data) - 1))
    assert decode_image(data, limits=ImageLimits(len(data), 40 * 24)).shape == (24, 40, 3)


# Sources


def test_every_source_gives_the_same_pixels(tmp_path: Path) -> None:
    picture = _picture()
    pixels, data = np.asarray(picture), _encode(picture, "PNG")
    path = tmp_path / "ünï cødé.png"
    path.write_bytes(data)
    sources = [path, str(path), data, bytearray(data), memoryview(data), io.BytesIO(data), picture, pixels]
    for source in sources:
        assert (read_image(source) == pixels).all()
    assert (read_image(pixels[..., ::-1], colour="bgr") == pixels).all()
    assert (read_image(np.dstack([pixels, np.full((24, 40), 255, np.uint8)])) == pixels).all()


@pytest.mark.parametrize("shape", [(24, 40), (24, 40, 1)])
def test_a_gray_array_is_three_equal_channels(shape: tuple[int, ...]) -> None:
    gray = np.arange(960, dtype=np.uint64).astype(np.uint8).reshape(shape)
    assert (read_image(gray, colour="gray") == gray.reshape(24, 40, 1)).all()


@pytest.mark.parametrize(
    ("source", "options"),
    [
        (np.zeros((4, 4, 3), np.float32), {}),
        (np.zeros((4, 4, 2), np.uint8), {}),
        (np.zeros((0, 4, 3), np.uint8), {}),
        (np.zeros(4, np.uint8), {}),
        (np.zeros((2, 4, 4, 3), np.uint8), {}),
        (np.zeros((4, 4, 3), np.uint8), {"colour": "gray"}),
        (np.zeros((4, 4, 3), np.uint8), {"colour": "hsv"}),
        (np.zeros((4, 4, 3), np.uint8), {"limits": ImageLimits(max_pixels=15)}),
        ("no such file.jpg", {}),
        ("a\0b.jpg", {}),
        (".", {}),
        (io.StringIO("text"), {}),
        (None, {}),
        (7, {}),
    ],
)
def test_unusable_sources_are_refused(source: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ImageError, match=r"Expected .* Received: "):
        read_image(source, **options)


def test_a_file_of_several_megabytes_is_read_to_its_end(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (900, 800, 3), dtype=np.uint8)
    path = tmp_path / "large.bmp"
    Image.fromarray(image).save(path)
    size = path.stat().st_size
    assert size > 2**21
    with path.open("rb") as file:
        assert (read_image(file, limits=ImageLimits(max_file_bytes=size)) == image).all()
    with pytest.raises(ImageError, match="bytes"):
        read_image(path, limits=ImageLimits(max_file_bytes=size - 1))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="only where there are named pipes")
def test_what_has_no_end_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    for path in (tmp_path / "pipe.jpg", "/dev/zero"):
        with pytest.raises(ImageError, match="a pipe or device, not a file"):
            read_image(path)


def test_a_missing_file_is_a_file_not_found_error_too(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        read_image(tmp_path / "absent.jpg")
    assert isinstance(caught.value, ImageError)
    assert str(caught.value).startswith("Expected a readable image file at ")


@pytest.mark.skipif(sys.platform != "linux", reason="where names are bytes")
def test_a_name_that_is_no_text_is_read_and_can_be_printed(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.png"
    with pytest.raises(ImageError) as caught:
        read_image(os.fsdecode(path))
    assert "\\xff.png" in str(caught.value)
    str(caught.value).encode("utf-8")
    Path(os.fsdecode(path)).write_bytes(_encode(_picture(), "PNG"))
    assert read_image(os.fsdecode(path)).shape == (24, 40, 3)


class _Slow(io.RawIOBase):
    """Gives what it has, as pipes and sockets do."""

    def __init__(self, parts: list[bytes | Exception | None]) -> None:
        self.parts = list(parts)

    def read(self, size: int = -1) -> Any:
        part = self.parts.pop(0) if self.parts else b""
        if isinstance(part, Exception):
            raise part
        return part


def test_a_short_read_is_not_the_end_of_a_file() -> None:
    data = _encode(_picture(), "PNG")
    pieces = [data[i : i + 100] for i in range(0, len(data), 100)]
    assert (read_image(_Slow(pieces)) == np.asarray(_picture())).all()
    with pytest.raises(ImageTooLargeError, match="bytes"):
        read_image(_Slow(pieces), limits=ImageLimits(max_file_bytes=len(data) - 1))


@pytest.mark.parametrize("part", [OSError("the line is dead"), ValueError("closed file"), KeyError("x"), None, "text"])
def test_a_file_object_that_fails_is_one_sentence(part: Any) -> None:
    with pytest.raises(ImageError, match="Expected a file"):
        read_image(_Slow([b"\x89PNG", part]))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_a_truncated_pil_image_is_one_sentence(kind: str) -> None:
    data = _encode(_picture(200, 200), kind)
    try:
        image = Image.open(io.BytesIO(data[: len(data) * 3 // 4]))
    except OSError:
        return  # Pillow finds out when it opens it
    with pytest.raises(ImageError, match="Expected a PIL image that can be loaded"):
        read_image(image)


def test_pillow_is_quiet(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = _encode(_picture(), "TIFF", exif=exif)
    path = tmp_path / "odd.tif"
    path.write_bytes(data[:-8] + bytes(8))
    code = "import sys; from mien.images import read_image; read_image(sys.argv[1])"
    done = subprocess.run([sys.executable, "-W", "always", "-c", code, str(path)], capture_output=True, check=False)
    assert b"Warning" not in done.stderr


# JPEG files that are other than they seem


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _frame(width: int, height: int, *, channels: int = 3, marker: int = 0xC0) -> bytes:
    components = b"".join(bytes([number + 1, 0x11, 0]) for number in range(channels))
    return _segment(marker, struct.pack(">BHHB", 8, height, width, channels) + components)


def _parts(jpeg: bytes) -> tuple[bytes, bytes, bytes]:
    """What comes before the frame header, the frame header, and all that follows."""
    start = next(jpeg.index(marker) for marker in (b"\xff\xc0", b"\xff\xc2") if marker in jpeg)
    end = start + 2 + int.from_bytes(jpeg[start + 2 : start + 4], "big")
    return jpeg[:start], jpeg[start:end], jpeg[end:]


@pytest.mark.parametrize("marker", [0x01, 0xD0, 0xFF, 0x00, 0xFE])
def test_a_jpeg_cannot_hide_its_size(marker: int) -> None:
    before, _, after = _parts(_encode(_picture(), "JPEG"))
    large, small = _frame(3000, 3000), _frame(8, 8)
    # Who takes the marker for a segment skips the large frame and lands on the small one, within a comment.
    hidden = bytes([0xFF, marker]) + struct.pack(">H", 2 + len(large) + 4) + large + _segment(0xFE, small)
    try:
        decoded = decode_image(before + hidden + after, limits=ImageLimits(max_pixels=1_000_000))
    except ImageError:
        return
    assert decoded.shape == (8, 8, 3)


def test_what_is_decoded_is_never_larger_than_what_was_checked() -> None:
    """The guard, Pillow's reader of heads, against the decoder that it guards."""
    random, limits = np.random.default_rng(0), ImageLimits(max_pixels=100_000)
    jpegs = [_encode(_picture(), "JPEG", progressive=progressive) for progressive in (False, True)]
    decoded = 0
    for number in range(2_000):
        before, frame, after = _parts(jpegs[number % 2])
        extra = bytes([0xFF, random.integers(256)]) + random.bytes(random.integers(6))
        if random.random() < 0.3:
            extra += _frame(*random.integers(1, 3_000, 2).tolist(), marker=int(random.integers(0xC0, 0xD0)))
        changed = bytearray(before + (frame + extra if random.random() < 0.5 else extra + frame) + after)
        changed[random.integers(len(before), len(before) + len(frame) + len(extra))] = random.integers(256)
        try:
            image = decode_image(bytes(changed), limits=limits)
        except ImageError:
            continue
        decoded += 1
        assert image.shape[0] * image.shape[1] <= limits.max_pixels
    assert decoded > 20


def _of_scans(count: int, *, progressive: bool, size: int = 64) -> bytes:
    """A JPEG whose last scan, or an empty one of its first channel, comes again until there are `count`."""
    if progressive:
        data = _encode(_picture(size, size), "JPEG", progressive=True)
        again = data[data.rindex(b"\xff\xda") : -2]
    else:
        data = _encode(_picture(size, size).convert("L"), "JPEG")
        before, _, after = _parts(data)
        data = before + _frame(size, size) + after
        again = b"\xff\xda" + struct.pack(">HB", 8, 1) + bytes([2, 0, 0, 63, 0])
    return data[:-2] + again * (count - data.count(b"\xff\xda")) + b"\xff\xd9"


@pytest.mark.parametrize("progressive", [True, False])
def test_a_jpeg_of_very_many_scans_is_refused(progressive: bool) -> None:
    assert decode_image(_of_scans(50, progressive=progressive)).shape == (64, 64, 3)
    with pytest.raises(ImageTooLargeError, match="at most 50 scans"):
        decode_image(_of_scans(51, progressive=progressive))


def test_what_follows_the_one_scan_of_a_photo_does_not_count() -> None:
    data = _encode(_picture(), "JPEG")  # phones put seconds of video behind a photo
    assert (decode_image(data + b"\xff\xda" * 1000) == decode_image(data)).all()


def test_an_image_beyond_178_megapixels_is_a_matter_of_our_limits() -> None:
    """Where Pillow would refuse it by itself."""
    data = _bomb("PNG", 20_000)
    with pytest.raises(ImageTooLargeError, match="400,000,000"):
        decode_image(data)
    with pytest.raises(ImageError, match="complete PNG"):  # there is nothing in it
        decode_image(data, limits=ImageLimits(max_pixels=20_000**2))


# Gray, size, crop


@given(arrays(np.uint8, (5, 7)))
def test_gray_of_equal_channels_is_that_channel(gray: np.ndarray) -> None:
    assert (to_gray(np.repeat(gray[..., None], 3, axis=2)) == gray).all()


def test_every_gray_value_is_kept() -> None:
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert (to_gray(np.repeat(gray[..., None], 3, axis=2)) == gray).all()


def test_gray_is_luminance() -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    assert to_gray(colours).tolist() == [[76, 150, 29]]


@given(arrays(np.uint8, (48, 48)))
@settings(max_examples=20)
def test_the_input_size_is_left_alone(gray: np.ndarray) -> None:
    assert (resize_to_input(gray) == gray).all()
    assert (crop_face(gray, (0, 0, 48, 48)) == gray).all()


@pytest.mark.parametrize("shape", [(96, 96), (480, 48), (48, 480), (10, 200), (200, 10), (1, 1), (3, 48), (1000, 1)])
def test_flat_images_stay_flat_at_any_size(shape: tuple[int, int]) -> None:
    resized = resize_to_input(np.full(shape, 77, np.uint8))
    assert resized.shape == (48, 48)
    assert (resized == 77).all()


def test_shrinking_averages_areas() -> None:
    checkered = np.indices((96, 96)).sum(axis=0).astype(np.uint8) % 2 * 200
    assert (resize_to_input(checkered) == 100).all()


def test_shrinking_one_axis_averages_and_growing_the_other_is_smooth() -> None:
    stripes = np.tile((np.arange(96) % 2 * 200).astype(np.uint8), (24, 1))  # (24, 96)
    assert (resize_to_input(stripes) == 100).all()


def test_a_crop_is_the_widened_square_around_the_box() -> None:
    gray = np.zeros((200, 200), np.uint8)
    gray[52:148, 52:148] = 255  # 96 px around (100, 100)
    assert (crop_face(gray, (68, 52, 64, 96)) == 255).all()
    widened = crop_face(gray, (68, 52, 64, 96), margin=0.25)  # 144 px: a border of 8 of 48
    assert (widened[8:40, 8:40] == 255).all()
    assert widened[:8].max() == 0
    assert widened[:, 40:].max() == 0


def test_outside_the_image_its_edge_goes_on() -> None:
    gray = np.zeros((96, 96), np.uint8)
    gray[:, 0] = 200
    crop = crop_face(gray, (-48, 0, 96, 96))
    assert (crop[:, :24] == 200).all()
    assert (crop[:, 25:] == 0).all()


@given(
    shape=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    box=st.tuples(st.floats(-100, 100), st.floats(-100, 100), st.floats(-5, 150), st.floats(-5, 150)),
    margin=st.floats(-0.4, 1),
)
def test_any_box_gives_a_crop_or_a_sentence(
    shape: tuple[int, int], box: tuple[float, float, float, float], margin: float
) -> None:
    try:
        crop = crop_face(np.full(shape, 9, np.uint8), box, margin=margin)
    except ImageError:
        return
    assert crop.shape == (48, 48)
    assert (crop == 9).all()


@pytest.mark.parametrize(
    "box", [(float("nan"), 0, 9, 9), (0, 0, float("inf"), 9), (50, 0, 9, 9), (0, 0, 0, 0), (0, 0, 1e9, 1)]
)
def test_boxes_outside_or_beyond_measure_are_refused(box: tuple[float, ...]) -> None:
    with pytest.raises(ImageError, match="overlaps"):
        crop_face(np.zeros((48, 48), np.uint8), box)


def test_the_tensor_is_the_pixels_unscaled() -> None:
    crops = np.arange(2 * 48 * 48, dtype=np.uint64).astype(np.uint8).reshape(2, 48, 48)
    tensor = to_tensor(crops)
    assert tensor.shape == (2, 48, 48, 1)
    assert tensor.dtype == np.float32
    assert (tensor[..., 0] == crops).all()


def test_a_dataset_image_is_the_same_tensor_as_a_photo(shared: Path) -> None:
    """Training and serving cannot differ: a FER-2013 file read as a dataset, and as a photo whose face is the image."""
    with zipfile.ZipFile(shared / "data" / "archive.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".jpg")][::2000]
        assert len(names) > 10
        for name in names:
            data = archive.read(name)
            luminance = np.asarray(Image.open(io.BytesIO(data)))  # what the decoder gives before any of our code
            as_photo = crop_face(to_gray(read_image(data)), (0, 0, 48, 48))
            as_dataset = resize_to_input(to_gray(decode_image(data)))
            assert (to_tensor(as_photo[None]) == to_tensor(as_dataset[None])).all()
            assert (as_photo == luminance).all()


@pytest.mark.parametrize("degrees", [-60, -15, 15, 30, 90, 180])
def test_a_tilted_face_is_level_in_its_crop(degrees: int) -> None:
    y, x = np.mgrid[0:301, 0:301] - 150
    angle = np.radians(degrees)
    # A picture that is dark above the line of the eyes and light below it, tilted clockwise.
    tilted = np.where(y * np.cos(angle) - x * np.sin(angle) > 0, 250, 5).astype(np.uint8)
    crop = crop_face(tilted, (90.5, 90.5, 120, 120), roll_degrees=degrees)
    assert crop.shape == (48, 48)
    assert crop[:22].max() < 30
    assert crop[26:].min() > 225


def test_no_tilt_is_no_change() -> None:
    gray = np.random.default_rng(0).integers(0, 256, (60, 60), dtype=np.uint8)
    assert (crop_face(gray, (6, 6, 48, 48), roll_degrees=0) == gray[6:54, 6:54]).all()
    quarter = crop_face(gray, (6, 6, 48, 48), roll_degrees=90)
    assert np.abs(quarter.astype(int) - np.rot90(gray[6:54, 6:54])).max() <= 1
