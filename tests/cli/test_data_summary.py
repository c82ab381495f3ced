"""`mien data summary`: tables, JSON and figures, and what happens without the libraries that draw."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mien.cli import main
from mien.emotions import EMOTIONS
from mien.synthetic.faces import write_synthetic

FIGURES = ["augmentation.png", "class_distribution.png", "mean_faces.png", "samples.png"]


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "120")
    write_synthetic(tmp_path / "faces", samples_per_class=6)
    return tmp_path / "faces"


def test_tables_and_figures(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "out"
    assert main(["data", "summary", str(source), "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    rows = {words[0]: words[1:3] for words in map(str.split, shown.splitlines()) if words}
    assert [rows[name] for name in EMOTIONS] == [["4", "(14.3%)"]] * 7
    assert rows["total"][0] == "28"
    assert sorted(path.name for path in out.iterdir()) == FIGURES
    assert all(name in shown for name in FIGURES)


def test_json_without_figures(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "out"
    assert main(["data", "summary", str(source), "--json", "--no-figures", "--out", str(out)]) == 0
    assert json.loads(capsys.readouterr().out)["val"]["images"] == 7
    assert not out.exists()


def test_a_bad_config_is_refused_before_reading(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "c.toml").write_text("[augment]\nrotation = 3\n")
    assert main(["data", "summary", "/no/such/file", "--config", str(tmp_path / "c.toml")]) == 1
    assert "augment.rotation" in capsys.readouterr().err


def test_without_the_drawing_libraries_the_tables_are_shown_and_the_figures_are_one_sentence(source: Path):
    # As in an installation without mien[train]: matplotlib cannot be found.
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from mien.cli import main\n"
        f"sys.exit(main(['data', 'summary', {str(source)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "surprise" in done.stdout
    assert done.stderr.count("\n") == 1
    assert "needs matplotlib" in done.stderr
    assert "[train]'" in done.stderr
