"""The weights that fine-tuning begins with: a run's Keras model, or the ONNX file of a bundled or exported one.

An ONNX file has no batch norm left: the exporter folds it into the convolution before it. Here each one is given back,
so that the network answers as the file does and learns as it did: the norm gets the mean and variance that its
convolution has on training images, and a scale and offset that undo them. Kernels get the size of a fresh network's:
before a norm their size says nothing but how fast they learn (van Laarhoven 2017, arXiv:1706.05350).
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mien.config import ModelConfig
from mien.errors import ConfigError, ModelError
from mien.images import to_tensor
from mien.inference.model_files import find_model
from mien.learn.models import build_model
from mien.learn.scoring import load_model
from mien.run import Run

__all__ = ["copy_matching_weights", "load_initial"]

# Images that the mean and variance of each convolution are measured on.
_NORM_IMAGES = 512


def load_initial(name: str, expected: ModelConfig, images: np.ndarray) -> keras.Model:
    """The model that a run begins with.

    Args:
        name: A bundled model, or a run or folder with a model.
        expected: The network to be trained; what it predicts, and its dropout, may differ.
        images: uint8 (N, 48, 48), training images.

    Raises:
        ModelError: There is no such model, or its file cannot be read.
        ConfigError: It is another network.
    """
    folder = Run(name) if Run(name).model_path.is_file() else find_model(name)
    config = folder.read_config()
    _check_same_network(config.model, expected, folder)
    if folder.model_path.is_file():
        return load_model(folder)
    model = build_model(config.model)
    _fill_from_onnx(model, folder.onnx_path)
    _give_norms_their_statistics(model, images[:: max(len(images) // _NORM_IMAGES, 1)])
    return model


def _check_same_network(initial: ModelConfig, expected: ModelConfig, folder: Run) -> None:
    free: dict[str, Any] = {"initial": "", "weights": "none", "dropout": 0.0, "predicts": "labels"}
    if replace(initial, **free) != replace(expected, **free):
        raise ConfigError(
            f"Expected model.initial to be of the same network ({_network(expected)}). "
            f"Received: {folder.path} ({_network(initial)}). Give both the same [model]."
        )


def _network(model: ModelConfig) -> str:
    return f"{model.architecture}, widths {list(model.widths)}, blocks {list(model.blocks)}"


def copy_matching_weights(source: keras.Model, target: keras.Model) -> None:
    """Give each layer of `target` the weights of the layer of `source` with its name.

    A head that `source` lacks begins as the one it has: a network of labels makes a good beginning for the votes.
    """
    have = {layer.name: layer for layer in source.layers}
    for layer in target.layers:
        if layer.weights:
            layer.set_weights([np.array(values) for values in (have.get(layer.name) or have["logits"]).get_weights()])


def _fill_from_onnx(model: keras.Model, path: Path) -> None:
    import onnx

    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    stored: dict[str, np.ndarray] = {}
    for name, values in tensors.items():
        if name.endswith("_int16"):  # see `mien.learn.compact`
            base = name.removesuffix("_int16")
            stored[base] = values.astype(np.float32) * tensors[f"{base}_scale"]
        elif not name.endswith("_scale"):
            stored[name] = values
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            _fill_convolution(layer, model, stored, path)
        elif isinstance(layer, keras.layers.Dense):
            kernel, bias = _found(stored, layer.name, 2, path), _found(stored, layer.name, 1, path)
            layer.set_weights([kernel, bias])


def _fill_convolution(layer: Any, model: keras.Model, stored: dict[str, np.ndarray], path: Path) -> None:
    kernel = _found(stored, layer.name, 4, path).transpose(2, 3, 1, 0)  # (h, w, in, out)
    if layer.use_bias:
        layer.set_weights([kernel, _found(stored, layer.name, 1, path)])
        return
    layer.set_weights([kernel])
    norm = model.get_layer(layer.name.removesuffix("_conv") + "_norm")
    offset = _found(stored, norm.name, 1, path)
    one = np.ones_like(offset)
    norm.set_weights([np.sqrt(one + norm.epsilon), offset, np.zeros_like(offset), one])


def _found(stored: dict[str, np.ndarray], layer: str, dimensions: int, path: Path) -> np.ndarray:
    """The one tensor of a layer with so many dimensions; exporters write the layer's name into the tensor's."""
    pattern = re.compile(rf"(^|/){re.escape(layer)}(_\d+)?/")
    found = [values for name, values in stored.items() if values.ndim == dimensions and pattern.search(name)]
    if len(found) != 1:
        raise ModelError(
            f"Expected the weights of layer {layer} in {path}, as mien's own export names them. Received: "
            f"{len(found)} tensors of that name. Fine-tune from a run folder with its model.keras instead."
        )
    return found[0]


def _give_norms_their_statistics(model: keras.Model, images: np.ndarray) -> None:
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    convolutions = [model.get_layer(norm.name.removesuffix("_norm") + "_conv") for norm in norms]
    outputs = keras.Model(model.input, [norm.output for norm in norms])
    pixels = to_tensor(images)
    for norm, convolution, values in zip(
        norms, convolutions, outputs.predict(pixels, batch_size=128, verbose=0), strict=True
    ):
        _, beta, _, _ = norm.get_weights()  # so far y = x + beta
        mean = values.mean(axis=(0, 1, 2)) - beta
        variance = values.var(axis=(0, 1, 2))
        (kernel,) = convolution.get_weights()
        factor = np.sqrt(2 / np.prod(kernel.shape[:3])) / kernel.std()  # to the deviation of He et al. 2015
        convolution.set_weights([kernel * factor])
        mean, variance, gamma = mean * factor, variance * factor**2, np.sqrt(variance + norm.epsilon)
        norm.set_weights([gamma, beta + mean / factor, mean, variance])
