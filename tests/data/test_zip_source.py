import struct
import threading
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.data.reading import Problems, Samples
from mien.data.zip_source import read_member, read_zip
from mien.errors import DataError

from .conftest import csv_text, encode, fer_file_names, write_tree


def read(path: Path, *, skip_bad: bool = False) -> Samples:
    return read_zip(path, problems=Problems(skip_bad=skip_bad))


@pytest.fixture
def write_zip(tmp_path: Path) -> Callable[..., Path]:
    def write(files: dict[str, bytes | str], compression: int = zipfile.ZIP_DEFLATED) -> Path:
        path = tmp_path / "faces.zip"
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return path

    return write


def face(number: int = 0) -> bytes:
    return encode(np.random.default_rng(number).integers(0, 256, (48, 48), dtype=np.uint8))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_images_are_read_without_unpacking(tmp_path: Path, compression: int):
    images = write_tree(tmp_path / "tree", fer_file_names())
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name in images:
            archive.write(tmp_path / "tree" / name, name)
    before = sorted(tmp_path.rglob("*"))
    samples = read(path)
    assert sorted(tmp_path.rglob("*")) == before
    assert samples.sample_ids.tolist() == sorted(images)
    np.testing.assert_array_equal(samples.images, [images[name] for name in sorted(images)])


def test_the_csv_in_a_zip_is_read(rows, pixels, write_zip):
    samples = read(write_zip({"fer2013/README": "words", "fer2013/fer2013.csv": csv_text(rows), "__MACOSX/x.csv": "y"}))
    np.testing.assert_array_equal(samples.images, pixels)


def test_of_several_csvs_the_one_with_usage_counts(rows, write_zip):
    other = csv_text([row.rpartition(",")[0] for row in rows[:3]], header="emotion,pixels")
    samples = read(
        write_zip({"train.csv": other, "icml_face_data.csv": csv_text(rows), "submission.csv": "id,emotion\n"})
    )
    assert len(samples) == len(rows)


def test_two_equal_csvs_are_too_many(rows, write_zip):
    with pytest.raises(DataError, match=r"several csv files: 2 files \(a\.csv, b\.csv\)"):
        read(write_zip({"a.csv": csv_text(rows), "b.csv": csv_text(rows)}))


@pytest.mark.parametrize(
    ("files", "received"),
    [({}, "neither: an empty zip"), ({"a.txt": "x", "b.tar.gz": "y"}, r"neither: 2 files \(a\.txt, b\.tar\.gz\)")],
)
def test_a_zip_of_other_things_says_what_is_there(write_zip, files, received):
    with pytest.raises(DataError, match=received):
        read(write_zip(files))


def assert_refused_or_skipped(path: Path, match: str, *, kept: list[str]) -> None:
    with pytest.raises(DataError, match=match):
        read(path)
    samples = read(path, skip_bad=True)
    assert samples.sample_ids.tolist() == kept
    assert len(samples.skipped) == 1


@pytest.mark.parametrize("name", ["../evil/happy/b.png", "happy/../../b.png", "/etc/happy/b.png", "C:/happy/b.png"])
def test_names_that_point_outside_are_refused(write_zip, name: str):
    path = write_zip({"happy/a.png": face(), name: face(1)})
    assert_refused_or_skipped(path, "members inside the zip in faces.zip.*points outside", kept=["happy/a.png"])


def test_backslashes_that_point_outside_are_refused(tmp_path: Path):
    # zipfile would turn backslashes into slashes on Windows when writing, so patch the stored name.
    path = tmp_path / "faces.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("happy/a.png", face())
        archive.writestr("..Xhappy/b.png", face(1))
    path.write_bytes(path.read_bytes().replace(b"..Xhappy", b"..\\happy"))
    with pytest.raises(DataError, match="points outside"):
        read(path)


def test_backslashes_between_folders_are_read_as_slashes(write_zip):
    path = write_zip({"trainXhappyXa.png": face()}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"trainXhappyX", b"train\\happy\\"))
    assert read(path).sample_ids.tolist() == ["train/happy/a.png"]


def test_absurd_compression_is_refused_unread(write_zip):
    path = write_zip({"happy/a.png": face(), "happy/bomb.png": b"\0" * (8 << 20)})
    assert_refused_or_skipped(path, r"faces\.zip/happy/bomb\.png.*8,388,608 bytes packed into", kept=["happy/a.png"])


def test_absurd_declared_sizes_are_refused_unread(write_zip):
    path = write_zip({"happy/a.png": face(), "happy/b.png": face(1)}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    # The uncompressed size stands 24 bytes into the record of the second file in the zip's directory.
    record = data.rindex(b"PK\x01\x02")
    data[record + 24 : record + 28] = struct.pack("<I", 3_000_000_000)
    path.write_bytes(data)
    assert_refused_or_skipped(
        path, r"plausible size in faces\.zip/happy/b\.png.*3,000,000,000 bytes", kept=["happy/a.png"]
    )


def test_encrypted_members_are_refused(write_zip):
    path = write_zip({"happy/a.png": face(), "happy/b.png": face(1)})
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\x01\x02") + 8] |= 1  # the flag that says: encrypted
    path.write_bytes(data)
    assert_refused_or_skipped(path, r"without password in faces\.zip/happy/b\.png", kept=["happy/a.png"])


def test_a_damaged_member_is_named(write_zip):
    path = write_zip({"happy/a.png": face(), "happy/b.png": face(1)}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[data.index(face(1)) + 100] ^= 0xFF
    path.write_bytes(data)
    assert_refused_or_skipped(path, r"readable image in faces\.zip/happy/b\.png. Received: .*CRC", kept=["happy/a.png"])


def test_a_damaged_csv_member_is_one_sentence(write_zip, rows):
    path = write_zip({"fer2013.csv": csv_text(rows)}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] = ord("0") + (data[len(data) // 2] == ord("0"))
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"faces\.zip/fer2013\.csv"):
        read(path)


def _patched(path: Path, places: dict[bytes, tuple[int, bytes]]) -> Path:
    """Overwrite bytes at an offset behind the last place of each signature."""
    data = bytearray(path.read_bytes())
    for signature, (offset, value) in places.items():
        at = data.rindex(signature) + offset
        data[at : at + len(value)] = value
    path.write_bytes(data)
    return path


def _of_unknown_method(path: Path) -> Path:
    return _patched(path, {b"PK\3\4": (8, b"\x63"), b"PK\1\2": (10, b"\x63")})


def test_an_unknown_compression_is_one_sentence(rows, write_zip):
    assert_refused_or_skipped(
        _of_unknown_method(write_zip({"happy/a.png": face(), "sad/b.png": face(1)})),
        "compression",
        kept=["happy/a.png"],
    )
    with pytest.raises(DataError):
        read(_of_unknown_method(write_zip({"fer2013.csv": csv_text(rows)})))


@pytest.mark.parametrize("skip_bad", [False, True])
def test_damaged_lzma_is_one_sentence(rows, write_zip, skip_bad: bool):
    path = write_zip({"fer2013.csv": csv_text(rows)}, compression=zipfile.ZIP_LZMA)
    data = bytearray(path.read_bytes())
    data[2000:2100] = bytes(100)
    path.write_bytes(data)
    try:
        assert read(path, skip_bad=skip_bad).skipped
    except DataError as error:
        assert "fer2013.csv" in str(error)


def test_a_member_without_a_name_is_one_sentence(tmp_path: Path):
    path = tmp_path / "faces.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("happy/a.png", face())
        nameless = zipfile.ZipInfo("x")
        nameless.filename = ""
        archive.writestr(nameless, b"")
    assert_refused_or_skipped(path, "without a name", kept=["happy/a.png"])


def test_a_name_that_is_no_text_is_one_sentence(write_zip):
    path = write_zip({"happy/ä.png": face()})
    data = path.read_bytes()
    path.write_bytes(data.replace("ä".encode(), b"\xff\xff"))
    with pytest.raises(DataError, match="damaged"):
        read(path)


def test_one_long_name_does_not_take_the_memory_of_all(write_zip):
    long_name = f"happy/{'n' * 60_000}.png"
    path = write_zip({long_name: face(), "sad/b.png": face(1)})
    assert_refused_or_skipped(path, "a name of at most 512 characters", kept=["sad/b.png"])
    samples = read(path, skip_bad=True)
    assert samples.sample_ids.nbytes < 10_000
    assert max(map(len, samples.skipped[0])) < 200


def test_a_jpeg_of_very_many_scans_is_a_bad_image(write_zip):
    image = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    last = data[data.rindex(b"\xff\xda") : -2]
    path = write_zip({"happy/a.jpg": data[:-2] + last * 60 + b"\xff\xd9", "sad/b.png": face()})
    assert_refused_or_skipped(path, "at most 50 scans|very long", kept=["sad/b.png"])


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_truncated_zip_is_one_sentence(write_zip, keep: float):
    path = write_zip({f"happy/{n}.png": face(n) for n in range(5)})
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(DataError, match="complete file"):
        read(path)


def test_nothing_but_bad_members_is_an_error_even_when_skipping(write_zip):
    with pytest.raises(DataError, match=r"none \(1 skipped"):
        read(write_zip({"../happy/a.png": face()}), skip_bad=True)


class _CrowdCounter:
    """Stands for a zip: remembers how many threads were reading it at once."""

    def __init__(self) -> None:
        self.reading = 0
        self.most = 0

    def read(self, member: zipfile.ZipInfo) -> bytes:
        self.reading += 1
        self.most = max(self.most, self.reading)
        time.sleep(0.002)
        self.reading -= 1
        return member.filename.encode()


def test_threads_take_turns_at_the_zip():
    # Python 3.13.0 gives wrong bytes for members with extra fields when several threads read one zip.
    archive, turn = _CrowdCounter(), threading.Lock()
    members = [zipfile.ZipInfo(f"{number}.png") for number in range(20)]
    with ThreadPoolExecutor(4) as pool:
        read_all = list(pool.map(lambda member: read_member(archive, member, turn), members))
    assert read_all == [member.filename.encode() for member in members]
    assert archive.most == 1
