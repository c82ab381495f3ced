"""Grad-CAM: which part of a face speaks for a class, and whether that map depends on what the network has learnt."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import keras
import numpy as np
from keras import ops

from mien.errors import ConfigError
from mien.images import no_crops, to_tensor

__all__ = ["GradCam", "RandomisationCheck", "check_by_randomisation"]

_BATCH_SIZE = 256


class GradCam:
    """Grad-CAM of a model of `mien.learn.models` (Selvaraju et al. 2017, arXiv:1610.02391).

    Args:
        model: Any architecture.
        layer: Name of the layer whose feature maps are weighed: the last ones, or earlier and finer ones such as
            `stage3_2_relu`, as long as everything after it depends on the image through it alone.

    Raises:
        ConfigError: The model has no such layer, or something goes round it.
    """

    def __init__(self, model: keras.Model, *, layer: str = "features") -> None:
        try:
            features = model.get_layer(layer).output
            self._features = keras.Model(model.input, features)
            answer = model.output_names[-1]  # the labels' head where there are two
            self._head = keras.Model(features, model.get_layer(answer.replace("probabilities", "logits")).output)
        except ValueError as error:
            names = ", ".join(one.name for one in model.layers if len(getattr(one.output, "shape", ())) == 4)
            raise ConfigError(
                f"Expected a layer of feature maps that all later layers go through. Received: {layer!r}. "
                f"Layers with feature maps: {names}."
            ) from error

    def maps(self, images: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """What speaks for a class.

        Args:
            images: uint8 (N, 48, 48).
            codes: int (N,), the class that each image is asked about.

        Returns:
            float32 (N, 48, 48), 0 to 1: 1 at the strongest place of each image; all 0 where nothing speaks for it.
        """
        starts = range(0, len(images), _BATCH_SIZE)
        batches = [self._batch(images[i : i + _BATCH_SIZE], codes[i : i + _BATCH_SIZE]) for i in starts]
        return np.concatenate(batches) if batches else no_crops().astype(np.float32)

    def _batch(self, images: np.ndarray, codes: np.ndarray) -> np.ndarray:
        pixels = to_tensor(images)
        # Called, not predicted: compiling a graph would cost more than the few batches that are asked for.
        features = np.asarray(ops.convert_to_numpy(self._features(pixels, training=False)), np.float32)  # (N, h, w, C)
        weights = _logit_gradients(self._head, features, codes).mean(axis=(1, 2), keepdims=True)  # (N, 1, 1, C)
        coarse = np.maximum((features * weights).sum(axis=-1), 0)  # (N, h, w)
        strongest = coarse.max(axis=(1, 2), keepdims=True)
        coarse = np.divide(coarse, strongest, out=np.zeros_like(coarse), where=strongest > 0)
        size = images.shape[2], images.shape[1]
        fine = np.stack([cv2.resize(one, size, interpolation=cv2.INTER_CUBIC) for one in coarse])
        return np.clip(fine, 0, 1)  # cubic interpolation overshoots a little


@dataclass(frozen=True)
class RandomisationCheck:
    """How alike maps are before and after layers lose what they learnt (Adebayo et al. 2018, arXiv:1810.03292).

    Attributes:
        layers: The layers whose weights were made random, from the logits downwards, each on top of those before.
        correlation: float64 (L,), mean Spearman rank correlation with the maps of the trained network: near 1 would
            say that the maps show the picture, not the network.
    """

    layers: tuple[str, ...]
    correlation: np.ndarray


def check_by_randomisation(
    model: keras.Model, images: np.ndarray, codes: np.ndarray, *, layers: int = 6, seed: int = 0
) -> RandomisationCheck:
    """Make layers random from the top down and compare the maps each time.

    Args:
        model: The trained model; it is copied, not changed.
        images: uint8 (N, 48, 48).
        codes: int (N,).
        layers: How many layers with kernels are made random at most.
        seed: Of the random weights.
    """
    trained = GradCam(model).maps(images, codes)
    copy = keras.models.clone_model(model)
    copy.set_weights([np.array(weights) for weights in model.get_weights()])
    rng = np.random.default_rng(seed)
    names, correlations = [], []
    for layer in [layer for layer in reversed(copy.layers) if getattr(layer, "kernel", None) is not None][:layers]:
        kernel = np.array(ops.convert_to_numpy(layer.kernel))
        layer.kernel.assign(rng.permutation(kernel.ravel()).reshape(kernel.shape))
        names.append(layer.name)
        correlations.append(_mean_rank_correlation(trained, GradCam(copy).maps(images, codes)))
    return RandomisationCheck(tuple(names), np.array(correlations))


def _mean_rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Mean Spearman correlation of maps (N, H, W) pair by pair; a constant map correlates with nothing."""
    values = [_correlation(_ranks(a), _ranks(b)) for a, b in zip(first, second, strict=True)]
    return float(np.mean(values)) if values else 0.0


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks with ties shared, as Spearman's correlation wants them."""
    _, inverse, counts = np.unique(values.ravel(), return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[inverse])


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    if first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _logit_gradients(head: keras.Model, features: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """How the logit of a class grows with each value of the feature maps; Keras has no common call for it.

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
