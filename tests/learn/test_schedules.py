"""Learning rates over time."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from mien.config import Config, config_from_dict
from mien.errors import ConfigError
from mien.learn.schedules import CosineRestarts, learning_rate_schedule

STEPS_PER_EPOCH = 10


def _config(**optimizer: object) -> Config:
    options = {"schedule": "cosine", "warmup_epochs": 2.0, "learning_rate": 0.1, **optimizer}
    return config_from_dict({"optimizer": options, "train": {"epochs": 20}})


def _rates(config: Config) -> list[float]:
    schedule = learning_rate_schedule(config, peak=0.1, steps_per_epoch=STEPS_PER_EPOCH, epochs=20)
    return [float(schedule(step)) for step in range(20 * STEPS_PER_EPOCH + 1)]


def test_restarts_climb_to_a_lower_peak_and_reach_zero_each_time() -> None:
    rates = _rates(_config(restart_epochs=[8, 14], restart_factor=0.5))
    assert rates[0] == 0
    assert rates[20] == pytest.approx(0.1)
    assert rates[50] == pytest.approx(0.05)  # half way through the first cycle
    assert [rates[80], rates[140]] == pytest.approx([0.05, 0.025])
    assert max(rates[79], rates[139]) < 1e-3
    assert rates[200] == pytest.approx(0, abs=1e-7)


def test_before_the_first_restart_the_rates_are_those_of_a_shorter_cosine() -> None:
    restarted = _rates(_config(restart_epochs=[12]))
    short = config_from_dict({"optimizer": {"schedule": "cosine", "warmup_epochs": 2.0}, "train": {"epochs": 12}})
    plain = learning_rate_schedule(short, peak=0.1, steps_per_epoch=STEPS_PER_EPOCH, epochs=12)
    assert restarted[:120] == pytest.approx([float(plain(step)) for step in range(120)], abs=1e-6)


def test_restarts_can_be_saved_with_a_model() -> None:
    schedule = CosineRestarts(0.1, 20, [80], 200, 0.5)
    again = keras.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(schedule))
    assert float(again(90)) == float(schedule(90))


@pytest.mark.parametrize("epochs", [[1], [8, 8], [14, 8], [20]])
def test_restarts_must_lie_between_warmup_and_the_end(epochs: list[int]) -> None:
    with pytest.raises(ConfigError, match=r"Expected optimizer.restart_epochs rising.*Received: \["):
        _config(restart_epochs=epochs)


def test_restarts_need_cosine() -> None:
    with pytest.raises(ConfigError, match="only with cosine"):
        _config(schedule="onecycle", restart_epochs=[8])


@pytest.mark.parametrize(("epochs", "steps"), [(1, 5), (2, 10), (3, 15), (100, 20)])
def test_warmup_takes_at_most_half_of_the_epochs(epochs: int, steps: int) -> None:
    schedule = learning_rate_schedule(Config(), peak=1.0, steps_per_epoch=10, epochs=epochs)
    rates = [float(schedule(step)) for step in range(10 * epochs + 1)]
    assert int(np.argmax(rates)) == steps
    assert max(rates) == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(0.0, abs=1e-6)
