"""The run folder: damage is said in one sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.emotions import NUM_EMOTIONS
from mien.errors import RunError
from mien.files import write_json
from mien.run import SCHEMA_VERSION, Probabilities, Provenance, Run


def _some_probabilities(n: int, seed: int = 0) -> Probabilities:
    random = np.random.default_rng(seed)
    return Probabilities(
        sample_ids=np.array([f"row-{i + 1}" for i in range(n)], np.str_),
        y_true=random.integers(0, NUM_EMOTIONS, n),
        probabilities=random.dirichlet(np.ones(NUM_EMOTIONS), n).astype(np.float32),
    )


# --- JSON of a run


def test_json_round_trip_with_schema_version(tmp_path: Path) -> None:
    run = Run(tmp_path / "first")
    run.write_json(run.config_path, {"train": {"epochs": 3}})
    assert run.read_json(run.config_path) == {"schema_version": SCHEMA_VERSION, "train": {"epochs": 3}}
    assert run.name == "first"


def test_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with pytest.raises(RunError, match=r"Expected config\.json in .* Make it with: mien train --run here"):
        run.read_json(run.config_path, "mien train --run here")


def test_files_of_before_schema_versions_are_read(tmp_path: Path) -> None:
    run = Run(tmp_path)
    write_json(run.config_path, {"a": 1})
    assert run.read_json(run.config_path) == {"a": 1}


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, "2", None])
def test_a_newer_schema_is_refused(tmp_path: Path, version: object) -> None:
    run = Run(tmp_path)
    write_json(run.config_path, {"schema_version": version})
    with pytest.raises(RunError, match="pip install -U mien"):
        run.read_json(run.config_path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[1, 2]", b'"text"', b"3"])
def test_damaged_json_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    run = Run(tmp_path)
    run.config_path.write_bytes(content)
    with pytest.raises(RunError, match=r"Expected (JSON|a JSON object) in"):
        run.read_json(run.config_path)


# --- probabilities


@pytest.mark.parametrize("n", [0, 1, 50])
def test_probabilities_round_trip(tmp_path: Path, n: int) -> None:
    run, written = Run(tmp_path), _some_probabilities(n)
    assert run.write_probabilities("val", written) == run.probabilities_path("val")
    read = run.read_probabilities("val")
    np.testing.assert_array_equal(read.sample_ids, written.sample_ids)
    np.testing.assert_array_equal(read.y_true, written.y_true)
    np.testing.assert_array_equal(read.probabilities, written.probabilities)
    assert read.probabilities.dtype == np.float32


def test_what_two_heads_say_is_kept_side_by_side(tmp_path: Path) -> None:
    votes = np.full((2, 7), 1 / 7, np.float32)
    labels = np.eye(7, dtype=np.float32)[[1, 2]]
    run = Run(tmp_path)
    both = Probabilities(np.array(["a", "b"]), np.array([1, 2]), labels, votes_probabilities=votes)
    run.write_probabilities("val", both)
    back = run.read_probabilities("val")
    np.testing.assert_array_equal(back.probabilities, labels)
    assert back.votes_probabilities is not None
    np.testing.assert_array_equal(back.votes_probabilities, votes)


def test_sample_ids_as_objects_are_read_back(tmp_path: Path) -> None:
    run, some = Run(tmp_path), _some_probabilities(3)
    ids = np.array(["ä.png", "b.png", "a/very/long/name.png"], dtype=object)
    run.write_probabilities("test", Probabilities(ids, some.y_true, some.probabilities))
    assert run.read_probabilities("test").sample_ids.tolist() == ids.tolist()


def test_missing_probabilities_name_the_command(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"mien evaluate .* --split test"):
        Run(tmp_path).read_probabilities("test")


@settings(max_examples=30)
@given(share=st.floats(0, 0.999))
def test_truncated_probabilities_are_refused(tmp_path_factory: pytest.TempPathFactory, share: float) -> None:
    run = Run(tmp_path_factory.mktemp("run"))
    path = run.write_probabilities("val", _some_probabilities(40))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(RunError, match="Make it again with: mien evaluate"):
        run.read_probabilities("val")


def test_npz_without_an_array_is_refused(tmp_path: Path) -> None:
    run = Run(tmp_path)
    np.savez(run.probabilities_path("val"), y_true=np.zeros(3, np.int64))
    with pytest.raises(RunError, match="Expected sample_id, y_true and probabilities"):
        run.read_probabilities("val")


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    run, some = Run(tmp_path), _some_probabilities(2)
    ids = np.array(["a", None], dtype=object)
    np.savez(run.probabilities_path("val"), sample_id=ids, y_true=some.y_true, probabilities=some.probabilities)
    with pytest.raises(RunError, match="allow_pickle=False"):
        run.read_probabilities("val")


def _with_nan(p: np.ndarray) -> np.ndarray:
    return np.where(np.arange(p.size).reshape(p.shape) == 3, np.nan, p)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ids, y, p: (ids, y, p[:, :6]), r"\(N, 7\)"),
        (lambda ids, y, p: (ids, y, p[:-1]), r"\(N, 7\)"),
        (lambda ids, y, p: (ids[:-1], y, p), r"sample ids \(N,\)"),
        (lambda ids, y, p: (ids, y[0], p), r"labels \(N,\)"),
        (lambda ids, y, p: (ids, y + 1 + 6 * (y == 0), p), "labels 0 to 6"),
        (lambda ids, y, p: (ids, y.astype(float), p), "labels 0 to 6"),
        (lambda ids, y, p: (ids, y, 100 * p), "sum to 1"),
        (lambda ids, y, p: (ids, y, _with_nan(p)), "sum to 1"),
        (lambda ids, y, p: (ids, y, np.ones_like(p, np.int64)), "sum to 1"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, change, message: str) -> None:  # type: ignore[no-untyped-def]
    run, some = Run(tmp_path), _some_probabilities(8)
    ids, y, p = change(some.sample_ids, some.y_true, some.probabilities)
    np.savez(run.probabilities_path("val"), sample_id=ids, y_true=y, probabilities=p)
    with pytest.raises(RunError, match=message):
        run.read_probabilities("val")


# --- where scores come from


def _trained(folder: Path, fingerprint: str = "a" * 64) -> Run:
    run = Run(folder)
    run.write_json(run.environment_path, {"data": {"fingerprint": fingerprint}})
    run.write_json(run.config_path, {"train": {"epochs": 3}})
    run.model_path.write_bytes(b"weights")
    return run


def test_provenance_is_stored_beside_the_scores(tmp_path: Path) -> None:
    run, some = _trained(tmp_path), _some_probabilities(5)
    provenance = run.provenance("a" * 64)
    run.write_probabilities("val", replace(some, provenance=provenance))
    assert run.read_probabilities("val").provenance == provenance
    assert run.has_probabilities("val", provenance)
    assert not run.has_probabilities("test", provenance)


@pytest.mark.parametrize(
    "change",
    [
        lambda run: run.model_path.write_bytes(b"others"),
        lambda run: run.write_json(run.config_path, {"train": {"epochs": 4}}),
        lambda run: run.probabilities_path("val").write_bytes(b"damaged"),
    ],
)
def test_scores_of_another_model_or_config_are_not_those_of_the_run(tmp_path: Path, change) -> None:  # type: ignore[no-untyped-def]
    run, some = _trained(tmp_path), _some_probabilities(5)
    run.write_probabilities("val", replace(some, provenance=run.provenance("a" * 64)))
    change(run)
    assert not run.has_probabilities("val", run.provenance("a" * 64))


def test_each_dataset_has_a_place_of_its_own(tmp_path: Path) -> None:
    run = _trained(tmp_path)
    assert run.scores_on("a" * 64, "/data/fer2013.csv") is run
    places = [
        run.scores_on(fingerprint, source).path
        for fingerprint, source in (("b" * 64, "/data/fer2013.csv.gz"), ("c" * 64, "fer2013.csv"), ("b" * 64, "<>/..."))
    ]
    assert [place.name for place in places] == ["fer2013-bbbbbbbb", "fer2013-cccccccc", "data-bbbbbbbb"]
    assert all(place.parent.parent == run.path for place in places)


def test_what_a_run_without_facts_was_trained_on_is_not_known(tmp_path: Path) -> None:
    assert Run(tmp_path).scores_on("a" * 64, "x.csv").path.parent.parent == tmp_path
    assert Run(tmp_path).provenance("a" * 64) == Provenance(data_fingerprint="a" * 64)
