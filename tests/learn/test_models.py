from __future__ import annotations

import functools
from pathlib import Path

import keras
import numpy as np
import pytest

from mien.config import TRANSFER_ARCHITECTURES, ModelConfig
from mien.errors import ModelError
from mien.learn.layers import FusedBatchNormalization, with_fused_norms
from mien.learn.models import build_model, copy_weights, logits_model
from mien.learn.models.transfer import backbone_of, set_trainable

SCRATCH = ("cnn", "vgg", "resnet")
PIXELS = np.random.default_rng(0).uniform(0, 255, (5, 48, 48, 1)).astype(np.float32)


def answer(model: keras.Model, pixels: np.ndarray = PIXELS) -> np.ndarray:
    """What a model says, on any backend."""
    return np.asarray(keras.ops.convert_to_numpy(model(pixels)))


def small(architecture: str, **options: object) -> ModelConfig:
    return ModelConfig(architecture=architecture, widths=(8, 16), blocks=(1, 2), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("architecture", SCRATCH)
def test_pixels_in_probabilities_out(architecture: str) -> None:
    model = build_model(small(architecture))
    probabilities = answer(model)
    assert model.input_shape == (None, 48, 48, 1)
    assert probabilities.shape == (5, 7)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)


@pytest.mark.parametrize("architecture", SCRATCH)
def test_softmax_of_the_logits_model_is_the_model(architecture: str) -> None:
    model = build_model(small(architecture))
    logits = logits_model(model)(PIXELS)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(keras.ops.softmax(logits)), answer(model), atol=1e-6)


@pytest.mark.parametrize("architecture", SCRATCH)
def test_fused_mixed_precision_model_and_stock_float32_model_share_weights(architecture: str) -> None:
    fast = with_fused_norms(build_model(small(architecture), policy="mixed_bfloat16"))
    stock = build_model(small(architecture))
    assert {layer.compute_dtype for layer in fast.layers if "norm" in layer.name} == {"bfloat16"}
    copy_weights(fast, stock)
    assert answer(fast).dtype == np.float32
    np.testing.assert_allclose(answer(fast), answer(stock), atol=0.03)  # bfloat16 has 8 bits of mantissa


@pytest.mark.parametrize("architecture", SCRATCH)
def test_saved_models_load_without_mien(architecture: str, tmp_path: Path) -> None:
    model = build_model(small(architecture))
    model.save(tmp_path / "model.keras")
    kinds = {type(layer).__module__.split(".")[0] for layer in model.layers}
    assert kinds == {"keras"}
    np.testing.assert_array_equal(answer(keras.models.load_model(tmp_path / "model.keras")), answer(model))


@pytest.mark.parametrize("architecture", SCRATCH)
def test_default_sizes_build_and_name_the_features(architecture: str) -> None:
    model = build_model(ModelConfig(architecture=architecture))  # type: ignore[arg-type]
    assert len(model.get_layer("features").output.shape) == 4
    assert len({layer.name for layer in model.layers}) == len(model.layers)


def test_default_resnet_has_3_6_million_parameters() -> None:
    assert 3.5e6 < build_model(ModelConfig()).count_params() < 3.7e6


def test_squeeze_excite_adds_weights() -> None:
    plain, weighed = (build_model(small("resnet", squeeze_excite=flag)).count_params() for flag in (False, True))
    assert weighed > plain


@pytest.mark.parametrize("training", [True, False])
def test_fused_batch_norm_equals_keras_batch_norm(training: bool) -> None:
    x = np.random.default_rng(1).normal(2, 3, (16, 6, 6, 4)).astype(np.float32)
    stock, fused = keras.layers.BatchNormalization(momentum=0.9), FusedBatchNormalization(momentum=0.9)
    to_numpy = keras.ops.convert_to_numpy
    np.testing.assert_allclose(to_numpy(fused(x, training=training)), to_numpy(stock(x, training=training)), atol=1e-4)
    np.testing.assert_allclose(to_numpy(fused.moving_mean), to_numpy(stock.moving_mean), rtol=1e-5)
    # TensorFlow's kernel keeps the unbiased variance, Keras the biased one: n / (n − 1) with n = 16 · 6 · 6.
    np.testing.assert_allclose(to_numpy(fused.moving_variance), to_numpy(stock.moving_variance), rtol=2e-3)


def test_a_network_with_fused_norms_is_a_copy_with_the_same_weights() -> None:
    stock = build_model(small("resnet", squeeze_excite=True))
    fused = with_fused_norms(stock)
    norms = [layer for layer in fused.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert norms
    assert all(isinstance(norm, FusedBatchNormalization) for norm in norms)
    assert [layer.name for layer in fused.layers] == [layer.name for layer in stock.layers]
    np.testing.assert_allclose(answer(fused), answer(stock), atol=1e-6)
    assert not {id(variable) for variable in fused.variables} & {id(variable) for variable in stock.variables}


@functools.cache
def transfer_model(architecture: str) -> keras.Model:
    """Built once, since these are large; nothing changes it."""
    return build_model(ModelConfig(architecture=architecture, input_size_px=48))  # type: ignore[arg-type]


@pytest.mark.parametrize("architecture", TRANSFER_ARCHITECTURES)
def test_transfer_models_keep_the_contract(architecture: str) -> None:
    model = transfer_model(architecture)
    probabilities = answer(model)
    assert probabilities.shape == (5, 7)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    assert len(model.get_layer("features").output.shape) == 4


def test_transfer_preprocessing_is_the_backbones_own() -> None:
    rgb = np.repeat(PIXELS, 3, axis=-1)
    for architecture, module in (("vgg16", "vgg16"), ("resnet50v2", "resnet_v2")):
        model = transfer_model(architecture)
        inside = keras.Model(model.input, model.get_layer("rescale").output)(PIXELS)
        expected = getattr(keras.applications, module).preprocess_input(rgb.copy())
        # VGG16's own function turns RGB to BGR; of a grey image both are the same.
        np.testing.assert_allclose(inside, expected, atol=1e-3)


def test_weights_file_is_loaded_and_a_missing_one_is_named(tmp_path: Path) -> None:
    donor = transfer_model("mobilenetv3small")
    path = tmp_path / "backbone.weights.h5"
    backbone_of(donor).save_weights(path)
    model = build_model(ModelConfig(architecture="mobilenetv3small", input_size_px=48, weights=str(path)))
    for ours, theirs in zip(backbone_of(model).weights, backbone_of(donor).weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ModelError, match="which is no file"):
        build_model(ModelConfig(architecture="vgg16", weights=str(tmp_path / "none.h5")))


@pytest.mark.slow
@pytest.mark.parametrize("architecture", TRANSFER_ARCHITECTURES)
def test_fitting_at_rate_0_changes_nothing_of_a_pretrained_model(architecture: str, tmp_path: Path) -> None:
    weights = tmp_path / "backbone.weights.h5"
    backbone_of(transfer_model(architecture)).save_weights(weights)
    model = build_model(ModelConfig(architecture=architecture, input_size_px=48, weights=str(weights)))  # type: ignore[arg-type]
    set_trainable(model, backbone=True, norms=False)
    kept = [variable for variable in model.variables if "seed" not in variable.path]  # dropout draws on
    before = [np.array(keras.ops.convert_to_numpy(variable)) for variable in kept]
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="categorical_crossentropy")
    model.fit(PIXELS, np.eye(7, dtype=np.float32)[[0, 1, 2, 3, 4]], epochs=2, verbose=0)
    for variable, value in zip(kept, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value, err_msg=variable.path)


def test_norms_of_a_backbone_without_weights_learn_and_follow_soon() -> None:
    model = build_model(ModelConfig(architecture="mobilenetv3small", input_size_px=32))
    set_trainable(model, backbone=True, norms=True)
    norm = backbone_of(model).get_layer("conv_bn")
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="categorical_crossentropy")
    model.fit(PIXELS, np.eye(7, dtype=np.float32)[[0, 1, 2, 3, 4]], epochs=30, verbose=0)
    moved = keras.ops.convert_to_numpy(norm.moving_mean)
    inside = keras.Model(model.input, model.get_layer("gray_to_rgb").output)(PIXELS)
    stem = keras.Model(backbone_of(model).input, norm.input)(inside)
    np.testing.assert_allclose(moved, keras.ops.convert_to_numpy(stem).mean((0, 1, 2)), rtol=0.1)
