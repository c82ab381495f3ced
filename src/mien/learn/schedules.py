"""Learning rates over time, and the optimizers that follow them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from mien.config import Config

__all__ = ["CosineRestarts", "OneCycle", "learning_rate_schedule", "make_optimizer", "plateau_rate"]

PLATEAU_FACTOR = 0.5
PLATEAU_PATIENCE_EPOCHS = 5


@keras.saving.register_keras_serializable(package="mien")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """Up from a 25th of the peak over the first 30 % of steps, then down to almost zero, both as half a cosine.

    After Smith & Topin 2018 (arXiv:1708.07120), with the shares that have become usual since.
    """

    def __init__(self, peak: float, total_steps: int) -> None:
        self.peak = peak
        self.total_steps = total_steps

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step (from 0)."""
        progress = ops.cast(step, "float32") / max(self.total_steps, 1)
        rise, start, end = 0.3, self.peak / 25, self.peak / 1e4
        up = _half_cosine(start, self.peak, ops.clip(progress / rise, 0.0, 1.0))
        down = _half_cosine(self.peak, end, ops.clip((progress - rise) / (1 - rise), 0.0, 1.0))
        return ops.where(progress < rise, up, down)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {"peak": self.peak, "total_steps": self.total_steps}


@keras.saving.register_keras_serializable(package="mien")
class CosineRestarts(keras.optimizers.schedules.LearningRateSchedule):
    """Cosine to zero, several times over, each time from a lower peak.

    SGDR (Loshchilov & Hutter 2017, arXiv:1608.03983), with cycles as long as the caller says.

    Args:
        peak: Rate at the top of the first cycle.
        warmup_steps: Steps of linear rise before it.
        starts: The steps at which the later cycles begin, rising.
        total_steps: The step at which the last cycle reaches zero.
        factor: Peak of each later cycle, as a share of the one before.
    """

    def __init__(self, peak: float, warmup_steps: int, starts: Sequence[int], total_steps: int, factor: float) -> None:
        self.peak = peak
        self.warmup_steps = warmup_steps
        self.starts = tuple(starts)
        self.total_steps = total_steps
        self.factor = factor

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step (from 0)."""
        step = ops.cast(step, "float32")
        rate = self.peak * step / max(self.warmup_steps, 1)
        bounds = [self.warmup_steps, *self.starts, self.total_steps]
        for cycle, (start, end) in enumerate(itertools.pairwise(bounds)):
            share = ops.clip((step - start) / max(end - start, 1), 0.0, 1.0)
            rate = ops.where(step < start, rate, _half_cosine(self.peak * self.factor**cycle, 0.0, share))
        return rate

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {
            "peak": self.peak,
            "warmup_steps": self.warmup_steps,
            "starts": self.starts,
            "total_steps": self.total_steps,
            "factor": self.factor,
        }


def _half_cosine(start: float, end: float, share: Any) -> Any:
    return end + (start - end) * 0.5 * (1 + ops.cos(share * 3.141592653589793))


def learning_rate_schedule(config: Config, *, peak: float, steps_per_epoch: int, epochs: int) -> Any:
    """A number for `constant` and `plateau` (which the training loop lowers), else a Keras schedule."""
    total_steps = steps_per_epoch * epochs
    if config.optimizer.schedule == "onecycle":
        return OneCycle(peak, total_steps)
    if config.optimizer.schedule == "cosine":
        warmup_steps = round(min(config.optimizer.warmup_epochs, epochs / 2) * steps_per_epoch)
        if config.optimizer.restart_epochs:
            starts = [epoch * steps_per_epoch for epoch in config.optimizer.restart_epochs]
            return CosineRestarts(peak, warmup_steps, starts, total_steps, config.optimizer.restart_factor)
        return keras.optimizers.schedules.CosineDecay(
            0.0 if warmup_steps else peak,
            max(total_steps - warmup_steps, 1),
            warmup_target=peak if warmup_steps else None,
            warmup_steps=warmup_steps,
        )
    return peak


def plateau_rate(peak: float, val_losses: Sequence[float]) -> float:
    """The rate after those epochs: halved each time val_loss has not improved for five; a pure function of history."""
    rate, best, waited = peak, float("inf"), 0
    for loss in val_losses:
        if loss < best:
            best, waited = loss, 0
        else:
            waited += 1
        if waited >= PLATEAU_PATIENCE_EPOCHS:
            rate, waited = rate * PLATEAU_FACTOR, 0
    return rate


def make_optimizer(config: Config, model: keras.Model, learning_rate: Any) -> keras.optimizers.Optimizer:
    """The optimizer of `config` for the weights of `model`; decay spares everything but kernels."""
    options = config.optimizer
    shared: dict[str, Any] = {
        "learning_rate": learning_rate,
        "weight_decay": options.weight_decay or None,
        "global_clipnorm": options.gradient_clip_norm or None,
        "use_ema": options.ema_momentum > 0,
        "ema_momentum": options.ema_momentum or 0.99,
    }
    if options.name == "sgd":
        optimizer = keras.optimizers.SGD(momentum=options.momentum, nesterov=options.momentum > 0, **shared)
    elif options.name == "adam":
        optimizer = keras.optimizers.Adam(**shared)
    else:
        optimizer = keras.optimizers.AdamW(**{**shared, "weight_decay": options.weight_decay})
    if options.weight_decay:
        spared = [weight for weight in model.trainable_variables if "kernel" not in weight.name]
        optimizer.exclude_from_weight_decay(var_list=spared)
    optimizer.build(model.trainable_variables)
    return optimizer
