"""Augmented images per second: mien beside Keras' ImageDataGenerator, in one run, in turns.

    python benchmarks/augmentation.py [--images 4096] [--repeats 5] [--json]

Both flip, rotate, shift, zoom and change brightness of 48×48 grey images in batches of 128; mien also changes contrast
and erases. mien is measured on one thread and on two, as training uses it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from mien.config import AugmentConfig
from mien.learn.augment import augment_batch

BATCH = 128
CONFIG = AugmentConfig()


def image_data_generator(images: np.ndarray) -> None:
    from keras.src.legacy.preprocessing.image import ImageDataGenerator  # Keras 3 keeps it here, without a public name

    generator = ImageDataGenerator(
        horizontal_flip=CONFIG.flip,
        rotation_range=CONFIG.rotation_degrees,
        width_shift_range=CONFIG.shift,
        height_shift_range=CONFIG.shift,
        zoom_range=CONFIG.zoom,
        brightness_range=(1 - CONFIG.brightness, 1 + CONFIG.brightness),
        fill_mode="reflect",
    )
    batches = generator.flow(images[..., None], batch_size=BATCH, shuffle=False)
    for _ in range(len(images) // BATCH):
        next(batches)


def mien_one_thread(images: np.ndarray) -> None:
    for start in range(0, len(images), BATCH):
        augment_batch(images[start : start + BATCH], CONFIG, np.random.default_rng(start))


def mien_two_threads(images: np.ndarray) -> None:
    half = len(images) // 2
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(mien_one_thread, (images[:half], images[half:])))


def measure(images: np.ndarray, repeats: int) -> dict[str, float]:
    """Median images per second of each, measured in turns."""
    ways: dict[str, Callable[[np.ndarray], None]] = {
        "ImageDataGenerator": image_data_generator,
        "mien, one thread": mien_one_thread,
        "mien, two threads": mien_two_threads,
    }
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            started = time.perf_counter()
            way(images)
            speeds[name].append(len(images) / (time.perf_counter() - started))
    return {name: statistics.median(values) for name, values in speeds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--images", type=int, default=4096)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    images = np.random.default_rng(0).integers(0, 256, (options.images, 48, 48), dtype=np.uint8)
    found = measure(images, options.repeats)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    base = found["ImageDataGenerator"]
    print("| augmentation | images/s | ratio |\n|---|---|---|")
    for name, speed in found.items():
        print(f"| {name} | {speed:,.0f} | {speed / base:.1f} |")


if __name__ == "__main__":
    main()
