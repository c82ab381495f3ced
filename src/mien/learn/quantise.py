"""int8 copies of exported models: half the size, and much faster where the processor multiplies bytes.

Static quantisation (Jacob et al. 2018, arXiv:1712.05877): weights per output channel, activations by the ranges that
they take on training images. `benchmarks/quantisation.py` compares the ways and says what each costs and brings.
Needs ONNX Runtime and onnx, but not Keras: it starts from a model that was exported.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import mien
from mien.card import ModelCard, read_card, write_card
from mien.data.dataset import Split
from mien.errors import ModelError
from mien.evaluate.metrics import accuracy_score
from mien.files import atomic_writes, sha256_of
from mien.images import to_tensor
from mien.inference.sessions import first_line, import_onnxruntime, open_session
from mien.learn.card_facts import card_facts
from mien.run import Run

__all__ = ["CALIBRATION_IMAGES", "HEAD", "Calibration", "Quantised", "plain_float_model", "quantise"]

CALIBRATION_IMAGES = 512
"""Training images that the ranges of activations are taken from; four times as many changed nothing."""

HEAD = ("Gemm", "MatMul", "Softmax")
"""Operators that stay float32: they cost next to nothing, and 256 levels would be too few for probabilities."""

_BATCH = 32
_TIMED_CALLS = 40


@dataclass(frozen=True)
class Quantised:
    """An int8 model beside the float32 one that it was made of.

    Attributes:
        onnx_path, card_path: The files.
        onnx_bytes: Size of the ONNX file.
        accuracy, float_accuracy: On val, of both.
        same_answer: Share of val on which both answer the same.
        images: How many images that was measured on.
        ms_per_face, float_ms_per_face: Of both, on this machine, one thread and one face at a time.
    """

    onnx_path: Path
    card_path: Path
    onnx_bytes: int
    accuracy: float
    float_accuracy: float
    same_answer: float
    images: int
    ms_per_face: float
    float_ms_per_face: float


def quantise(source: Run, target: Run, train: Split, val: Split, *, seed: int = 0) -> Quantised:
    """Write an int8 copy of an exported model, with a card of its own.

    Temperature and threshold are fitted anew on val, because rounding changes how sure the answers are. The card says
    the accuracy on val and nothing of test, which this function does not see.

    Args:
        source: A folder with an exported model.
        target: The folder to write the copy into.
        train: Some of its images give the ranges of activations.
        val: What accuracy is measured on.
        seed: Chooses the images of train.

    Raises:
        ModelError: The source is no exported model, or ONNX Runtime cannot quantise or run it.
    """
    card = read_card(source.card_path)
    if not source.onnx_path.is_file() or sha256_of(source.onnx_path) != card.onnx_sha256:
        raise ModelError(
            f"Expected the ONNX file of its card in {source.path}. Export again: mien export {source.path}"
        )
    with atomic_writes(target.onnx_path, target.card_path) as (onnx_path, card_path):
        try:
            _write_int8(source.onnx_path, onnx_path, _chosen(train, seed))
            sessions = [open_session(path.read_bytes(), threads=1) for path in (onnx_path, source.onnx_path)]
            answers, float_answers = (_answers(session, val.images, card) for session in sessions)
        except Exception as error:  # ONNX Runtime's errors have no common base of their own
            raise ModelError(
                f"Expected a model that can be stored as int8 in {source.onnx_path}. Received: {first_line(error)}"
            ) from error
        facts = card_facts(answers, val, {name: head.prior for name, head in card.heads.items()})
        scores, labels = facts["scores"], list(card.heads)[-1]
        own_facts: dict[str, Any] = {
            "name": f"{card.name}-int8",
            "onnx_sha256": sha256_of(onnx_path),
            "heads": facts["heads"],
            "precision": "int8",
            "metrics": {"val": scores},
            "mien_version": mien.__version__,
        }
        write_card(card_path, dataclasses.replace(card, **own_facts))
    return Quantised(
        onnx_path=target.onnx_path,
        card_path=target.card_path,
        onnx_bytes=target.onnx_path.stat().st_size,
        accuracy=scores["accuracy"],
        float_accuracy=accuracy_score(val.labels, float_answers[labels]),
        same_answer=float(np.mean(answers[labels].argmax(1) == float_answers[labels].argmax(1))),
        images=len(val),
        **dict(zip(("ms_per_face", "float_ms_per_face"), _times_ms(sessions, val.images[:1], card), strict=True)),
    )


def plain_float_model(onnx_path: Path, target: Path) -> None:
    """The same model with plain float32 kernels and batch normalisation folded into them: what quantisers understand.

    ONNX Runtime does the folding, and stores the graph before it runs it.
    """
    ort = import_onnxruntime()

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 4  # errors are raised
    ort.InferenceSession(onnx_path.read_bytes(), options, providers=["CPUExecutionProvider"])


class Calibration:
    """Hands calibration images to ONNX Runtime, a batch at a time.

    Args:
        images: uint8 (N, 48, 48).
        input_name: What the model calls its input.
    """

    def __init__(self, images: np.ndarray, input_name: str) -> None:
        self._batches = (
            {input_name: to_tensor(images[start : start + _BATCH])} for start in range(0, len(images), _BATCH)
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next batch, or None at the end."""
        return next(self._batches, None)


def _write_int8(source: Path, target: Path, images: np.ndarray) -> None:
    import onnx

    ort = import_onnxruntime(".quantization")
    with tempfile.TemporaryDirectory() as folder, _quiet():
        plain_path = Path(folder) / "float.onnx"
        plain_float_model(source, plain_path)
        graph = onnx.load(plain_path).graph
        ort.quantize_static(
            plain_path,
            target,
            Calibration(images, graph.input[0].name),
            # ONNX Runtime's own operators and unsigned weights: as fast as signed ones here, and exact on x86
            # processors without VNNI, too, where a signed weight times an unsigned pixel overflows 16 bits.
            quant_format=ort.QuantFormat.QOperator,
            activation_type=ort.QuantType.QUInt8,
            weight_type=ort.QuantType.QUInt8,
            per_channel=True,
            nodes_to_exclude=[node.name for node in graph.node if node.op_type in HEAD],
        )
        _drop_unused_domains(target)


def _drop_unused_domains(path: Path) -> None:
    """ONNX Runtime lists every family of operators that it knows; a reader that knows fewer would refuse the file."""
    import onnx

    model = onnx.load(path)
    used = {node.domain for node in model.graph.node}
    kept = [item for item in model.opset_import if item.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    onnx.save(model, path)


def _chosen(train: Split, seed: int) -> np.ndarray:
    order = np.random.default_rng(seed).permutation(len(train))
    return train.images[order[:CALIBRATION_IMAGES]]


def _answers(session: Any, images: np.ndarray, card: ModelCard) -> dict[str, np.ndarray]:
    """For each head, float32 (N, 7): what a model says about all images."""
    outputs = [head.output for head in card.heads.values()]
    (input_,) = session.get_inputs()
    batches = (to_tensor(images[start : start + _BATCH]) for start in range(0, len(images), _BATCH))
    answers = zip(*(session.run(outputs, {input_.name: batch}) for batch in batches), strict=True)
    return dict(zip(card.heads, map(np.concatenate, answers), strict=True))


def _times_ms(sessions: list[Any], image: np.ndarray, card: ModelCard) -> list[float]:
    """Median time of each session for one image; they take turns, so that a busy moment hits both."""
    times: list[list[float]] = [[] for _ in sessions]
    for _ in range(_TIMED_CALLS):
        for session, own in zip(sessions, times, strict=True):
            started = time.perf_counter()
            _answers(session, image, card)
            own.append(time.perf_counter() - started)
    return [1e3 * float(np.median(own)) for own in times]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantiser's advice on preprocessing, which is done here already, off the screen."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(level)
