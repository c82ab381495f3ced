"""The models in the package are what their cards say, measured again on the real data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.data import load_dataset
from mien.data.dataset import Dataset
from mien.inference.classifier import Classifier
from mien.inference.model_files import WEIGHTS_PATH, bundled_models

MAX_PACKAGE_BYTES = 15_000_000


@pytest.fixture(scope="module")
def fer2013(shared: Path) -> Dataset:
    return load_dataset(shared / "data" / "fer2013.csv.gz")


def test_base_is_bundled_and_the_package_stays_small() -> None:
    assert "base" in bundled_models()
    assert sum(path.stat().st_size for path in WEIGHTS_PATH.rglob("*") if path.is_file()) < MAX_PACKAGE_BYTES


@pytest.mark.parametrize("name", bundled_models())
@pytest.mark.parametrize("split", ["val", "test"])
def test_stored_accuracy_is_what_the_model_reaches(name: str, split: str, fer2013: Dataset) -> None:
    classifier = Classifier(name)
    images = fer2013.split(split)
    answers = classifier.probabilities(images.images).argmax(axis=1)
    stored = classifier.card.metrics[split]
    assert stored["n"] == len(images)
    assert np.mean(answers == images.labels) == pytest.approx(stored["accuracy"], abs=1e-6)


@pytest.mark.parametrize("name", bundled_models())
def test_card_names_the_data_it_was_trained_on(name: str, fer2013: Dataset) -> None:
    card = Classifier(name).card
    assert card.protocol == "official"
    assert card.data_fingerprint == fer2013.fingerprint


@pytest.mark.parametrize("name", bundled_models())
def test_test_accuracy_beats_the_models_people_install(name: str) -> None:
    # 65.76 % is what `fer`'s mini-XCEPTION reaches on the same PrivateTest images.
    assert Classifier(name).card.metrics["test"]["accuracy"] > 0.6576
