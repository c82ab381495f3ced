from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.cli import main


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A second of black, a second of white."""
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 64))
    for number in range(20):
        writer.write(np.full((64, 64, 3), 255 * (number // 10), np.uint8))
    writer.release()
    return path


def _video(model: Path, *arguments: object) -> int:
    return main(["video", *map(str, arguments), "--model", str(model), "--detector", "none"])


def test_a_summary_and_files(toy_model: Path, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, save = tmp_path / "rows.csv", tmp_path / "annotated.avi"
    assert _video(toy_model, clip, "--out", out, "--save", save, "--smooth", 0) == 0
    printed = capsys.readouterr().out
    assert "angry" in printed
    assert "neutral" in printed
    assert f"wrote {out}" in printed
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["emotion"] for row in rows] == ["angry"] * 10 + ["neutral"] * 10
    assert {row["track"] for row in rows} == {"1"}
    assert save.stat().st_size > 1000


def test_json_summary_of_a_part(toy_model: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _video(toy_model, clip, "--start", 1, "--every", 2, "--json") == 0
    (person,) = json.loads(capsys.readouterr().out)
    assert person["emotion"] == "neutral"
    assert person["first_seconds"] == pytest.approx(1)


def test_a_timeline_is_drawn(toy_model: Path, clip: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "timeline.png"
    assert _video(toy_model, clip, "--timeline", path) == 0
    picture = cv2.imread(str(path))
    assert picture is not None
    assert picture.shape[1] > 900


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["gone.mp4"], "no such file"),
        (["clip.avi", "--out", "rows.xlsx"], ".csv"),
        (["clip.avi", "--out", "a.csv", "--out", "a.csv"], "other than"),
        (["clip.avi", "--save", "clip.avi"], "other than"),
        (["clip.avi", "--start", "3", "--end", "2"], "end after the start"),
        (["97"], "camera 97"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    toy_model: Path,
    clip: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    word: str,
) -> None:
    monkeypatch.chdir(clip.parent)
    before = clip.read_bytes()
    assert _video(toy_model, *arguments) == 1
    assert word in " ".join(capsys.readouterr().err.split())
    assert clip.read_bytes() == before
