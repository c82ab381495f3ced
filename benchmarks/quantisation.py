"""What storing a model in fewer bits brings and costs: time per face, file size, and accuracy on PublicTest.

    python benchmarks/quantisation.py --data fer2013.csv.gz [MODEL …] [--images 0] [--rounds 30] [--threads 1] [--json]

Each model (bundled ones that are float32, or run folders) is compared with copies of itself:

- `int8`: what `mien export RUN --int8` writes (static, QOperator, unsigned, per channel, float32 head)
- `int8, head too`: the same, with the last layer and softmax in 8 bits, as well
- `int8, QDQ`: QuantizeLinear/DequantizeLinear pairs with signed weights, which other runtimes read, too
- `int8 weights`: dynamic quantisation: weights in 8 bits, activations measured at run time
- `float16`: ONNX Runtime has no float16 or bfloat16 convolution for x86 processors and converts back and forth

All are loaded at once and take turns, so that a busy moment hits each of them; the best round counts, and processor
time is printed beside the time on the clock. Ranges of activations come from Training, accuracy from PublicTest;
PrivateTest is not touched.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mien.card import read_card
from mien.data import load_dataset
from mien.data.dataset import Dataset
from mien.images import to_tensor
from mien.inference.model_files import bundled_models, find_model
from mien.inference.sessions import first_line, import_onnxruntime, open_session
from mien.learn.quantise import CALIBRATION_IMAGES, HEAD, Calibration, plain_float_model, quantise
from mien.run import Run

BATCHES = (1, 16, 64)


def ways(plain: Path, folder: Path, images: np.ndarray) -> dict[str, Callable[[Path], None]]:
    """Name → what writes such a copy of a plain float32 model."""
    import onnx

    ort = import_onnxruntime(".quantization")

    graph = onnx.load(plain).graph
    head = [node.name for node in graph.node if node.op_type in HEAD]

    def static(target: Path, **options: Any) -> None:
        calibration = Calibration(images, graph.input[0].name)
        ort.quantize_static(
            plain, target, calibration, per_channel=True, activation_type=ort.QuantType.QUInt8, **options
        )

    def half(target: Path) -> None:
        float16 = import_onnxruntime(".transformers.float16")
        onnx.save(float16.convert_float_to_float16(onnx.load(plain), keep_io_types=True), target)

    unsigned, signed = ort.QuantType.QUInt8, ort.QuantType.QInt8
    return {
        "int8, head too": lambda t: static(t, quant_format=ort.QuantFormat.QOperator, weight_type=unsigned),
        "int8, QDQ": lambda t: static(t, quant_format=ort.QuantFormat.QDQ, weight_type=signed, nodes_to_exclude=head),
        "int8 weights": lambda t: ort.quantize_dynamic(plain, t, weight_type=unsigned),
        "float16": half,
    }


def copies(model: str, dataset: Dataset, folder: Path) -> dict[str, Path]:
    """The model and its copies: name → ONNX file; those that cannot be made are left out, with a remark."""
    source = find_model(model)
    made = {"float32": source.onnx_path, "int8": Run(folder / "int8").onnx_path}
    quantise(source, Run(folder / "int8"), dataset.train, dataset.val)
    plain = folder / "plain.onnx"
    plain_float_model(source.onnx_path, plain)
    chosen = np.random.default_rng(0).permutation(len(dataset.train))[:CALIBRATION_IMAGES]
    for name, write in ways(plain, folder, dataset.train.images[chosen]).items():
        path = folder / f"{name}.onnx"
        try:
            write(path)
            open_session(path.read_bytes(), threads=1)
        except Exception as error:  # whatever the converters raise
            print(f"{name}: not possible ({first_line(error)})")
            continue
        made[name] = path
    return made


def answer(session: Any, pixels: np.ndarray) -> np.ndarray:
    (input_,) = session.get_inputs()
    result: np.ndarray = session.run(None, {input_.name: pixels})[0]
    return result


def times(sessions: dict[str, Any], images: np.ndarray, rounds: int) -> dict[str, dict[int, tuple[float, float]]]:
    """Name → batch → milliseconds per face: on the clock, and of the processor; the best round of each."""
    best: dict[str, dict[int, tuple[float, float]]] = {name: {} for name in sessions}
    for batch in BATCHES:
        pixels = to_tensor(images[:batch])
        for _ in range(rounds + 1):  # the first one warms up; it is never the best
            for name, session in sessions.items():
                wall, processor = time.perf_counter(), time.process_time()
                answer(session, pixels)
                took = (time.perf_counter() - wall, time.process_time() - processor)
                known = best[name].get(batch, (np.inf, np.inf))
                best[name][batch] = (min(known[0], took[0] / batch * 1e3), min(known[1], took[1] / batch * 1e3))
    return best


def compare(model: str, dataset: Dataset, *, rounds: int, threads: int) -> list[dict[str, Any]]:
    """One row per copy."""
    with tempfile.TemporaryDirectory() as name:
        files = copies(model, dataset, Path(name))
        sessions = {name: open_session(path.read_bytes(), threads=threads) for name, path in files.items()}
        sizes = {name: path.stat().st_size for name, path in files.items()}
    speed = times(sessions, dataset.val.images, rounds)
    images = dataset.val.images
    rows: list[dict[str, Any]] = []
    reference = np.zeros(0)
    for name, session in sessions.items():
        parts = [answer(session, to_tensor(images[start : start + 64])) for start in range(0, len(images), 64)]
        answers = np.concatenate(parts).argmax(axis=1)
        reference = answers if name == "float32" else reference
        accuracy = float(np.mean(answers == dataset.val.labels))
        rows.append(
            {
                "model": read_card(find_model(model).card_path).name,
                "stored as": name,
                "bytes": sizes[name],
                "accuracy": accuracy,
                "same_answer": float(np.mean(answers == reference)),
                "ms": {batch: clock for batch, (clock, _) in speed[name].items()},
                "processor_ms": {batch: processor for batch, (_, processor) in speed[name].items()},
            }
        )
    return rows


def as_table(rows: list[dict[str, Any]]) -> str:
    heads = ["model", "stored as", "file", "PublicTest", "same answer"]
    heads += [f"ms per face, batch {batch}" for batch in BATCHES] + ["processor ms, batch 1", "times as fast"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    whole = rows[0]
    for row in rows:
        whole = row if row["stored as"] == "float32" else whole
        cells = [row["model"], row["stored as"], f"{row['bytes'] / 1e6:.1f} MB", f"{row['accuracy']:.2%}"]
        cells += [f"{row['same_answer']:.1%}", *(f"{row['ms'][batch]:.2f}" for batch in BATCHES)]
        cells += [f"{row['processor_ms'][1]:.2f}", f"{whole['processor_ms'][1] / row['processor_ms'][1]:.1f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", help="bundled models or run folders; all bundled float32 ones if none")
    parser.add_argument("--data", required=True, help="fer2013.csv (.gz) or archive.zip")
    parser.add_argument("--images", type=int, default=0, help="how many of PublicTest; all of them if 0")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)  # the quantisers' advice
    dataset = load_dataset(arguments.data)
    if arguments.images:
        dataset = replace(dataset, val=dataset.val.take(np.arange(min(arguments.images, len(dataset.val)))))
    models = arguments.models or [name for name in bundled_models() if not name.endswith("-int8")]
    rows = [
        row for name in models for row in compare(name, dataset, rounds=arguments.rounds, threads=arguments.threads)
    ]
    print(json.dumps(rows, indent=2) if arguments.json else as_table(rows))


if __name__ == "__main__":
    main()
