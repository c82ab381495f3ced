"""The model card: written and read back whole, and refused when this mien cannot serve its model."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest

from mien.card import Head, ModelCard, read_card, write_card
from mien.emotions import EMOTIONS
from mien.errors import ModelError
from mien.run import SCHEMA_VERSION

CARD = ModelCard(
    name="first",
    onnx_sha256="0" * 64,
    heads={"votes": Head("probabilities", 1.3, 0.4), "labels": Head("label_probabilities")},
    opset=17,
    parameters=58_423,
    architecture="cnn",
    data_fingerprint="f" * 64,
    protocol="official",
    metrics={"val": {"accuracy": 0.7, "accuracy_low": 0.68, "accuracy_high": 0.72, "n": 3589}},
    mien_version="0.1.0",
)


def _written(tmp_path: Path, **changes: Any) -> Path:
    path = tmp_path / "model.json"
    write_card(path, CARD)
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return path


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    write_card(path, CARD)
    assert read_card(path) == CARD


def test_the_file_says_its_schema_and_all_facts(tmp_path: Path) -> None:
    value = json.loads(_written(tmp_path).read_text())
    assert value["schema_version"] == SCHEMA_VERSION
    assert value["emotions"] == list(EMOTIONS)
    assert set(value) == {"schema_version", *(f.name for f in dataclasses.fields(ModelCard))}


def test_unknown_facts_of_the_same_schema_are_ignored(tmp_path: Path) -> None:
    assert read_card(_written(tmp_path, remark="trained on a Sunday")) == CARD


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema_version": SCHEMA_VERSION + 1}, "pip install -U mien"),
        ({"schema_version": "1"}, "Expected a model card"),
        ({"schema_version": None}, "Expected a model card"),
        ({"emotions": [*EMOTIONS[1:], EMOTIONS[0]]}, "Expected the classes angry, disgust"),
        ({"emotions": list(EMOTIONS[:6])}, "Expected the classes"),
        ({"emotions": 7}, "Expected the classes"),
        ({"input_shape": [48, 48, 3]}, r"Expected a model of \(48, 48, 1\)"),
        ({"input_shape": [224, 224, 1]}, r"Expected a model of \(48, 48, 1\)"),
        ({"input_range": [0.0, 1.0]}, "in 0 to 255"),
        ({"input_colour": "rgb"}, "gray"),
        ({"heads": {}}, "Expected heads of votes, labels. Received: none"),
        ({"heads": {"mood": {}}}, "Expected heads of votes, labels. Received: mood"),
        ({"heads": ["votes"]}, "Expected a model card"),
        ({"heads": {"votes": {"colour": 1}}}, "Expected a model card"),
        ({"onnx_sha256": 7}, "Expected a string as onnx_sha256"),
        ({"onnx_sha256": "abc"}, "Expected a sha256 of 64"),
        ({"name": ["first"]}, "Expected a string as name"),
        ({"parameters": "many"}, "Expected a whole number as parameters"),
        ({"metrics": {"val": {"accuracy": "high"}}}, "Expected numbers as metrics"),
        ({"metrics": {"val": 0.7}}, "Expected a model card"),
        ({"emotions": ["x" * 10_000]}, "Expected the classes"),
    ],
)
def test_a_card_that_cannot_be_served_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        read_card(_written(tmp_path, **changes))
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": 0}, "Expected a temperature from 0.05 to 20"),
        ({"temperature": -1.0}, "Expected a temperature from 0.05 to 20"),
        ({"temperature": 1e-320}, "Expected a temperature from 0.05 to 20"),
        ({"temperature": 1e308}, "Expected a temperature from 0.05 to 20"),
        ({"temperature": float("nan")}, "Expected a temperature from 0.05 to 20"),
        ({"temperature": "1"}, "Expected a temperature from 0.05 to 20"),
        ({"temperature": True}, "Expected a temperature from 0.05 to 20"),
        ({"uncertain_below": 1.5}, "Expected uncertain_below from 0 to 1"),
        ({"uncertain_below": float("nan")}, "Expected uncertain_below from 0 to 1"),
        ({"output": 3}, "Expected the name of an output"),
        ({"prior": 7}, "Expected a model card"),
        ({"prior": [1 / 6] * 6}, "Expected a prior of 7 shares"),
        ({"prior": [0.5] * 7}, "Expected a prior of 7 shares"),
        ({"prior": [1.0] + [0.0] * 6}, "Expected a prior of 7 shares"),
    ],
)
def test_a_head_that_cannot_be_served_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read_card(_written(tmp_path, heads={"labels": change}))


DAMAGED = [b"", b"{}", b"[]", b"{", b"\xff", b'{"schema_version": 1}', b"[" * 100_000, b'{"a":' * 100_000]
DAMAGED += [b'{"schema_version": ' + b"9" * 5000 + b"}", b" " * 2_000_000]


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_damaged_card_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.json"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"Expected a model card \(JSON\) in .* Received: "):
        read_card(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.json")
    with pytest.raises(ModelError, match="Expected a model card"):
        read_card(tmp_path / "model.json")


def test_missing_card_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="mien export RUN"):
        read_card(tmp_path / "model.json")
