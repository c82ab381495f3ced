"""The whole way on drawn faces, in a few minutes and offline: what `mien demo` does, one method a step.

It owns the order of the steps and the demo's folder. Each step is the library call that its command makes; nothing is
done here that a user could not do with `mien data synthetic`, `train`, `evaluate`, `export` and `predict`.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mien.config import AugmentConfig, Config, ModelConfig, OptimizerConfig, TrainConfig
from mien.emotions import EMOTIONS
from mien.errors import RunError
from mien.files import atomic_write, write_json
from mien.inference.results import Face, Prediction
from mien.run import Run

if TYPE_CHECKING:
    from mien.data.dataset import Dataset, Split
    from mien.evaluate.evaluation import Evaluation
    from mien.evaluate.overview import AnsweredFaces, AnsweredPhoto
    from mien.learn.training import TrainingObserver

__all__ = ["DEMO_CONFIG", "Demo", "Step"]

DEMO_CONFIG = Config(
    ModelConfig("cnn", dropout=0.1),
    AugmentConfig(rotation_degrees=5.0, shift=0.03, zoom=0.03, brightness=0.0, contrast=0.1, erasing_probability=0.0),
    OptimizerConfig("adam", learning_rate=0.002, schedule="onecycle"),
    TrainConfig(epochs=12, batch_size=64),
)
"""What the demo trains; `configs/demo.toml` is the same."""

SAMPLES_PER_CLASS = 600
HELD_OUT_PER_EMOTION = 3

# Says that a folder may be emptied: `mien demo` made it.
_MARK = ".made-by-mien-demo"


@dataclass(frozen=True)
class Step:
    """One step that was done.

    Attributes:
        name: Such as `Train`.
        result: What came of it, in one line.
        path: Where to look; None when nothing was written.
        seconds: How long it took.
    """

    name: str
    result: str
    path: Path | None
    seconds: float


@dataclass
class Demo:
    """The steps, to be called in order.

    Attributes:
        folder: Where everything goes. A folder of an earlier demo is emptied; any other must be empty or new.
        config: What to train.
        samples_per_class: Drawn faces of each emotion, in all three splits together.
        photo_model: What answers the photo: the name of a bundled model, or a run folder.
    """

    folder: Path
    config: Config = DEMO_CONFIG
    samples_per_class: int = SAMPLES_PER_CLASS
    photo_model: str | Path = "base"
    steps: list[Step] = field(default_factory=list, init=False)
    _dataset: Dataset = field(init=False, repr=False)
    _evaluation: Evaluation = field(init=False, repr=False)
    _faces: AnsweredFaces = field(init=False, repr=False)
    _photo: AnsweredPhoto | None = field(default=None, init=False, repr=False)
    _parameters: int = field(default=0, init=False)

    @property
    def run(self) -> Run:
        """The run folder of the demo's network."""
        return Run(self.folder / "run")

    def draw(self, *, progress: Callable[[int, int], None] | None = None) -> Step:
        """Draw the dataset.

        Raises:
            RunError: The folder holds something that no demo made, or cannot be written.
        """
        from mien.synthetic.faces import write_synthetic

        started = time.perf_counter()
        _empty(self.folder)
        path = self.folder / "faces"
        self._dataset = write_synthetic(path, samples_per_class=self.samples_per_class, progress=progress)
        sizes = " + ".join(f"{len(self._dataset.split(name)):,} {name}" for name in ("train", "val", "test"))
        return self._done("Draw", f"{len(self._dataset):,} faces: {sizes}", path, started)

    def train(self, *, observer: TrainingObserver | None = None) -> Step:
        """Train the network; the epoch is chosen on val."""
        from mien.learn.training import train

        started = time.perf_counter()
        facts = {
            "source": str((self.folder / "faces").resolve()),
            "protocol": self._dataset.protocol,
            "fingerprint": self._dataset.fingerprint,
        }
        result = train(
            self.config, self._dataset.train, self._dataset.val, self.run, data_facts=facts, observer=observer
        )
        text = (
            f"{self.config.model.architecture}, {result.epochs} epochs, "
            f"{result.val_accuracy:.1%} of val right in epoch {result.best_epoch}"
        )
        return self._done("Train", text, self.run.model_path, started)

    def evaluate(self) -> Step:
        """Score val, then test, and write metrics and figures."""
        from mien.data.audit import identical_to_train
        from mien.evaluate.run_evaluation import evaluate_run
        from mien.learn.scoring import score_split

        started = time.perf_counter()
        for name in ("val", "test"):  # val first: it decides the temperature
            split, fingerprint = self._dataset.split(name), self._dataset.fingerprint
            self.run.write_probabilities(name, score_split(self.run, split, data_fingerprint=fingerprint))
            identical = identical_to_train(self._dataset, name)
            self._evaluation, _ = evaluate_run(self.run, name, identical_to_train=identical)
        scores = self._evaluation.scores
        text = f"{_with_interval(self._evaluation)} of test right, macro F1 {scores.macro_f1.value:.3f}"
        return self._done("Evaluate", text, self.run.figures_path, started)

    def export(self) -> Step:
        """Write HDF5, ONNX and the card, proven equal on val."""
        from mien.card import read_card
        from mien.learn.export import export

        started = time.perf_counter()
        result = export(self.run, self._dataset.val)
        self._parameters = read_card(self.run.card_path).parameters
        text = (
            f"ONNX, {result.onnx_bytes / 1e6:.1f} MB, within {result.max_difference:.0e} of Keras "
            f"on {result.images:,} faces"
        )
        return self._done("Export", text, self.run.onnx_path, started)

    def predict(self) -> Step:
        """Answer some held-out faces with the exported network, as files, as `mien predict --detector none` does."""
        from mien.evaluate.overview import AnsweredFaces, one_of_each
        from mien.inference.predictor import Job, Predictor

        started = time.perf_counter()
        path = self.folder / "held-out"
        test = self._dataset.test
        shown = test.take(one_of_each(test.labels, per_emotion=HELD_OUT_PER_EMOTION))
        jobs = [Job(file, file.name) for file in _write_faces(path, shown)]
        predictor = Predictor(self.run.path, detector="none")
        answers = [result for result, _ in predictor.predict_jobs(jobs) if isinstance(result, Prediction)]
        write_json(path / "predictions.json", [answer.to_dict() for answer in answers])
        probabilities = np.stack([_as_array(answer.faces[0]) for answer in answers])
        self._faces = AnsweredFaces(shown.images, shown.labels, probabilities)
        right = int((probabilities.argmax(1) == shown.labels).sum())
        return self._done(
            "Predict", f"{right} of {len(jobs)} held-out faces right, by ONNX Runtime alone", path, started
        )

    def photo(self) -> Step:
        """Answer a real photo with the bundled model; without scikit-image, which has the photo, say so."""
        started = time.perf_counter()
        photo_rgb = _astronaut()
        if photo_rgb is None:
            text = "left out: the photo comes with scikit-image (pip install scikit-image)"
            return self._done("Photo", text, None, started)
        from mien.evaluate.overview import AnsweredPhoto
        from mien.inference.draw import draw_faces
        from mien.inference.image_files import write_image
        from mien.inference.predictor import Predictor

        predictor = Predictor(self.photo_model)
        prediction = predictor.predict(photo_rgb)
        face = prediction.faces[0]  # the largest
        annotated = draw_faces(photo_rgb, prediction.faces)
        path = self.folder / "astronaut.jpg"
        write_image(path, annotated)
        self._photo = AnsweredPhoto(annotated, _as_array(face), f"the model {predictor.card.name}")
        text = f"{face.emotion} {face.confidence:.0%}, says the model {predictor.card.name}"
        return self._done("Photo", text, path, started)

    def overview(self) -> Step:
        """Put everything on one page."""
        from mien.evaluate.figures import read_history
        from mien.evaluate.overview import Overview
        from mien.evaluate.style import save_figure

        started = time.perf_counter()
        history = read_history(self.run)
        assert history is not None, "training writes it"
        page = Overview(
            headline="mien: from faces to a classifier",
            remark=" · ".join(
                (
                    f"{len(self._dataset):,} drawn faces",
                    f"{self.config.model.architecture}, {self._parameters:,} parameters, {len(history)} epochs",
                    f"{_with_interval(self._evaluation)} of the test faces right",
                )
            ),
            faces=self._faces,
            history=history,
            confusion=np.array(self._evaluation.scores.confusion),
            photo=self._photo,
        )
        path = save_figure(page.draw(), self.folder / "overview.png")
        return self._done("Overview", "all of it on one page", path, started)

    def _done(self, name: str, result: str, path: Path | None, started: float) -> Step:
        self.steps.append(Step(name, result, path, time.perf_counter() - started))
        return self.steps[-1]


def _empty(folder: Path) -> None:
    """Make the folder new, unless it holds what no demo made."""
    mark = folder / _MARK
    if folder.exists() and not mark.is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(
            f"Expected a new folder, or one of an earlier demo. Received: {folder}, which holds other things. "
            "Choose another with --out."
        )
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise RunError(f"Expected to empty {folder}. Received: {error}. Choose another with --out.") from error
    with atomic_write(mark) as temporary:
        temporary.write_text("mien demo empties this folder when it runs again.\n", encoding="utf-8")


def _with_interval(evaluation: Evaluation) -> str:
    accuracy = evaluation.scores.accuracy
    return f"{accuracy.value:.1%} (95% interval {100 * accuracy.low:.1f} to {100 * accuracy.high:.1f})"


def _write_faces(folder: Path, split: Split) -> list[Path]:
    from mien.inference.image_files import write_image

    counts = dict.fromkeys(EMOTIONS, 0)
    paths = []
    for image, label in zip(split.images, split.labels, strict=True):
        name = EMOTIONS[label]
        counts[name] += 1
        paths.append(folder / f"{name}-{counts[name]}.png")
        write_image(paths[-1], np.dstack([image] * 3))
    return paths


def _as_array(face: Face) -> np.ndarray:
    return np.array([face.probabilities[name] for name in EMOTIONS], np.float32)


def _astronaut() -> np.ndarray | None:
    """Eileen Collins, photographed by NASA (public domain): uint8 (512, 512, 3) RGB; None without scikit-image."""
    try:
        from skimage.data import astronaut
    except ImportError:
        return None
    photo: np.ndarray = astronaut()
    return photo
