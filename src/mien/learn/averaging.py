"""Weight averaging, and batch-norm statistics that fit the averaged weights.

An exponential moving average of the weights (Polyak & Juditsky 1992) is kept by the Keras optimizer. Its batch norms
need statistics of their own: those that were gathered while the raw weights moved belong to other activations
(Izmailov et al. 2018, arXiv:1803.05407, section 3.2), so they are measured again on training images.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops

__all__ = ["averaged_weights", "keep_raw_weights", "refresh_batch_norm"]


def keep_raw_weights(optimizer: keras.optimizers.Optimizer) -> None:
    """Stop `fit` from replacing the raw weights by the average whenever it ends; mien calls `fit` once per epoch."""
    optimizer.finalize_variable_values = lambda var_list: None


@contextmanager
def averaged_weights(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> Iterator[None]:
    """Inside the block the model holds the averaged weights; afterwards everything is as it was."""
    # Copies, because on JAX the arrays may share the memory of the variables, which the next step overwrites.
    raw = [np.array(ops.convert_to_numpy(variable)) for variable in model.variables]
    try:
        averages = optimizer._model_variables_moving_average  # Keras gives no public way to read them
        for variable, average in zip(optimizer._trainable_variables, averages, strict=True):
            variable.assign(average)
        yield
    finally:
        for variable, value in zip(model.variables, raw, strict=True):
            variable.assign(value)


def refresh_batch_norm(model: keras.Model, batches: Iterable[Any]) -> None:
    """Measure every batch norm's mean and variance again, as the plain mean over `batches`.

    Args:
        model: Its moving statistics are overwritten; nothing else changes.
        batches: Images float32 (B, 48, 48, 1), as the model sees them in training.
    """
    norms = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    norms = [layer for layer in norms if layer.trainable]
    if not norms:
        return
    statistics = [variable for layer in norms for variable in (layer.moving_mean, layer.moving_variance)]
    sums = [np.zeros(variable.shape) for variable in statistics]  # float64
    momenta = [layer.momentum for layer in norms]
    count = 0
    try:
        for layer in norms:
            layer.momentum = 0.0  # the moving statistics become those of the last batch
        for images in batches:
            model(images, training=True)
            count += 1
            sums = [total + ops.convert_to_numpy(variable) for total, variable in zip(sums, statistics, strict=True)]
    finally:
        for layer, momentum in zip(norms, momenta, strict=True):
            layer.momentum = momentum
    for total, variable in zip(sums, statistics, strict=True):
        variable.assign((total / max(count, 1)).astype(np.float32))
