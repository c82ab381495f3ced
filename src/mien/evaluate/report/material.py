"""Everything that the page needs, gathered once: what the run folder holds and what the dataset knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mien.data.dataset import Dataset
from mien.errors import RunError
from mien.evaluate.evaluation import Evaluation, check_split_name, evaluate
from mien.evaluate.figures import read_history
from mien.evaluate.label_issues import LabelIssues, find_label_issues
from mien.evaluate.run_evaluation import FittedOnVal, check_same_images, fitted_on_val
from mien.evaluate.split_facts import SplitFacts, split_facts
from mien.probabilities import apply_temperature
from mien.run import Probabilities, Run, Scores

__all__ = ["Material", "Picture", "first_scored", "gather"]

# The one that the page is about comes first when nobody says otherwise: test was looked at last.
_PREFERENCE = ("test", "val", "train")


@dataclass(frozen=True)
class Picture:
    """A figure that someone else brings, such as explanations."""

    figure: Figure
    """Drawn in mien's style."""
    caption: str
    """One or two sentences that say what is to be seen."""
    name: str
    """Letters, digits and underscores; its file is called so."""
    photographic: bool = False
    """Whether it holds faces: kept as pixels, not as vectors, and never turned dark."""


@dataclass(frozen=True)
class Material:
    """The parts of the page; None or empty where the run does not have them."""

    run: Run
    scores: Scores
    """What it said about the dataset of the page."""
    split: str
    """The split that figures and faces are of."""
    probabilities: Probabilities
    """Of that split."""
    evaluations: Mapping[str, Evaluation]
    """By split: of every one that was scored, the reported one first."""
    fitted: FittedOnVal
    dataset: Dataset | None = None
    facts: SplitFacts | None = None
    """Of the reported split."""
    history: pd.DataFrame | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    explanations: Sequence[Picture] = ()

    @property
    def evaluation(self) -> Evaluation:
        """Of the reported split."""
        return self.evaluations[self.split]

    @property
    def protocol(self) -> str:
        """How the splits came about: `official`, `source`, `stratified`, or empty when that is not known."""
        if self.dataset is not None:
            return self.dataset.protocol
        return str(self.environment.get("data", {}).get("protocol", ""))

    @cached_property
    def calibrated(self) -> np.ndarray:
        """float64 (N, 7): probabilities at the temperature that was fitted on val."""
        return apply_temperature(self.probabilities.probabilities, self.fitted.temperature)

    @cached_property
    def label_issues(self) -> LabelIssues:
        """Suspected labels of the reported split."""
        votes = None if self.facts is None else self.facts.votes
        return find_label_issues(self.probabilities.y_true, self.probabilities.probabilities, votes=votes)


def gather(
    run: Run,
    *,
    split: str | None = None,
    dataset: Dataset | None = None,
    explanations: Sequence[Picture] = (),
    seed: int = 0,
) -> Material:
    """Read a run and score each split that has probabilities.

    Args:
        run: A run with probabilities of at least one split.
        split: The split to report; test, else val, else train when left out.
        dataset: What was scored, for faces, votes, counts and duplicates; the one that the run was trained on when
            left out.
        explanations: Pictures from the learning room.
        seed: Decides the bootstrap.

    Raises:
        RunError: Nothing was scored yet, or a file is damaged or from a newer mien.
        DataError: The split's name is unknown, or the dataset has other images than the run was scored on.
    """
    scores = run if dataset is None else run.scores_on(dataset.fingerprint, dataset.source)
    reported = reported_split(scores, split)
    fitted = fitted_on_val(run)
    names = [reported, *(name for name in _scored(scores) if name != reported)]
    everything = {name: scores.read_probabilities(name) for name in names}
    known = {} if dataset is None else {name: _facts(dataset, name, everything[name]) for name in names}
    return Material(
        run=run,
        scores=scores,
        split=reported,
        probabilities=everything[reported],
        evaluations={name: _evaluate(everything[name], name, known.get(name), fitted, seed) for name in names},
        fitted=fitted,
        dataset=dataset,
        facts=known.get(reported),
        history=read_history(run),
        config=_optional_json(run, "config"),
        environment=_optional_json(run, "environment"),
        explanations=explanations,
    )


def first_scored(scores: Scores) -> str | None:
    """The split that a report is about when nobody says: the first of test, val and train that was scored, or None."""
    return next((name for name in _PREFERENCE if scores.probabilities_path(name).is_file()), None)


def reported_split(scores: Scores, split: str | None = None) -> str:
    """The split that a report is about: the one that is asked for, else the first of test, val and train.

    Raises:
        RunError: Nothing was scored yet.
        DataError: The split's name is unknown.
    """
    if split is not None:
        check_split_name(split)
        return split
    scored = _scored(scores)
    if not scored:
        raise RunError(
            f"Expected a run that was evaluated. Received: {scores.path}, which has no probabilities. "
            "Make them with: mien evaluate RUN --split val"
        )
    return scored[0]


def _scored(scores: Scores) -> list[str]:
    return [name for name in _PREFERENCE if scores.probabilities_path(name).is_file()]


def _facts(dataset: Dataset, split: str, probabilities: Probabilities) -> SplitFacts:
    images = dataset.split(split)
    check_same_images(probabilities, images.sample_ids, images.labels)
    return split_facts(dataset, split)


def _evaluate(
    probabilities: Probabilities, split: str, facts: SplitFacts | None, fitted: FittedOnVal, seed: int
) -> Evaluation:
    return evaluate(
        probabilities,
        split=split,
        identical_to_train=None if facts is None else facts.identical_to_train,
        votes=None if facts is None else facts.votes,
        temperature=fitted.temperature,
        seed=seed,
    )


def _optional_json(run: Run, which: str) -> dict[str, Any]:
    path = run.config_path if which == "config" else run.environment_path
    return run.read_json(path) if path.is_file() else {}
