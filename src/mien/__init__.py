"""mien: facial expressions from images, from FER-2013 to a served classifier.

`__all__` is what is public and stable (see docs/index.md). Its names are looked up when they are first asked for, so
importing mien does no work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mien import evaluate
    from mien.errors import (
        ConfigError,
        DataError,
        DetectorError,
        ImageError,
        ImageFormatError,
        ImageNotFoundError,
        ImageTooLargeError,
        MienError,
        MissingExtraError,
        ModelError,
        OutputError,
        RunError,
    )
    from mien.inference.predictor import Predictor
    from mien.inference.results import Face, Found, Prediction, Unreadable
    from mien.inference.video.prediction import VideoPrediction, predict_video
    from mien.learn.export import export
    from mien.learn.training import train

__version__ = "0.1.0"
__all__ = [
    "ConfigError",
    "DataError",
    "DetectorError",
    "Face",
    "Found",
    "ImageError",
    "ImageFormatError",
    "ImageNotFoundError",
    "ImageTooLargeError",
    "MienError",
    "MissingExtraError",
    "ModelError",
    "OutputError",
    "Prediction",
    "Predictor",
    "RunError",
    "Unreadable",
    "VideoPrediction",
    "__version__",
    "evaluate",
    "export",
    "predict_video",
    "train",
]

_HOMES = {
    "Predictor": "mien.inference.predictor",
    "Face": "mien.inference.results",
    "Found": "mien.inference.results",
    "Prediction": "mien.inference.results",
    "Unreadable": "mien.inference.results",
    "predict_video": "mien.inference.video.prediction",
    "VideoPrediction": "mien.inference.video.prediction",
    "train": "mien.learn.training",
    "export": "mien.learn.export",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'mien' has no attribute {name!r}")
    from importlib import import_module

    if name == "evaluate":  # a package, whose `evaluate` is the function
        return import_module("mien.evaluate")
    try:
        return getattr(import_module(_HOMES.get(name, "mien.errors")), name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "mien":
            raise
        from mien.errors import MissingExtraError

        raise MissingExtraError(f"mien.{name}", "train", error.name) from error


def __dir__() -> list[str]:
    return sorted(__all__)
