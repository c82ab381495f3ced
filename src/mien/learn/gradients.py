"""The gradient of logits by feature maps, on each Keras backend; Keras itself has no common call for it."""

from __future__ import annotations

import keras
import numpy as np

__all__ = ["logit_gradients"]


def logit_gradients(head: keras.Model, features: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """How the logit of a class grows with each value of the feature maps.

    Args:
        head: A model from feature maps (N, H, W, C) to logits (N, 7), without batch statistics.
        features: float32 (N, H, W, C).
        codes: int (N,), the class of each image.

    Returns:
        float32 (N, H, W, C).
    """
    chosen = np.eye(head.output_shape[-1], dtype=np.float32)[codes]  # (N, 7)
    gradient = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[keras.backend.backend()]
    return gradient(head, features, chosen)


def _tensorflow(head: keras.Model, features: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    import tensorflow as tf

    inputs = tf.convert_to_tensor(features)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        total = tf.reduce_sum(head(inputs, training=False) * chosen)
    return np.asarray(tape.gradient(total, inputs))


def _jax(head: keras.Model, features: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    import jax

    return np.asarray(jax.grad(lambda inputs: (head(inputs, training=False) * chosen).sum())(features))


def _torch(head: keras.Model, features: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    inputs = keras.ops.convert_to_tensor(features).detach().requires_grad_()
    (head(inputs, training=False) * keras.ops.convert_to_tensor(chosen)).sum().backward()
    return np.asarray(keras.ops.convert_to_numpy(inputs.grad))
