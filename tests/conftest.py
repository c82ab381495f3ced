"""Shared fixtures: where the real data lies, when it is there, and a model of a few bytes; and the order of files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import settings
from onnx import TensorProto, helper, numpy_helper

from mien.card import Head, ModelCard, write_card
from mien.files import sha256_of
from mien.probabilities import EVERYDAY_PRIOR
from mien.run import Run

# A busy machine is slow at times, which is no defect of the code under test.
settings.register_profile("mien", deadline=None)
settings.load_profile("mien")

ROOT = Path(__file__).resolve().parent.parent

# Processes beside each other that start a thread per core each wait for one another more than they work.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

# Where the files that take longest are. They come first, so that of several processes none is left with one at the end.
LONGEST = ("test_notebook", "test_demo", "learn", "test_explanations", "page", "evaluate", "server", "cli")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long before the others, each whole."""
    items.sort(key=lambda item: _rank(item.path))


def _rank(path: Path) -> int:
    return next((rank for rank, name in enumerate(LONGEST) if name in {path.stem, *path.parts}), len(LONGEST))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the real data and photos beside the checkout; tests that need it skip where it is absent."""
    folder = ROOT.parent / "shared"
    if not (folder / "data" / "fer2013.csv.gz").is_file():
        pytest.skip("the real data (../shared) is not here")
    return folder


def write_toy_model(
    folder: Path,
    *,
    batch: str | int = "n",
    outputs: int = 7,
    softmax: bool = True,
    input_type: int = TensorProto.FLOAT,
    temperature: float = 1.0,
    uncertain_below: float = 0.0,
    prior: tuple[float, ...] = tuple(EVERYDAY_PRIOR.values()),
    **card: Any,
) -> Path:
    """A model that answers by brightness: class k is likeliest where the mean pixel is about 42 k.

    logit_k = 2 k m - k², with m = mean / 42.5, is largest for the k nearest to m.
    """
    run = Run(folder)
    folder.mkdir(parents=True, exist_ok=True)
    k = np.arange(outputs, dtype=np.float32)
    constants = {"slope": (2 * k / 42.5)[None], "offset": -(k**2)}
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2], keepdims=0),  # (N, 1)
        helper.make_node("Gemm", ["mean", "slope", "offset"], ["logits"]),
        helper.make_node("Softmax" if softmax else "Identity", ["logits"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("image", input_type, [batch, 48, 48, 1])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [batch, outputs])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, run.onnx_path)
    # It learnt from expressions as common as every day, so that a predictor's default changes nothing.
    head = Head(temperature=temperature, uncertain_below=uncertain_below, prior=prior)
    facts = {
        "heads": {"labels": head},
        "name": "toy",
        "onnx_sha256": sha256_of(run.onnx_path),
        "architecture": "toy",
        "parameters": 14,
    }
    write_card(run.card_path, ModelCard(**(facts | card)))
    return folder


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_model(tmp_path_factory.mktemp("toy"), uncertain_below=0.5)


@pytest.fixture
def make_toy_model(tmp_path: Path) -> Callable[..., Path]:
    return lambda **options: write_toy_model(tmp_path / "model", **options)
