"""What speaks for the answer on each face of a photo, from the exported model alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from mien.evaluate.faithfulness import occlusion_maps
from mien.evaluate.plots.explanations import ExplanationGridPlot
from mien.images import read_image
from mien.inference.predictor import Predictor

__all__ = ["explain_photo"]


def explain_photo(predictor: Predictor, photo: Path) -> tuple[Figure | None, tuple[str, ...]]:
    """Occlusion maps of the faces of a photo.

    Args:
        predictor: Finds and classifies them.
        photo: An image file.

    Returns:
        The figure, or None when there is no face, and for each face its answer and confidence in words.

    Raises:
        ImageError: The photo cannot be read.
    """
    image_rgb = read_image(photo, limits=predictor.limits)
    crops = predictor.crops(image_rgb, predictor.locate(image_rgb))
    if not len(crops):
        return None, ()
    probabilities = predictor.predict_faces(crops)
    answers = probabilities.argmax(axis=1)
    names = predictor.card.emotions
    captions = tuple(f"{names[code]} {p[code]:.0%}" for code, p in zip(answers, probabilities, strict=True))
    maps = {"occlusion": occlusion_maps(predictor.predict_faces, crops, np.asarray(answers))}
    return ExplanationGridPlot(crops, maps, captions).draw(columns=min(3, len(crops))), captions
