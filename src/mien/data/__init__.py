"""Datasets in, three checked splits of 48×48 grey images out. NumPy and OpenCV; never pandas or Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.data.dataset import Dataset, Split
    from mien.data.sources import load_dataset

__all__ = ["Dataset", "Split", "load_dataset"]

_HOMES = {"Dataset": "dataset", "Split": "dataset", "load_dataset": "sources"}


def __getattr__(name: str) -> Any:
    """Import the public names when they are first used, so that `import mien.data` does no work."""
    if name not in _HOMES:
        raise AttributeError(f"module 'mien.data' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"mien.data.{_HOMES[name]}"), name)
