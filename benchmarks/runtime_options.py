"""Which options of ONNX Runtime suit the bundled models: graph optimisation, threads, and threads that spin.

    python benchmarks/runtime_options.py [MODEL …] [--rounds 30]

All sessions are loaded at once and take turns, so that a busy moment hits each of them; the best round counts.
Processor time is printed beside the time on the clock: threads that spin take more of it. What mien uses is in
`mien.inference.sessions`.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from mien.images import to_tensor
from mien.inference.model_files import bundled_models, find_model
from mien.inference.sessions import import_onnxruntime
from mien.machine import usable_cores

ort = import_onnxruntime()

BATCHES = (1, 16)
LEVELS = {
    "not optimised": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


def session(content: bytes, *, level: Any, threads: int, spinning: bool) -> Any:
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.log_severity_level = 4
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def sessions(content: bytes) -> dict[str, Any]:
    """Name → session."""
    made = {
        f"{name}, 1 thread": session(content, level=level, threads=1, spinning=True) for name, level in LEVELS.items()
    }
    for threads in sorted({2, usable_cores()} - {1}):
        for spinning in (True, False):
            name = f"all, {threads} threads that {'spin' if spinning else 'sleep'}"
            made[name] = session(content, level=LEVELS["all"], threads=threads, spinning=spinning)
    return made


def times(made: dict[str, Any], rounds: int) -> dict[str, list[str]]:
    """Name → for each batch, milliseconds per face on the clock, and of the processor."""
    random = np.random.default_rng(0)
    best: dict[str, list[str]] = {name: [] for name in made}
    for batch in BATCHES:
        pixels = to_tensor(random.integers(0, 256, (batch, 48, 48), dtype=np.uint8))
        found = dict.fromkeys(made, (np.inf, np.inf))
        for _ in range(rounds + 1):  # the first one warms up; it is never the best
            for name, one in made.items():
                wall, processor = time.perf_counter(), time.process_time()
                one.run(None, {one.get_inputs()[0].name: pixels})
                took = (time.perf_counter() - wall, time.process_time() - processor)
                found[name] = (min(found[name][0], took[0]), min(found[name][1], took[1]))
        for name, (wall, processor) in found.items():
            best[name].append(f"{wall / batch * 1e3:.2f} ({processor / batch * 1e3:.2f})")
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", help="bundled models or run folders; all bundled ones if none")
    parser.add_argument("--rounds", type=int, default=30)
    arguments = parser.parse_args()
    heads = " | ".join(f"ms per face, batch {batch} (processor)" for batch in BATCHES)
    print(f"| model | options | {heads} |\n|---|---|{'---|' * len(BATCHES)}")
    for model in arguments.models or bundled_models():
        for name, cells in times(sessions(find_model(model).onnx_path.read_bytes()), arguments.rounds).items():
            print(f"| {model} | {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
