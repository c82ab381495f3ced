"""Fine-tuning begins with a bundled model's ONNX weights and answers as it did."""

from __future__ import annotations

import numpy as np
import pytest

from mien.config import config_from_dict
from mien.errors import ConfigError
from mien.inference.classifier import Classifier
from mien.learn.initial import copy_matching_weights, load_initial
from mien.learn.models import build_model
from mien.learn.scoring import predict_heads

SMALL = {"architecture": "resnet", "widths": [32, 64, 96], "blocks": [2, 2, 2], "dropout": 0.1}


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 48, 48), dtype=np.uint8)


@pytest.fixture(scope="module")
def initial(images: np.ndarray):
    expected = config_from_dict({"model": SMALL | {"predicts": "both"}}).model
    return load_initial("small", expected, images)


def test_a_bundled_model_answers_in_keras_as_in_onnx(initial, images):
    theirs = Classifier("small")._run(images)
    np.testing.assert_allclose(predict_heads(initial, images)[0], theirs, atol=1e-3)


def test_its_batch_norms_are_alive_again(initial):
    norms = [layer for layer in initial.layers if layer.name.endswith("_norm")]
    assert norms
    for norm in norms:
        _, _, _, variance = norm.get_weights()
        assert (variance > 0).all()
        kernel = initial.get_layer(norm.name.removesuffix("_norm") + "_conv").get_weights()[0]
        assert kernel.std() == pytest.approx(np.sqrt(2 / np.prod(kernel.shape[:3])), rel=1e-3)


def test_a_second_head_begins_as_the_first(images):
    """What learnt labels alone is a beginning for both."""
    source = build_model(config_from_dict({"model": SMALL}).model)
    target = build_model(config_from_dict({"model": SMALL | {"predicts": "both"}}).model)
    copy_matching_weights(source, target)
    votes, labels = predict_heads(target, images)
    np.testing.assert_allclose(votes, predict_heads(source, images)[0], atol=1e-5)
    np.testing.assert_array_equal(votes, labels)


def test_another_network_is_refused(images):
    other = config_from_dict({"model": SMALL | {"widths": [32, 64, 128]}}).model
    with pytest.raises(ConfigError, match="same network"):
        load_initial("small", other, images)
