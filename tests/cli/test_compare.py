"""`mien compare`: tables, JSON, and the csv of images that changed sides."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from mien.cli.compare import compare
from mien.emotions import NUM_EMOTIONS
from mien.errors import ConfigError, RunError
from mien.run import Probabilities, Run

app = typer.Typer()
app.command()(compare)


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """Two runs of the same name on 30 images: the second has 12 more of them right."""
    folders = [tmp_path / "one" / "base", tmp_path / "two" / "base"]
    labels = np.arange(30) % NUM_EMOTIONS
    for folder, right in zip(folders, (10, 22), strict=True):
        p = np.full((30, NUM_EMOTIONS), 0.05, np.float32)
        p[np.arange(30), np.where(np.arange(30) < right, labels, (labels + 1) % NUM_EMOTIONS)] = 0.7
        ids = np.array([f"image-{n}" for n in range(30)])
        Run(folder).write_probabilities("val", Probabilities(ids, labels, p))
    return folders


def _compare(*arguments: object) -> Result:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_the_verdict_and_its_numbers_are_printed(runs: list[Path]) -> None:
    text = _compare(*runs).stdout
    first, second = runs
    assert f"{second} against {first}: {second} is more accurate" in text
    assert f"12 images only {second} has right, 0 only {first} (McNemar p = 0.00049)" in text
    assert "accuracy +40.00 points" in text


def test_equal_runs_have_no_clear_difference(runs: list[Path]) -> None:
    copy = runs[0].with_name("copy")
    Run(copy).write_probabilities("val", Run(runs[0]).read_probabilities("val"))
    assert "copy against base: no clear difference in accuracy" in _compare(runs[0], copy).stdout


def test_changed_images_are_listed(runs: list[Path], tmp_path: Path) -> None:
    _compare(*runs, "--save", tmp_path / "changed.csv")
    table = pd.read_csv(tmp_path / "changed.csv")
    assert table["sample_id"].tolist() == [f"image-{n}" for n in range(10, 22)]
    assert (table["label"] == table["second_answer"]).all()


def test_json_is_printed(runs: list[Path]) -> None:
    value = json.loads(_compare(*runs, "--json").stdout)
    assert (value["n"], value["pairs"][0]["only_second"]) == (30, 12)


def test_one_run_is_one_sentence(runs: list[Path]) -> None:
    with pytest.raises(ConfigError, match="two or more runs"):
        _compare(runs[0])


def test_a_run_without_the_split_is_one_sentence(runs: list[Path]) -> None:
    with pytest.raises(RunError, match="mien evaluate"):
        _compare(*runs, "--split", "test")
