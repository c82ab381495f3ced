"""`mien predict` and `mien models`, as a person types them."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.cli import main
from mien.images import read_image
from mien.inference.model_files import bundled_models

TESTS = Path(__file__).resolve().parent.parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures that are faces, black and white, in folders."""
    for name, level in (("black.png", 0), ("sub/white.jpg", 255)):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (60, 60), (level,) * 3).save(tmp_path / "photos" / name)
    return tmp_path / "photos"


def _predict(model: Path, *arguments: object) -> int:
    return main(["predict", *map(str, arguments), "--model", str(model), "--detector", "none"])


def test_a_table_by_default(toy_model: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _predict(toy_model, folder / "black.png") == 0
    out = capsys.readouterr().out
    assert "angry" in out
    assert "1 photo, 1 face. Detector: none. Model: toy." in out


def test_json_is_one_list(toy_model: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _predict(toy_model, folder, "--json") == 0
    black, white = json.loads(capsys.readouterr().out)
    assert black["source"] == str(folder / "black.png")
    assert black["faces"][0]["emotion"] == "angry"
    assert white["faces"][0]["emotion"] == "neutral"
    assert white["faces"][0]["box"] == {"x": 0, "y": 0, "width": 60, "height": 60}


def test_one_unreadable_file_is_an_entry_and_the_rest_is_done(
    toy_model: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no photo")
    (folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    assert _predict(toy_model, folder, "--jsonl") == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [Path(line["source"]).name for line in lines] == ["black.png", "broken.jpg", "phone.heic", "white.jpg"]
    assert ["faces" in line for line in lines] == [True, False, False, True]
    assert "HEIC" in lines[2]["error"]


@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]])
def test_every_form_tells_of_unreadable_files(
    toy_model: Path, folder: Path, capsys: pytest.CaptureFixture[str], form: list[str]
) -> None:
    assert _predict(toy_model, folder / "black.png", folder / "gone.jpg", *form) == 1
    out = capsys.readouterr().out
    assert "gone.jpg" in out
    assert "No such file" in out
    assert "angry" in out


def test_csv_has_a_row_per_face(toy_model: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _predict(toy_model, folder, "--csv") == 0
    black, white = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (black["emotion"], black["faces"], black["face"], black["width"]) == ("angry", "1", "1", "60.0")
    assert float(white["neutral"]) == pytest.approx(float(white["confidence"]))
    assert sum(float(white[name]) for name in list(white)[-7:]) == pytest.approx(1, abs=1e-4)
    assert black["quality"] == "blurred, dark"


def test_no_face_is_an_answer(toy_model: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["predict", str(folder), "--model", str(toy_model), "--detector", "yunet"]
    assert main([*arguments, "--json"]) == 0
    assert [result["faces"] for result in json.loads(capsys.readouterr().out)] == [[], []]
    assert main([*arguments, "--csv"]) == 0
    assert [row["faces"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))] == ["0", "0"]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "no face" in out


def test_boxes_can_be_given(toy_model: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    boxes = tmp_path / "boxes.json"
    boxes.write_text(json.dumps({"black.png": [[0, 0, 20, 20], [20, 20, 30, 30]], "sub/white.jpg": []}))
    command = ["predict", str(folder), "--model", str(toy_model), "--detector", str(boxes), "--json"]
    assert main(command) == 0
    black, white = json.loads(capsys.readouterr().out)
    assert black["detector"] == "boxes"
    assert [face["box"]["width"] for face in black["faces"]] == [20, 30]
    assert white["faces"] == []
    boxes.write_text('{"black.png": []}')
    assert main(command) == 1
    assert "white.jpg" in capsys.readouterr().err


def test_annotated_copies_are_saved(toy_model: Path, folder: Path, tmp_path: Path) -> None:
    assert _predict(toy_model, folder, "--save", tmp_path / "out") == 0
    for name in ("black.png", "sub/white.jpg"):
        assert read_image(tmp_path / "out" / name).shape == (240, 240, 3)  # enlarged for its label
    assert _predict(toy_model, folder / "black.png", "--save", tmp_path / "one.jpg") == 0
    assert np.ptp(read_image(tmp_path / "one.jpg")) > 100
    assert _predict(toy_model, folder, "--save", folder) == 1  # would replace the photos
    assert np.ptp(read_image(folder / "black.png")) == 0


def test_standard_input(toy_model: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "mien", "predict", "-", "--model", str(toy_model), "--detector", "none", "--json"]
    data = (folder / "black.png").read_bytes()
    done = subprocess.run(command, input=data, capture_output=True, check=True, timeout=60)
    (result,) = json.loads(done.stdout)
    assert result["source"] == "stdin"
    assert result["faces"][0]["emotion"] == "angry"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--json", "--csv"], "one of"),
        (["--model", "nothing"], "mien export"),
        (["--detector", "mtcnn"], "yunet, none"),
        (["--detector", "gone.json"], "JSON file of boxes"),
        (["--max-megapixels", "0.001", "--json"], "pixels"),
    ],
)
def test_wrong_options_are_one_line(
    toy_model: Path, folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], word: str
) -> None:
    code = main(["predict", str(folder), "--model", str(toy_model), "--detector", "none", *arguments])
    captured = capsys.readouterr()
    assert code == 1
    assert word in captured.out + captured.err
    assert "Traceback" not in captured.err


def test_predicting_loads_only_what_it_needs(toy_model: Path, folder: Path) -> None:
    code = (
        "import sys; from mien.cli import main; main(sys.argv[1:]); "
        "print(*{m.partition('.')[0] for m in sys.modules}, file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, "predict", str(folder / "sub" / "white.jpg"), "--model", str(toy_model)]
    done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)
    loaded = set(done.stderr.split())
    assert {"cv2", "onnxruntime", "rich"} <= loaded
    assert loaded & {"pandas", "keras", "tensorflow", "matplotlib", "sklearn", "onnx"} == set()


def test_models_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    assert "small-int8" in capsys.readouterr().out
    assert main(["models", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [model["name"] for model in listed["models"]] == list(bundled_models())
    for model in listed["models"]:
        assert 0 < model["ms_per_face"] < 1000
        assert 10_000 < model["parameters"] < 10_000_000
        assert 10_000 < model["bytes"] < 15_000_000
        assert model["metrics"]["val"]["accuracy"] > 0.5
