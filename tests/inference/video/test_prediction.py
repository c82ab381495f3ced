"""`predict_video`: what Python users call."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

import mien
from mien.errors import ConfigError, OutputError
from mien.inference.predictor import Predictor
from mien.inference.video.analysis import ROW_COLUMNS


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A second of black, a second of white."""
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 64))
    for number in range(20):
        writer.write(np.full((64, 64, 3), 255 * (number // 10), np.uint8))
    writer.release()
    return path


@pytest.fixture
def predictor(toy_model: Path) -> Predictor:
    return Predictor(toy_model, detector="none")


def test_people_rows_and_files(predictor: Predictor, clip: Path, tmp_path: Path) -> None:
    out, save = tmp_path / "rows.csv", tmp_path / "save.avi"
    seen = []
    prediction = mien.predict_video(
        clip,
        predictor=predictor,
        out=[str(out)],
        save=save,
        smoothing_seconds=0,
        on_progress=lambda result, length: seen.append((result.frame.number, length)),
    )
    (person,) = prediction.people
    assert (person.track, person.shares["angry"], person.shares["neutral"]) == (1, pytest.approx(9 / 19), 10 / 19)
    assert [row["emotion"] for row in prediction.rows] == ["angry"] * 10 + ["neutral"] * 10
    assert [row["frame"] for row in prediction.rows] == list(range(20))
    assert tuple(prediction.rows[0]) == ROW_COLUMNS
    assert prediction.written == (out, save)
    assert len(list(csv.DictReader(out.read_text().splitlines()))) == 20
    assert seen == [(number, 2.0) for number in range(20)]
    assert not prediction.was_stopped
    assert repr(prediction) == f"VideoPrediction({clip}: 1 people, 20 rows)"


def test_rows_are_left_out_where_they_would_not_fit(predictor: Predictor, clip: Path) -> None:
    prediction = mien.predict_video(clip, predictor=predictor, keep_rows=False, every=5)
    assert prediction.rows == ()
    assert len(prediction.people) == 1


def test_ctrl_c_is_an_end(predictor: Predictor, clip: Path, tmp_path: Path) -> None:
    def stop(result: object, length: object) -> None:
        if result.frame.number == 4:  # type: ignore[attr-defined]
            raise KeyboardInterrupt

    prediction = mien.predict_video(clip, predictor=predictor, out=[tmp_path / "rows.csv"], on_progress=stop)
    assert prediction.was_stopped
    assert len(prediction.rows) == 5
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 6


def test_files_are_checked_before_anything_is_opened(predictor: Predictor, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("older")
    with pytest.raises(ConfigError, match="different files"):
        mien.predict_video(clip, predictor=predictor, out=[tmp_path / "rows.csv", tmp_path / "ROWS.csv"])
    with pytest.raises(OutputError):
        mien.predict_video(clip, predictor=predictor, out=[tmp_path / "rows.csv"], save=clip)
    assert (tmp_path / "rows.csv").read_text() == "older"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.avi", "rows.csv"]
