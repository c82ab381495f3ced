"""What a model says about a split, kept in a run folder: of a trained run, an exported or bundled model, of several.

It joins the package that has Keras with those that don't, so it stands above both. Probabilities are stored as the
network gives them, before any calibration, with the model and the data that they come from.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.card import read_card
from mien.data.dataset import Dataset
from mien.errors import RunError
from mien.files import atomic_writes, sha256_of
from mien.inference.classifier import Classifier
from mien.inference.ensemble import mean_probabilities
from mien.inference.model_files import bundled_models, find_model
from mien.run import Probabilities, Provenance, Run, Scores

__all__ = ["Ensemble", "ensure_probabilities", "open_ensemble", "open_run", "score_ensemble"]

# Bundled models lie in the installation, which is no place for results.
BUNDLED_PATH = Path("runs") / "bundled"


def open_run(model: str | os.PathLike[str], *, bundled_path: Path = BUNDLED_PATH) -> Run:
    """The run folder of a model, which need not have been trained here.

    Args:
        model: A run folder, a folder with an exported model or its ONNX file, or the name of a bundled model, of which
            a run folder with a copy is made.
        bundled_path: Where folders for bundled models are made.

    Returns:
        The folder; of a path that holds nothing it says so when it is asked for a file.

    Raises:
        OutputError: The copy cannot be written.
        ModelError: The model's card is damaged.
    """
    bundled = os.fspath(model) in bundled_models()
    path = Path(model)
    if not bundled and (path.is_dir() or not path.is_file()):
        run = Run(path)
    else:
        found = find_model(os.fspath(model))
        run = _copy(found, Run(bundled_path / found.name)) if bundled else found
    if run.card_path.is_file() and run.onnx_path.is_file() and not run.environment_path.exists():
        card = read_card(run.card_path)
        run.write_json(
            run.environment_path, {"data": {"fingerprint": card.data_fingerprint, "protocol": card.protocol}}
        )
    return run


def _copy(source: Run, run: Run) -> Run:
    """A bundled model and its card in a folder of one's own, anew when mien brings another."""
    if not run.onnx_path.is_file() or sha256_of(run.onnx_path) != sha256_of(source.onnx_path):
        with atomic_writes(run.onnx_path, run.card_path) as (model, card):
            shutil.copyfile(source.onnx_path, model)
            shutil.copyfile(source.card_path, card)
        run.environment_path.unlink(missing_ok=True)
    return run


def ensure_probabilities(
    run: Run, dataset: Dataset, split: str, *, before_keras: Callable[[], None] = lambda: None
) -> Scores:
    """Score a split, unless the stored probabilities are of this dataset and of the model as it is.

    Args:
        run: From `open_run`.
        dataset: What to score.
        split: `train`, `val` or `test`.
        before_keras: Called before Keras is imported, which takes seconds; only where it is needed.

    Returns:
        Where the probabilities lie: the run itself for the dataset that it was trained on, else a folder in it.

    Raises:
        DataError: The split is unknown.
        RunError: There is neither a model nor stored probabilities of this dataset.
        ModelError: The model is damaged.
        OutputError: The folder cannot be written.
    """
    scores = run.scores_on(dataset.fingerprint, dataset.source)
    provenance = run.provenance(dataset.fingerprint)
    if scores.has_probabilities(split, provenance):
        return scores
    images = dataset.split(split)
    if run.model_path.is_file():
        before_keras()
        from mien.learn.scoring import score_split

        result = score_split(run, images, data_fingerprint=dataset.fingerprint)
    elif run.onnx_path.is_file():
        heads = read_card(run.card_path).heads  # the votes before the labels, where there are both
        *votes, said = (Classifier(run.path, head=name).raw_probabilities(images.images) for name in heads)
        other = votes[0] if votes else None
        result = Probabilities(images.sample_ids, images.labels, said, provenance, other)
    else:
        raise RunError(_nothing_to_score_with(run, split))
    scores.write_probabilities(split, result)
    return scores


def _nothing_to_score_with(run: Run, split: str) -> str:
    members = run.read_json(run.environment_path).get("members") if run.environment_path.is_file() else None
    if members:
        return (
            f"Expected stored probabilities of {split} of this dataset in {run.path}. Received: an ensemble that was "
            f"not asked about it. Ask it with: mien ensemble {' '.join(members)} --split {split} --data … --run …"
        )
    bundled = ", ".join(bundled_models())
    return (
        f"Expected {run.model_path.name} or {run.onnx_path.name} in {run.path}. Received: neither. "
        f"Make one with: mien train --run {run.path}, or name a bundled model ({bundled})."
    )


@dataclass(frozen=True)
class Ensemble:
    """Models that are asked together.

    Attributes:
        members: Each model, ready.
        names: Their names or paths.
        flip: Whether each is asked about the mirror image too.
    """

    members: Sequence[Classifier]
    names: Sequence[str]
    flip: bool

    def facts(self) -> dict[str, Any]:
        """What a run remembers of it."""
        digests = [member.card.onnx_sha256 for member in self.members]
        return {"members": list(self.names), "members_sha256": digests, "flip": self.flip}


def open_ensemble(models: Sequence[str], run: Run, *, flip: bool = True) -> Ensemble:
    """Open several models whose mean is to be stored in a run.

    Args:
        models: Bundled models or folders of exported ones; one is enough.
        run: A new folder, or one of the same members.
        flip: Average over each image and its mirror image.

    Raises:
        RunError: The folder holds a trained run, or probabilities of other members.
        ModelError: A model is missing or damaged.
    """
    if run.config_path.exists():
        raise RunError(f"Expected a folder for the ensemble alone. Received: {run.path}, which holds a trained run.")
    ensemble = Ensemble([Classifier(model) for model in models], models, flip)
    known: dict[str, Any] = run.read_json(run.environment_path) if run.environment_path.exists() else ensemble.facts()
    if any(known.get(key) != value for key, value in ensemble.facts().items() if key != "members"):
        raise RunError(
            f"Expected the members that {run.path} was begun with ({', '.join(known.get('members', []))}). "
            "Received: others. Choose another folder with --run."
        )
    return ensemble


def score_ensemble(
    ensemble: Ensemble,
    dataset: Dataset,
    split: str,
    run: Run,
    *,
    on_progress: Callable[[int], None] = lambda done: None,
) -> Path:
    """Score a split by the mean probabilities of several models, as a run that can be evaluated.

    Args:
        ensemble: From `open_ensemble`.
        dataset: What to score.
        split: `train`, `val` or `test`.
        run: The folder to write.
        on_progress: Called with the number of images scored so far.

    Returns:
        The file of probabilities.

    Raises:
        DataError: The split is unknown.
        OutputError: The folder cannot be written.
    """
    images = dataset.split(split)
    mean = mean_probabilities(ensemble.members, images.images, flip=ensemble.flip, on_progress=on_progress)
    run.write_json(run.environment_path, ensemble.facts() | {"data": dataset.facts()})
    provenance = Provenance(data_fingerprint=dataset.fingerprint)
    return run.write_probabilities(split, Probabilities(images.sample_ids, images.labels, mean, provenance))
