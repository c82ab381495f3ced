"""Augmentation: random changes to training images, one implementation, the same on every backend.

NumPy and OpenCV on the host: one warp per image holds flip, rotation, shift and zoom together, so pixels are
interpolated once; everything else works on the whole batch. The same generator state gives the same images.
"""

from __future__ import annotations

import cv2
import numpy as np

from mien.config import AugmentConfig

__all__ = ["augment_batch", "mix_batch"]

_MIN_ERASED_AREA = 0.02  # smaller rectangles hide nothing (the lower bound of Zhong et al. 2020)
# How bad: from what nobody notices to what a thumbnail of a face in a crowd or a dark room looks like.
_SMALL_FACE_PX = (14, 40)
_JPEG_QUALITY = (8, 60)
_BLUR_SIGMA_PX = (0.5, 2.0)
_NOISE_SIGMA = (4.0, 24.0)
_ERASED_ASPECT = 3.3  # widest and narrowest erased rectangle, as in Zhong et al. 2020


def augment_batch(images: np.ndarray, config: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    """Change each image at random.

    Args:
        images: uint8 (N, 48, 48).
        config: The magnitudes.
        rng: Where randomness comes from; it alone decides the result.

    Returns:
        float32 (N, 48, 48) in 0–255.
    """
    warped = _warp(images, config, rng)
    if config.degrade_probability:
        _degrade(warped, config, rng)
    changed = warped.astype(np.float32)
    _change_light(changed, config, rng)
    _erase(changed, config, rng)
    return changed


def _warp(images: np.ndarray, config: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    """Flip, rotate, shift and zoom about the centre; what comes in from outside is the mirrored image."""
    count, height, width = images.shape
    matrices = _inverse_matrices(count, height, width, config, rng)
    warped = np.empty_like(images)
    for source, matrix, target in zip(images, matrices, warped, strict=True):
        cv2.warpAffine(
            source,
            matrix,
            (width, height),
            dst=target,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT_101,
        )
    return warped


def _inverse_matrices(
    count: int, height: int, width: int, config: AugmentConfig, rng: np.random.Generator
) -> np.ndarray:
    """float64 (N, 2, 3): for each output pixel, where it comes from."""
    angle = np.deg2rad(rng.uniform(-1, 1, count) * config.rotation_degrees)
    scale = 1 + rng.uniform(-1, 1, count) * config.zoom
    shift = rng.uniform(-1, 1, (count, 2)) * config.shift * (width, height)
    mirror = np.where(rng.random(count) < 0.5, -1.0, 1.0) if config.flip else np.ones(count)
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    linear = np.stack([np.stack([cos, sin], 1), np.stack([-sin, cos], 1)], 1)  # (N, 2, 2)
    linear[:, 0] *= mirror[:, None]  # mirrors the source's x
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    offset = centre - np.einsum("nij,nj->ni", linear, centre + shift)
    return np.concatenate([linear, offset[:, :, None]], axis=2)


def _degrade(images: np.ndarray, config: AugmentConfig, rng: np.random.Generator) -> None:
    """Do to some images, in place, one of the things that small and bad pictures suffer."""
    size = images.shape[2], images.shape[1]
    for index in np.flatnonzero(rng.random(len(images)) < config.degrade_probability):
        image, kind = images[index], int(rng.integers(4))
        if kind == 0:  # few pixels
            small = int(rng.integers(*_SMALL_FACE_PX))
            image = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
            images[index] = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
        elif kind == 1:
            quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(*_JPEG_QUALITY))]
            images[index] = cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_GRAYSCALE)
        elif kind == 2:
            images[index] = cv2.GaussianBlur(image, (0, 0), rng.uniform(*_BLUR_SIGMA_PX))
        else:
            noisy = image + rng.normal(0, rng.uniform(*_NOISE_SIGMA), image.shape)
            images[index] = np.clip(np.rint(noisy), 0, 255)


def _change_light(images: np.ndarray, config: AugmentConfig, rng: np.random.Generator) -> None:
    """Scale contrast about each image's mean and add brightness, in place."""
    count = len(images)
    contrast = (1 + rng.uniform(-1, 1, count) * config.contrast).astype(np.float32)[:, None, None]
    brightness = (rng.uniform(-255, 255, count) * config.brightness).astype(np.float32)[:, None, None]
    mean = images.mean(axis=(1, 2), keepdims=True)
    images *= contrast
    images += mean * (1 - contrast) + brightness
    np.clip(images, 0, 255, out=images)


def _erase(images: np.ndarray, config: AugmentConfig, rng: np.random.Generator) -> None:
    """Fill one random rectangle of some images with noise, in place."""
    count, height, width = images.shape
    chosen = np.flatnonzero(rng.random(count) < config.erasing_probability)
    area = rng.uniform(_MIN_ERASED_AREA, config.erasing_area, len(chosen)) * height * width
    aspect = np.exp(rng.uniform(-1, 1, len(chosen)) * np.log(_ERASED_ASPECT))
    heights = np.clip(np.sqrt(area * aspect).round(), 1, height).astype(int)
    widths = np.clip(np.sqrt(area / aspect).round(), 1, width).astype(int)
    corners = rng.random((len(chosen), 2))
    for index, h, w, (down, right) in zip(chosen, heights, widths, corners, strict=True):
        top, left = int(down * (height - h + 1)), int(right * (width - w + 1))
        images[index, top : top + h, left : left + w] = rng.integers(0, 256, (h, w))


def mix_batch(
    images: np.ndarray, labels: np.ndarray, config: AugmentConfig, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Blend each image and label with another of the batch, by mixup or CutMix as the config says.

    Args:
        images: float32 (N, 48, 48) in 0–255.
        labels: float32 (N, 7), rows sum to 1.
        config: `mixup_alpha` and `cutmix_alpha`; with both above 0, each batch takes one of them with even odds.
        rng: Where randomness comes from.

    Returns:
        Images and labels of the same shapes and ranges.
    """
    kinds = [kind for kind, alpha in (("mixup", config.mixup_alpha), ("cutmix", config.cutmix_alpha)) if alpha]
    if not kinds:
        return images, labels
    kind = kinds[int(rng.integers(len(kinds)))]
    partner = rng.permutation(len(images))
    if kind == "mixup":
        share = rng.beta(config.mixup_alpha, config.mixup_alpha, len(images)).astype(np.float32)
        mixed = images * share[:, None, None] + images[partner] * (1 - share)[:, None, None]
    else:
        mixed, share = _cutmix(images, partner, float(rng.beta(config.cutmix_alpha, config.cutmix_alpha)), rng)
    return mixed, labels * share[:, None] + labels[partner] * (1 - share)[:, None]


def _cutmix(
    images: np.ndarray, partner: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Paste one rectangle of each partner, at the same place in the whole batch; the share kept is exact."""
    count, height, width = images.shape
    h, w = (round(side * np.sqrt(1 - share)) for side in (height, width))
    top, left = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
    mixed = images.copy()
    mixed[:, top : top + h, left : left + w] = images[partner, top : top + h, left : left + w]
    return mixed, np.full(count, 1 - h * w / (height * width), np.float32)
