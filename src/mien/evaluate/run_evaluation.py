"""Evaluation on disk: from a run's probabilities to its metrics file and figures, and what was fitted on its val split.

It knows the run folder; the scores themselves are `evaluation`'s business.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.card import read_card
from mien.errors import DataError
from mien.evaluate.calibration import fit_temperature, uncertain_threshold
from mien.evaluate.evaluation import Evaluation, evaluate
from mien.evaluate.figures import evaluation_figures, read_history, training_figure, write_figures
from mien.run import Probabilities, Run, Scores

__all__ = ["FittedOnVal", "check_same_images", "evaluate_run", "fitted_on_val"]


@dataclass(frozen=True)
class FittedOnVal:
    """What a run's val split decides for every other split; neutral values when there is none yet."""

    temperature: float = 1.0
    """Calibration of its probabilities; 1 leaves them as they are."""
    uncertain_below: float = 0.0
    """Calibrated confidence under which an answer is uncertain; 0 never."""
    known: bool = False
    """Whether anything was fitted."""


def fitted_on_val(run: Run) -> FittedOnVal:
    """Temperature and threshold from the run's val probabilities, else from its card, else neutral ones.

    Raises:
        RunError: The probabilities are there and damaged.
        ModelError: The card is there and damaged.
        DataError: The probabilities cannot be scored.
    """
    if run.probabilities_path("val").is_file():
        val = run.read_probabilities("val")
        temperature = fit_temperature(val.probabilities, val.y_true)
        below = uncertain_threshold(val.probabilities, val.y_true, temperature=temperature)
        return FittedOnVal(temperature, below, known=True)
    if run.card_path.is_file():
        heads = read_card(run.card_path).heads
        head = heads.get("labels", next(iter(heads.values())))
        return FittedOnVal(head.temperature, head.uncertain_below, known=True)
    return FittedOnVal()


def evaluate_run(
    run: Run,
    split: str,
    *,
    scores: Scores | None = None,
    identical_to_train: np.ndarray | None = None,
    votes: np.ndarray | None = None,
    facts: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> tuple[Evaluation, list[Path]]:
    """Evaluate the probabilities of a run and write `metrics_<split>.json` and the figures.

    Args:
        run: A run with probabilities of the split.
        split: `train`, `val` or `test`.
        scores: Where its probabilities on another dataset lie (`Run.scores_on`); the run's own when left out. The
            temperature is that of the run's own val split in either case.
        identical_to_train: bool (N,), the images that are also in train, when known.
        votes: float (N, 7), FER+ votes, when known.
        facts: Written into the metrics file beside the scores: dataset, protocol.
        seed: Decides the bootstrap.

    Returns:
        The evaluation, and the paths that were written.

    Raises:
        RunError: The probabilities are missing or damaged, or the folder cannot be written.
        DataError: The split is empty or unknown, or arrays do not fit each other.
    """
    scores = scores or run
    probabilities = scores.read_probabilities(split)
    history = read_history(run)
    fitted = fitted_on_val(run)
    evaluation = evaluate(
        probabilities,
        split=split,
        identical_to_train=identical_to_train,
        votes=votes,
        temperature=fitted.temperature,
        seed=seed,
    )
    provenance = {"provenance": dataclasses.asdict(probabilities.provenance)}
    scores.write_json(
        scores.metrics_path(split), {"run": run.name, **provenance, **dict(facts or {}), **evaluation.to_dict()}
    )
    figures = evaluation_figures(evaluation, probabilities, uncertain_below=fitted.uncertain_below)
    written = write_figures(scores.figures_path, figures, prefix=f"{split}_")
    curves = write_figures(run.figures_path, training_figure(history))
    return evaluation, [scores.metrics_path(split), *written, *curves]


def check_same_images(probabilities: Probabilities, sample_ids: np.ndarray, labels: np.ndarray) -> None:
    """Refuse probabilities that were not computed on these images.

    Raises:
        DataError: Sample ids or labels differ.
    """
    same = np.array_equal(probabilities.sample_ids, sample_ids) and np.array_equal(probabilities.y_true, labels)
    if not same:
        raise DataError(
            f"Expected the images that the run's probabilities are of ({len(probabilities.y_true):,} images). "
            f"Received: others ({len(labels):,} images). Name that dataset with --data, or score this one in a run of "
            "its own."
        )
