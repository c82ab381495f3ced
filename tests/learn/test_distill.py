"""Soft targets from teachers, and training on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from mien.config import Config, DistillConfig, config_from_dict
from mien.data.dataset import Split
from mien.errors import ConfigError, ModelError, RunError
from mien.learn.distill import Teacher, load_teachers, soft_targets
from mien.learn.pipeline import EpochBatches
from mien.learn.training import train
from mien.run import Run


def _split(images: np.ndarray, label: int) -> Split:
    return Split(images, np.full(len(images), label), np.array([str(i) for i in range(len(images))]))


def test_targets_lie_between_label_and_teacher() -> None:
    label = np.eye(7, dtype=np.float32)[[3]]
    answer = np.array([[0.64, 0.36, 0, 0, 0, 0, 0]], np.float32)
    plain = soft_targets(label, answer, DistillConfig(weight=0.5))
    np.testing.assert_allclose(plain, [[0.32, 0.18, 0, 0.5, 0, 0, 0]], atol=1e-6)
    softer = soft_targets(label, answer, DistillConfig(weight=1.0, temperature=2.0))
    np.testing.assert_allclose(softer, [[0.8 / 1.4, 0.6 / 1.4, 0, 0, 0, 0, 0]], atol=1e-6)
    np.testing.assert_array_equal(soft_targets(label, answer, DistillConfig(weight=0.0)), label)


def test_a_question_that_no_teacher_answers_keeps_its_target() -> None:
    targets = np.concatenate([np.eye(7)[[3]], np.eye(7)[[4]]], axis=1).astype(np.float32)
    answers = np.concatenate([np.full((1, 7), np.nan), np.eye(7)[[0]]], axis=1).astype(np.float32)
    mixed = soft_targets(targets, answers, DistillConfig(weight=0.25))
    np.testing.assert_allclose(mixed[0, :7], np.eye(7)[3])
    np.testing.assert_allclose(mixed[0, 7:], [0.25, 0, 0, 0, 0.75, 0, 0], atol=1e-6)


def test_a_teacher_of_labels_says_nothing_of_votes(toy_model: Path) -> None:
    answers = Teacher(str(toy_model), ("votes", "labels")).probabilities(np.zeros((3, 48, 48), np.uint8))
    assert np.isnan(answers[:, :7]).all()
    np.testing.assert_allclose(answers[:, 7:].sum(axis=1), 1, atol=1e-5)


def test_batches_carry_the_targets_of_their_images() -> None:
    split = _split(np.arange(16, dtype=np.uint8)[:, None, None] * np.ones((48, 48), np.uint8), 2)
    targets = np.random.default_rng(0).dirichlet(np.ones(7), 16).astype(np.float32)
    still = {"flip": False, "rotation_degrees": 0, "shift": 0, "zoom": 0, "brightness": 0, "contrast": 0}
    config = config_from_dict({"augment": still | {"erasing_probability": 0}, "train": {"batch_size": 8}})
    images, labels = EpochBatches(split, config, epoch=0, targets=targets)[0]
    np.testing.assert_array_equal(labels, targets[images[:, 0, 0, 0].astype(int)])


def test_a_run_learns_from_a_bundled_teacher_and_insists_on_it(
    toy_config: Config, toy_train: Split, toy_val: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(toy_config, distill=DistillConfig(teachers=("base",)))
    config = replace(config, train=replace(config.train, epochs=2))
    run = Run(tmp_path / "student")
    train(config, toy_train, toy_val, run)
    (teacher,) = load_teachers(config.distill)
    facts = run.read_json(run.environment_path)
    assert facts["teachers_sha256"] == [teacher.onnx_sha256]
    monkeypatch.setattr("mien.learn.training.load_teachers", lambda *_: [SimpleNamespace(onnx_sha256="0" * 64)])
    with pytest.raises(RunError, match=f"the teachers 000000000000 instead of {teacher.onnx_sha256[:12]}"):
        train(config, toy_train, toy_val, run, resume=True)


class _Brightness:
    """A teacher whose answer tells what it was shown: how bright each image is."""

    def probabilities(self, crops: np.ndarray) -> np.ndarray:
        assert crops.dtype == np.uint8
        bright = crops.mean(axis=(1, 2)) / 255
        return np.stack([bright, 1 - bright, *[np.zeros_like(bright)] * 5], axis=1).astype(np.float32)


def test_each_view_is_answered_as_the_student_sees_it(toy_train: Split) -> None:
    config = config_from_dict(
        {"augment": {"mixup_alpha": 1.0, "brightness": 0.3}, "distill": {"weight": 0.75, "each_view": True}}
    )
    plain = EpochBatches(toy_train, config, epoch=0)[0]
    images, targets = EpochBatches(toy_train, config, epoch=0, teachers=[_Brightness()])[0]
    np.testing.assert_array_equal(images, plain[0])
    expected = 0.75 * _Brightness().probabilities(np.rint(images[..., 0]).astype(np.uint8)) + 0.25 * plain[1]
    np.testing.assert_allclose(targets, expected, atol=1e-6)


def test_a_run_taught_at_every_step_resumes_to_the_same_history(
    toy_config: Config, toy_train: Split, toy_val: Split, tmp_path: Path
) -> None:
    config = replace(toy_config, distill=DistillConfig(teachers=("small",), each_view=True))
    config = replace(config, train=replace(config.train, epochs=2))

    class Stopping:
        """Presses Ctrl-C after the first epoch."""

        def labelled(self, *, done: int, total: int) -> None:
            raise AssertionError("nothing is answered before training")

        def started(self, **facts: int) -> None:
            pass

        def stepped(self, **facts: float) -> None:
            pass

        def finished_epoch(self, row: Mapping[str, float], *, best: bool) -> None:
            raise KeyboardInterrupt

    whole, halted = Run(tmp_path / "whole"), Run(tmp_path / "halted")
    train(config, toy_train, toy_val, whole)
    assert train(config, toy_train, toy_val, halted, observer=Stopping()).interrupted
    train(config, toy_train, toy_val, halted, resume=True)
    columns = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]
    once, twice = (pd.read_csv(run.history_path)[columns] for run in (whole, halted))
    pd.testing.assert_frame_equal(once, twice, check_exact=True)


def test_an_unknown_teacher_is_named(toy_config: Config, toy_train: Split, toy_val: Split, tmp_path: Path) -> None:
    config = replace(toy_config, distill=DistillConfig(teachers=("nobody",)))
    with pytest.raises(ModelError, match="Received: 'nobody'"):
        train(config, toy_train, toy_val, Run(tmp_path / "student"))
    assert not (tmp_path / "student").exists()


def test_teachers_are_texts() -> None:
    with pytest.raises(ConfigError, match=r"Expected distill.teachers to be a list of strings. Received: \[3\]"):
        config_from_dict({"distill": {"teachers": [3]}})
