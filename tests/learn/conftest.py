"""Toy splits that train in seconds, and a run that was trained on them."""

from __future__ import annotations

import os

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from mien.config import Config, config_from_dict
from mien.data.dataset import Split
from mien.run import Run

TOY_FACTS = {"protocol": "toy", "fingerprint": "abc"}


def bright_and_dark_split(count: int, *, seed: int) -> Split:
    """Images whose brightness tells their label, with noise: a net learns them at once, but not before training."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 7, count)
    images = (labels * 36)[:, None, None] + rng.integers(0, 20, (count, 48, 48))
    return Split(images.astype(np.uint8), labels, np.array([f"row-{i}" for i in range(count)]))


@pytest.fixture(scope="session")
def toy_train() -> Split:
    return bright_and_dark_split(80, seed=1)


@pytest.fixture(scope="session")
def toy_val() -> Split:
    return bright_and_dark_split(30, seed=2)


@pytest.fixture(scope="session")
def toy_config() -> Config:
    """A tiny cnn with everything random turned on."""
    return config_from_dict(
        {
            "model": {"architecture": "cnn", "widths": [4, 8], "blocks": [1, 1]},
            "augment": {"mixup_alpha": 0.2, "brightness": 0.0},
            "optimizer": {"name": "adam", "learning_rate": 0.01, "ema_momentum": 0.5, "warmup_epochs": 1},
            "train": {"epochs": 3, "batch_size": 16, "precision": "float32", "seed": 5},
        }
    )


@pytest.fixture(scope="session")
def toy_run(toy_config: Config, toy_train: Split, toy_val: Split, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished training; who changes something there takes a copy."""
    from mien.learn.training import train

    run = Run(tmp_path_factory.mktemp("runs") / "toy")
    train(toy_config, toy_train, toy_val, run, data_facts=TOY_FACTS)
    return run
