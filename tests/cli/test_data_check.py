"""`mien data check`, with rows of noise."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mien.cli.data import data_app
from mien.emotions import EMOTIONS
from mien.errors import DataError


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MIEN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "80")
    images = np.random.default_rng(0).integers(0, 256, (10, 2304))
    usages = ["Training"] * 6 + ["PublicTest"] * 2 + ["PrivateTest"] * 2
    rows = [f"{n % 7},{' '.join(map(str, image))},{usages[n]}" for n, image in enumerate(images)]
    path = tmp_path / "fer2013[x].csv"
    path.write_text("\n".join(["emotion,pixels,Usage", *rows, "9,1 2 3,Training"]) + "\n")
    return path


def check(*arguments: object):
    return CliRunner().invoke(data_app, ["check", *map(str, arguments)])


def test_the_table_shows_splits_classes_notes_and_fingerprint(source: Path):
    done = check(source, "--skip-bad")
    assert done.exit_code == 0
    assert done.stderr == ""
    assert "surprise" in done.stdout  # not cut off at 80 columns
    lines = done.stdout.splitlines()
    assert "fer2013[x].csv: 10 images" in lines[0]
    counts = {words[0]: words[1] for words in map(str.split, lines) if words[:1] and words[0] in {*EMOTIONS, "total"}}
    assert counts == dict.fromkeys(EMOTIONS, "1") | {"neutral": "0", "total": "6"}
    assert "protocol    source" in done.stdout
    assert "skipped     fer2013[x].csv row 11: expected an emotion code of 0 to 6, received '9'" in done.stdout
    assert len(lines[-1].removeprefix("fingerprint ")) == 64


def test_json_says_the_same(source: Path):
    facts = json.loads(check(source, "--skip-bad", "--json").stdout)
    assert facts["images"] == 10
    assert facts["protocol"] == "source"
    assert facts["splits"]["train"] == {
        "images": 6,
        "classes": {"angry": 1, "disgust": 1, "fear": 1, "happy": 1, "sad": 1, "surprise": 1, "neutral": 0},
    }
    assert facts["skipped"][0]["where"] == "fer2013[x].csv row 11"
    assert facts["votes"] is False


def test_a_bad_row_is_a_known_error(source: Path):
    done = check(source)
    assert done.exit_code != 0
    assert isinstance(done.exception, DataError)
    assert "row 11" in str(done.exception)


def test_no_cache_keeps_nothing(source: Path, tmp_path: Path):
    assert check(source, "--skip-bad", "--no-cache").exit_code == 0
    assert not (tmp_path / "cache").exists()
