"""`mien evaluate` on stored probabilities of a toy dataset: what it prints, writes and refuses."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from mien.cli.evaluate import evaluate
from mien.data import load_dataset
from mien.data.dataset import Split
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
        provenance = run.provenance(dataset.fingerprint)
        run.write_probabilities(name, Probabilities(split.sample_ids, split.labels, p, provenance))
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


def _painted_black(source: Path, folder: Path) -> Path:
    """Another dataset with the same rows and labels, every pixel of which is black."""
    header, *rows = source.read_text().splitlines()
    parts = [row.split(",") for row in rows]
    path = folder / "black.csv"
    path.write_text("\n".join([header, *(f"{label},{' '.join(['0'] * 2304)},{usage}" for label, _, usage in parts)]))
    return path


def test_an_ensembles_scores_are_not_taken_for_those_of_another_dataset(run: Run, source: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"model\.keras"):  # ids and labels are the same; there is nothing to score with
        _evaluate(run.path, "--data", _painted_black(source, tmp_path))


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


class TestOfATrainedRun:
    """Scoring by a stand-in: what is scored again, and where it is written."""

    @pytest.fixture(autouse=True)
    def scorer(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        run.model_path.write_bytes(b"weights")
        self.scored: list[int] = []

        def score_split(run: Run, split: Split, *, data_fingerprint: str) -> Probabilities:
            self.scored.append(len(split))
            p = np.full((len(split), NUM_EMOTIONS), 1 / NUM_EMOTIONS, np.float32)
            return Probabilities(split.sample_ids, split.labels, p, run.provenance(data_fingerprint))

        monkeypatch.setitem(sys.modules, "mien.learn.scoring", SimpleNamespace(score_split=score_split))
        monkeypatch.setattr("mien.cli.streams.import_keras_quietly", lambda: None)

    def test_a_split_is_scored_once_for_one_model(self, run: Run) -> None:
        for _ in range(2):
            _evaluate(run.path)
        assert self.scored == [10]
        os.utime(run.model_path, (1, 1))
        _evaluate(run.path)
        assert self.scored == [10]
        run.model_path.write_bytes(b"other weights")
        os.utime(run.model_path, (1, 1))  # file times decide nothing
        _evaluate(run.path)
        assert self.scored == [10, 10]

    def test_another_dataset_has_scores_of_its_own(self, run: Run, source: Path, tmp_path: Path) -> None:
        _evaluate(run.path)
        own = {path: path.read_bytes() for path in run.path.glob("*_val.*")}
        black = load_dataset(_painted_black(source, tmp_path))
        printed = _evaluate(run.path, "--data", black.source).stdout
        assert {path: path.read_bytes() for path in run.path.glob("*_val.*")} == own
        scores = run.scores_on(black.fingerprint, black.source)
        assert scores.path.name == f"black-{black.fingerprint[:8]}"
        assert f"Written to {scores.path}: metrics_val.json" in printed.replace("\n", "")
        assert printed.startswith("toy-run on black.csv val, 10 images")
        assert "fitted on these images" not in printed
        assert scores.read_json(scores.metrics_path("val"))["provenance"]["data_fingerprint"] == black.fingerprint
        assert (scores.figures_path / "val_confusion_matrix.png").is_file()

    def test_stored_scores_of_an_earlier_model_are_refused(self, run: Run) -> None:
        _evaluate(run.path)
        run.model_path.write_bytes(b"other weights")
        with pytest.raises(RunError, match=r"the model as it is now.*mien evaluate .* --split val"):
            _evaluate(run.path, "--from-probabilities")
