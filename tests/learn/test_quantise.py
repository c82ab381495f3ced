"""An int8 copy answers as its model does, says so in its card, and is refused what it cannot be made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mien.card import ModelCard, read_card, write_card
from mien.data.dataset import Split
from mien.emotions import NUM_EMOTIONS
from mien.errors import ModelError
from mien.files import sha256_of
from mien.inference.classifier import Classifier
from mien.learn.quantise import HEAD, Quantised, quantise
from mien.run import Run


def write_convolution(run: Run) -> Run:
    """A network with a convolution in the middle that answers by brightness, as the inference tests' toy does."""
    run.path.mkdir(parents=True, exist_ok=True)
    k = np.arange(NUM_EMOTIONS, dtype=np.float32)
    kernel = np.abs(np.random.default_rng(0).normal(size=(8, 1, 3, 3))).astype(np.float32)
    kernel /= kernel.sum(axis=(1, 2, 3), keepdims=True)  # each channel is a mean
    constants = {
        "scale": np.float32(1 / 42.5),
        "kernel": kernel,
        "slope": np.repeat((2 * k / 8)[None], 8, axis=0),  # (8, 7)
        "offset": -(k**2),
    }
    nodes = [
        helper.make_node("Transpose", ["image"], ["planes"], name="planes", perm=[0, 3, 1, 2]),
        helper.make_node("Mul", ["planes", "scale"], ["scaled"], name="scaled"),
        helper.make_node("Conv", ["scaled", "kernel"], ["blurred"], name="blurred", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["blurred"], ["positive"], name="positive"),
        helper.make_node("GlobalAveragePool", ["positive"], ["pooled"], name="pooled"),
        helper.make_node("Flatten", ["pooled"], ["features"], name="features"),
        helper.make_node("Gemm", ["features", "slope", "offset"], ["logits"], name="logits"),
        helper.make_node("Softmax", ["logits"], ["probabilities"], name="probabilities"),
    ]
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 48, 48, 1])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", NUM_EMOTIONS])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), run.onnx_path)
    metrics = {"test": {"accuracy": 0.9, "accuracy_low": 0.8, "accuracy_high": 0.95, "n": 99}}
    card = ModelCard(name="toy", onnx_sha256=sha256_of(run.onnx_path), parameters=135, protocol="toy", metrics=metrics)
    write_card(run.card_path, card)
    return run


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_convolution(Run(tmp_path_factory.mktemp("runs") / "toy"))


@pytest.fixture(scope="module")
def made(source: Run, toy_train: Split, toy_val: Split) -> Quantised:
    return quantise(source, Run(source.int8_path), toy_train, toy_val)


def test_it_answers_as_the_float_model(made: Quantised, source: Run, toy_val: Split) -> None:
    float_model, int8_model = Classifier(source.path), Classifier(source.int8_path)
    expected = float_model.probabilities(toy_val.images).argmax(1)
    answers = int8_model.probabilities(toy_val.images).argmax(1)
    assert made.same_answer == np.mean(answers == expected) > 0.9
    assert made.accuracy == np.mean(answers == toy_val.labels)
    assert made.float_accuracy == np.mean(expected == toy_val.labels)
    assert made.images == len(toy_val)
    assert made.ms_per_face > 0
    assert made.float_ms_per_face > 0


def test_convolutions_multiply_bytes_and_the_head_does_not(made: Quantised) -> None:
    model = onnx.load(made.onnx_path)
    kinds = [node.op_type for node in model.graph.node]
    assert "QLinearConv" in kinds
    assert "Conv" not in kinds
    assert set(kinds) & set(HEAD) == {"Gemm", "Softmax"}
    assert {item.domain for item in model.opset_import} == {node.domain for node in model.graph.node}


def test_its_card_is_its_own(made: Quantised, source: Run, toy_val: Split) -> None:
    card, before = read_card(made.card_path), read_card(source.card_path)
    assert (card.name, card.parameters, card.protocol) == ("toy-int8", before.parameters, "toy")
    assert card.onnx_sha256 == sha256_of(made.onnx_path)
    assert card.metrics["val"]["accuracy"] == made.accuracy
    assert card.metrics["val"]["n"] == len(toy_val)
    assert "test" not in card.metrics  # the copy was not measured there
    assert card.heads["labels"].temperature != before.heads["labels"].temperature


def test_a_model_that_does_not_fit_its_card_is_refused(tmp_path: Path, toy_train: Split, toy_val: Split) -> None:
    run = write_convolution(Run(tmp_path / "toy"))
    run.onnx_path.write_bytes(run.onnx_path.read_bytes() + b"\0")
    with pytest.raises(ModelError, match="mien export"):
        quantise(run, Run(run.int8_path), toy_train, toy_val)
    assert not Run(run.int8_path).onnx_path.exists()


def test_what_cannot_be_quantised_is_one_sentence(tmp_path: Path, toy_train: Split, toy_val: Split) -> None:
    run = write_convolution(Run(tmp_path / "toy"))
    run.onnx_path.write_bytes(b"no model")
    card = read_card(run.card_path)
    write_card(run.card_path, ModelCard(name=card.name, onnx_sha256=sha256_of(run.onnx_path)))
    with pytest.raises(ModelError, match=r"Expected .* Received: ") as caught:
        quantise(run, Run(run.int8_path), toy_train, toy_val)
    assert "\n" not in str(caught.value)
    assert not Run(run.int8_path).onnx_path.exists()
