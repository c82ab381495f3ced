"""Importing is light and does no work: the tool that answers on a photo must not load what only training needs."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pytest

HEAVY = {"keras", "tensorflow", "jax", "torch", "matplotlib", "sklearn", "seaborn"}

_LIST_MODULES = "import sys, json, {names}; print(json.dumps(sorted({{m.partition('.')[0] for m in sys.modules}})))"

_IMPORT_AND_COMPARE = """
import logging, os, sys, warnings
import cv2, numpy, onnxruntime, pandas, PIL.Image, rich, typer  # what these do to the process is theirs
before = (dict(os.environ), list(warnings.filters), list(logging.root.handlers), os.getcwd(), os.listdir())
import {names}
after = (dict(os.environ), list(warnings.filters), list(logging.root.handlers), os.getcwd(), os.listdir())
sys.exit(before != after)
"""

LIGHT = ["mien", "mien.cli", "mien.inference.predictor"]


def _existing(*names: str) -> list[str]:
    return [name for name in names if importlib.util.find_spec(name) is not None]


def _loaded_by(*names: str) -> set[str]:
    code = _LIST_MODULES.format(names=", ".join(names))
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    return set(json.loads(done.stdout))


def test_predicting_and_serving_never_load_training_libraries() -> None:
    names = [*LIGHT, *_existing("mien.server.app", "mien.server.serving", "mien.cli.serve")]
    assert _loaded_by(*names) & HEAVY == set()


def test_the_command_line_loads_nothing_but_itself() -> None:
    assert (
        _loaded_by("mien.cli")
        & (HEAVY | {"cv2", "numpy", "onnxruntime", "pandas", "PIL", "fastapi", "uvicorn", "pydantic"})
        == set()
    )


def test_the_check_sees_a_heavy_library() -> None:
    assert _loaded_by("mien.cli", "matplotlib") & HEAVY == {"matplotlib"}


@pytest.mark.parametrize("names", [LIGHT, ["mien.config", "mien.card", "mien.data.sources", "mien.synthetic.faces"]])
def test_importing_changes_nothing(names: list[str], tmp_path: object) -> None:
    code = _IMPORT_AND_COMPARE.format(names=", ".join(names))
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=str(tmp_path))
