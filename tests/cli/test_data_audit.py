"""`mien data audit`: its table, its JSON, and the cleaned dataset it writes."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from mien.cli import main
from mien.data import load_dataset


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A csv of noise: the second row repeats the first, the last of test is the mirror image of row 3."""
    monkeypatch.setenv("MIEN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "120")
    images = np.random.default_rng(0).integers(0, 256, (20, 48, 48))
    images[1], images[14], images[19] = images[0], images[4], images[2][:, ::-1]
    usages = ["Training"] * 10 + ["PublicTest"] * 5 + ["PrivateTest"] * 5
    rows = [f"{n // 2 % 7},{' '.join(map(str, image.ravel()))},{usages[n]}" for n, image in enumerate(images)]
    path = tmp_path / "toy[1].csv"
    path.write_text("\n".join(["emotion,pixels,Usage", *rows]) + "\n")
    return path


def row_of(shown: str, finding: str) -> list[str]:
    (line,) = (line for line in shown.splitlines() if line.startswith(finding))
    return line.replace(finding, "").split()


def test_the_table(source: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["data", "audit", str(source)]) == 0
    shown = capsys.readouterr().out
    assert f"{source}: 20 images" in shown
    assert row_of(shown, "identical groups") == ["2", "with", "4", "images"]
    assert row_of(shown, "val images also in train")[0] == "1"
    assert row_of(shown, "near-identical pairs")[0] == "1"
    assert row_of(shown, "blank images") == ["0", "0", "of", "them", "constant"]


def test_near_identical_images_can_be_left_alone(source: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["data", "audit", str(source), "--no-near"]) == 0
    assert "near-identical" not in capsys.readouterr().out


def test_json_is_all_of_standard_output(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["data", "audit", str(source), "--json", "--clean", str(tmp_path / "out.csv")]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["counts"]["identical_images"] == 4
    assert facts["near_identical"][0]["second"]["sample_id"] == "row-20"


@pytest.mark.parametrize(("name", "listed"), [("out.csv.gz", "out-removed.csv"), ("out", "out/removed.csv")])
@pytest.mark.parametrize("near", [False, True])
def test_a_cleaned_dataset_and_the_list(
    source: Path, tmp_path: Path, name: str, listed: str, near: bool, capsys: pytest.CaptureFixture[str]
):
    assert main(["data", "audit", str(source), "--clean", str(tmp_path / name), *(["--clean-near"] * near)]) == 0
    assert f"What was left out and why: {tmp_path / listed}" in capsys.readouterr().out
    cleaned = load_dataset(tmp_path / name)
    assert [len(cleaned.train), len(cleaned.val), len(cleaned.test)] == [7 if near else 8, 5, 5]
    with (tmp_path / listed).open(newline="", encoding="utf-8") as file:
        reasons = {row["sample_id"]: row["reason"] for row in csv.DictReader(file)}
    expected = {"row-2": "duplicate", "row-5": "identical to val"}
    assert reasons == expected | ({"row-3": "near-identical to test"} if near else {})


@pytest.mark.parametrize("arguments", [["--clean-near"], ["--clean", "x", "--clean-near", "--no-near"]])
def test_contradictions_are_refused_before_reading(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    assert main(["data", "audit", "/no/such/file", *arguments]) == 1
    assert "--clean-near" in capsys.readouterr().err


def test_an_occupied_folder_is_refused(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["data", "audit", str(source), "--clean", str(tmp_path)]) == 1
    assert "new or empty folder" in capsys.readouterr().err
