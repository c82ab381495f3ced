"""Occlusion maps: where a patch that covers the face costs a class the most.

They need only predictions, so an ONNX file has them too.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

__all__ = ["Predict", "occlusion_maps"]

Predict = Callable[[np.ndarray], np.ndarray]
"""uint8 (N, 48, 48) → float32 (N, 7) probabilities."""


def occlusion_maps(
    predict: Predict, images: np.ndarray, codes: np.ndarray, *, patch_px: int = 12, stride_px: int = 4
) -> np.ndarray:
    """How much a class loses when a grey patch covers each place (Zeiler & Fergus 2014, arXiv:1311.2901).

    Args:
        predict: The model.
        images: uint8 (N, 48, 48).
        codes: int (N,), the class that each image is asked about.
        patch_px: Side of the patch, in pixels.
        stride_px: Step of the patch, in pixels.

    Returns:
        float32 (N, 48, 48), 0 to 1: 1 where covering costs most; all 0 where it costs nothing anywhere.
    """
    height, width = images.shape[1:]
    before = predict(images)[np.arange(len(images)), codes]
    loss = np.zeros(images.shape, np.float32)
    times = np.zeros((height, width), np.float32)
    mean = images.mean(axis=(1, 2)).astype(np.uint8)[:, None, None]
    # The patch also slides half out of the image, so that borders are covered as often as the middle.
    for top in range(-patch_px // 2, height - patch_px // 2 + 1, stride_px):
        for left in range(-patch_px // 2, width - patch_px // 2 + 1, stride_px):
            place = np.s_[max(top, 0) : top + patch_px, max(left, 0) : left + patch_px]
            covered = images.copy()
            covered[(slice(None), *place)] = mean
            drop = before - predict(covered)[np.arange(len(images)), codes]
            loss[(slice(None), *place)] += drop[:, None, None]
            times[place] += 1
    # Smoothed by half a step, so that the steps of the patch are not seen as blocks.
    loss = np.maximum(np.stack([cv2.GaussianBlur(one / times, (0, 0), stride_px / 2) for one in loss]), 0)
    strongest = loss.max(axis=(1, 2), keepdims=True)
    shares: np.ndarray = np.divide(loss, strongest, out=np.zeros_like(loss), where=strongest > 0)
    return shares
