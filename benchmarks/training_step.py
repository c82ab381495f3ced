"""Training speed of one network: mien's way beside plain `model.fit`, in one run, in turns.

    python benchmarks/training_step.py [--config configs/base.toml] [--steps 30] [--repeats 3] [--json]

All train the same network on the same images with the same optimizer and batch size:

- `model.fit, float32`: the stock Keras model, arrays in memory, no augmentation
- `model.fit, mixed_bfloat16`: the same under Keras' mixed precision
- `mien, float32` and `mien, auto`: fused batch norm, augmentation, mixup and weight averaging as the config says
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from mien.config import Config, load_config
from mien.data.dataset import Split
from mien.learn.environment import policy_for
from mien.learn.layers import with_fused_norms
from mien.learn.models import build_model, logits_model
from mien.learn.pipeline import EpochBatches
from mien.learn.schedules import make_optimizer


def compiled(config: Config, *, policy: str, fused: bool) -> keras.Model:
    built = build_model(config.model, policy=policy)
    model = logits_model(with_fused_norms(built) if fused else built)
    plain = config if fused else replace(config, optimizer=replace(config.optimizer, ema_momentum=0.0))
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=config.train.label_smoothing)
    model.compile(make_optimizer(plain, model, 0.01), loss=loss, metrics=["accuracy"])
    return model


def plain_fit(config: Config, split: Split, policy: str) -> Callable[[], None]:
    model = compiled(config, policy=policy, fused=False)
    pixels, labels = split.images[..., None].astype(np.float32), np.eye(7, dtype=np.float32)[split.labels]
    return lambda: model.fit(pixels, labels, batch_size=config.train.batch_size, epochs=1, verbose=0)


def mien_fit(config: Config, split: Split, policy: str) -> Callable[[], None]:
    model = compiled(config, policy=policy, fused=True)
    return lambda: model.fit(EpochBatches(split, config, epoch=0), epochs=1, shuffle=False, verbose=0)


def measure(config: Config, steps: int, repeats: int) -> dict[str, float]:
    """Median images per second of each way, measured in turns after one warm-up."""
    count = steps * config.train.batch_size
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, 48, 48), dtype=np.uint8)
    split = Split(images, rng.integers(0, 7, count), np.arange(count).astype(str))
    ways = {
        "model.fit, float32": plain_fit(config, split, "float32"),
        "model.fit, mixed_bfloat16": plain_fit(config, split, "mixed_bfloat16"),
        "mien, float32": mien_fit(config, split, "float32"),
        f"mien, auto ({policy_for(config.train)})": mien_fit(config, split, policy_for(config.train)),
    }
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(repeats):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            speeds[name].append(count / (time.perf_counter() - started))
    return {name: statistics.median(values) for name, values in speeds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--config", type=Path, default=Path(__file__).parent.parent / "configs" / "base.toml")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    config = load_config(options.config)
    found = measure(config, options.steps, options.repeats)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    base = found["model.fit, float32"]
    print(f"{config.model.architecture}, {keras.backend.backend()}, batch {config.train.batch_size}\n")
    print("| training | images/s | ratio |\n|---|---|---|")
    for name, speed in found.items():
        print(f"| {name} | {speed:,.0f} | {speed / base:.2f} |")


if __name__ == "__main__":
    main()
