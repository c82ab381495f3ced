"""`vgg`: VGG-style stages of 3×3 convolutions for 48×48 images (Simonyan & Zisserman 2015, arXiv:1409.1556)."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from mien.learn.models.blocks import classify, convolution, image_input

__all__ = ["build_vgg"]


def build_vgg(
    *,
    widths: Sequence[int] = (32, 64, 128, 256),
    blocks: Sequence[int] = (2, 2, 3, 3),
    dropout: float = 0.3,
    heads: int = 1,
) -> keras.Model:
    """VGG with batch norm, and global average pooling where the original has 120 million dense weights.

    Args:
        widths: Channels of each stage.
        blocks: Convolutions of each stage.
        dropout: Share of features dropped before the logits.
        heads: How many questions it answers, 1 or 2 (see `mien.learn.targets`).
    """
    image, x = image_input()
    for stage, (width, count) in enumerate(zip(widths, blocks, strict=True), 1):
        for index in range(1, count + 1):
            x = convolution(x, width, name=f"stage{stage}_{index}")
        if stage < len(widths):
            x = layers.MaxPooling2D(2, name=f"stage{stage}_pool")(x)
    x = layers.Identity(name="features")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return classify(image, x, heads=heads, name="vgg")
