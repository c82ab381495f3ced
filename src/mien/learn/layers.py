"""Batch normalisation that uses the backend's fused kernel where it has one.

Keras computes batch norm from elementary operations in float32. TensorFlow has one kernel for all of it, which also
takes bfloat16: on two cores with AMX the whole training step of `resnet` runs 1.5 to 2 times faster with it
(`benchmarks/training_step.py`). This is the only module of the learning package that names a backend's own functions.
"""

from __future__ import annotations

from typing import Any

import keras

__all__ = ["FusedBatchNormalization", "with_fused_norms"]


def with_fused_norms(model: keras.Model) -> keras.Model:
    """A copy of a network with the same weights that trains faster: its batch norms are `FusedBatchNormalization`.

    A network inside the network, such as a pretrained backbone, stays as it is.
    """
    if not any(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers):
        return model

    def copy(layer: keras.layers.Layer) -> keras.layers.Layer:
        kind = FusedBatchNormalization if isinstance(layer, keras.layers.BatchNormalization) else type(layer)
        return kind.from_config(layer.get_config())

    fused: keras.Model = keras.models.clone_model(model, clone_function=copy)
    fused.set_weights(model.get_weights())
    return fused


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` over (N, H, W, C), same weights in the same order, faster on TensorFlow.

    On other backends it is the Keras layer unchanged. Trained weights are stored in models with stock Keras layers,
    so a saved file never needs this class.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise `inputs`, by the batch's statistics while training, else by the moving ones."""
        if keras.backend.backend() != "tensorflow" or len(inputs.shape) != 4 or mask is not None:
            return super().call(inputs, training=training, mask=mask)
        if training and self.trainable:
            return self._normalise_by_batch(inputs)
        return _fused(inputs, self, self.moving_mean, self.moving_variance)[0]

    def _normalise_by_batch(self, inputs: Any) -> Any:
        outputs, mean, variance = _fused(inputs, self)
        self.moving_mean.assign(self.moving_mean * self.momentum + mean * (1.0 - self.momentum))
        self.moving_variance.assign(self.moving_variance * self.momentum + variance * (1.0 - self.momentum))
        return outputs


def _fused(inputs: Any, layer: keras.layers.BatchNormalization, *moving: Any) -> Any:
    import tensorflow as tf

    values = [tf.convert_to_tensor(variable) for variable in (layer.gamma, layer.beta, *moving)]
    return tf.compat.v1.nn.fused_batch_norm(inputs, *values, epsilon=layer.epsilon, is_training=not moving)
