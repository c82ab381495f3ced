"""The demo: every step leaves what it says, and nobody's folder is emptied by mistake."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from mien.cli import main
from mien.config import load_config, with_overrides
from mien.data import load_dataset
from mien.demo import DEMO_CONFIG, HELD_OUT_PER_EMOTION, Demo
from mien.emotions import NUM_EMOTIONS
from mien.errors import RunError
from mien.images import read_image

CONFIG = Path(__file__).resolve().parent.parent / "configs" / "demo.toml"
TINY = with_overrides(
    DEMO_CONFIG, ["model.widths=[4]", "model.blocks=[1]", "train.epochs=2", "train.precision=float32"]
)


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """A whole demo on few faces; the photo is answered by its own network."""
    folder = tmp_path_factory.mktemp("demo") / "out"
    demo = Demo(folder, TINY, samples_per_class=12, photo_model=folder / "run")
    for step in (demo.draw, demo.train, demo.evaluate, demo.export, demo.predict, demo.photo, demo.overview):
        step()
    return demo


def test_the_config_file_is_the_same() -> None:
    assert load_config(CONFIG) == DEMO_CONFIG


def test_every_step_says_what_came_of_it_and_where(walked: Demo) -> None:
    assert [step.name for step in walked.steps] == [
        "Draw",
        "Train",
        "Evaluate",
        "Export",
        "Predict",
        "Photo",
        "Overview",
    ]
    for step in walked.steps:
        assert step.result
        assert step.seconds > 0
        assert step.path is not None
        assert step.path.exists()


def test_the_drawn_faces_are_a_dataset(walked: Demo) -> None:
    assert len(load_dataset(walked.folder / "faces", cache=False)) == 12 * NUM_EMOTIONS


def test_the_run_is_complete(walked: Demo) -> None:
    run = walked.run
    assert json.loads(run.metrics_path("test").read_text())["split"] == "test"
    assert len(list(run.figures_path.glob("*.png"))) > 5
    for path in (run.model_path, run.model_h5_path, run.onnx_path, run.card_path, run.history_path):
        assert path.is_file()
    assert {"val", "test"} <= set(json.loads(run.card_path.read_text())["metrics"])


def test_held_out_faces_are_answered_as_files(walked: Demo) -> None:
    folder = walked.folder / "held-out"
    answers = json.loads((folder / "predictions.json").read_text())
    per_emotion = min(HELD_OUT_PER_EMOTION, 2)  # 12 faces of each emotion leave two for test
    assert len(answers) == len(list(folder.glob("*.png"))) == per_emotion * NUM_EMOTIONS
    assert all(len(answer["faces"]) == 1 for answer in answers)


def test_the_photo_is_annotated(walked: Demo) -> None:
    from skimage.data import astronaut

    annotated = read_image(walked.folder / "astronaut.jpg")
    assert annotated.shape == (512, 512, 3)
    changed = np.abs(annotated.astype(int) - astronaut()).max(axis=2) > 100
    assert 0.001 < changed.mean() < 0.1  # a box and a label, and not another picture


def test_the_overview_is_a_picture(walked: Demo) -> None:
    page = read_image(walked.folder / "overview.png")
    assert page.shape == (1600, 2560, 3)
    assert page.std() > 20


def test_an_earlier_demo_is_emptied(tmp_path: Path) -> None:
    demo = Demo(tmp_path / "out", samples_per_class=3)
    demo.draw()
    (tmp_path / "out" / "left-over").touch()
    dataclasses.replace(demo).draw()
    assert not (tmp_path / "out" / "left-over").exists()


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    with pytest.raises(RunError, match="which holds other things"):
        Demo(tmp_path, samples_per_class=3).draw()
    assert main(["demo", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("mien: Expected a new folder, or one of an earlier demo.")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_empty_folder_and_a_file(tmp_path: Path) -> None:
    Demo(tmp_path, samples_per_class=3).draw()
    (tmp_path / "file").write_text("a file")
    with pytest.raises(RunError, match="which holds other things"):
        Demo(tmp_path / "file", samples_per_class=3).draw()
