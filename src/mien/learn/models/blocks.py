"""Pieces that the networks of this package share."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from mien.emotions import INPUT_SHAPE, NUM_EMOTIONS
from mien.learn.targets import OUTPUTS

__all__ = ["classify", "convolution", "image_input", "normalise"]


def image_input() -> tuple[Any, Any]:
    """The input of every model, and the same scaled from 0–255 to −1–1."""
    image = keras.Input(INPUT_SHAPE, name="image")
    return image, layers.Rescaling(1 / 127.5, offset=-1, name="rescale")(image)


def normalise(x: Any, *, name: str, gamma: str = "ones") -> Any:
    """Batch normalisation (Ioffe & Szegedy 2015, arXiv:1502.03167)."""
    # Momentum 0.9 rather than Keras' 0.99: an epoch of FER-2013 has only 224 steps of 128.
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, gamma_initializer=gamma, name=name)(x)


def convolution(x: Any, width: int, *, name: str, size: int = 3, strides: int = 1) -> Any:
    """Convolution without bias, batch norm, ReLU; He initialisation (He et al. 2015, arXiv:1502.01852)."""
    x = layers.Conv2D(
        width,
        size,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return layers.ReLU(name=f"{name}_relu")(normalise(x, name=f"{name}_norm"))


def classify(image: Any, x: Any, *, heads: int = 1, name: str) -> keras.Model:
    """Close a network: features (N, C) to logits (N, 7) to probabilities (N, 7), both float32 under every policy.

    With two heads the outputs are `probabilities` (the votes' answer) and `label_probabilities`, each from logits of
    its own.
    """
    outputs = []
    for output in OUTPUTS[:heads]:
        logits = layers.Dense(NUM_EMOTIONS, dtype="float32", name=output.replace("probabilities", "logits"))(x)
        outputs.append(layers.Softmax(dtype="float32", name=output)(logits))
    return keras.Model(image, outputs if heads > 1 else outputs[0], name=name)
