"""Evaluation on disk: which files a run gets, what val decides for test, and sentences for broken folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mien.card import Head, ModelCard, write_card
from mien.emotions import NUM_EMOTIONS
from mien.errors import DataError, RunError
from mien.evaluate.calibration import fit_temperature
from mien.evaluate.evaluation import Evaluation
from mien.evaluate.run_evaluation import FittedOnVal, check_same_images, evaluate_run, fitted_on_val
from mien.probabilities import apply_temperature
from mien.run import HISTORY_COLUMNS, Probabilities, Run

Drawn = Callable[..., Probabilities]


def _write_run(folder: Path, drawn: Drawn) -> Run:
    run = Run(folder)
    split = drawn(200, seed=1)
    sharp = apply_temperature(split.probabilities, 0.3).astype(np.float32)
    run.write_probabilities("val", Probabilities(split.sample_ids, split.y_true, sharp))
    run.write_probabilities("test", drawn(150, seed=2))
    return run


@pytest.fixture
def run(tmp_path: Path, drawn: Drawn) -> Run:
    return _write_run(tmp_path / "toy", drawn)


@pytest.fixture(scope="module")
def on_test(tmp_path_factory: pytest.TempPathFactory, drawn: Drawn) -> tuple[Run, Evaluation, list[Path]]:
    """Such a run, evaluated on test."""
    run = _write_run(tmp_path_factory.mktemp("runs") / "toy", drawn)
    return run, *evaluate_run(run, "test")


def test_metrics_and_figures_are_written(run: Run) -> None:
    pd.DataFrame({name: [1, 2] for name in HISTORY_COLUMNS}).to_csv(run.history_path, index=False)
    evaluation, written = evaluate_run(run, "val", facts={"data": {"protocol": "official"}})
    assert all(path.is_file() for path in written)
    assert {path.name for path in written} >= {"val_confusion_matrix.png", "val_roc.png", "training_curves.png"}
    stored = run.read_json(run.metrics_path("val"))
    assert (stored["run"], stored["split"], stored["data"]) == ("toy", "val", {"protocol": "official"})
    assert stored["scores"]["accuracy"]["value"] == evaluation.scores.accuracy.value


def test_val_decides_the_temperature_of_test(on_test: tuple[Run, Evaluation, list[Path]]) -> None:
    run, evaluation, _ = on_test
    val = run.read_probabilities("val")
    assert evaluation.calibrated is not None
    assert evaluation.calibrated.temperature == fit_temperature(val.probabilities, val.y_true)


def test_without_val_the_card_decides(run: Run) -> None:
    run.probabilities_path("val").unlink()
    assert fitted_on_val(run) == FittedOnVal()
    write_card(run.card_path, ModelCard("toy", "0" * 64, heads={"labels": Head("probabilities", 1.7, 0.45)}))
    assert fitted_on_val(run) == FittedOnVal(1.7, 0.45, known=True)


def test_a_run_without_history_has_no_training_curves(on_test: tuple[Run, Evaluation, list[Path]]) -> None:
    names = {path.name for path in on_test[2]}
    assert "test_roc.png" in names
    assert "training_curves.png" not in names


def test_a_damaged_history_is_one_sentence(run: Run) -> None:
    run.history_path.write_text("epoch,loss\n1,2\n")
    with pytest.raises(RunError, match="Expected the columns epoch"):
        evaluate_run(run, "val")


def test_a_split_that_was_not_scored_is_one_sentence(run: Run) -> None:
    with pytest.raises(RunError, match=r"mien evaluate .* --split train"):
        evaluate_run(run, "train")


def test_a_truncated_file_is_one_sentence(run: Run) -> None:
    path = run.probabilities_path("val")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(RunError, match="Make it again with: mien evaluate"):
        evaluate_run(run, "val")


def test_an_empty_split_is_one_sentence(run: Run) -> None:
    empty = Probabilities(np.zeros(0, "U1"), np.zeros(0, np.int64), np.zeros((0, NUM_EMOTIONS), np.float32))
    run.write_probabilities("val", empty)
    with pytest.raises(DataError, match="empty split"):
        evaluate_run(run, "val")


def test_other_images_are_refused(drawn: Drawn) -> None:
    split = drawn(5)
    check_same_images(split, split.sample_ids, split.y_true)
    for ids, labels in ((split.sample_ids[::-1], split.y_true), (split.sample_ids, (split.y_true + 1) % 7)):
        with pytest.raises(DataError, match="5 images"):
            check_same_images(split, ids, labels)
