"""Figures of a dataset: they show its numbers and its very pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mien.data.dataset import SPLIT_NAMES, Dataset, Split, dataset_fingerprint
from mien.data.summary import summarize
from mien.emotions import EMOTIONS
from mien.evaluate.data_plots import (
    augmentation_figure,
    class_distribution_figure,
    mean_faces_figure,
    samples_figure,
)
from mien.evaluate.style import save_figure


def _split(labels: list[int], seed: int = 0) -> Split:
    images = np.random.default_rng(seed).integers(0, 256, (len(labels), 48, 48), dtype=np.uint8)
    return Split(images, np.array(labels, dtype=np.int64), np.array([f"i{n}" for n in range(len(labels))], dtype="U8"))


def _dataset(train: list[int], val: list[int], test: list[int]) -> Dataset:
    splits = [_split(labels, seed) for seed, labels in enumerate((train, val, test))]
    fingerprint = dataset_fingerprint(zip(SPLIT_NAMES, splits, strict=True))
    return Dataset(*splits, protocol="source", source="toy", fingerprint=fingerprint)


@pytest.fixture
def dataset() -> Dataset:
    return _dataset([0, 0, 1, 2, 3, 3, 3, 4, 5, 6], [0, 3], [6, 6, 6, 5])


def _grid(figure: Figure) -> np.ndarray:
    (axes,) = figure.axes
    return np.asarray(axes.images[0].get_array())


def _cell(grid: np.ndarray, row: int, column: int, *, gap: int = 0) -> np.ndarray:
    left = column * 51 + (gap if column else 0)
    return grid[row * 51 : row * 51 + 48, left : left + 48]


def _row_names(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def _is_complete(figure: Figure) -> bool:
    """Whether everything that is drawn lies on the page."""
    width, height = figure.get_size_inches()
    figure.draw_without_rendering()  # lays out
    box = figure.get_tightbbox()
    slack = 0.02
    return box.x0 > -slack and box.y0 > -slack and box.x1 < width + slack and box.y1 < height + slack


def test_bars_are_shares_of_their_split(dataset: Dataset):
    figure = class_distribution_figure(summarize(dataset))
    panels = figure.axes
    assert [axes.get_title(loc="left") for axes in panels] == ["train", "val", "test"]
    widths = [[patch.get_width() for patch in axes.patches if isinstance(patch, Rectangle)] for axes in panels]
    np.testing.assert_allclose(widths[0], [0.2, 0.1, 0.1, 0.3, 0.1, 0.1, 0.1])
    np.testing.assert_allclose(widths[2], [0, 0, 0, 0, 0, 0.25, 0.75])
    assert [text.get_text().strip() for text in panels[0].texts][:7] == ["2", "1", "1", "3", "1", "1", "1"]
    assert _row_names(panels[0]) == list(EMOTIONS)
    assert _is_complete(figure)


def test_an_empty_split_gets_no_panel():
    figure = class_distribution_figure(summarize(_dataset([0, 1], [], [2])))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["train", "test"]


def test_samples_stand_in_the_row_of_their_emotion(dataset: Dataset):
    figure = samples_figure(dataset.train, per_class=2)
    grid = _grid(figure)
    for code in range(7):
        images = dataset.train.images[dataset.train.labels == code]
        for column in range(min(2, len(images))):
            assert any(np.array_equal(_cell(grid, code, column), image) for image in images)
    assert (_cell(grid, 1, 1) == 255).all()  # there is one image of disgust only
    assert _row_names(figure.axes[0])[3] == "happy\n3"
    assert _is_complete(figure)


def test_the_seed_chooses_the_samples():
    split = _split([0] * 40)
    first, again, other = (_grid(samples_figure(split, per_class=3, seed=seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_originals_stand_beside_what_augmentation_makes_of_them(dataset: Dataset):
    images, labels = dataset.train.images[:3], dataset.train.labels[:3]
    calls: list[int] = []

    def augment(batch: np.ndarray) -> np.ndarray:
        calls.append(len(batch))
        return batch[:, ::-1].astype(np.float32) * 2 - 50  # leaves 0 to 255

    figure = augmentation_figure(images, augment, labels=labels, times=4)
    grid = _grid(figure)
    assert calls == [3] * 4
    np.testing.assert_array_equal(_cell(grid, 2, 0), images[2])
    np.testing.assert_array_equal(_cell(grid, 2, 4, gap=12), np.clip(images[2][::-1] * 2.0 - 50, 0, 255))
    assert _row_names(figure.axes[0]) == ["angry", "angry", "disgust"]
    assert _is_complete(figure)


def test_mean_faces_and_their_differences(dataset: Dataset):
    figure = mean_faces_figure(summarize(dataset))
    upper, lower = figure.axes[:7], figure.axes[7:14]
    assert [axes.get_title(loc="center") for axes in upper] == list(EMOTIONS)
    happy = dataset.train.images[dataset.train.labels == 3].mean(axis=0)
    np.testing.assert_allclose(np.asarray(upper[3].images[0].get_array()), happy, rtol=1e-5)
    differences = np.stack([np.asarray(axes.images[0].get_array()) for axes in lower])
    np.testing.assert_allclose(differences.mean(axis=(1, 2)), 0, atol=1e-3)  # brightness aside
    np.testing.assert_allclose(differences.mean(axis=0), 0, atol=1e-3)
    assert _is_complete(figure)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("train", [[3], []], ids=["one emotion", "none"])
def test_absent_emotions_leave_gaps(train: list[int], tmp_path: Path):
    summary = summarize(_dataset(train, [1], []))
    for number, figure in enumerate((mean_faces_figure(summary), class_distribution_figure(summary))):
        assert save_figure(figure, tmp_path / f"{number}.png").stat().st_size > 1000
