"""What a run's network looks at, as pictures: Grad-CAM and occlusion, and the proof that they explain.

It joins the learning room (maps need the Keras model) with the evaluation room (which draws and judges them), so it
stands above both. `mien explain` and `mien report` call it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mien.data.dataset import Split
from mien.emotions import EMOTIONS, NUM_EMOTIONS
from mien.evaluate.faithfulness import measure_faithfulness, occlusion_maps
from mien.evaluate.plots.explanations import ExplanationGridPlot, FaithfulnessPlot, MeanMapsPlot, RandomisationPlot
from mien.evaluate.report.section import Picture
from mien.learn.gradcam import GradCam, check_by_randomisation
from mien.learn.scoring import load_model, predict_probabilities
from mien.run import Run

__all__ = ["explain_split"]

# Faces of each answer that the curves are measured on: 10 × 7 faces × 4 curves × 11 points are 3,080 answers.
_FACES_PER_ANSWER = 10
_CURVE_STEPS = 10
_FACES_PER_MEAN = 150  # more change a mean map by less than can be seen
_RANDOMISED_LAYERS = 4  # from the top down; the maps of a trained network are gone after two or three


def explain_split(run: Run, split: Split, probabilities: np.ndarray, *, seed: int = 0) -> tuple[Picture, ...]:
    """Pictures of what the best model of a run looks at.

    Args:
        run: A trained run.
        split: The images.
        probabilities: float32 (N, 7), what the model said of them.
        seed: Decides which faces are shown.

    Returns:
        A grid of faces with maps of their answers, right and wrong ones; mean maps; deletion and insertion curves;
        the check with random weights.

    Raises:
        RunError: The run has no model.
        ModelError: The model is damaged.
    """
    if not len(split):
        return ()
    model = load_model(run)
    answers = probabilities.argmax(axis=1)
    order = np.random.default_rng(seed).permutation(len(split))
    shown = _some_of_each(order, answers, right=answers == split.labels)
    by_answer = [order[answers[order] == code] for code in range(NUM_EMOTIONS)]
    measured = np.concatenate([rows[:_FACES_PER_ANSWER] for rows in by_answer])
    averaged = np.concatenate([rows[:_FACES_PER_MEAN] for rows in by_answer])
    return (
        _grid(model, split.take(shown), probabilities[shown]),
        _mean_maps(model, split.images[averaged], answers[averaged]),
        _curves(model, split.images[measured], answers[measured]),
        _randomised(model, split.images[measured], answers[measured]),
    )


def _some_of_each(order: np.ndarray, answers: np.ndarray, *, right: np.ndarray) -> np.ndarray:
    """For each answer two right faces and a wrong one, as far as there are any."""
    chosen: list[int] = []
    for code in range(NUM_EMOTIONS):
        of_code = order[answers[order] == code]
        chosen += [*of_code[right[of_code]][:2], *of_code[~right[of_code]][:1]]
    return np.array(chosen, int)


def _grid(model: Any, split: Split, probabilities: np.ndarray) -> Picture:
    answers = probabilities.argmax(axis=1)
    maps = {
        "Grad-CAM": GradCam(model).maps(split.images, answers),
        "occlusion": occlusion_maps(lambda images: predict_probabilities(model, images), split.images, answers),
    }
    figure = ExplanationGridPlot(split.images, maps, _captions(split.labels, probabilities)).draw()
    caption = (
        "Faces beside what speaks for their answer: Grad-CAM, then occlusion. A caption with an arrow is a mistake: "
        "label → answer, with the answer's probability."
    )
    return Picture(figure, caption, "explanations", photographic=True)


def _captions(labels: np.ndarray, probabilities: np.ndarray) -> Sequence[str]:
    answers, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    names = [
        EMOTIONS[a] if label == a else f"{EMOTIONS[label]} → {EMOTIONS[a]}"
        for label, a in zip(labels, answers, strict=True)
    ]
    return [f"{name} {share:.0%}" for name, share in zip(names, confidence, strict=True)]


def _mean_maps(model: Any, faces: np.ndarray, answers: np.ndarray) -> Picture:
    maps = GradCam(model).maps(faces, answers)
    counts = np.bincount(answers, minlength=NUM_EMOTIONS)
    images = np.stack([_mean(faces[answers == code]) for code in range(NUM_EMOTIONS)])
    means = np.stack([_mean(maps[answers == code]) for code in range(NUM_EMOTIONS)])
    caption = "The mean Grad-CAM of each answer over the mean of those faces; below the name, how many they are."
    return Picture(MeanMapsPlot(images, means, counts).draw(), caption, "explanations_mean", photographic=True)


def _mean(values: np.ndarray) -> np.ndarray:
    return np.asarray(values.mean(axis=0)) if len(values) else np.zeros(values.shape[1:])


def _curves(model: Any, images: np.ndarray, answers: np.ndarray) -> Picture:
    def predict(changed: np.ndarray) -> np.ndarray:
        return predict_probabilities(model, changed)

    maps = GradCam(model).maps(images, answers)
    found = measure_faithfulness(predict, images, maps, answers, steps=_CURVE_STEPS)
    caption = (
        f"Pixels of {len(images)} faces blurred away (left) and brought back (right), the most important first. "
        f"Grad-CAM beats a random order by an area of {found.deletion_gain:+.3f} and {found.insertion_gain:+.3f}; "
        "below 0 it would explain nothing (Petsiuk et al. 2018)."
    )
    return Picture(FaithfulnessPlot({"Grad-CAM": found}).draw(), caption, "explanations_faithfulness")


def _randomised(model: Any, images: np.ndarray, answers: np.ndarray) -> Picture:
    check = check_by_randomisation(model, images, answers, layers=_RANDOMISED_LAYERS)
    caption = (
        "How alike Grad-CAM's maps stay while layers get random weights, from the last one down, each on top of those "
        "before. Maps that stayed the same would show the picture, not the network (Adebayo et al. 2018)."
    )
    figure = RandomisationPlot(check.layers, check.correlation).draw()
    return Picture(figure, caption, "explanations_randomised")
