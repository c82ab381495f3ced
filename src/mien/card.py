"""`model.json`, the card that travels with `model.onnx`: what the model is, expects and reaches.

`learn.export` writes it, `inference.predictor` refuses a model whose card does not fit; neither infers anything
from a file name.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mien.emotions import EMOTIONS
from mien.errors import ModelError
from mien.files import write_json
from mien.run import SCHEMA_VERSION

__all__ = ["ModelCard", "read_card", "write_card"]


@dataclass(frozen=True)
class ModelCard:
    """The facts of one exported model."""

    name: str
    """The run or model name."""
    onnx_sha256: str
    """Hex digest of the model.onnx that this card belongs to."""
    emotions: tuple[str, ...] = EMOTIONS
    """Classes in the order of the output."""
    input_shape: tuple[int, int, int] = (48, 48, 1)
    """Height, width, channels of one image; the batch axis comes first and is free."""
    input_range: tuple[float, float] = (0.0, 255.0)
    """Lowest and highest pixel value that the graph expects, as float32."""
    input_colour: str = "gray"
    """Colour of the input."""
    resize_rule: str = "area-down, cubic-up"
    """How `mien.images` brings a crop to the input size."""
    temperature: float = 1.0
    """Calibration: probabilities are softmax(log(p) / temperature); fitted on val (Guo et al. 2017)."""
    uncertain_below: float = 0.0
    """Calibrated confidence under which the answer is called uncertain; 0 never."""
    opset: int = 0
    """ONNX operator set."""
    parameters: int = 0
    """Number of weights."""
    architecture: str = ""
    """Architecture name."""
    data_fingerprint: str = ""
    """Fingerprint of the dataset it was trained on."""
    protocol: str = ""
    """Split protocol of that dataset."""
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    """Per split (`val`, `test`): accuracy, accuracy_low, accuracy_high (95 % Wilson interval), n, and others."""
    mien_version: str = ""
    """The mien that wrote this card."""


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
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = value.pop("schema_version")
        if version > SCHEMA_VERSION:
            raise ModelError(
                f"Expected schema_version {SCHEMA_VERSION} or older in {path}. Received: {version}. "
                "The model was exported by a newer mien: pip install -U mien"
            )
        known = {key: _tuples(item) for key, item in value.items() if key in _FIELDS}
        card = ModelCard(**known)
    except OSError as error:
        raise ModelError(
            f"Expected a model card at {path}. Received: {error.strerror}. Export one with: mien export RUN"
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"Expected a model card (JSON) in {path}. Received: {error!r}.") from error
    for problem in _misfits(card):
        raise ModelError(f"{problem} ({path})")
    return card


def _misfits(card: ModelCard) -> Iterator[str]:
    """Why this mien cannot serve the model, the first reason first."""
    if card.emotions != EMOTIONS:
        yield f"Expected the classes {', '.join(EMOTIONS)}. Received: {card.emotions}."
    accepted = (card.input_shape, card.input_range, card.input_colour)
    if accepted != ((48, 48, 1), (0, 255), "gray"):
        yield f"Expected a model of (48, 48, 1) gray images in 0 to 255. Received: {accepted}."
    if not _is_number(card.temperature) or not 0 < card.temperature < math.inf:
        yield f"Expected a temperature above 0. Received: {card.temperature!r}."
    if not _is_number(card.uncertain_below) or not 0 <= card.uncertain_below <= 1:
        yield f"Expected uncertain_below from 0 to 1. Received: {card.uncertain_below!r}."


def _is_number(value: object) -> bool:
    return type(value) in (int, float)  # JSON's true would pass for 1


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
