"""`cnn`: the classic of FER-2013 tutorials: Conv–BatchNorm–ReLU, MaxPooling, Dropout, Dense, softmax."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from mien.learn.models.blocks import classify, convolution, image_input

__all__ = ["build_cnn"]


def build_cnn(
    *,
    widths: Sequence[int] = (32, 64, 128),
    blocks: Sequence[int] = (1, 1, 1),
    dense_width: int = 128,
    dropout: float = 0.3,
    heads: int = 1,
) -> keras.Model:
    """Stages of convolutions, each halved by pooling, then one dense layer.

    Args:
        widths: Channels of each stage.
        blocks: Convolutions of each stage.
        dense_width: Units of the dense layer before the logits.
        dropout: Share dropped before the logits; after each pooling, half of it.
        heads: How many questions it answers, 1 or 2 (see `mien.learn.targets`).
    """
    image, x = image_input()
    for stage, (width, count) in enumerate(zip(widths, blocks, strict=True), 1):
        for index in range(1, count + 1):
            x = convolution(x, width, name=f"stage{stage}_{index}")
        if stage == len(widths):
            x = layers.Identity(name="features")(x)
        x = layers.MaxPooling2D(2, name=f"stage{stage}_pool")(x)
        x = layers.Dropout(dropout / 2, name=f"stage{stage}_dropout")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(dense_width, activation="relu", kernel_initializer="he_normal", name="dense")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return classify(image, x, heads=heads, name="cnn")
