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


def test_a_photo_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"precious")
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
