import os
from pathlib import Path

import numpy as np
import pytest

from mien.data.folder_source import list_folder, read_folder
from mien.data.samples import Problems
from mien.errors import DataError

from .conftest import fer_file_names, write_tree


def read(path: Path):
    return read_folder(path, problems=Problems(skip_bad=False))


def test_images_come_back_with_their_paths(tmp_path: Path):
    images = write_tree(tmp_path, fer_file_names())
    samples = read(tmp_path)
    assert samples.sample_ids.tolist() == sorted(images)
    np.testing.assert_array_equal(samples.images, [images[name] for name in sorted(images)])


def test_system_files_are_ignored_quietly(tmp_path: Path):
    write_tree(tmp_path, ["happy/a.png", "happy/._a.png", ".hidden/sad/b.png", "__MACOSX/happy/a.png"])
    (tmp_path / "happy" / "Thumbs.db").write_bytes(b"x")
    (tmp_path / ".DS_Store").write_bytes(b"x")
    samples = read(tmp_path)
    assert samples.sample_ids.tolist() == ["happy/a.png"]
    assert samples.notes == ()


def test_a_dot_in_the_path_above_does_not_hide_everything(tmp_path: Path):
    write_tree(tmp_path / ".data" / "faces", ["happy/a.png"])
    assert len(read(tmp_path / ".data" / "faces")) == 1


@pytest.mark.parametrize("names", [[], ["notes.txt", "fer2013.csv"]], ids=["empty", "no images"])
def test_a_folder_without_images_says_what_is_there(tmp_path: Path, names: list[str]):
    for name in names:
        (tmp_path / name).write_text("x")
    message = r"2 other files \(fer2013\.csv, notes\.txt\)" if names else "an empty folder"
    with pytest.raises(DataError, match=f"Received: {message}"):
        read(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_are_followed_and_never_in_circles(tmp_path: Path):
    write_tree(tmp_path / "elsewhere", ["a.png", "b.png"])
    root = tmp_path / "faces"
    root.mkdir()
    (root / "happy").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "elsewhere" / "up").symlink_to(root, target_is_directory=True)
    assert sorted(entry.name for entry in list_folder(root)) == ["happy/a.png", "happy/b.png"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_forbidden_folder_is_refused(tmp_path: Path):
    write_tree(tmp_path, ["happy/a.png"])
    (tmp_path / "happy").chmod(0)
    try:
        with pytest.raises(DataError, match="readable folder"):
            read(tmp_path)
    finally:
        (tmp_path / "happy").chmod(0o700)
