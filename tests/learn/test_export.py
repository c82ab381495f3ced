from __future__ import annotations

import shutil
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest

from mien.card import read_card
from mien.config import ModelConfig
from mien.data.dataset import Split
from mien.errors import ModelError, OutputError, RunError
from mien.evaluate.calibration import fit_temperature
from mien.files import sha256_of
from mien.inference.sessions import open_session
from mien.learn import export as export_module
from mien.learn.compact import store_kernels_as_int16
from mien.learn.export import MAX_DIFFERENCE, Export, export
from mien.learn.models import build_model
from mien.learn.scoring import predict_probabilities, score_split
from mien.run import Run

from .conftest import TOY_FACTS

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow writes ONNX")


@pytest.fixture(scope="module")
def run(toy_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(shutil.copytree(toy_run.path, tmp_path_factory.mktemp("runs") / "toy"))


@pytest.fixture(scope="module")
def exported(run: Run, toy_val: Split) -> Export:
    return export(run, toy_val)


def onnx_probabilities(path: Path, images: np.ndarray) -> np.ndarray:
    session = open_session(path.read_bytes())
    result: np.ndarray = session.run(["probabilities"], {"image": images[..., None].astype(np.float32)})[0]
    return result


def test_onnx_equals_keras_at_any_batch_size(exported: Export, run: Run, toy_val: Split) -> None:
    expected = score_split(run, toy_val).probabilities
    for size in (1, 7, 30):
        np.testing.assert_allclose(
            onnx_probabilities(exported.onnx_path, toy_val.images[:size]), expected[:size], atol=MAX_DIFFERENCE
        )
    assert exported.max_difference < MAX_DIFFERENCE
    assert exported.same_argmax == 1
    assert exported.images == len(toy_val)


def test_h5_equals_keras(exported: Export, run: Run, toy_val: Split) -> None:
    model = keras.models.load_model(exported.h5_path, compile=False)
    np.testing.assert_array_equal(predict_probabilities(model, toy_val.images), score_split(run, toy_val).probabilities)


def test_card_describes_its_model(exported: Export, run: Run, toy_val: Split) -> None:
    card = read_card(exported.card_path)
    scored = score_split(run, toy_val)
    assert card.onnx_sha256 == sha256_of(exported.onnx_path)
    assert card.architecture == "cnn"
    assert card.protocol == "toy"
    assert card.data_fingerprint == "abc"
    assert card.keras_sha256 == sha256_of(run.model_path)
    assert card.config_sha256 == sha256_of(run.config_path)
    assert card.opset == 17
    assert card.parameters == keras.models.load_model(run.model_path).count_params()
    assert card.heads["labels"].temperature == pytest.approx(fit_temperature(scored.probabilities, scored.y_true))
    val = card.metrics["val"]
    assert val["accuracy"] == pytest.approx(np.mean(scored.probabilities.argmax(1) == toy_val.labels))
    assert val["accuracy_low"] < val["accuracy"] < val["accuracy_high"]
    assert "test" not in card.metrics  # export never looks at a split that nobody evaluated


def test_card_takes_the_test_accuracy_of_an_evaluation(run: Run, toy_train: Split, toy_val: Split) -> None:
    run.write_probabilities("test", score_split(run, toy_train, data_fingerprint=TOY_FACTS["fingerprint"]))
    card = read_card(export(run, toy_val).card_path)
    assert card.metrics["test"]["n"] == len(toy_train)


def test_a_model_that_differs_is_refused_and_not_left_behind(
    exported: Export, run: Run, toy_val: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = exported.onnx_path.read_bytes()
    monkeypatch.setattr(export_module, "MAX_DIFFERENCE", -1.0)
    with pytest.raises(ModelError, match="agree"):
        export(run, toy_val)
    assert run.onnx_path.read_bytes() == before
    assert not list(run.path.glob(".*onnx"))


def test_a_run_without_a_model_says_how_to_make_one(tmp_path: Path, toy_val: Split) -> None:
    with pytest.raises(RunError, match="mien train"):
        export(Run(tmp_path), toy_val)
    (tmp_path / "model.keras").write_bytes(b"no model")
    with pytest.raises(ModelError, match="Keras model"):
        export(Run(tmp_path), toy_val)


def test_compact_storage_halves_the_file_and_keeps_the_answers(tmp_path: Path) -> None:
    config = ModelConfig(architecture="vgg", widths=(16, 32), blocks=(1, 2))
    model = build_model(config)
    model(np.zeros((1, 48, 48, 1), np.float32))
    path, small_path = tmp_path / "full.onnx", tmp_path / "small.onnx"
    proto = export_module._to_onnx(model)
    onnx.save(proto, path)
    store_kernels_as_int16(proto)
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, small_path)
    images = np.random.default_rng(0).integers(0, 256, (20, 48, 48), dtype=np.uint8)
    assert small_path.stat().st_size < 0.6 * path.stat().st_size
    np.testing.assert_allclose(onnx_probabilities(small_path, images), onnx_probabilities(path, images), atol=2e-5)


def test_small_kernels_stay_whole_where_compact_storage_would_change_the_answers(
    run: Run, toy_val: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured, sizes = export_module._parity, []

    def parity(path: Path, images: np.ndarray, expected: np.ndarray) -> tuple[float, float]:
        sizes.append(path.stat().st_size)
        return (1.0, 0.0) if len(sizes) == 1 else measured(path, images, expected)

    monkeypatch.setattr(export_module, "_parity", parity)
    monkeypatch.setattr(export_module, "_COMPACT_FROM_VALUES", (1024, 200_000))  # the toy has one kernel of 147,456
    result = export(run, toy_val)
    assert len(sizes) == 2
    assert sizes[0] < sizes[1] == result.onnx_bytes


def test_compact_storage_keeps_each_weight_within_half_a_step() -> None:
    weights = np.random.default_rng(0).normal(size=(64, 32, 3, 3)).astype(np.float32)
    weights[3] = 0
    weights[5] *= 1e-4  # each channel has a scale of its own
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Conv", ["x", "w"], ["y"])],
        "g",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 32, 8, 8])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    model = onnx.helper.make_model(graph)
    store_kernels_as_int16(model)
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    assert stored["w_int16"].dtype == np.int16
    step = np.abs(weights).max((1, 2, 3), keepdims=True) / 32767
    assert (np.abs(stored["w_int16"] * stored["w_scale"] - weights) <= 0.51 * step).all()


def test_a_reader_meanwhile_finds_the_old_model_with_its_old_card(
    exported: Export, run: Run, toy_val: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = (exported.h5_path, exported.onnx_path, exported.card_path)
    before = [path.read_bytes() for path in paths]

    def fails(path: Path, card: object) -> None:  # at the last moment
        assert [path.read_bytes() for path in paths] == before
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export_module, "write_card", fails)
    with pytest.raises(OutputError, match="No space left"):
        export(run, toy_val)
    assert [path.read_bytes() for path in paths] == before
    assert read_card(exported.card_path).onnx_sha256 == sha256_of(exported.onnx_path)
