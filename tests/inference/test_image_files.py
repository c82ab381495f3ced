from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.errors import ImageError, OutputError
from mien.images import read_image
from mien.inference.image_files import Photo, copy_paths, find_photos, write_image


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


def _photos(*names: str) -> list[Photo]:
    return [Photo(Path(name), Path(Path(name).name)) for name in names]


def test_one_photo_goes_to_the_named_file(tmp_path: Path) -> None:
    assert copy_paths(tmp_path / "out.png", _photos("a.jpg")) == [tmp_path / "out.png"]
    assert copy_paths(tmp_path / "out", _photos("a.jpg")) == [tmp_path / "out" / "a.jpg"]


def test_several_photos_go_to_a_folder_and_never_over_each_other(tmp_path: Path) -> None:
    paths = copy_paths(tmp_path, _photos("x/a.jpg", "y/a.jpg", "b.gif", "z/a.jpg", "stdin"))
    assert [path.name for path in paths] == ["a.jpg", "a-2.jpg", "b.gif.jpg", "a-3.jpg", "stdin.jpg"]
    with pytest.raises(ImageError, match="folder"):
        copy_paths(tmp_path / "out.jpg", _photos("a.jpg", "b.jpg"))


def test_names_that_others_would_get_are_not_given_twice(tmp_path: Path) -> None:
    paths = copy_paths(tmp_path, _photos("a/x.jpg", "b/x.jpg", "c/x-2.jpg", "d/X.JPG", "e/x-2.jpg", "f/x.jpg"))
    assert [path.name for path in paths] == ["x.jpg", "x-2.jpg", "x-2-2.jpg", "X-3.JPG", "x-2-3.jpg", "x-4.jpg"]


def test_an_unknown_ending_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="make it first"):
        copy_paths(tmp_path / "out.xyz", _photos("a.jpg"))
    (tmp_path / "out.xyz").mkdir()
    assert copy_paths(tmp_path / "out.xyz", _photos("a.jpg")) == [tmp_path / "out.xyz" / "a.jpg"]


def test_a_photo_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"precious")
    (tmp_path / "link.jpg").hardlink_to(tmp_path / "a.jpg")
    with pytest.raises(ImageError, match="own"):
        copy_paths(tmp_path / "link.jpg", _photos(str(tmp_path / "a.jpg")))
    with pytest.raises(ImageError, match="own"):
        copy_paths(tmp_path, _photos(str(tmp_path / "a.jpg")))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_what_is_written_is_the_picture(tmp_path: Path, suffix: str) -> None:
    image = np.zeros((64, 48, 3), np.uint8)
    image[..., 0] = np.arange(48) * 5
    path = tmp_path / "new" / f"a{suffix}"
    write_image(path, image)
    assert np.abs(read_image(path).astype(int) - image).mean() < 4
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="PNG"):
        write_image(tmp_path / "a.webp", np.zeros((1, 17_000, 3), np.uint8))
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError):
        write_image(tmp_path / "file" / "a.png", np.zeros((1, 1, 3), np.uint8))
