"""Any image is read as it looks, or refused in one sentence; every way to 48×48 gives the same pixels."""

from __future__ import annotations

import io
import struct
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

from mien.errors import ImageError, MienError
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


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="only where there is an endless file")
def test_an_endless_file_is_refused() -> None:
    with pytest.raises(ImageError, match="bytes"):
        read_image("/dev/zero", limits=ImageLimits(max_file_bytes=10_000))


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


# Fuzz: a short form of benchmarks/fuzz_images.py


def _mutate(data: bytes, random: np.random.Generator) -> bytes:
    mutant = bytearray(data)
    for _ in range(random.integers(1, 12)):
        # Headers decide the most, so half of the changes go there.
        end = len(mutant) if random.random() < 0.5 else min(len(mutant), 64)
        mutant[random.integers(0, end)] = random.integers(0, 256)
    return bytes(mutant[: random.integers(1, len(mutant) + 1)] if random.random() < 0.2 else mutant)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_mutated_images_end_in_an_answer_or_an_error(kind: str) -> None:
    random = np.random.default_rng(0)
    seeds = [_encode(_picture().convert(mode), kind) for mode in ("RGB", "L")]
    answers = 0
    for number in range(150):
        try:
            decoded = decode_image(_mutate(seeds[number % 2], random), limits=ImageLimits(max_pixels=1_000_000))
        except MienError:
            continue
        assert decoded.dtype == np.uint8
        assert decoded.ndim == 3
        answers += 1
    assert 0 < answers < 150


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
