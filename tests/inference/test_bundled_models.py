"""The models in the package are what their cards say, measured again on the real data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.card import read_card
from mien.data import load_dataset
from mien.data.dataset import Dataset
from mien.inference.classifier import Classifier
from mien.inference.model_files import WEIGHTS_PATH, bundled_models, find_model

MAX_PACKAGE_BYTES = 15_000_000


@pytest.fixture(scope="module")
def fer2013(shared: Path) -> Dataset:
    return load_dataset(shared / "data" / "fer2013.csv.gz")


def test_base_is_bundled_and_the_package_stays_small() -> None:
    assert "base" in bundled_models()
    assert sum(path.stat().st_size for path in WEIGHTS_PATH.rglob("*") if path.is_file()) < MAX_PACKAGE_BYTES


# Every split that a card states; int8 copies were not measured on test.
STATED = [(name, split) for name in bundled_models() for split in read_card(find_model(name).card_path).metrics]


@pytest.mark.parametrize(("name", "split"), STATED)
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


@pytest.mark.parametrize("name", [name for name, split in STATED if split == "test"])
def test_test_accuracy_beats_the_models_people_install(name: str) -> None:
    # 65.76 % is what `fer`'s mini-XCEPTION reaches on the same PrivateTest images.
    assert Classifier(name).card.metrics["test"]["accuracy"] > 0.6576


@pytest.mark.parametrize("name", [name for name in bundled_models() if name.endswith("-int8")])
def test_an_int8_copy_costs_at_most_three_tenths_of_a_point(name: str) -> None:
    copy, original = (read_card(find_model(one).card_path) for one in (name, name.removesuffix("-int8")))
    assert copy.metrics["val"]["accuracy"] >= original.metrics["val"]["accuracy"] - 0.003
    assert copy.parameters == original.parameters
