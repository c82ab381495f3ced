"""`mien report`: what it says when the dataset is known, gone, or not wanted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from mien.cli.report import report
from mien.emotions import NUM_EMOTIONS
from mien.errors import ConfigError, DataError
from mien.run import Probabilities, Run

app = typer.Typer()
app.command()(report)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run(tmp_path / "toy")
    labels = np.arange(21) % NUM_EMOTIONS
    p = np.random.default_rng(0).dirichlet(np.ones(NUM_EMOTIONS), size=21).astype(np.float32)
    run.write_probabilities("val", Probabilities(np.array([f"i{n}" for n in range(21)]), labels, p))
    run.write_json(run.environment_path, {"data": {"source": str(tmp_path / "gone.csv"), "protocol": "source"}})
    return run


def _report(*arguments: object) -> Result:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_a_dataset_that_is_gone_costs_the_faces_only(run: Run, tmp_path: Path) -> None:
    text = _report(run.path).stdout
    assert f"The dataset is no longer at {tmp_path / 'gone.csv'}" in text
    assert f"{run.report_path} (" in text
    assert run.report_path.is_file()


def test_without_data_nothing_is_said_of_it(run: Run) -> None:
    assert "dataset" not in _report(run.path, "--no-data").stdout


def test_a_named_dataset_that_is_not_there_is_one_sentence(run: Run, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Expected an existing file or folder"):
        _report(run.path, "--data", tmp_path / "nothing.csv")


def test_contradicting_options_are_one_sentence(run: Run) -> None:
    with pytest.raises(ConfigError, match="--no-data alone"):
        _report(run.path, "--no-data", "--data", "x")
