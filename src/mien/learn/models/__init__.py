"""Networks by name, all with the same contract: pixels in, probabilities out.

Every model takes float32 (N, 48, 48, 1) in 0–255 and gives float32 (N, 7) that sums to 1 in `EMOTIONS` order. Scaling
and softmax are layers of the graph. The layer called `logits` holds the values before softmax, the layer called
`features` the last feature maps (for Grad-CAM), in every architecture.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from mien.config import TRANSFER_ARCHITECTURES, ModelConfig
from mien.learn.models.cnn import build_cnn
from mien.learn.models.resnet import build_resnet
from mien.learn.models.transfer import build_transfer
from mien.learn.models.vgg import build_vgg
from mien.learn.targets import heads_of

__all__ = ["build_model", "copy_weights", "dtype_policy", "logits_model"]

_BUILDERS = {"cnn": build_cnn, "vgg": build_vgg, "resnet": build_resnet}


@contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Build layers under the Keras dtype policy `name` (`float32`, `mixed_bfloat16`), then put the old one back."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def build_model(config: ModelConfig, *, policy: str = "float32") -> keras.Model:
    """Build a network with fresh weights.

    Args:
        config: Architecture and its sizes.
        policy: Keras dtype policy; weights and outputs are float32 under every policy.

    Returns:
        A model from float32 (N, 48, 48, 1) in 0–255 to float32 (N, 7) probabilities; a list of two such outputs, the
        votes' and the labels', when it predicts both.

    Raises:
        ModelError: Pretrained weights were asked for and are not there.
    """
    heads = len(heads_of(config.predicts))
    with dtype_policy(policy):
        if config.architecture in TRANSFER_ARCHITECTURES:
            return build_transfer(
                config.architecture,
                weights=config.weights,
                input_size_px=config.input_size_px,
                dropout=config.dropout,
                heads=heads,
            )
        build: Any = _BUILDERS[config.architecture]
        options: dict[str, Any] = {"dropout": config.dropout, "heads": heads}
        if config.widths:
            options |= {"widths": config.widths, "blocks": config.blocks}
        if config.architecture == "resnet":
            options["squeeze_excite"] = config.squeeze_excite
        model: keras.Model = build(**options)
        return model


def logits_model(model: keras.Model) -> keras.Model:
    """The same network, sharing its weights, from images to float32 (N, 7 · heads) logits, side by side."""
    logits = [model.get_layer(name.replace("probabilities", "logits")).output for name in model.output_names]
    output = logits[0] if len(logits) == 1 else keras.layers.Concatenate(dtype="float32", name="all_logits")(logits)
    return keras.Model(model.input, output, name=f"{model.name}_logits")


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Give `target` the weights of `source`, a model of the same architecture under whatever policy."""
    # Copied, because on JAX the arrays may share the memory of the variables, which the next step overwrites.
    target.set_weights([np.array(weights) for weights in source.get_weights()])
