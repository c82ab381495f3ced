import os
import sys
from pathlib import Path

import numpy as np
import pytest

from mien.data.folder_source import list_folder, read_folder
from mien.data.samples import Problems
from mien.errors import DataError

from .conftest import fer_file_names, write_tree


def read(path: Path, *, skip_bad: bool = False):
    return read_folder(path, problems=Problems(skip_bad=skip_bad))


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
    found = list_folder(root, problems=Problems(skip_bad=False))
    assert sorted(entry.name for entry in found) == ["happy/a.png", "happy/b.png"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
@pytest.mark.parametrize(("link", "target"), [("angry", "sad"), ("sad", "angry"), ("val/sad", "train/sad")])
def test_a_folder_that_is_a_link_to_another_never_relabels_it(tmp_path: Path, link: str, target: str):
    write_tree(tmp_path, [f"{target}/a.png", "happy/b.png"])
    (tmp_path / link).parent.mkdir(exist_ok=True)
    (tmp_path / link).symlink_to(tmp_path / target, target_is_directory=True)
    with pytest.raises(DataError, match=f"a folder of its own in .*{link}. Received: a link to {target}"):
        read(tmp_path)
    samples = read(tmp_path, skip_bad=True)
    assert samples.sample_ids.tolist() == sorted([f"{target}/a.png", "happy/b.png"])
    assert len(samples.skipped) == 1


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_two_links_to_one_folder_are_refused(tmp_path: Path):
    write_tree(tmp_path / "elsewhere", ["a.png"])
    root = tmp_path / "faces"
    root.mkdir()
    for emotion in ("happy", "sad"):
        (root / emotion).symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with pytest.raises(DataError, match="a link to happy"):
        read(root)


def test_a_folder_that_cannot_be_listed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_tree(tmp_path, ["happy/a.png", "sad/b.png"])
    scandir = os.scandir

    def forbidden(path):
        if Path(path).name == "sad":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbidden)
    with pytest.raises(DataError, match=r"Expected a readable folder in .*sad\. Received: Permission denied"):
        read(tmp_path)
    samples = read(tmp_path, skip_bad=True)
    assert (len(samples), len(samples.skipped)) == (1, 1)


def test_folders_in_folders_without_end_are_one_sentence(tmp_path: Path):
    tmp_path.joinpath(*"d" * 60).mkdir(parents=True)
    write_tree(tmp_path, ["happy/a.png"])
    with pytest.raises(DataError, match="Expected at most 50 folders in folders"):
        read(tmp_path)
    assert len(read(tmp_path, skip_bad=True)) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_among_the_images_is_bad_and_not_waited_for(tmp_path: Path):
    write_tree(tmp_path, ["happy/a.png"])
    os.mkfifo(tmp_path / "happy" / "b.png")
    with pytest.raises(DataError, match=r"happy/b\.png\. Received: a pipe or device"):
        read(tmp_path)
    assert len(read(tmp_path, skip_bad=True)) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="where names are bytes")
def test_a_name_that_is_no_text_has_an_id_that_can_be_written(tmp_path: Path):
    write_tree(tmp_path, ["happy/a.png"])
    (tmp_path / "happy" / "a.png").rename(os.fsdecode(os.fsencode(tmp_path) + b"/happy/\xff.png"))
    (name,) = read(tmp_path).sample_ids.tolist()
    assert name.encode("utf-8") == rb"happy/\xff.png"
