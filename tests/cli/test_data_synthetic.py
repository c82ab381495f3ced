"""`mien data synthetic`: draws a folder that the other commands read."""

from pathlib import Path

import pytest

from mien.cli import main
from mien.data import load_dataset


def test_it_draws_and_says_what_is_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "faces[1]"
    assert main(["data", "synthetic", str(out), "--samples-per-class", "4", "--seed", "3"]) == 0
    shown = capsys.readouterr()
    assert f"Drew 28 faces into {out}: 14 train, 7 val, 7 test." in shown.out
    assert f"Next: mien train {out}" in shown.out
    assert shown.err == ""
    assert len(load_dataset(out)) == 28


def test_an_occupied_folder_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "thesis.tex").write_text("")
    assert main(["data", "synthetic", str(tmp_path)]) == 1
    shown = capsys.readouterr().err
    assert "thesis.tex" in shown
    assert shown.count("\n") == 1
