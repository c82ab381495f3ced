"""Transfer learning: backbones of `keras.applications` under the same contract as our own networks.

Inside the graph: grey to three channels, resize, the backbone's own preprocessing.

The batch norms of a backbone with pretrained weights stay as they are, also while the rest is fine-tuned, as the Keras
guides on transfer learning and on EfficientNet advise. They are frozen by `trainable = False`, because `training=False`
in the call of a backbone is overridden when `fit` calls the whole model. Those of a backbone without weights learn like
any others, and from the first epoch: there is nothing in it to keep.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import keras
from keras import layers

from mien.emotions import INPUT_SHAPE
from mien.errors import ModelError
from mien.learn.models.blocks import classify

__all__ = ["backbone_of", "build_transfer", "set_trainable"]

# Each backbone: its constructor, and how 0–255 RGB becomes what its ImageNet weights were trained on. EfficientNetV2
# and MobileNetV3 scale inside themselves (include_preprocessing).
_BACKBONES: dict[str, tuple[str, str]] = {
    "vgg16": ("VGG16", "caffe"),
    "resnet50v2": ("ResNet50V2", "tf"),
    "efficientnetv2b0": ("EfficientNetV2B0", "inside"),
    "mobilenetv3small": ("MobileNetV3Small", "inside"),
}
# Keras' MobileNetV3 has 0.999, with which the statistics of validation would be epochs behind those of training.
_MOMENTUM_FROM_SCRATCH = 0.9
# Means of the ImageNet training images in BGR order, subtracted by VGG16's original (Caffe) preprocessing.
_CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)


def build_transfer(
    architecture: str, *, weights: str = "none", input_size_px: int = 96, dropout: float = 0.3, heads: int = 1
) -> keras.Model:
    """A backbone with a fresh head.

    Args:
        architecture: `vgg16`, `resnet50v2`, `efficientnetv2b0` or `mobilenetv3small`.
        weights: `imagenet` (from the Keras cache), `none`, or the path of a weights file without top.
        input_size_px: Side that the image is resized to before the backbone.
        dropout: Share of features dropped before the logits.
        heads: How many questions it answers, 1 or 2 (see `mien.learn.targets`).

    Raises:
        ModelError: The weights are not there or do not fit the backbone.
    """
    image = keras.Input(INPUT_SHAPE, name="image")
    x = layers.Resizing(input_size_px, input_size_px, interpolation="bilinear", name="resize")(image)
    constructor, preprocessing = _BACKBONES[architecture]
    x = _preprocess(x, preprocessing)
    backbone = _backbone(constructor, weights, input_size_px)
    for norm in _norms(backbone):
        norm.momentum = min(norm.momentum, _MOMENTUM_FROM_SCRATCH)
    x = layers.Identity(name="features")(backbone(x))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return classify(image, x, heads=heads, name=architecture)


def backbone_of(model: keras.Model) -> keras.Model:
    """The pretrained part of a transfer model: its only layer that is a model itself."""
    return next(layer for layer in model.layers if isinstance(layer, keras.Model))


def set_trainable(model: keras.Model, *, backbone: bool, norms: bool) -> None:
    """Let the backbone of a transfer model learn, or only its head; its batch norms learn with it or stay as they are.

    A model that is compiled must be compiled again.
    """
    inside = backbone_of(model)
    inside.trainable = backbone
    for norm in _norms(inside):
        norm.trainable = backbone and norms


def _norms(backbone: keras.Model) -> list[layers.BatchNormalization]:
    return [layer for layer in backbone.layers if isinstance(layer, layers.BatchNormalization)]


def _preprocess(x: Any, kind: str) -> Any:
    x = layers.Concatenate(name="gray_to_rgb")([x, x, x])  # (N, S, S, 3); all channels equal, so RGB is BGR
    if kind == "caffe":
        return layers.Normalization(mean=_CAFFE_MEAN_BGR, variance=(1.0, 1.0, 1.0), name="rescale")(x)
    if kind == "tf":
        return layers.Rescaling(1 / 127.5, offset=-1, name="rescale")(x)
    return x


def _backbone(constructor: str, weights: str, input_size_px: int) -> keras.Model:
    build = getattr(keras.applications, constructor)
    options: dict[str, Any] = {"include_top": False, "input_shape": (input_size_px, input_size_px, 3)}
    source = None if weights == "none" else weights
    if source not in (None, "imagenet") and not Path(source).is_file():
        raise ModelError(
            f"Expected model.weights to be imagenet, none or the path of a weights file. Received: {weights!r}, "
            "which is no file."
        )
    try:
        return build(weights=source, **options)
    except Exception as error:  # Keras raises whatever its downloader and HDF5 reader raise
        raise ModelError(_missing_weights(constructor, weights, error)) from error


def _missing_weights(constructor: str, weights: str, error: Exception) -> str:
    if weights != "imagenet":
        return f"Expected weights of {constructor} without top in {weights}. Received: {error}."
    cache = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "models"
    return (
        f"Expected the ImageNet weights of {constructor}, which Keras downloads once. Received: {error}. Without "
        f"network, put the file that the message names into {cache}, or give its path: --set model.weights=PATH, "
        "or train from scratch: --set model.weights=none"
    )
