import os
from pathlib import Path

import numpy as np
import pytest

from mien.data import cache
from mien.data.cache import load_cached, store_cached
from mien.data.samples import Samples


@pytest.fixture
def samples(pixels) -> Samples:
    n = len(pixels)
    return Samples(
        images=pixels,
        labels=np.arange(n, dtype=np.int64) % 7,
        sample_ids=np.array([f"train/é/{k}.png" for k in range(n)]),
        membership=np.arange(n).astype(np.int8) % 3,
        told_by="folders",
        row_count=5,
        notes=("a note",),
        skipped=(("x.jpg", "broken"),),
    )


def test_what_was_stored_comes_back_equal(samples, tmp_path: Path):
    store_cached("key", samples, folder=tmp_path)
    loaded = load_cached("key", folder=tmp_path)
    assert loaded is not None
    for name in ("images", "labels", "sample_ids", "membership"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(samples, name))
        assert getattr(loaded, name).dtype == getattr(samples, name).dtype
    for name in ("told_by", "row_count", "notes", "skipped"):
        assert getattr(loaded, name) == getattr(samples, name)


def test_nothing_stored_is_none(samples, tmp_path: Path):
    store_cached("key", samples, folder=tmp_path)
    assert load_cached("other", folder=tmp_path) is None


@pytest.mark.parametrize("where", [0.0, 0.1, 0.5, 0.97])
def test_a_flipped_byte_is_noticed(samples, tmp_path: Path, where: float):
    store_cached("key", samples, folder=tmp_path)
    (entry,) = tmp_path.iterdir()
    data = bytearray(entry.read_bytes())
    data[int(where * len(data))] ^= 0xFF
    entry.write_bytes(data)
    loaded = load_cached("key", folder=tmp_path)
    if loaded is not None:  # the byte was one of those that mean nothing, such as a date in the zip
        for name in ("images", "labels", "sample_ids", "membership"):
            np.testing.assert_array_equal(getattr(loaded, name), getattr(samples, name))


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_cut_off_entry_is_none(samples, tmp_path: Path, keep: float):
    store_cached("key", samples, folder=tmp_path)
    (entry,) = tmp_path.iterdir()
    data = entry.read_bytes()
    entry.write_bytes(data[: int(keep * len(data))])
    assert load_cached("key", folder=tmp_path) is None


def test_an_entry_of_other_arrays_is_none(samples, tmp_path: Path):
    store_cached("key", samples, folder=tmp_path)
    (entry,) = tmp_path.iterdir()
    with entry.open("wb") as file:
        np.savez(file, images=samples.images[:3], labels=samples.labels)
    assert load_cached("key", folder=tmp_path) is None


def test_an_unwritable_folder_is_no_error(samples, tmp_path: Path):
    (tmp_path / "file").write_text("")
    store_cached("key", samples, folder=tmp_path / "file" / "below")
    assert load_cached("key", folder=tmp_path / "file" / "below") is None


def test_the_entries_used_last_stay(samples, tmp_path: Path):
    for number in range(cache.MAX_ENTRIES):
        store_cached(f"key{number}", samples, folder=tmp_path)
    for number, entry in enumerate(sorted(tmp_path.iterdir())):
        os.utime(entry, (number, number))
    assert load_cached("key0", folder=tmp_path) is not None  # now the one used last
    store_cached("new", samples, folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == cache.MAX_ENTRIES
    assert load_cached("new", folder=tmp_path) is not None
    assert load_cached("key0", folder=tmp_path) is not None


def test_nothing_temporary_is_left(samples, tmp_path: Path):
    store_cached("key", samples, folder=tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".npz"]
