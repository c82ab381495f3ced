"""mien: facial expressions from images, from FER-2013 to a served classifier.

The public names are looked up when they are first asked for, so importing mien does no work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mien.inference.predictor import Predictor
    from mien.inference.results import Face, Prediction
    from mien.inference.video.prediction import VideoPrediction, predict_video

__version__ = "0.1.0"
__all__ = ["Face", "Prediction", "Predictor", "VideoPrediction", "__version__", "predict_video"]

_HOMES = {
    "Predictor": "mien.inference.predictor",
    "Face": "mien.inference.results",
    "Prediction": "mien.inference.results",
    "VideoPrediction": "mien.inference.video.prediction",
    "predict_video": "mien.inference.video.prediction",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'mien' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
