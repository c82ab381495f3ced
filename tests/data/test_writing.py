"""Datasets on disk: what is written is read back into the same splits, whatever the protocol."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from mien.data import Dataset, Split, load_dataset
from mien.data.dataset import SPLIT_NAMES, dataset_fingerprint
from mien.data.writing import claim_empty_folder, write_csv, write_folder
from mien.errors import DataError


def make(pixels: np.ndarray, protocol: str, ids: list[str]) -> Dataset:
    labels = np.arange(24, dtype=np.int64) % 7
    parts = [
        Split(pixels[part], labels[part], np.array(ids)[part]) for part in (slice(14), slice(14, 19), slice(19, 24))
    ]
    fingerprint = dataset_fingerprint(zip(SPLIT_NAMES, parts, strict=True))
    return Dataset(*parts, protocol=protocol, source="toy", fingerprint=fingerprint)


def pixels_by_split(dataset: Dataset) -> dict[str, set[tuple[bytes, int]]]:
    return {
        name: {(image.tobytes(), int(label)) for image, label in zip(split.images, split.labels, strict=True)}
        for name in SPLIT_NAMES
        for split in (dataset.split(name),)
    }


ROWS = [f"row-{n + 1}" for n in range(24)]
SAME_STEMS = [f"folder{n % 3}/{n // 3}/face.png" for n in range(24)]
ALL_NAMED_TRAINING = [f"happy/Training_{n}.jpg" for n in range(24)]


@pytest.mark.parametrize("name", ["toy.csv", "toy.csv.gz"])
def test_a_csv_comes_back(pixels: np.ndarray, tmp_path: Path, name: str):
    dataset = make(pixels, "source", ROWS)
    write_csv(dataset, tmp_path / name)
    read = load_dataset(tmp_path / name)
    assert (read.fingerprint, read.protocol) == (dataset.fingerprint, "source")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_gz_is_gzipped(pixels: np.ndarray, tmp_path: Path):
    write_csv(make(pixels, "source", ROWS), tmp_path / "toy.csv.gz")
    with gzip.open(tmp_path / "toy.csv.gz", "rt") as file:
        assert file.readline() == "emotion,pixels,Usage\n"


@pytest.mark.parametrize("protocol", ["official", "source", "stratified"])
@pytest.mark.parametrize("ids", [ROWS, SAME_STEMS, ALL_NAMED_TRAINING], ids=["rows", "same stems", "Training names"])
def test_a_folder_comes_back(pixels: np.ndarray, tmp_path: Path, protocol: str, ids: list[str]):
    dataset = make(pixels, protocol, ids)
    write_folder(dataset, tmp_path / "out")
    read = load_dataset(tmp_path / "out")
    assert pixels_by_split(read) == pixels_by_split(dataset)
    assert read.protocol == ("official" if protocol == "official" else "source")


def test_official_folders_look_like_the_kaggle_archive(pixels: np.ndarray, tmp_path: Path):
    write_folder(make(pixels, "official", ROWS), tmp_path / "out")
    names = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png")}
    assert len(names) == 24
    assert {"train/angry/Training_row-1.png", "test/angry/PublicTest_row-15.png"} <= names
    assert any(name.startswith("test/") and "/PrivateTest_" in name for name in names)


def test_an_occupied_folder_is_refused(pixels: np.ndarray, tmp_path: Path):
    (tmp_path / "old.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"old\.png"):
        write_folder(make(pixels, "source", ROWS), tmp_path)


def test_a_file_is_no_folder(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="folder to write to"):
        claim_empty_folder(tmp_path / "file" / "below")
