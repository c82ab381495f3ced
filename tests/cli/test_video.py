from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.cli import main
from mien.inference.video.clip import open_clip


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
    ((person,),) = [one["people"] for one in json.loads(capsys.readouterr().out)]
    assert person["emotion"] == "neutral"
    assert person["first_seconds"] == pytest.approx(1)


def test_a_timeline_is_drawn(toy_model: Path, clip: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "timeline.png"
    assert _video(toy_model, clip, "--timeline", path) == 0
    picture = cv2.imread(str(path))
    assert picture is not None
    assert picture.shape[1] > 900


def test_the_timeline_says_what_the_table_says(
    toy_model: Path, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "timeline.svg"
    assert _video(toy_model, clip, "--timeline", path, "--smooth", 0) == 0
    assert " 0.0 s  1.9 s  1.9 s  neutral 53% " in capsys.readouterr().out
    assert "0.0 to 1.9 s, mostly neutral, 53% of the time" in path.read_text()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["gone.mp4"], "no such file"),
        (["clip.avi", "--out", "rows.xlsx"], ".csv"),
        (["clip.avi", "--out", "a.csv", "--out", "a.csv"], "different files"),
        (["clip.avi", "--out", "a.csv", "--out", "A.csv"], "different files"),
        (["clip.avi", "--save", "clip.avi"], "the one that is read"),
        (["file://{here}/clip.avi", "--save", "clip.avi"], "the one that is read"),
        (["clip.avi", "--out", "old.csv", "--save", "a.mkv"], ".mp4"),
        (["clip.avi", "--out", "old.csv", "--save", "clip.avi"], "the one that is read"),
        (["clip.avi", "--out", "old.csv", "--timeline", "t.txt"], ".png"),
        (["clip.avi", "--out", "old.csv", "--start", "99"], "none that can be read"),
        (["cache:file://{here}/clip.avi", "--save", "clip.avi"], "rtsp"),
        (["clip.avi", "--start", "3", "--end", "2"], "end after the start"),
        (["97"], "camera 97"),
        (["clip.avi", "--prior", "nonsense"], "prior"),
        (["clip.avi", "--head", "nonsense"], "head"),
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
    (clip.parent / "old.csv").write_text("older")
    before = _contents(clip.parent)
    assert _video(toy_model, *(argument.format(here=clip.parent) for argument in arguments)) == 1
    assert word in " ".join(capsys.readouterr().err.split())
    assert _contents(clip.parent) == before


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_timeline_without_matplotlib_fails_before_the_video_is_watched(
    toy_model: Path, clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib" or "timeline" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    (clip.parent / "old.csv").write_text("older")
    before = _contents(clip.parent)
    assert _video(toy_model, clip, "--out", clip.parent / "old.csv", "--timeline", clip.parent / "t.png") == 1
    assert "mien video needs matplotlib" in capsys.readouterr().err
    assert _contents(clip.parent) == before


def test_a_clip_that_is_cut_off_is_remarked_on(toy_model: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = clip.read_bytes()
    clip.write_bytes(content[: len(content) * 6 // 10])
    assert _video(toy_model, clip) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "though it says that it has 2.0 s" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_with_complete_files(toy_model: Path, tmp_path: Path, number: signal.Signals) -> None:
    clip, out, save = tmp_path / "long.avi", tmp_path / "out" / "rows.csv", tmp_path / "out" / "save.mp4"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 10, (32, 32))
    for _ in range(30_000):
        writer.write(np.zeros((32, 32, 3), np.uint8))
    writer.release()
    out.parent.mkdir()
    command = [sys.executable, "-m", "mien", "video", str(clip), "--model", str(toy_model), "--detector", "none"]
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("whatever runs the tests ignores this signal, and so does what they start")
    with subprocess.Popen([*command, "--out", str(out), "--save", str(save)], stderr=subprocess.PIPE) as process:
        while process.poll() is None and not any(path.stat().st_size for path in out.parent.glob(".mien-*.csv")):
            time.sleep(0.05)
        process.send_signal(number)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert b"Stopped" in said
    assert sorted(path.name for path in out.parent.iterdir()) == ["rows.csv", "save.mp4"]
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert 0 < len(rows) < 30_000
    assert rows[-1]["neutral"]
    with open_clip(save) as saved:
        assert saved.frame_count in (len(rows), len(rows) - 1)  # the last one may have reached the table only


def test_several_clips_have_files_of_their_own(
    toy_model: Path, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "clips"
    (folder / "deep").mkdir(parents=True)
    for name in ("one.avi", "deep/two.avi"):
        (folder / name).write_bytes(clip.read_bytes())
    (folder / "notes.txt").write_text("no video")
    for _ in range(2):  # what it has written is not read the next time
        assert _video(toy_model, clip, folder, "--out", folder / "r.csv", "--save", folder / "s.avi", "--every", 5) == 0
        printed = capsys.readouterr().out
        for name in ("clip", "one", "two"):
            assert f"wrote {folder / f'r-{name}.csv'}" in printed
            assert len((folder / f"r-{name}.csv").read_text().splitlines()) in (5, 21)
        assert printed.count("person") == 3
        assert sorted(path.name for path in folder.glob("*.avi")) == ["one.avi", "s-clip.avi", "s-one.avi", "s-two.avi"]


def test_a_clip_that_cannot_be_read_is_said_and_the_rest_is_done(
    toy_model: Path, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    assert _video(toy_model, tmp_path / "bad.mp4", clip, "--json") == 1
    printed = capsys.readouterr()
    assert [one["source"] for one in json.loads(printed.out)] == [str(clip)]
    assert "bad.mp4" in printed.err


def test_clips_of_one_name_and_empty_folders_are_refused(
    toy_model: Path, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    assert _video(toy_model, tmp_path / "other") == 1
    assert "folder with videos" in " ".join(capsys.readouterr().err.split())
    (tmp_path / "other" / "CLIP.avi").write_bytes(clip.read_bytes())
    assert _video(toy_model, clip, tmp_path / "other", "--out", tmp_path / "r.csv") == 1
    assert "different names" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "r-clip.csv").exists()
