"""Where models lie: those that come with mien, by name, and any others by path. Reads no model."""

from __future__ import annotations

import os
from pathlib import Path

from mien.errors import ModelError
from mien.run import Run

__all__ = ["bundled_models", "find_model"]

WEIGHTS_PATH = Path(__file__).parent / "weights"


def bundled_models(weights_path: Path = WEIGHTS_PATH) -> tuple[str, ...]:
    """Names of the models that come with mien, in alphabetical order."""
    if not weights_path.is_dir():
        return ()
    return tuple(sorted(entry.name for entry in weights_path.iterdir() if Run(entry).onnx_path.is_file()))


def find_model(model: str | os.PathLike[str], weights_path: Path = WEIGHTS_PATH) -> Run:
    """The folder of a model, which holds its ONNX file and its card.

    Args:
        model: The name of a bundled model, or the path of a run folder or of an ONNX file beside its card.
        weights_path: Where bundled models lie.

    Raises:
        ModelError: There is no such model.
    """
    bundled = bundled_models(weights_path)
    if isinstance(model, str) and model in bundled:
        return Run(weights_path / model)
    path = Path(model)
    folder = Run(path if path.is_dir() else path.parent)
    if folder.onnx_path.is_file() and (path.is_dir() or path.name == folder.onnx_path.name):
        return folder
    known = f"the name of a bundled model ({', '.join(bundled)})" if bundled else "a model"
    raise ModelError(
        f"Expected {known} or a folder with {folder.onnx_path.name} and {folder.card_path.name}. "
        f"Received: {os.fspath(model)!r}. Export one with: mien export RUN"
    )
