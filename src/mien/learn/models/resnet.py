"""`resnet`: a compact residual network for 48×48 images (He et al. 2016, arXiv:1512.03385), the default.

Two changes of He et al. 2019 (arXiv:1812.01187): the shortcut of a stage that halves the image averages before its
1×1 convolution, and the last batch norm of each block starts at zero, so that a fresh network is shallow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from mien.learn.models.blocks import classify, convolution, image_input, normalise

__all__ = ["build_resnet"]


def build_resnet(
    *,
    widths: Sequence[int] = (48, 96, 192, 384),
    blocks: Sequence[int] = (2, 2, 2, 1),
    dropout: float = 0.3,
    squeeze_excite: bool = False,
    heads: int = 1,
) -> keras.Model:
    """A stem of stride 2, stages of basic blocks, global average pooling.

    Args:
        widths: Channels of each stage; the stem has the first.
        blocks: Residual blocks of each stage; every stage but the first halves the image.
        dropout: Share of features dropped before the logits.
        squeeze_excite: Weigh the channels of each block (Hu et al. 2018, arXiv:1709.01507).
        heads: How many questions it answers, 1 or 2 (see `mien.learn.targets`).
    """
    image, x = image_input()
    x = convolution(x, widths[0], strides=2, name="stem")  # (N, 24, 24, C)
    for stage, (width, count) in enumerate(zip(widths, blocks, strict=True), 1):
        for index in range(1, count + 1):
            strides = 2 if stage > 1 and index == 1 else 1
            name = f"stage{stage}_{index}"
            x = _block(x, width, strides=strides, squeeze_excite=squeeze_excite, name=name)
    x = layers.Identity(name="features")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return classify(image, x, heads=heads, name="resnet")


def _block(x: Any, width: int, *, strides: int, squeeze_excite: bool, name: str) -> Any:
    y = convolution(x, width, strides=strides, name=f"{name}_a")
    y = _linear_convolution(y, width, size=3, gamma="zeros", name=f"{name}_b")
    if squeeze_excite:
        y = _squeeze_excite(y, name=f"{name}_se")
    if strides > 1:
        x = layers.AveragePooling2D(strides, padding="same", name=f"{name}_shortcut_pool")(x)
    if x.shape[-1] != width:
        x = _linear_convolution(x, width, size=1, gamma="ones", name=f"{name}_shortcut")
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([x, y]))


def _linear_convolution(x: Any, width: int, *, size: int, gamma: str, name: str) -> Any:
    x = layers.Conv2D(width, size, padding="same", use_bias=False, kernel_initializer="he_normal", name=f"{name}_conv")(
        x
    )
    return normalise(x, gamma=gamma, name=f"{name}_norm")


def _squeeze_excite(x: Any, *, name: str, reduction: int = 8) -> Any:
    width = x.shape[-1]
    weights = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_pool")(x)  # (N, 1, 1, C)
    weights = layers.Conv2D(max(width // reduction, 8), 1, activation="relu", name=f"{name}_squeeze")(weights)
    weights = layers.Conv2D(width, 1, activation="sigmoid", name=f"{name}_excite")(weights)
    return layers.Multiply(name=f"{name}_scale")([x, weights])
