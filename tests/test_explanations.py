"""Explanations of a run, from its model to pictures."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

from mien.config import config_from_dict
from mien.data.dataset import Dataset
from mien.errors import RunError
from mien.explanations import explain_split
from mien.inference.classifier import Classifier
from mien.learn.scoring import score_split
from mien.learn.training import train
from mien.run import Run
from mien.scoring import open_run
from mien.synthetic.faces import synthetic_dataset


@pytest.fixture(scope="module")
def faces() -> Dataset:
    return synthetic_dataset(samples_per_class=30)


@pytest.fixture(scope="module")
def run(faces: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run(tmp_path_factory.mktemp("runs") / "faces")
    settings = {"model": {"architecture": "cnn", "widths": [8, 16], "blocks": [1, 1]}}
    options = {"optimizer": {"name": "adam", "learning_rate": 0.003, "schedule": "constant"}}
    train(config_from_dict({**settings, **options, "train": {"epochs": 2}}), faces.train, faces.val, run)
    return run


def test_pictures_of_a_run(run: Run, faces: Dataset) -> None:
    pictures = explain_split(run, faces.val, score_split(run, faces.val).probabilities)
    names = [picture.name for picture in pictures]
    assert names == [
        "explanations",
        "explanations_mean",
        "explanations_faithfulness",
        "explanations_randomised",
    ]
    assert [picture.photographic for picture in pictures] == [True, True, False, False]
    grid = pictures[0].figure
    captions = [ax.texts[0].get_text() for ax in grid.axes if ax.texts]
    assert captions
    assert all(caption.endswith("%") for caption in captions)


def test_an_exported_model_explains_itself_without_keras(faces: Dataset, tmp_path: Path) -> None:
    run = open_run("small", bundled_path=tmp_path)
    few = faces.val.take(np.arange(0, len(faces.val), 5))
    probabilities = Classifier("small").raw_probabilities(few.images)

    def refuse() -> None:
        raise AssertionError("Keras is not needed")

    pictures = explain_split(run, few, probabilities, before_keras=refuse)
    assert [picture.name for picture in pictures] == ["explanations", "explanations_mean", "explanations_faithfulness"]
    assert all("Grad-CAM" not in picture.caption for picture in pictures)


def test_no_images_give_no_pictures(run: Run, faces: Dataset) -> None:
    assert explain_split(run, faces.val.take(np.array([], int)), np.zeros((0, 7))) == ()


def test_a_run_without_a_model_says_how_to_make_one(tmp_path: Path, faces: Dataset) -> None:
    with pytest.raises(RunError, match="mien train"):
        explain_split(Run(tmp_path), faces.val, np.full((len(faces.val), 7), 1 / 7))
