from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.errors import ImageError, OutputError
from mien.images import read_image
from mien.inference.photo_paths import Photo
from mien.inference.saving import copy_paths, write_image


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
