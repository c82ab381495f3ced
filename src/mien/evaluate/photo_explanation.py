"""What speaks for the answer on each face of a photo, from the exported model alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from mien.emotions import EMOTIONS
from mien.evaluate.occlusion import occlusion_maps
from mien.evaluate.plots.explanations import ExplanationGridPlot
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
    found = predictor.find(photo)
    if not found.faces:
        return None, ()
    faces = predictor.classify(found).faces
    captions = tuple(f"{face.emotion} {face.confidence:.0%}" for face in faces)
    classes = np.array([EMOTIONS.index(face.emotion) for face in faces])
    maps = {"occlusion": occlusion_maps(predictor.predict_faces, found.crops, classes)}
    return ExplanationGridPlot(found.crops, maps, captions).draw(columns=min(3, len(faces))), captions
