"""`mien ensemble` with the bundled model on a toy dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from mien.cli.ensemble import ensemble
from mien.cli.evaluate import evaluate
from mien.errors import RunError
from mien.inference.classifier import Classifier
from mien.run import Run

app = typer.Typer()
app.command()(ensemble)
app.command()(evaluate)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MIEN_CACHE_DIR", str(tmp_path / "cache"))
    images = np.random.default_rng(0).integers(0, 256, (24, 2304))
    usages = ["Training"] * 8 + ["PublicTest"] * 8 + ["PrivateTest"] * 8
    rows = [f"{n % 7},{' '.join(map(str, image))},{usages[n]}" for n, image in enumerate(images)]
    path = tmp_path / "toy.csv"
    path.write_text("\n".join(["emotion,pixels,Usage", *rows]) + "\n")
    return path


def _run(*arguments: object) -> Result:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_one_model_and_its_mirrored_view_become_a_run_that_is_evaluated(source: Path, tmp_path: Path) -> None:
    folder = Run(tmp_path / "both")
    _run("ensemble", "base", "--data", source, "--run", folder.path)
    scored = folder.read_probabilities("val")
    images = np.array([line.split(",")[1].split() for line in source.read_text().splitlines()[9:17]], np.uint8)
    images = images.reshape(-1, 48, 48)
    base = Classifier("base")
    expected = (base.probabilities(images) + base.probabilities(images[:, :, ::-1])) / 2
    np.testing.assert_allclose(scored.probabilities, expected, atol=1e-6)
    assert "accuracy" in _run("evaluate", folder.path, "--split", "val").output


def test_a_folder_keeps_to_its_members_and_view(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    _run("ensemble", "base", "--data", source, "--run", folder, "--no-flip")
    with pytest.raises(RunError, match=r"Expected the members that .* was begun with \(base\)"):
        _run("ensemble", "base", "--data", source, "--run", folder, "--split", "test")
    _run("ensemble", "base", "--data", source, "--run", folder, "--split", "test", "--no-flip")
    assert len(Run(folder).read_probabilities("test").y_true) == 8


def test_a_trained_run_is_not_written_into(source: Path, tmp_path: Path) -> None:
    run = Run(tmp_path / "trained")
    run.write_json(run.config_path, {})
    with pytest.raises(RunError, match="holds a trained run"):
        _run("ensemble", "base", "--data", source, "--run", run.path)
