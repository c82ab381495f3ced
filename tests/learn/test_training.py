from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from mien.config import Config, ModelConfig, config_from_dict, config_to_dict
from mien.data.dataset import Split
from mien.errors import ConfigError, DataError, ModelError, OutputError, RunError
from mien.learn.checkpoint import load_state
from mien.learn.models import build_model
from mien.learn.models.transfer import backbone_of
from mien.learn.scoring import predict_probabilities, score_split
from mien.learn.training import train
from mien.run import HISTORY_COLUMNS, Run

from .conftest import TOY_FACTS

TIMES = ["seconds", "images_per_second"]


class Watcher:
    """An observer that can press Ctrl-C after an epoch."""

    def __init__(self, *, interrupt_after: int = 0) -> None:
        self.rows: list[Mapping[str, float]] = []
        self.best: list[bool] = []
        self.steps = 0
        self.facts: dict[str, Any] = {}
        self._interrupt_after = interrupt_after

    def labelled(self, *, done: int, total: int) -> None:
        self.labelled_images = (done, total)

    def started(self, **facts: Any) -> None:
        self.facts = facts

    def stepped(self, *, epoch: int, step: int, loss: float, accuracy: float) -> None:
        self.steps += 1
        assert np.isfinite(loss)
        if self._interrupt_after and epoch >= self._interrupt_after:
            raise KeyboardInterrupt

    def finished_epoch(self, row: Mapping[str, float], *, best: bool) -> None:
        self.rows.append(row)
        self.best.append(best)


def history(run: Run) -> pd.DataFrame:
    return pd.read_csv(run.history_path)


def weights(run: Run) -> list[np.ndarray]:
    return keras.models.load_model(run.model_path, compile=False).get_weights()


def assert_same_result(first: Run, second: Run) -> None:
    pd.testing.assert_frame_equal(history(first).drop(columns=TIMES), history(second).drop(columns=TIMES))
    for a, b in zip(weights(first), weights(second), strict=True):
        np.testing.assert_array_equal(a, b)
    with np.load(first.checkpoint_path) as a, np.load(second.checkpoint_path) as b:
        for name in set(a.files) - {"facts"}:
            np.testing.assert_array_equal(a[name], b[name])


@pytest.fixture(scope="module")
def finished(toy_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(shutil.copytree(toy_run.path, tmp_path_factory.mktemp("runs") / "toy"))


@pytest.fixture(scope="module")
def stopped_after_one(
    toy_config: Config, toy_train: Split, toy_val: Split, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """The same, ended by Ctrl-C in its second epoch; for copying."""
    run = Run(tmp_path_factory.mktemp("runs") / "stopped")
    stopped = train(toy_config, toy_train, toy_val, run, observer=Watcher(interrupt_after=1))
    assert stopped.interrupted
    assert stopped.epochs == 1
    return run


@pytest.fixture
def stopped(stopped_after_one: Run, tmp_path: Path) -> Run:
    return Run(shutil.copytree(stopped_after_one.path, tmp_path / "stopped"))


def test_run_folder_holds_what_it_promises(finished: Run, toy_config: Config) -> None:
    assert finished.read_config() == toy_config
    assert list(history(finished).columns) == list(HISTORY_COLUMNS)
    assert list(history(finished)["epoch"]) == [1, 2, 3]
    environment = finished.read_json(finished.environment_path)
    assert environment["backend"] == keras.backend.backend()
    assert environment["seed"] == 5
    assert environment["data"] == TOY_FACTS


def test_history_tells_of_the_file_that_is_kept(finished: Run, toy_val: Split) -> None:
    scored = score_split(finished, toy_val)
    accuracy = np.mean(scored.probabilities.argmax(1) == toy_val.labels)
    assert accuracy == pytest.approx(history(finished)["val_accuracy"].max(), abs=1e-9)
    best = history(finished).loc[history(finished)["val_accuracy"].idxmax()]
    loss = -np.log(scored.probabilities[np.arange(len(toy_val)), toy_val.labels]).mean()
    assert loss == pytest.approx(best["val_loss"], rel=1e-5)


def test_every_image_is_scored(finished: Run, toy_val: Split) -> None:
    model = keras.models.load_model(finished.model_path, compile=False)
    assert predict_probabilities(model, toy_val.images[:29]).shape == (29, 7)
    assert predict_probabilities(model, toy_val.images[:0]).shape == (0, 7)


def test_learns(toy_config: Config, toy_train: Split, toy_val: Split, tmp_path: Path) -> None:
    nested = config_to_dict(toy_config)
    nested["augment"] = dict.fromkeys(("rotation_degrees", "contrast", "erasing_probability", "brightness"), 0.0)
    nested["train"] |= {"epochs": 15}
    result = train(config_from_dict(nested), toy_train, toy_val, Run(tmp_path / "run"))
    assert result.val_accuracy > 0.6
    assert result.epochs == 15


def test_resumed_after_ctrl_c_equals_uninterrupted(
    finished: Run, stopped: Run, toy_config: Config, toy_train: Split, toy_val: Split
) -> None:
    watcher = Watcher()
    result = train(toy_config, toy_train, toy_val, stopped, resume=True, observer=watcher)
    assert watcher.facts["first_epoch"] == 1
    assert not result.interrupted
    assert_same_result(stopped, finished)


def test_resumed_after_kill_9_in_the_middle_of_an_epoch_equals_uninterrupted(
    finished: Run, toy_config: Config, toy_train: Split, toy_val: Split, tmp_path: Path
) -> None:
    run = Run(tmp_path / "killed")
    script = textwrap.dedent(
        f"""
        import os, signal, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from conftest import bright_and_dark_split
        from mien.config import config_from_dict
        from mien.learn.training import train
        from mien.run import Run

        class Killer:
            def started(self, **facts): pass
            def finished_epoch(self, row, *, best): pass
            def stepped(self, *, epoch, step, **_):
                if (epoch, step) == (2, 3):
                    os.kill(os.getpid(), signal.SIGKILL)

        train(config_from_dict({config_to_dict(toy_config)!r}), bright_and_dark_split(80, seed=1),
              bright_and_dark_split(30, seed=2), Run({str(run.path)!r}), observer=Killer())
        """
    )
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(history(run)) == 2
    train(toy_config, toy_train, toy_val, run, resume=True)
    assert_same_result(run, finished)


def test_a_kill_between_the_writes_of_an_epoch_only_repeats_it(
    finished: Run, stopped: Run, toy_config: Config, toy_train: Split, toy_val: Split
) -> None:
    state = stopped.checkpoint_path.read_bytes()
    train(toy_config, toy_train, toy_val, stopped, resume=True, observer=Watcher(interrupt_after=2))
    stopped.checkpoint_path.write_bytes(state)  # history and model are an epoch ahead of the state
    assert len(history(stopped)) == 2
    train(toy_config, toy_train, toy_val, stopped, resume=True)
    assert_same_result(stopped, finished)


def test_resuming_a_finished_run_changes_nothing(
    finished: Run, toy_config: Config, toy_train: Split, toy_val: Split
) -> None:
    before = history(finished)
    result = train(toy_config, toy_train, toy_val, finished, resume=True, data_facts=TOY_FACTS)
    assert result.epochs == 3
    pd.testing.assert_frame_equal(history(finished), before)


def test_an_existing_run_is_not_overwritten(
    finished: Run, toy_config: Config, toy_train: Split, toy_val: Split
) -> None:
    with pytest.raises(RunError, match="--resume"):
        train(toy_config, toy_train, toy_val, finished)


@pytest.mark.parametrize(
    ("section", "changes", "said"),
    [
        ("train", {"epochs": 9}, "train.epochs 9 instead of 3"),
        ("train", {"seed": 6}, "train.seed 6 instead of 5"),
        ("train", {"precision": "bfloat16"}, "the precision mixed_bfloat16 instead of float32"),
        ("optimizer", {"learning_rate": 0.02}, "optimizer.learning_rate 0.02 instead of 0.01"),
    ],
)
def test_a_run_goes_on_with_its_own_config_alone(
    stopped: Run, toy_config: Config, toy_train: Split, toy_val: Split, section: str, changes: dict[str, Any], said: str
) -> None:
    nested = config_to_dict(toy_config)
    nested[section] |= changes
    stopped.write_json(stopped.config_path, nested)  # also when its own file was edited
    before = {path: path.read_bytes() for path in stopped.path.rglob("*") if path.is_file()}
    with pytest.raises(RunError, match=re.escape(said)):
        train(config_from_dict(nested), toy_train, toy_val, stopped, resume=True)
    assert {path: path.read_bytes() for path in stopped.path.rglob("*") if path.is_file()} == before


def test_a_run_goes_on_with_its_own_data_alone(
    stopped: Run, toy_config: Config, toy_train: Split, toy_val: Split
) -> None:
    environment = stopped.environment_path.read_bytes()
    black = replace(toy_val, images=np.zeros_like(toy_val.images))
    for data in ((toy_train, black), (toy_train.take(np.arange(79)), toy_val)):
        with pytest.raises(RunError, match=r"the data [0-9a-f]{12} instead of [0-9a-f]{12}"):
            train(toy_config, *data, stopped, resume=True, data_facts={"source": "other"})
    assert stopped.environment_path.read_bytes() == environment
    train(toy_config, toy_train, toy_val, stopped, resume=True, data_facts={"source": "moved"})
    assert stopped.environment_path.read_bytes() == environment  # it tells of how the run began


def test_a_run_keeps_the_precision_that_auto_gave_it(
    toy_config: Config, toy_train: Split, toy_val: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(toy_config, train=replace(toy_config.train, precision="auto"))
    run = Run(tmp_path / "run")
    for fast, resume in ((True, False), (False, True)):
        monkeypatch.setattr("mien.learn.environment._bfloat16_is_fast", lambda fast=fast: fast)
        watcher = Watcher(interrupt_after=0 if resume else 1)
        train(config, toy_train, toy_val, run, resume=resume, observer=watcher)
        state = load_state(run)
        assert state is not None
        assert state.origin.precision == "mixed_bfloat16"


def test_one_training_at_a_time_in_a_run_folder(
    stopped: Run, toy_config: Config, toy_train: Split, toy_val: Split
) -> None:
    with stopped.locked(), pytest.raises(RunError, match="which another process trains in"):
        train(toy_config, toy_train, toy_val, stopped, resume=True)
    assert len(history(stopped)) == 1
    train(toy_config, toy_train, toy_val, stopped, resume=True)
    assert len(history(stopped)) == 3


def test_a_start_that_fails_leaves_nothing_that_blocks(
    toy_config: Config, toy_train: Split, toy_val: Split, tmp_path: Path
) -> None:
    run = Run(tmp_path / "runs" / "first")
    model = ModelConfig(architecture="mobilenetv3small", weights=str(tmp_path / "none.h5"), input_size_px=32)
    with pytest.raises(ModelError, match="which is no file"):
        train(replace(toy_config, model=model), toy_train, toy_val, run)
    assert not run.path.exists()
    train(toy_config, toy_train, toy_val, run)


def test_training_that_diverges_is_an_error_and_keeps_what_was_good(
    toy_config: Config, toy_train: Split, toy_val: Split, tmp_path: Path
) -> None:
    nested = config_to_dict(toy_config)
    nested["optimizer"] |= {"name": "sgd", "learning_rate": 100.0, "ema_momentum": 0.0, "schedule": "constant"}
    nested["train"] |= {"epochs": 20}
    run = Run(tmp_path / "run")
    with pytest.raises(RunError, match=r"training diverged.*optimizer\.learning_rate=10\b"):
        train(config_from_dict(nested), toy_train, toy_val, run)
    if run.history_path.exists():
        assert (history(run)["loss"] < 200).all()


def test_early_stopping_waits_for_a_better_epoch(
    toy_config: Config, toy_train: Split, toy_val: Split, tmp_path: Path
) -> None:
    nested = config_to_dict(toy_config)
    nested["train"] |= {"epochs": 30, "early_stopping_epochs": 2}
    nested["optimizer"] |= {"learning_rate": 1e-8, "schedule": "constant", "ema_momentum": 0.0}
    result = train(config_from_dict(nested), toy_train, toy_val, Run(tmp_path / "run"))
    assert result.epochs == result.best_epoch + 2


@pytest.mark.parametrize(
    ("schedule", "optimizer"), [("constant", "sgd"), ("plateau", "adamw"), ("onecycle", "sgd"), ("cosine", "adamw")]
)
def test_schedules_and_optimizers_run(
    schedule: str, optimizer: str, toy_config: Config, toy_train: Split, toy_val: Split, tmp_path: Path
) -> None:
    nested = config_to_dict(toy_config)
    nested["train"] |= {"epochs": 2, "class_weights": "balanced", "label_smoothing": 0.1}
    nested["optimizer"] |= {"schedule": schedule, "name": optimizer, "weight_decay": 0.01, "gradient_clip_norm": 1.0}
    run = Run(tmp_path / "run")
    train(config_from_dict(nested), toy_train, toy_val, run)
    assert np.isfinite(history(run)[["loss", "val_loss"]].to_numpy()).all()


def test_transfer_learning_freezes_first_then_fine_tunes_and_resumes(
    toy_train: Split, toy_val: Split, tmp_path: Path
) -> None:
    weights = tmp_path / "backbone.weights.h5"
    backbone_of(build_model(ModelConfig(architecture="mobilenetv3small", input_size_px=32))).save_weights(weights)
    config = config_from_dict(
        {
            "model": {"architecture": "mobilenetv3small", "input_size_px": 32, "weights": str(weights)},
            "optimizer": {"name": "adam", "learning_rate": 0.001, "schedule": "constant", "weight_decay": 0.0},
            "train": {"epochs": 2, "head_epochs": 1, "batch_size": 16, "precision": "float32"},
        }
    )
    whole, stopped = Run(tmp_path / "whole"), Run(tmp_path / "stopped")

    class Keeper(Watcher):
        """Keeps the folder as a power cut after the first epoch would leave it."""

        def finished_epoch(self, row: Mapping[str, float], *, best: bool) -> None:
            if row["epoch"] == 1:
                shutil.copytree(whole.path, stopped.path)

    train(config, toy_train, toy_val, whole, observer=Keeper())
    rates = history(whole)["learning_rate"]
    np.testing.assert_allclose(rates, [1e-3, 1e-4], rtol=1e-5)
    assert len(history(stopped)) == 1
    train(config, toy_train, toy_val, stopped, resume=True)
    assert_same_result(stopped, whole)


def test_unwritable_folder_is_one_sentence(
    toy_config: Config, toy_train: Split, toy_val: Split, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="Expected"):
        train(toy_config, toy_train, toy_val, Run(tmp_path / "file" / "run"))


def test_empty_split_is_refused(toy_config: Config, toy_train: Split, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="validate"):
        train(toy_config, toy_train, toy_train.take(np.array([], int)), Run(tmp_path / "run"))


def test_damaged_checkpoint_is_one_sentence(stopped: Run, toy_config: Config, toy_train: Split, toy_val: Split) -> None:
    stopped.checkpoint_path.write_bytes(stopped.checkpoint_path.read_bytes()[:1000])
    with pytest.raises(RunError, match="training state"):
        train(toy_config, toy_train, toy_val, stopped, resume=True)


def test_training_begins_with_the_weights_of_another_run(
    finished: Run, toy_config: Config, toy_train: Split, toy_val: Split, tmp_path: Path
) -> None:
    model = replace(toy_config.model, initial=str(finished.path))
    still = replace(toy_config.optimizer, learning_rate=1e-8, weight_decay=0.0)
    run = Run(tmp_path / "second")
    train(replace(toy_config, model=model, optimizer=still), toy_train, toy_val, run)
    loaded = [keras.models.load_model(one.model_path, compile=False) for one in (finished, run)]
    first, second = ({w.path: w.numpy() for w in one.trainable_variables} for one in loaded)
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_allclose(second[name], values, atol=1e-4)


def test_initial_weights_of_another_network_are_refused(
    finished: Run, toy_config: Config, toy_train: Split, toy_val: Split, tmp_path: Path
) -> None:
    model = replace(toy_config.model, initial=str(finished.path), widths=(4, 9))
    with pytest.raises(ConfigError, match=r"same network \(cnn, widths \[4, 9\], .*Received: .*widths \[4, 8\]"):
        train(replace(toy_config, model=model), toy_train, toy_val, Run(tmp_path / "second"))
    assert not (tmp_path / "second").exists()
