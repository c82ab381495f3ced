from __future__ import annotations

from pathlib import Path

import pytest

from mien.errors import ImageError
from mien.inference.photo_paths import find_photos


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.jpg", "a.PNG", "note.txt", "sub/deep/c.webp", "sub/d.heic"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def _found(*arguments: Path | str) -> list[str]:
    return [photo.inside.as_posix() for photo in find_photos([str(argument) for argument in arguments])]


def test_a_folder_is_everything_below_it_that_is_a_photo(folder: Path) -> None:
    assert _found(folder) == ["a.PNG", "b.jpg", "sub/d.heic", "sub/deep/c.webp"]


def test_patterns_are_expanded(folder: Path) -> None:
    assert _found(folder / "*.jpg") == ["b.jpg"]
    assert _found(folder / "**" / "*.webp") == ["c.webp"]


def test_files_are_taken_as_named_and_once(folder: Path) -> None:
    assert _found(folder / "note.txt", folder / "b.jpg", folder, folder / "gone.jpg") == [
        "note.txt",
        "b.jpg",
        "a.PNG",
        "sub/d.heic",
        "sub/deep/c.webp",
        "gone.jpg",
    ]


def test_brackets_in_the_name_of_a_file_are_no_pattern(folder: Path) -> None:
    (folder / "x[1].jpg").write_bytes(b"")
    assert _found(folder / "x[1].jpg") == ["x[1].jpg"]


def test_the_folder_of_copies_is_left_out_unless_it_is_named(folder: Path) -> None:
    def found(*arguments: Path) -> list[str]:
        return [photo.inside.as_posix() for photo in find_photos(list(map(str, arguments)), leave_out=folder / "sub")]

    assert found(folder) == ["a.PNG", "b.jpg"]
    assert found(folder / "**" / "*") == ["a.PNG", "b.jpg", "note.txt"]
    assert found(folder / "sub") == ["d.heic", "deep/c.webp"]
    assert found(folder / "sub" / "d.heic") == ["d.heic"]
    names = [photo.path.name for photo in find_photos([str(folder)], leave_out=folder / "b.jpg")]
    assert names == ["a.PNG", "d.heic", "c.webp"]


def test_standard_input_is_a_dash() -> None:
    assert _found("-") == ["stdin"]


def test_nothing_found_is_an_error(folder: Path) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(ImageError, match="no file with a photo's ending"):
        find_photos([str(folder / "empty")])
    with pytest.raises(ImageError, match="none"):
        find_photos([str(folder / "*.bmp")])
