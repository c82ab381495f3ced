"""Any name that `predict` takes has a run folder with its scores; what is scored again, and what is not."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.data.dataset import Dataset
from mien.errors import RunError
from mien.evaluate.run_evaluation import evaluate_run, fitted_on_val
from mien.files import sha256_of
from mien.inference.classifier import Classifier
from mien.inference.model_files import find_model
from mien.run import Probabilities, Run
from mien.scoring import ensure_probabilities, open_ensemble, open_run, score_ensemble
from mien.synthetic.faces import synthetic_dataset


@pytest.fixture(scope="module")
def faces() -> Dataset:
    return synthetic_dataset(samples_per_class=4)


@pytest.fixture
def bundled(tmp_path: Path) -> Run:
    return open_run("small", bundled_path=tmp_path / "bundled")


def _exported(folder: Path) -> Path:
    found = find_model("small")
    folder.mkdir()
    for path in (found.onnx_path, found.card_path):
        shutil.copy(path, folder)
    return folder


def test_a_bundled_model_is_scored_in_a_folder_of_ones_own(bundled: Run, faces: Dataset) -> None:
    assert (bundled.name, sha256_of(bundled.onnx_path)) == ("small", sha256_of(find_model("small").onnx_path))
    scores = ensure_probabilities(bundled, faces, "val")
    assert scores.path.parent == bundled.path / "other_data"  # it was not trained on drawn faces
    stored = scores.read_probabilities("val")
    raw = Classifier("small", head="labels").raw_probabilities(faces.val.images)
    np.testing.assert_allclose(stored.probabilities, raw, atol=1e-5)
    evaluation, _ = evaluate_run(bundled, "val", scores=scores)
    assert evaluation.calibrated is not None
    assert evaluation.calibrated.temperature == Classifier("small", head="labels").head.temperature


def test_a_name_may_come_as_a_path_as_from_the_command_line(tmp_path: Path) -> None:
    assert open_run(Path("small"), bundled_path=tmp_path).path == tmp_path / "small"


def test_an_exported_model_is_scored_where_it_lies(tmp_path: Path, faces: Dataset) -> None:
    folder = _exported(tmp_path / "exported")
    for name in (folder, folder / "model.onnx"):
        assert open_run(name).path == folder
    assert ensure_probabilities(open_run(folder), faces, "val").path.is_relative_to(folder)


def test_images_painted_black_are_scored_again_though_ids_and_labels_are_the_same(bundled: Run, faces: Dataset) -> None:
    painted = replace(faces, val=replace(faces.val, images=np.zeros_like(faces.val.images)), fingerprint="0" * 64)
    own = ensure_probabilities(bundled, faces, "val").read_probabilities("val").probabilities
    black = ensure_probabilities(bundled, painted, "val").read_probabilities("val").probabilities
    assert not np.allclose(own, black)
    assert np.ptp(black, axis=0).max() < 1e-5  # one image, one prediction
    again = ensure_probabilities(bundled, faces, "val").read_probabilities("val").probabilities
    np.testing.assert_array_equal(again, own)


def test_scores_of_a_model_that_was_replaced_are_made_anew(tmp_path: Path, faces: Dataset) -> None:
    folder = _exported(tmp_path / "exported")
    before = ensure_probabilities(open_run(folder), faces, "val").read_probabilities("val")
    other = find_model("small-int8")
    shutil.copy(other.onnx_path, folder)
    shutil.copy(other.card_path, folder)
    after = ensure_probabilities(open_run(folder), faces, "val").read_probabilities("val")
    assert after.provenance.model_sha256 == sha256_of(other.onnx_path) != before.provenance.model_sha256
    assert not np.array_equal(before.probabilities, after.probabilities)


def test_another_datasets_val_never_decides_the_temperature(tmp_path: Path, faces: Dataset) -> None:
    run = open_run(_exported(tmp_path / "exported"))
    card = fitted_on_val(run)
    ensure_probabilities(run, faces, "val")
    assert fitted_on_val(run) == card


def test_a_bundled_model_of_a_newer_mien_replaces_the_copy(bundled: Run) -> None:
    bundled.onnx_path.write_bytes(b"of an older mien")
    again = open_run("small", bundled_path=bundled.path.parent)
    assert sha256_of(again.onnx_path) == sha256_of(find_model("small").onnx_path)


def test_nothing_to_score_with_names_what_there_is(tmp_path: Path, faces: Dataset) -> None:
    with pytest.raises(RunError, match=r"mien train .*bundled model \(.*base"):
        ensure_probabilities(open_run(tmp_path / "nothing"), faces, "val")


def test_an_ensemble_is_not_taken_for_having_seen_other_data(tmp_path: Path, faces: Dataset) -> None:
    run = Run(tmp_path / "both")
    score_ensemble(open_ensemble(["small"], run), faces, "val", run)
    assert ensure_probabilities(run, faces, "val").path == run.path
    with pytest.raises(RunError, match="mien ensemble small --split val"):
        ensure_probabilities(run, replace(faces, fingerprint="0" * 64), "val")


def test_probabilities_of_both_heads_are_kept(tmp_path: Path) -> None:
    run, votes = Run(tmp_path / "two"), np.eye(7, dtype=np.float32)[:3]
    said = Probabilities(np.array(list("abc")), np.arange(3), np.full((3, 7), 1 / 7, np.float32))
    run.write_probabilities("val", replace(said, votes_probabilities=votes))
    stored = run.read_probabilities("val").votes_probabilities
    assert stored is not None
    np.testing.assert_array_equal(stored, votes)
    run.write_probabilities("val", said)
    assert run.read_probabilities("val").votes_probabilities is None
    run.write_probabilities("val", replace(said, votes_probabilities=2 * votes))
    with pytest.raises(RunError, match="sum to 1"):
        run.read_probabilities("val")
