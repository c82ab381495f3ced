"""From a run's best model to files that others load: `.h5`, and ONNX with its card, proven equal on the val split."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

import mien
from mien.card import ModelCard, write_card
from mien.data.dataset import Split
from mien.emotions import INPUT_SHAPE, NUM_EMOTIONS
from mien.errors import ModelError
from mien.evaluate.metrics import accuracy_with_interval
from mien.files import atomic_writes, sha256_of
from mien.images import to_tensor
from mien.inference.sessions import import_onnxruntime, open_session
from mien.learn.card_facts import card_facts
from mien.learn.compact import store_kernels_as_int16
from mien.learn.scoring import load_known_model, predict_heads
from mien.learn.targets import heads_of
from mien.run import Provenance, Run

__all__ = ["MAX_DIFFERENCE", "Export", "export"]

MAX_DIFFERENCE = 1e-4
"""Largest difference of any probability that an export may have from the Keras model."""

_BATCH_SIZES = (1, 64)
# Smallest kernel that is stored in 16 bits, tried in this order until ONNX and Keras agree.
_COMPACT_FROM_VALUES = (1024, 100_000)
_OPSET = 17


@dataclass(frozen=True)
class Export:
    """What was written, and how equal it is.

    Attributes:
        keras_path, h5_path, onnx_path, card_path: The files.
        onnx_bytes: Size of the ONNX file.
        max_difference: Largest |Δp| between ONNX and Keras over the val split and two batch sizes.
        same_argmax: Share of images with the same answer, 1.0 when the export is accepted.
        images: How many images that was measured on.
    """

    keras_path: Path
    h5_path: Path
    onnx_path: Path
    card_path: Path
    onnx_bytes: int
    max_difference: float
    same_argmax: float
    images: int


def export(run: Run, val_split: Split, *, compact: bool = True) -> Export:
    """Write `model.h5`, `model.onnx` and `model.json` of a run's best model.

    The temperature and the threshold of "uncertain" are fitted on val here and stored in the card, together with the
    accuracy on each split that was evaluated before.

    Args:
        run: A trained run.
        val_split: The split that the epoch was chosen on; parity is proven on all of it.
        compact: Store kernels in 16 bits (see `mien.learn.compact`): all of them when the answers stay equal, else the
            large ones only.

    Returns:
        Paths and the parity that was measured.

    Raises:
        RunError: The run has no model.
        ModelError: The backend cannot export, or ONNX and Keras differ by more than `MAX_DIFFERENCE` in a
            probability or in any answer; no ONNX file is left then.
    """
    model, provenance = load_known_model(run)
    data = run.read_json(run.environment_path).get("data", {})
    provenance = dataclasses.replace(provenance, data_fingerprint=data.get("fingerprint", ""))
    config = run.read_config().model
    heads = heads_of(config.predicts)
    expected = predict_heads(model, val_split.images)
    paths = (run.model_h5_path, run.onnx_path, run.card_path)
    # All are replaced at the end, and together: whoever reads meanwhile finds an old model with its old card.
    with atomic_writes(*paths) as (h5_path, onnx_path, card_path):
        with _quiet():
            model.save(h5_path)
        opset, (difference, same) = _write_equal(model, onnx_path, val_split.images, expected, compact=compact)
        facts = card_facts(dict(zip(heads, expected, strict=True)), val_split, _priors(run, heads))
        card = ModelCard(
            name=run.name,
            onnx_sha256=sha256_of(onnx_path),
            heads=facts["heads"],
            opset=opset,
            parameters=model.count_params(),
            architecture=config.architecture,
            keras_sha256=provenance.model_sha256,
            config_sha256=provenance.config_sha256,
            data_fingerprint=provenance.data_fingerprint,
            protocol=data.get("protocol", ""),
            metrics={"val": facts["scores"]} | _stored_accuracy(run, "test", provenance),
            mien_version=mien.__version__,
        )
        write_card(card_path, card)
    return Export(run.model_path, *paths, run.onnx_path.stat().st_size, difference, same, len(val_split))


def _write_equal(
    model: keras.Model, path: Path, images: np.ndarray, expected: Sequence[np.ndarray], *, compact: bool
) -> tuple[int, tuple[float, float]]:
    """Write ONNX as small as it can be with the answers of Keras; the opset, and the parity that was measured."""
    import onnx

    proto = _to_onnx(model)
    for min_values in _COMPACT_FROM_VALUES if compact else (None,):
        stored = onnx.ModelProto()
        stored.CopyFrom(proto)
        if min_values is not None:
            store_kernels_as_int16(stored, min_values=min_values)
        onnx.checker.check_model(stored)
        onnx.save(stored, path)
        difference, same = _parity(path, images, expected)
        if difference <= MAX_DIFFERENCE and same == 1:
            return next(item.version for item in stored.opset_import if item.domain == ""), (difference, same)
    raise ModelError(
        f"Expected ONNX and Keras to agree within {MAX_DIFFERENCE:g} on val. Received: a difference of "
        f"{difference:.2g}, the same answer on {same:.2%}. "
        + ("Try again without compact storage: --no-compact" if compact else "Please report this model.")
    )


def _to_onnx(model: keras.Model) -> Any:
    """The `onnx.ModelProto` of a model, with our names of input, output and free axis."""
    import onnx

    if keras.backend.backend() != "tensorflow":
        raise ModelError(
            f"Expected the tensorflow backend for the ONNX export. Received: {keras.backend.backend()}. "
            "model.keras is the same on every backend, so run: KERAS_BACKEND=tensorflow mien export RUN"
        )
    signature = [keras.InputSpec(shape=(None, *INPUT_SHAPE), dtype="float32", name="image")]
    model(np.zeros((1, *INPUT_SHAPE), np.float32))  # Keras exports only a model that was called
    import_onnxruntime()  # first here, because the exporter may import it with its telemetry on
    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / "exported.onnx"
        model.export(path, format="onnx", verbose=False, input_signature=signature, opset_version=_OPSET)
        proto = onnx.load(path)
    _name_axes(proto, model.output_names)
    return proto


def _name_axes(proto: Any, output_names: Sequence[str]) -> None:
    """Call the outputs by the names of their layers and the free axis N, whatever the exporter called them."""
    names = {output.name: name for output, name in zip(proto.graph.output, output_names, strict=True)}
    for node in proto.graph.node:
        node.output[:] = [names.get(name, name) for name in node.output]
    for output in proto.graph.output:
        output.name = names[output.name]
    for value in (proto.graph.input[0], *proto.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"


def _parity(path: Path, images: np.ndarray, expected: Sequence[np.ndarray]) -> tuple[float, float]:
    """Largest |Δp| and share of equal answers over all images, the worst of all heads and of two batch sizes."""
    session = open_session(path.read_bytes())
    pixels = to_tensor(images)
    difference, same = 0.0, 1.0
    for size in _BATCH_SIZES:
        batches = [pixels[start : start + size] for start in range(0, len(pixels), size)]
        answers = [session.run(None, {session.get_inputs()[0].name: batch}) for batch in batches]
        for got, wanted in zip(map(np.concatenate, zip(*answers, strict=True)), expected, strict=True):
            difference = max(difference, float(np.abs(got - wanted).max()))
            same = min(same, float(np.mean(got.argmax(1) == wanted.argmax(1))))
    return difference, same


def _priors(run: Run, heads: Sequence[str]) -> dict[str, Sequence[float]]:
    """How common each emotion was among the training images, as the training wrote down."""
    stored = run.read_json(run.environment_path).get("priors", {})
    return {head: stored.get(head, [1 / NUM_EMOTIONS] * NUM_EMOTIONS) for head in heads}


def _stored_accuracy(run: Run, split: str, provenance: Provenance) -> dict[str, dict[str, float]]:
    """The accuracy of a split that was evaluated; the export never looks at the test split itself."""
    if not run.has_probabilities(split, provenance):
        return {}
    scored = run.read_probabilities(split)
    return {split: accuracy_with_interval(scored.y_true, scored.probabilities)}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Keras' and tf2onnx' remarks on HDF5 and on optimizers off the screen."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
