import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mien.data import cache
from mien.data.cache import cache_key, load_cached, store_cached
from mien.data.reading import Samples


@pytest.fixture
def samples(pixels) -> Samples:
    n = len(pixels)
    return Samples(
        images=pixels,
        labels=np.arange(n, dtype=np.int64) % 7,
        sample_ids=np.array([f"train/é/{k}.png" for k in range(n)]),
        membership=np.arange(n).astype(np.int8) % 3,
        split_by="folders",
        row_count=5,
        notes=("a note",),
        skipped=(("x.jpg", "broken"),),
    )


def test_what_was_stored_comes_back_equal(samples, own_cache: Path):
    store_cached("key", samples)
    loaded = load_cached("key")
    assert loaded is not None
    for name in ("images", "labels", "sample_ids", "membership"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(samples, name))
        assert getattr(loaded, name).dtype == getattr(samples, name).dtype
    for name in ("split_by", "row_count", "notes", "skipped"):
        assert getattr(loaded, name) == getattr(samples, name)


def test_nothing_stored_is_none(samples, own_cache: Path):
    store_cached("key", samples)
    assert load_cached("other") is None


@pytest.mark.parametrize("where", [0.0, 0.1, 0.5, 0.97])
def test_a_flipped_byte_is_noticed(samples, own_cache: Path, where: float):
    store_cached("key", samples)
    (entry,) = own_cache.iterdir()
    data = bytearray(entry.read_bytes())
    data[int(where * len(data))] ^= 0xFF
    entry.write_bytes(data)
    loaded = load_cached("key")
    if loaded is not None:  # the byte was one of those that mean nothing, such as a date in the zip
        for name in ("images", "labels", "sample_ids", "membership"):
            np.testing.assert_array_equal(getattr(loaded, name), getattr(samples, name))


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_cut_off_entry_is_none(samples, own_cache: Path, keep: float):
    store_cached("key", samples)
    (entry,) = own_cache.iterdir()
    data = entry.read_bytes()
    entry.write_bytes(data[: int(keep * len(data))])
    assert load_cached("key") is None


def test_an_entry_of_other_arrays_is_none(samples, own_cache: Path):
    store_cached("key", samples)
    (entry,) = own_cache.iterdir()
    with entry.open("wb") as file:
        np.savez(file, images=samples.images[:3], labels=samples.labels)
    assert load_cached("key") is None


@pytest.mark.parametrize("folder", ["file/below", None])
def test_no_place_to_keep_anything_is_no_error(
    samples, tmp_path: Path, folder: str | None, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(cache, "cache_folder", lambda: folder and tmp_path / folder)
    store_cached("key", samples)
    assert load_cached("key") is None


def test_the_entries_used_last_stay(samples, own_cache: Path):
    for number in range(cache.MAX_ENTRIES):
        store_cached(f"key{number}", samples)
    for number, entry in enumerate(sorted(own_cache.iterdir())):
        os.utime(entry, (number, number))
    assert load_cached("key0") is not None  # now the one used last
    store_cached("new", samples)
    assert len(list(own_cache.iterdir())) == cache.MAX_ENTRIES
    assert load_cached("new") is not None
    assert load_cached("key0") is not None


def test_nothing_temporary_is_left(samples, own_cache: Path):
    store_cached("key", samples)
    assert [path.suffix for path in own_cache.iterdir()] == [".npz"]


def _npy(header: bytes) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


@pytest.mark.parametrize(
    "header",
    [b"(" * 3000, b"[" * 200, b"{'descr': '<U9', 'fortran_order': False, 'shape': (9, 'x')}", b"{'descr': (", b"\xff"],
    ids=["deep", "open", "wrong", "cut", "bytes"],
)
def test_an_entry_that_makes_numpy_raise_anything_is_none(samples, own_cache: Path, header: bytes):
    store_cached("key", samples)
    (entry,) = own_cache.iterdir()
    with zipfile.ZipFile(entry, "w") as archive:
        archive.writestr("images.npy", _npy(header))
    assert load_cached("key") is None
    store_cached("key", samples)
    assert load_cached("key") is not None


def test_an_unknown_compression_is_none(samples, own_cache: Path):
    store_cached("key", samples)
    (entry,) = own_cache.iterdir()
    data = bytearray(entry.read_bytes())
    data[8] = data[data.index(b"PK\x01\x02") + 10] = 99  # the method, in the file and in the directory
    entry.write_bytes(data)
    assert load_cached("key") is None


def test_a_touched_file_has_another_key(tmp_path: Path):
    path = tmp_path / "f"
    path.write_bytes(b"one")
    before, key = path.stat(), cache_key(path)
    assert cache_key(path) == key
    path.write_bytes(b"two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert cache_key(path) != key
    other = tmp_path / "g"
    other.write_bytes(b"one")
    assert cache_key(other) not in (None, key)


def test_a_file_written_just_now_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cache, "SETTLED_SECONDS", 60)
    path = tmp_path / "f"
    path.write_bytes(b"one")
    assert cache_key(path) is None
