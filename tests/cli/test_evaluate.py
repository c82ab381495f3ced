"""`mien evaluate` on stored probabilities of a toy dataset: what it prints, writes and refuses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from mien.cli.evaluate import _is_current, evaluate
from mien.data import load_dataset
from mien.emotions import NUM_EMOTIONS
from mien.errors import ConfigError, DataError, RunError
from mien.run import Probabilities, Run

app = typer.Typer()
app.command()(evaluate)


@pytest.fixture(scope="module", autouse=True)
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nobody's cache, and a screen of one width."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIEN_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("COLUMNS", "100")
        yield


def _write_source(folder: Path) -> Path:
    """A csv of noise: 14 images to train on, 10 in val of which the first is also in train, 8 in test."""
    images = np.random.default_rng(0).integers(0, 256, (32, 2304))
    images[14] = images[0]
    usages = ["Training"] * 14 + ["PublicTest"] * 10 + ["PrivateTest"] * 8
    rows = [f"{n % 7},{' '.join(map(str, image))},{usages[n]}" for n, image in enumerate(images)]
    path = folder / "toy.csv"
    path.write_text("\n".join(["emotion,pixels,Usage", *rows]) + "\n")
    return path


def _write_run(source: Path) -> Run:
    """A run with probabilities of val and test, half of the answers right."""
    run = Run(source.parent / "toy-run")
    dataset = load_dataset(source)
    facts = {"source": str(source), "protocol": dataset.protocol, "fingerprint": dataset.fingerprint}
    run.write_json(run.environment_path, {"data": facts})
    for name in ("val", "test"):
        split = dataset.split(name)
        p = np.full((len(split), NUM_EMOTIONS), 0.05, np.float32)
        p[np.arange(len(split)), (split.labels + np.arange(len(split)) % 2) % NUM_EMOTIONS] = 0.7
        run.write_probabilities(name, Probabilities(split.sample_ids, split.labels, p))
    return run


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return _write_source(tmp_path)


@pytest.fixture
def run(source: Path) -> Run:
    return _write_run(source)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, str]:
    """Such a run after `mien evaluate`, and what that printed."""
    run = _write_run(_write_source(tmp_path_factory.mktemp("evaluated")))
    return run, _evaluate(run.path).stdout


def _evaluate(*arguments: object) -> Result:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_the_headline_comes_first_with_and_without_images_of_train(evaluated: tuple[Run, str]) -> None:
    lines = evaluated[1].splitlines()
    assert lines[0] == "toy-run on val, 10 images"
    assert lines[1] == "accuracy 50.00%  (95% interval 23.66% to 76.34%)"
    assert lines[2].startswith("without the 1 image that is also in train: 44.44%")


def test_files_are_written_and_named(evaluated: tuple[Run, str]) -> None:
    run, printed = evaluated
    assert "Written to" in printed
    stored = run.read_json(run.metrics_path("val"))
    assert stored["identical_to_train"] == 1
    assert stored["data"]["protocol"] == "source"
    assert (run.figures_path / "val_confusion_matrix.png").is_file()


def test_stored_probabilities_suffice_without_a_dataset(run: Run, source: Path) -> None:
    source.unlink()
    done = _evaluate(run.path, "--from-probabilities")
    assert "accuracy 50.00%" in done.stdout
    assert "also in train" not in done.stdout


def test_test_is_said_to_be_for_one_look(run: Run, evaluated: tuple[Run, str]) -> None:
    assert "one look per model" in _evaluate(run.path, "--split", "test").stdout
    assert "one look per model" not in evaluated[1]


def test_another_dataset_is_refused(run: Run, source: Path, tmp_path: Path) -> None:
    lines = source.read_text().splitlines()
    other = tmp_path / "other.csv"
    other.write_text("\n".join(line for n, line in enumerate(lines) if n != 20) + "\n")
    with pytest.raises(DataError, match=r"10 images.*9 images"):
        _evaluate(run.path, "--data", other)


def test_a_run_that_was_not_trained_is_one_sentence(run: Run) -> None:
    run.probabilities_path("val").unlink()
    with pytest.raises(RunError, match="mien train"):
        _evaluate(run.path)


def test_a_folder_that_is_no_run_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"environment\.json"):
        _evaluate(tmp_path / "nothing")


def test_contradicting_options_are_one_sentence(run: Run, source: Path) -> None:
    with pytest.raises(ConfigError, match="--from-probabilities alone"):
        _evaluate(run.path, "--from-probabilities", "--data", source)


def test_an_unknown_split_is_one_sentence(run: Run) -> None:
    with pytest.raises(DataError, match="train, val, test"):
        _evaluate(run.path, "--split", "PublicTest")
    with pytest.raises(DataError, match="train, val, test"):
        _evaluate(run.path, "--split", "PublicTest", "--from-probabilities")


def test_probabilities_older_than_the_model_are_computed_again(run: Run) -> None:
    assert _is_current(run, "val")
    assert not _is_current(run, "train")
    run.model_path.write_bytes(b"")
    os.utime(run.model_path, (1, 1))
    assert _is_current(run, "val")
    os.utime(run.probabilities_path("val"), (0, 0))
    assert not _is_current(run, "val")
