from __future__ import annotations

import json
from pathlib import Path

import pytest

from mien.cli import main


def test_everything_is_measured(toy_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", str(toy_model), "--detector", "none", "--seconds", "0.01", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["models"]
    assert row["model"] == "toy"
    assert 0 < row["face_p50_ms"] <= row["face_p95_ms"] < 1000
    assert row["faces_per_second"] >= 1000 / row["face_p50_ms"] * 0.2
    assert row["best_batch"] in (1, 2, 4, 8, 16, 32, 64)
    assert 0 < row["cold_start_seconds"] < 60
    assert row["photo_p50_ms"] > 0
    assert row["video_fps"] > 0
    peak = row["cold_start_megabytes"]
    assert peak is None or 20 < peak < 250  # the memory that mien promises to keep to


def test_an_unknown_model_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", str(tmp_path / "gone"), "--seconds", "0.01"]) == 1
    assert "mien: " in capsys.readouterr().err
