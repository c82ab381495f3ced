"""A model answers only when it is the one its card describes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from mien.card import Head, read_card, write_card
from mien.emotions import EMOTIONS
from mien.errors import ConfigError, ImageError, ModelError
from mien.inference.classifier import Classifier
from mien.inference.model_files import bundled_models, find_model
from mien.run import Run

MakeModel = Callable[..., Path]


def _flat(*levels: int) -> np.ndarray:
    return np.stack([np.full((48, 48), level, np.uint8) for level in levels])


def test_pixels_go_in_unscaled_and_probabilities_come_out(toy_model: Path) -> None:
    levels = [round(42.5 * k) for k in range(7)]
    probabilities = Classifier(toy_model).probabilities(_flat(*levels))
    assert probabilities.dtype == np.float32
    assert probabilities.argmax(axis=1).tolist() == list(range(7))
    m = np.array(levels)[:, None] / 42.5
    logits = 2 * np.arange(7) * m - np.arange(7) ** 2
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 200])
def test_any_number_of_faces_gives_the_same_rows(toy_model: Path, count: int) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (count, 48, 48), dtype=np.uint8)
    classifier = Classifier(toy_model)
    together = classifier.probabilities(crops)
    assert together.shape == (count, 7)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-6)
    for row in range(0, count, 29):
        np.testing.assert_allclose(together[row], classifier.probabilities(crops[row : row + 1])[0], atol=1e-6)


@pytest.mark.parametrize(
    "crops",
    [np.zeros((1, 48, 48), np.float32), np.zeros((48, 48), np.uint8), np.zeros((1, 48, 48, 1), np.uint8), [[0]], None],
)
def test_other_arrays_are_refused(toy_model: Path, crops: Any) -> None:
    with pytest.raises(ImageError, match=r"uint8 \(N, 48, 48\)"):
        Classifier(toy_model).probabilities(crops)


def test_the_cards_temperature_is_applied(make_toy_model: MakeModel) -> None:
    folder = make_toy_model(temperature=3.0)
    warm = Classifier(folder).probabilities(_flat(100))[0]
    card = dataclasses.replace(read_card(Run(folder).card_path), heads={"labels": Head()})
    write_card(Run(folder).card_path, card)
    cool = Classifier(folder).probabilities(_flat(100))[0]
    assert warm.argmax() == cool.argmax()
    np.testing.assert_allclose(warm, cool ** (1 / 3) / (cool ** (1 / 3)).sum(), atol=1e-5)


def test_another_prior_is_bayes_rule(make_toy_model: MakeModel) -> None:
    folder = make_toy_model(prior=(0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1))
    trained = Classifier(folder).probabilities(_flat(40))[0]
    even = Classifier(folder, prior="even").probabilities(_flat(40))[0]
    # By hand: the ratio of two emotions changes by the ratio of their priors, 4 to 1.
    assert even[0] / even[1] == pytest.approx(trained[0] / trained[1] / 4, rel=1e-4)
    assert even.sum() == pytest.approx(1, abs=1e-6)


def test_a_head_that_the_model_lacks_is_refused(toy_model: Path) -> None:
    with pytest.raises(ConfigError, match=r"Expected a head of the model toy: labels\. Received: 'votes'"):
        Classifier(toy_model, head="votes")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"onnx_sha256": "0" * 64}, "sha256"),
        ({"outputs": 8}, "from probabilities"),
        ({"batch": 1}, "from probabilities"),
        ({"input_type": TensorProto.UINT8}, "one input"),
        ({"softmax": False}, "sum to 1"),
        ({"emotions": tuple(reversed(EMOTIONS))}, "classes"),
        ({"input_range": (0.0, 1.0)}, "0 to 255"),
        ({"temperature": 0.0}, "temperature"),
    ],
)
def test_a_mismatch_is_refused(make_toy_model: MakeModel, options: dict[str, Any], word: str) -> None:
    with pytest.raises(ModelError, match=word):
        Classifier(make_toy_model(**options))


def test_a_file_that_is_no_model_is_refused(make_toy_model: MakeModel) -> None:
    from mien.files import sha256_of

    run = Run(make_toy_model())
    run.onnx_path.write_bytes(b"no model")
    write_card(run.card_path, dataclasses.replace(read_card(run.card_path), onnx_sha256=sha256_of(run.onnx_path)))
    with pytest.raises(ModelError, match="ONNX model"):
        Classifier(run.path)


def test_models_are_found_by_name_and_by_path(make_toy_model: MakeModel) -> None:
    folder = make_toy_model()
    weights = folder.parent
    assert bundled_models(weights) == ("model",)
    assert find_model("model", weights).path == folder
    assert find_model(folder).path == folder
    assert find_model(str(folder / "model.onnx")).path == folder


def test_an_unknown_model_names_the_known_ones(make_toy_model: MakeModel, tmp_path: Path) -> None:
    weights = make_toy_model().parent
    with pytest.raises(ModelError, match=r"\(model\)"):
        find_model("bass", weights)
    with pytest.raises(ModelError, match="mien export"):
        Classifier(tmp_path / "nowhere", weights_path=tmp_path / "none")
