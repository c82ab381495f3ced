"""Toy sources: random faces of noise as csv rows, folders and zips."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.data import cache
from mien.emotions import EMOTIONS

FER_PREFIXES = ("Training", "PublicTest", "PrivateTest")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or fills the cache of the person who runs the tests."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("MIEN_CACHE_DIR", str(folder))
    monkeypatch.setattr(cache, "SETTLED_SECONDS", -1)  # else what a test has just written would not be kept
    return folder


@pytest.fixture
def pixels() -> np.ndarray:
    """uint8 (24, 48, 48): two splits' worth of noise with all values from 0 to 255."""
    return np.random.default_rng(7).integers(0, 256, (24, 48, 48), dtype=np.uint8)


def csv_row(image: np.ndarray, label: object = 3, usage: str | None = "Training") -> str:
    cells = [str(label), " ".join(map(str, image.ravel()))]
    return ",".join([*cells, usage] if usage is not None else cells)


def csv_text(rows: Sequence[str], header: str = "emotion,pixels,Usage") -> str:
    return "\n".join([header, *rows]) + "\n"


@pytest.fixture
def rows(pixels: np.ndarray) -> list[str]:
    """24 csv rows: every emotion in turn, 16 Training, 4 PublicTest, 4 PrivateTest."""
    usages = ["Training"] * 16 + ["PublicTest"] * 4 + ["PrivateTest"] * 4
    return [csv_row(image, number % 7, usages[number]) for number, image in enumerate(pixels)]


@pytest.fixture
def write_csv(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Writes rows under a header and gives the path."""

    def write(rows: Sequence[str], header: str = "emotion,pixels,Usage", name: str = "fer2013.csv") -> Path:
        path = tmp_path / name
        path.write_text(csv_text(rows, header), encoding="utf-8")
        return path

    return write


def encode(image: np.ndarray, suffix: str = ".png") -> bytes:
    done, data = cv2.imencode(suffix, image)
    assert done
    return data.tobytes()


def fer_file_names(per_class: int = 2) -> list[str]:
    """Names as in the Kaggle archive: Training_ under train/, PublicTest_ and PrivateTest_ mixed under test/."""
    names = []
    for code, emotion in enumerate(EMOTIONS):
        for split, prefix in enumerate(FER_PREFIXES):
            folder = "train" if split == 0 else "test"
            names += [f"{folder}/{emotion}/{prefix}_{code}{split}{number}.png" for number in range(per_class)]
    return names


def write_tree(root: Path, names: Sequence[str], *, seed: int = 0) -> dict[str, np.ndarray]:
    """Write a different noise image (kept lossless by png, bmp) under each name; gives the images by name."""
    rng = np.random.default_rng(seed)
    images = {name: rng.integers(0, 256, (48, 48), dtype=np.uint8) for name in names}
    for name, image in images.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(image, path.suffix))
    return images
