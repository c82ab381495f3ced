"""One exported model, run by ONNX Runtime: grey crops in, calibrated probabilities out.

Owns the session and the checks that the file is the one its card describes. Knows nothing of photos or detectors.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mien.card import Head, ModelCard, read_card
from mien.emotions import INPUT_SIZE_PX, NUM_EMOTIONS
from mien.errors import ConfigError, ImageError, ModelError
from mien.images import to_tensor
from mien.inference.model_files import WEIGHTS_PATH, find_model
from mien.inference.sessions import first_line, open_session
from mien.probabilities import SUM_TOLERANCE, apply_temperature, change_prior, prior_array

__all__ = ["Classifier"]

# Faces per call: beyond this a larger batch is no faster, and memory grows with it.
MAX_BATCH = 64


class Classifier:
    """A model that is ready to classify faces.

    Args:
        model: The name of a bundled model, or the path of a folder with an exported one.
        head: Which of the model's questions to answer: `votes` (what people see), `labels` (what FER-2013 calls it);
            None takes the first of its card.
        prior: How common each expression is: `trained` as where the model learnt, `everyday`, `even`, or a mapping (see
            `mien.probabilities`).
        threads: Threads of ONNX Runtime; None takes as many as there are cores, at most 4.
        weights_path: Where bundled models lie.

    Raises:
        ModelError: The files are missing or damaged, do not belong to each other, or have another input or output.
        ConfigError: The model has no such head, or the prior is none.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = "base",
        *,
        head: str | None = None,
        prior: str | Mapping[str, float] = "trained",
        threads: int | None = None,
        weights_path: Path = WEIGHTS_PATH,
    ) -> None:
        folder = find_model(model, weights_path)
        self.card: ModelCard = read_card(folder.card_path)
        self._session = _session(_checked_bytes(folder.onnx_path, self.card), folder.onnx_path, threads)
        self.head_name, self.head = _head(self.card, head)
        self._trained_prior = np.array(self.head.prior)
        self.prior = prior_array(prior, self._trained_prior)  # float64 (7,)
        self._input_name = _input_name(self._session, self.card, folder.onnx_path)
        self._check_answer(folder.onnx_path)

    def __repr__(self) -> str:
        return f"Classifier({self.card.name!r}, {self.card.parameters:,} parameters)"

    def probabilities(self, crops: np.ndarray) -> np.ndarray:
        """Calibrated probabilities of face crops, at the prior that was asked for; else as `raw_probabilities`."""
        calibrated = apply_temperature(self.raw_probabilities(crops), self.head.temperature)
        return change_prior(calibrated, self._trained_prior, self.prior).astype(np.float32)

    def raw_probabilities(self, crops: np.ndarray) -> np.ndarray:
        """What the network itself says of face crops.

        Args:
            crops: uint8 (N, 48, 48), grey, 0 to 255; N may be 0.

        Returns:
            float32 (N, 7); rows sum to 1, columns in `EMOTIONS` order.

        Raises:
            ImageError: The array has another type or shape.
        """
        size = (INPUT_SIZE_PX, INPUT_SIZE_PX)
        if not isinstance(crops, np.ndarray) or crops.dtype != np.uint8 or crops.shape[1:] != size or crops.ndim != 3:
            received = f"{crops.dtype} {crops.shape}" if isinstance(crops, np.ndarray) else type(crops).__name__
            raise ImageError(
                f"Expected grey crops as uint8 (N, {size[0]}, {size[1]}). Received: {received}. "
                "Make them with mien.images: crop_face(to_gray(read_image(path)), box)."
            )
        parts = [self._run(crops[start : start + MAX_BATCH]) for start in range(0, len(crops), MAX_BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, NUM_EMOTIONS), np.float32)

    def all_heads(self, crops: np.ndarray) -> dict[str, np.ndarray]:
        """For each head of the model, float32 (N, 7): its calibrated probabilities of uint8 (N, 48, 48), as trained."""
        heads = self.card.heads
        outputs = self._session.run([head.output for head in heads.values()], {self._input_name: to_tensor(crops)})
        return {
            name: apply_temperature(output, head.temperature).astype(np.float32)
            for (name, head), output in zip(heads.items(), outputs, strict=True)
        }

    def _run(self, crops: np.ndarray) -> np.ndarray:
        (output,) = self._session.run([self.head.output], {self._input_name: to_tensor(crops)})
        return np.asarray(output, dtype=np.float32)  # (N, 7)

    def _check_answer(self, path: Path) -> None:
        """One grey image: shows a graph that cannot run or has no softmax, and warms the session up."""
        try:
            answer = self._run(np.full((1, INPUT_SIZE_PX, INPUT_SIZE_PX), 128, np.uint8))
        except Exception as error:  # ONNX Runtime's errors have no common base of their own
            raise ModelError(f"Expected a model that runs in {path}. Received: {first_line(error)}") from error
        if answer.shape != (1, NUM_EMOTIONS) or not abs(float(answer.sum()) - 1) < SUM_TOLERANCE or (answer < 0).any():
            raise ModelError(
                f"Expected {NUM_EMOTIONS} probabilities that sum to 1 from {path}. Received: {answer.tolist()}. "
                "Export it again with: mien export RUN"
            )


def _checked_bytes(path: Path, card: ModelCard) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"Expected a model at {path}. Received: {error.strerror}.") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != card.onnx_sha256:
        raise ModelError(
            f"Expected sha256 {card.onnx_sha256[:12]}… for {path}, as its card says. Received: {digest[:12]}…. "
            "The file is damaged or belongs to another model: install or export it again."
        )
    return content


def _session(content: bytes, path: Path, threads: int | None) -> Any:
    try:
        return open_session(content, threads=threads)
    except Exception as error:  # as above
        raise ModelError(f"Expected an ONNX model in {path}. Received: {first_line(error)}") from error


def _head(card: ModelCard, name: str | None) -> tuple[str, Head]:
    name = name or next(iter(card.heads))
    if name not in card.heads:
        raise ConfigError(
            f"Expected a head of the model {card.name}: {', '.join(card.heads)}. Received: {name!r}. "
            "Leave it out, or choose another model: mien models list"
        )
    return name, card.heads[name]


def _input_name(session: Any, card: ModelCard, path: Path) -> str:
    inputs, outputs = session.get_inputs(), session.get_outputs()
    found = {value.name: (value.type, tuple(value.shape)) for value in (*inputs, *outputs)}
    kinds = [(INPUT_SIZE_PX, INPUT_SIZE_PX, 1)] + [(NUM_EMOTIONS,)] * len(card.heads)
    names = [value.name for value in inputs] + [head.output for head in card.heads.values()]
    fits = len(inputs) == 1 and all(
        name in found
        and found[name][0] == "tensor(float)"
        and found[name][1][1:] == kind
        # The batch axis must be free: a name or None, not a number.
        and not isinstance(found[name][1][0], int)
        for name, kind in zip(names, kinds, strict=True)
    )
    if not fits:
        raise ModelError(
            f"Expected one input float32 (N, 48, 48, 1) and float32 (N, 7) from {', '.join(names[1:])} in {path}. "
            f"Received: {found}."
        )
    return str(inputs[0].name)
