"""One exported model, run by ONNX Runtime: grey crops in, calibrated probabilities out.

Owns the session and the checks that the file is the one its card describes. Knows nothing of photos or detectors.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from mien.card import ModelCard, read_card
from mien.emotions import NUM_EMOTIONS
from mien.errors import ImageError, ModelError
from mien.images import INPUT_SIZE_PX, to_tensor
from mien.inference.model_files import WEIGHTS_PATH, find_model
from mien.inference.sessions import first_line, open_session

__all__ = ["Classifier"]

# Faces per call: beyond this a larger batch is no faster, and memory grows with it.
MAX_BATCH = 64

# Probabilities that differ from a sum of 1 by more than rounding show a graph without softmax.
_SUM_SLACK = 1e-3


class Classifier:
    """A model that is ready to answer.

    Args:
        model: The name of a bundled model, or the path of a folder with an exported one.
        threads: Threads of ONNX Runtime; None takes as many as there are cores, at most 4.
        weights_path: Where bundled models lie.

    Raises:
        ModelError: The files are missing or damaged, do not belong to each other, or have another input or output.
    """

    def __init__(
        self, model: str | os.PathLike[str] = "base", *, threads: int | None = None, weights_path: Path = WEIGHTS_PATH
    ) -> None:
        folder = find_model(model, weights_path)
        self.card: ModelCard = read_card(folder.card_path)
        self._session = _session(_checked_bytes(folder.onnx_path, self.card), folder.onnx_path, threads)
        self._input_name, self._output_name = _names(self._session, folder.onnx_path)
        self._check_answer(folder.onnx_path)

    def __repr__(self) -> str:
        return f"Classifier({self.card.name!r}, {self.card.parameters:,} parameters)"

    def probabilities(self, crops: np.ndarray) -> np.ndarray:
        """Calibrated probabilities of face crops.

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
        raw = np.concatenate(parts) if parts else np.zeros((0, NUM_EMOTIONS), np.float32)
        return _calibrated(raw, self.card.temperature)

    def _run(self, crops: np.ndarray) -> np.ndarray:
        (answer,) = self._session.run([self._output_name], {self._input_name: to_tensor(crops)})
        return np.asarray(answer, dtype=np.float32)  # (N, 7)

    def _check_answer(self, path: Path) -> None:
        """One grey image: shows a graph that cannot run or has no softmax, and warms the session up."""
        try:
            answer = self._run(np.full((1, INPUT_SIZE_PX, INPUT_SIZE_PX), 128, np.uint8))
        except Exception as error:  # ONNX Runtime's errors have no common base of their own
            raise ModelError(f"Expected a model that runs in {path}. Received: {first_line(error)}") from error
        if answer.shape != (1, NUM_EMOTIONS) or not abs(float(answer.sum()) - 1) < _SUM_SLACK or (answer < 0).any():
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


def _names(session: Any, path: Path) -> tuple[str, str]:
    inputs, outputs = session.get_inputs(), session.get_outputs()
    found = [(value.type, tuple(value.shape)) for value in (*inputs, *outputs)]
    wanted = [("tensor(float)", (INPUT_SIZE_PX, INPUT_SIZE_PX, 1)), ("tensor(float)", (NUM_EMOTIONS,))]
    # The batch axis must be free: a name or None, not a number.
    free = all(shape and not isinstance(shape[0], int) for _, shape in found)
    if len(inputs) != 1 or [(kind, shape[1:]) for kind, shape in found] != wanted or not free:
        raise ModelError(
            f"Expected one input float32 (N, 48, 48, 1) and one output float32 (N, 7) in {path}. Received: {found}."
        )
    return inputs[0].name, outputs[0].name


def _calibrated(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Temperature scaling (Guo et al. 2017, arXiv:1706.04599): softmax(log(p) / temperature), which is p^(1/t)."""
    if temperature == 1:
        return probabilities
    logits = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny)) / np.float32(temperature)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    scaled: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return scaled
