import os
from pathlib import Path

import pytest

from mien.data import file_hash as module
from mien.data.file_hash import BLOCK_BYTES, file_hash, remembered_hash


def write_old(path: Path, data: bytes, *, age_seconds: float = 60) -> None:
    """A file whose modification lies back; its ctime is now, all the same."""
    path.write_bytes(data)
    then = path.stat().st_mtime - age_seconds
    os.utime(path, (then, then))


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files count as settled at once, because nothing can set a ctime back."""
    monkeypatch.setattr(module, "SETTLED_SECONDS", -1.0)


def test_hash_depends_on_every_block_and_their_order(tmp_path: Path):
    sizes = [b"a" * BLOCK_BYTES + b"b", b"a" * BLOCK_BYTES + b"c", b"b" + b"a" * BLOCK_BYTES, b"a" * BLOCK_BYTES, b""]
    hashes = []
    for data in sizes:
        (tmp_path / "f").write_bytes(data)
        hashes.append(file_hash(tmp_path / "f"))
    assert len(set(hashes)) == len(sizes)
    assert all(len(value) == 64 for value in hashes)


@pytest.mark.usefixtures("settled")
@pytest.mark.skipif(os.name == "nt", reason="nothing is remembered on Windows")
def test_an_untouched_file_is_not_hashed_again(tmp_path: Path):
    path, folder = tmp_path / "f", tmp_path / "notes"
    write_old(path, b"one")
    first = remembered_hash(path, folder=folder)
    (note,) = folder.iterdir()
    note.write_text(note.read_text().replace(first, "f" * 64))
    assert remembered_hash(path, folder=folder) == "f" * 64


@pytest.mark.usefixtures("settled")
def test_an_edit_that_restores_size_and_time_is_seen(tmp_path: Path):
    path, folder = tmp_path / "f", tmp_path / "notes"
    write_old(path, b"one")
    before = path.stat()
    first = remembered_hash(path, folder=folder)
    path.write_bytes(b"two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_size == before.st_size
    assert remembered_hash(path, folder=folder) == file_hash(path) != first


def test_a_file_written_just_now_is_not_remembered(tmp_path: Path):
    path, folder = tmp_path / "f", tmp_path / "notes"
    path.write_bytes(b"one")
    assert remembered_hash(path, folder=folder) == file_hash(path)
    assert not folder.exists()


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("damage", ["", "{", "[]", '{"identity": 1}', '{"hash": "x"}'])
def test_a_damaged_note_is_ignored(tmp_path: Path, damage: str):
    path, folder = tmp_path / "f", tmp_path / "notes"
    write_old(path, b"one")
    remembered_hash(path, folder=folder)
    for note in folder.glob("*"):
        note.write_text(damage)
    assert remembered_hash(path, folder=folder) == file_hash(path)


@pytest.mark.usefixtures("settled")
def test_a_folder_for_notes_that_cannot_be_made_is_no_error(tmp_path: Path):
    path = tmp_path / "f"
    write_old(path, b"one")
    assert remembered_hash(path, folder=path / "below-a-file") == file_hash(path)
