"""`model.json`, the card that travels with `model.onnx`: what the model is, expects and reaches.

`learn.export` writes it, `inference.predictor` refuses a model whose card does not fit; neither infers anything
from a file name.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mien.emotions import EMOTIONS, INPUT_SHAPE, NUM_EMOTIONS
from mien.errors import ModelError
from mien.files import write_json
from mien.probabilities import SUM_TOLERANCE
from mien.run import SCHEMA_VERSION

__all__ = ["Head", "ModelCard", "read_card", "write_card"]

HEAD_NAMES = ("votes", "labels")
"""`votes`: what FER+'s ten taggers see in the image. `labels`: what FER-2013 calls it."""

TEMPERATURES = (0.05, 20.0)
"""Lowest and highest temperature; beyond them probabilities are one-hot or uniform for all purposes."""


@dataclass(frozen=True)
class Head:
    """One question that a model answers, and what its probabilities are worth."""

    output: str = "probabilities"
    """Name of the output in model.onnx."""
    temperature: float = 1.0
    """Calibration: probabilities are softmax(log(p) / temperature); fitted on val (Guo et al. 2017)."""
    uncertain_below: float = 0.0
    """Calibrated confidence under which a prediction is called uncertain; 0 never."""
    prior: tuple[float, ...] = (1 / NUM_EMOTIONS,) * NUM_EMOTIONS
    """How common each emotion was where it learnt; sums to 1."""


@dataclass(frozen=True)
class ModelCard:
    """The facts of one exported model."""

    name: str
    """The run or model name."""
    onnx_sha256: str
    """Hex digest of the model.onnx that this card belongs to."""
    emotions: tuple[str, ...] = EMOTIONS
    """Classes in the order of the output."""
    input_shape: tuple[int, int, int] = INPUT_SHAPE
    """Height, width, channels of one image; the batch axis comes first and is free."""
    input_range: tuple[float, float] = (0.0, 255.0)
    """Lowest and highest pixel value that the graph expects, as float32."""
    input_colour: str = "gray"
    """Colour of the input."""
    resize_rule: str = "area-down, cubic-up"
    """How `mien.images` brings a crop to the input size."""
    heads: dict[str, Head] = field(default_factory=lambda: {"labels": Head()})
    """What it answers: `votes` (what people see) or `labels` (what FER-2013 calls it); the first is the default."""
    opset: int = 0
    """ONNX operator set."""
    parameters: int = 0
    """Number of weights."""
    architecture: str = ""
    """Architecture name."""
    keras_sha256: str = ""
    """Hex digest of the model.keras that it was exported from."""
    config_sha256: str = ""
    """Hex digest of the config.json of its training."""
    precision: str = "float32"
    """Number format of the weights and of the computation: float32 or int8."""
    data_fingerprint: str = ""
    """Fingerprint of the dataset it was trained on."""
    protocol: str = ""
    """Split protocol of that dataset."""
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    """Per split (`val`, `test`): accuracy, accuracy_low, accuracy_high (95 % Wilson interval), n, and others."""
    mien_version: str = ""
    """The mien that wrote this card."""


_MOST_BYTES = 1_000_000  # a card has two thousand
_STRINGS = (
    "name",
    "onnx_sha256",
    "input_colour",
    "resize_rule",
    "architecture",
    "keras_sha256",
    "config_sha256",
    "precision",
    "data_fingerprint",
    "protocol",
    "mien_version",
)
_FIELDS = {f.name: f for f in dataclasses.fields(ModelCard)}


def write_card(path: Path, card: ModelCard) -> None:
    """Write the card as JSON, atomically."""
    write_json(path, {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(card)})


def read_card(path: Path) -> ModelCard:
    """Read a card and check that this mien can serve its model.

    Raises:
        ModelError: The file is missing or damaged, comes from a newer mien, or describes another input or output.
    """
    try:
        value = _read_json(path)
        version = value.pop("schema_version")
        if version > SCHEMA_VERSION:
            raise ModelError(
                f"Expected schema_version {SCHEMA_VERSION} or older in {path}. Received: {version}. "
                "The model was exported by a newer mien: pip install -U mien"
            )
        known = {key: _tuples(item) for key, item in value.items() if key in _FIELDS}
        known["heads"] = {str(name): Head(**_tuples_in(head)) for name, head in known["heads"].items()}
        card = ModelCard(**known)
        problem = next(_misfits(card), None)
    except OSError as error:
        raise ModelError(
            f"Expected a model card at {path}. Received: {error.strerror}. Export one with: mien export RUN"
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError(f"Expected a model card (JSON) in {path}. Received: {repr(error)[:200]}.") from error
    if problem is not None:
        raise ModelError(f"{problem} ({path})")
    return card


def _read_json(path: Path) -> dict[str, Any]:
    """What a file says, in which anything may stand."""
    size = path.stat().st_size
    if not path.is_file() or size > _MOST_BYTES:  # reading a pipe would wait for ever
        raise ValueError(f"{size:,} bytes of no model card")
    value = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict):
        raise TypeError(f"a JSON {type(value).__name__}")
    return value


def _misfits(card: ModelCard) -> Iterator[str]:
    """Why this mien cannot serve the model, the first reason first."""
    if card.emotions != EMOTIONS:
        yield f"Expected the classes {', '.join(EMOTIONS)}. Received: {_short(card.emotions)}."
    accepted = (card.input_shape, card.input_range, card.input_colour)
    if accepted != (INPUT_SHAPE, (0, 255), "gray"):
        yield f"Expected a model of {INPUT_SHAPE} gray images in 0 to 255. Received: {_short(accepted)}."
    if not card.heads or not set(card.heads) <= set(HEAD_NAMES):
        yield f"Expected heads of {', '.join(HEAD_NAMES)}. Received: {', '.join(card.heads) or 'none'}."
    for head in card.heads.values():
        yield from _head_misfits(head)
    for name in _STRINGS:
        if not isinstance(getattr(card, name), str):
            yield f"Expected a string as {name}. Received: {_short(getattr(card, name))}."
    if not re.fullmatch("[0-9a-f]{64}", card.onnx_sha256):
        yield f"Expected a sha256 of 64 hexadecimal digits. Received: {_short(card.onnx_sha256)}."
    for name in ("opset", "parameters"):
        if type(getattr(card, name)) is not int:
            yield f"Expected a whole number as {name}. Received: {_short(getattr(card, name))}."
    scores = [value for split in card.metrics.values() for value in split.values()]
    if not all(_is_number(value) for value in scores):
        yield f"Expected numbers as metrics. Received: {_short(card.metrics)}."


def _head_misfits(head: Head) -> Iterator[str]:
    low, high = TEMPERATURES
    if not _is_number(head.temperature) or not low <= head.temperature <= high:
        yield f"Expected a temperature from {low} to {high:g}. Received: {_short(head.temperature)}."
    if not _is_number(head.uncertain_below) or not 0 <= head.uncertain_below <= 1:
        yield f"Expected uncertain_below from 0 to 1. Received: {_short(head.uncertain_below)}."
    if type(head.output) is not str:  # JSON may hold anything
        yield f"Expected the name of an output. Received: {_short(head.output)}."
    prior = head.prior
    if len(prior) != NUM_EMOTIONS or not all(_is_number(p) and 0 < p <= 1 for p in prior) or not _sums_to_1(prior):
        yield f"Expected a prior of {NUM_EMOTIONS} shares above 0 that sum to 1. Received: {_short(prior)}."


def _sums_to_1(shares: tuple[float, ...]) -> bool:
    return abs(sum(shares) - 1) < SUM_TOLERANCE


def _is_number(value: object) -> bool:
    return type(value) in (int, float)  # JSON's true would pass for 1


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _tuples_in(values: dict[str, Any]) -> dict[str, Any]:
    return {key: _tuples(value) for key, value in values.items()}


def _short(value: object) -> str:
    return repr(value)[:200]
