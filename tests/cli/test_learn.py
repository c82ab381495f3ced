"""`mien train` before and after the training itself, which is a stand-in here."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mien.cli import main
from mien.run import Run


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What training was asked to do; it is interrupted after an epoch."""
    calls: list[Any] = []

    def train(config: Any, *splits: Any, **options: Any) -> SimpleNamespace:
        calls.append(config)
        return SimpleNamespace(interrupted=True, epochs=1, best_epoch=1, val_accuracy=0.5)

    monkeypatch.setitem(sys.modules, "mien.learn.training", SimpleNamespace(train=train))
    monkeypatch.setattr("mien.cli.learn.import_keras_quietly", lambda: calls.append("keras"))
    return calls


@pytest.fixture
def faces(tmp_path: Path) -> str:
    from mien.synthetic.faces import write_synthetic

    write_synthetic(tmp_path / "faces", samples_per_class=6)
    return str(tmp_path / "faces")


def test_ctrl_c_ends_with_130_so_that_nothing_follows(
    training: list[Any], faces: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", faces, "--run", str(tmp_path / "run")]) == 130
    assert f"mien train --resume --run {tmp_path / 'run'}" in capsys.readouterr().out.replace("\n", "")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--set", "optimizer.name=rmsprop"], "one of sgd, adam, adamw"),
        (["--set", "model.widths=[8,16]"], "one number of each per stage"),
        (["--config", "nowhere.toml"], "nowhere.toml"),
        (["--run", "."], "which holds a run"),
        (["--resume", "--set", "train.epochs=3"], "--resume alone"),
        (["--resume", "--run", "other"], "config.json"),
    ],
)
def test_a_mistake_is_found_before_keras_is_loaded(
    training: list[Any], tmp_path: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Run(tmp_path).write_json(Run(tmp_path).config_path, {})
    options = [str(tmp_path) if option == "." else option for option in options]
    assert main(["train", "faces", *options]) == 1
    assert said in capsys.readouterr().err.replace("\n", " ")
    assert not training


def test_a_rate_far_from_the_usual_is_said(
    training: list[Any], faces: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = ["--set", "optimizer.name=adam", "--set", "optimizer.learning_rate=0.1"]
    main(["train", faces, "--run", str(tmp_path / "run"), *wanted])
    assert "0.1 is high for adam (usual: 0.001)" in capsys.readouterr().out.replace("\n", " ")
