"""What a network looks at, as pictures: Grad-CAM and occlusion, and the proof that they explain.

It joins the package that has Keras (Grad-CAM needs the network) with the one that draws and judges, so it stands above
both. `mien explain` and `mien report` call it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mien.data.dataset import Split
from mien.emotions import EMOTIONS, NUM_EMOTIONS
from mien.evaluate.faithfulness import measure_faithfulness
from mien.evaluate.occlusion import Predict, occlusion_maps
from mien.evaluate.plots.explanations import ExplanationGridPlot, FaithfulnessPlot, MeanMapsPlot, RandomisationPlot
from mien.evaluate.report.material import Picture
from mien.inference.classifier import Classifier
from mien.run import Run

if TYPE_CHECKING:
    from mien.learn.gradcam import RandomisationCheck

__all__ = ["explain_split"]

# Faces of each emotion that the curves are measured on: 10 × 7 faces × 4 curves × 11 points are 3,080 predictions.
_FACES_PER_EMOTION = 10
_CURVE_STEPS = 10
_FACES_PER_MEAN = 150  # more change a mean map by less than can be seen
_RANDOMISED_LAYERS = 4  # from the top down; the maps of a trained network are gone after two or three


MapMethod = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""uint8 (N, 48, 48) and the classes that are asked about, int (N,) → float32 (N, 48, 48), 0 to 1."""


@dataclass(frozen=True)
class _Network:
    """A network that is asked for its reasons: its predictions, and the maps that it can give, the best first."""

    predict: Predict
    maps: Mapping[str, MapMethod]
    faces_per_mean: int
    check: Callable[[np.ndarray, np.ndarray], RandomisationCheck] | None = None
    """Makes its layers random from the top down; None of an exported network, whose layers cannot be changed."""


def explain_split(
    run: Run,
    split: Split,
    probabilities: np.ndarray,
    *,
    before_keras: Callable[[], None] = lambda: None,
    seed: int = 0,
) -> tuple[Picture, ...]:
    """Pictures of what a network looks at.

    Args:
        run: A trained run, or a folder with an exported model, which gives occlusion maps alone.
        split: The images.
        probabilities: float32 (N, 7), what the model said of them.
        before_keras: Called before Keras is imported, which takes seconds; only where it is needed.
        seed: Decides which faces are shown.

    Returns:
        A grid of faces with maps of their predictions, right and wrong ones; mean maps; deletion and insertion curves;
        the check with random weights.

    Raises:
        RunError: The run has no model.
        ModelError: The model is damaged.
    """
    if not len(split):
        return ()
    network = _trained(run, before_keras) if run.model_path.is_file() else _exported(run)
    predicted = probabilities.argmax(axis=1)
    order = np.random.default_rng(seed).permutation(len(split))
    shown = _some_of_each(order, predicted, right=predicted == split.labels)
    by_emotion = [order[predicted[order] == code] for code in range(NUM_EMOTIONS)]
    measured = np.concatenate([rows[:_FACES_PER_EMOTION] for rows in by_emotion])
    averaged = np.concatenate([rows[: network.faces_per_mean] for rows in by_emotion])
    pictures = (
        _grid(network, split.take(shown), probabilities[shown]),
        _mean_maps(network, split.images[averaged], predicted[averaged]),
        _curves(network, split.images[measured], predicted[measured]),
    )
    if network.check is None:
        return pictures
    return (*pictures, _randomised(network.check(split.images[measured], predicted[measured])))


def _trained(run: Run, before_keras: Callable[[], None]) -> _Network:
    before_keras()
    from mien.learn.gradcam import GradCam, check_by_randomisation
    from mien.learn.scoring import load_model, predict_probabilities

    model = load_model(run)
    predict = partial(predict_probabilities, model)
    return _Network(
        predict,
        {"Grad-CAM": GradCam(model).maps, "occlusion": partial(occlusion_maps, predict)},
        _FACES_PER_MEAN,
        lambda images, codes: check_by_randomisation(model, images, codes, layers=_RANDOMISED_LAYERS),
    )


def _exported(run: Run) -> _Network:
    run.require(run.onnx_path, f"mien train --run {run.path}")
    predict = Classifier(run.path).raw_probabilities
    # Occlusion asks 169 times about each face, so that a mean is of few.
    return _Network(predict, {"occlusion": partial(occlusion_maps, predict)}, _FACES_PER_EMOTION)


def _some_of_each(order: np.ndarray, predicted: np.ndarray, *, right: np.ndarray) -> np.ndarray:
    """For each answer two right faces and a wrong one, as far as there are any."""
    chosen: list[int] = []
    for code in range(NUM_EMOTIONS):
        of_code = order[predicted[order] == code]
        chosen += [*of_code[right[of_code]][:2], *of_code[~right[of_code]][:1]]
    return np.array(chosen, int)


def _grid(network: _Network, split: Split, probabilities: np.ndarray) -> Picture:
    predicted = probabilities.argmax(axis=1)
    maps = {name: method(split.images, predicted) for name, method in network.maps.items()}
    figure = ExplanationGridPlot(split.images, maps, _captions(split.labels, probabilities)).draw()
    caption = (
        f"Faces beside what speaks for their prediction: {', then '.join(maps)}. A caption with an arrow is a mistake: "
        "label → prediction, with its probability."
    )
    return Picture(figure, caption, "explanations", photographic=True)


def _captions(labels: np.ndarray, probabilities: np.ndarray) -> Sequence[str]:
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    names = [
        EMOTIONS[a] if label == a else f"{EMOTIONS[label]} → {EMOTIONS[a]}"
        for label, a in zip(labels, predicted, strict=True)
    ]
    return [f"{name} {share:.0%}" for name, share in zip(names, confidence, strict=True)]


def _mean_maps(network: _Network, faces: np.ndarray, predicted: np.ndarray) -> Picture:
    method, maps_of = next(iter(network.maps.items()))
    maps = maps_of(faces, predicted)
    counts = np.bincount(predicted, minlength=NUM_EMOTIONS)
    images = np.stack([_mean(faces[predicted == code]) for code in range(NUM_EMOTIONS)])
    means = np.stack([_mean(maps[predicted == code]) for code in range(NUM_EMOTIONS)])
    caption = f"{method}: the mean map of each prediction over the mean of those faces; under the name, how many."
    return Picture(MeanMapsPlot(images, means, counts).draw(), caption, "explanations_mean", photographic=True)


def _mean(values: np.ndarray) -> np.ndarray:
    return np.asarray(values.mean(axis=0)) if len(values) else np.zeros(values.shape[1:])


def _curves(network: _Network, images: np.ndarray, predicted: np.ndarray) -> Picture:
    method, maps_of = next(iter(network.maps.items()))
    maps = maps_of(images, predicted)
    found = measure_faithfulness(network.predict, images, maps, predicted, steps=_CURVE_STEPS)
    caption = (
        f"Pixels of {len(images)} faces blurred away (left) and brought back (right), the most important first. "
        f"{method} beats a random order by an area of {found.deletion_gain:+.3f} and {found.insertion_gain:+.3f}; "
        "below 0 it would explain nothing (Petsiuk et al. 2018)."
    )
    return Picture(FaithfulnessPlot({method: found}).draw(), caption, "explanations_faithfulness")


def _randomised(check: RandomisationCheck) -> Picture:
    caption = (
        "How alike Grad-CAM's maps stay while layers get random weights, from the last one down, each on top of those "
        "before. Maps that stayed the same would show the image, not the network (Adebayo et al. 2018)."
    )
    figure = RandomisationPlot(check.layers, check.correlation).draw()
    return Picture(figure, caption, "explanations_randomised")
