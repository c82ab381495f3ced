from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest

from mien.config import Config, ModelConfig
from mien.data.dataset import Split
from mien.errors import ConfigError
from mien.learn.gradcam import GradCam, check_by_randomisation
from mien.learn.models import build_model
from mien.learn.scoring import load_model
from mien.learn.training import train
from mien.run import Run

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 48, 48), dtype=np.uint8)
CODES = np.array([0, 1, 2, 3, 4, 5])


@pytest.mark.parametrize("architecture", ["cnn", "vgg", "resnet", "mobilenetv3small"])
def test_maps_of_every_architecture(architecture: str) -> None:
    sizes = {"input_size_px": 48} if architecture == "mobilenetv3small" else {"widths": (4, 8), "blocks": (1, 1)}
    model = build_model(ModelConfig(architecture=architecture, **sizes))  # type: ignore[arg-type]
    maps = GradCam(model).maps(IMAGES, CODES)
    assert maps.shape == (6, 48, 48)
    assert maps.dtype == np.float32
    assert maps.min() >= 0
    assert maps.max() <= 1


def test_gradcam_of_a_head_with_global_pooling_is_the_class_activation_map() -> None:
    # For pooling and one dense layer, Grad-CAM equals CAM: feature maps weighed by the dense kernel (Selvaraju, 3.1).
    model = build_model(ModelConfig(architecture="vgg", widths=(4, 8), blocks=(1, 1)))
    features = keras.Model(model.input, model.get_layer("features").output)(IMAGES[..., None].astype(np.float32))
    kernel = keras.ops.convert_to_numpy(model.get_layer("logits").kernel)
    coarse = np.maximum(np.einsum("nhwc,cn->nhw", keras.ops.convert_to_numpy(features), kernel[:, CODES]), 0)
    maps = GradCam(model).maps(IMAGES, CODES)
    for fine, cam in zip(maps, coarse, strict=True):
        assert (fine.max() > 0) == (cam.max() > 0)
        if cam.max() > 0:
            small = fine.reshape(24, 2, 24, 2).mean((1, 3))
            assert np.corrcoef(small.ravel(), cam.ravel())[0, 1] > 0.95


def test_an_earlier_layer_gives_finer_maps_and_one_that_is_gone_round_is_refused() -> None:
    model = build_model(ModelConfig(architecture="resnet", widths=(4, 8), blocks=(1, 1)))
    maps = GradCam(model, layer="stage1_1_relu").maps(IMAGES, CODES)
    assert maps.shape == (6, 48, 48)
    for layer in ("stage1_1_a_relu", "no_such_layer"):
        with pytest.raises(ConfigError, match="stage1_1_relu"):
            GradCam(model, layer=layer)


def test_no_images_give_no_maps() -> None:
    model = build_model(ModelConfig(architecture="cnn", widths=(4,), blocks=(1,)))
    assert GradCam(model).maps(IMAGES[:0], CODES[:0]).shape == (0, 48, 48)


@pytest.fixture(scope="module")
def trained(toy_config: Config, tmp_path_factory: pytest.TempPathFactory) -> tuple[keras.Model, Split]:
    """A network that tells in which half of the image the bright square is."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 160)
    images = rng.integers(0, 60, (160, 48, 48))
    for image, label in zip(images, labels, strict=True):
        top, left = rng.integers(2, 34), rng.integers(2, 10) + 24 * label
        image[top : top + 12, left : left + 12] += 180
    split = Split(images.astype(np.uint8), labels, np.arange(160).astype(str))
    still = replace(toy_config.augment, flip=False, rotation_degrees=0.0, shift=0.0, mixup_alpha=0.0)
    config = replace(toy_config, augment=still, train=replace(toy_config.train, epochs=6))
    run = Run(tmp_path_factory.mktemp("runs") / "halves")
    assert train(config, split, split, run).val_accuracy > 0.9
    return load_model(run), split


def test_maps_of_a_trained_network_point_at_the_square(trained: tuple[keras.Model, Split]) -> None:
    model, split = trained
    maps = GradCam(model).maps(split.images, split.labels)
    on_square = np.array([m[i > 120].mean() for m, i in zip(maps, split.images, strict=True)])
    elsewhere = np.array([m[i <= 120].mean() for m, i in zip(maps, split.images, strict=True)])
    assert on_square.mean() > 1.5 * elsewhere.mean()


def test_randomised_weights_change_the_maps(trained: tuple[keras.Model, Split]) -> None:
    model, split = trained
    before = model.get_weights()
    check = check_by_randomisation(model, split.images[:40], split.labels[:40], layers=3)
    assert check.layers[0] == "logits"
    assert len(check.correlation) == 3
    assert check.correlation[-1] < 0.8
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
