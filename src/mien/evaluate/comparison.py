"""Whether one model is better than another, and on which images: paired tests over the same split.

Two intervals that overlap say little, because both models saw the same images; what counts are the images on which
exactly one of them is right (McNemar 1947) and the difference of scores on the same resamples.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from mien.emotions import EMOTIONS
from mien.errors import DataError
from mien.evaluate import metrics
from mien.evaluate.bootstrap import RESAMPLES, bootstrap_values, percentiles
from mien.evaluate.evaluation import Estimate, Scores, check_split_name, score
from mien.run import Probabilities

__all__ = ["ChangedImage", "Comparison", "Pair", "compare"]

_DIFFERENCES = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss")
_VALUES = {
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "macro_f1": metrics.macro_f1_score,
    "log_loss": metrics.log_loss,
}


@dataclass(frozen=True)
class ChangedImage:
    """An image on which exactly one of two models is right."""

    sample_id: str
    """Where it came from."""
    label: str
    """The dataset's label."""
    first_answer: str
    """The first model's answer."""
    second_answer: str
    """The second model's answer."""


@dataclass(frozen=True)
class Pair:
    """Two models beside each other; differences are second minus first."""

    first: str
    """Name of the first."""
    second: str
    """Name of the second."""
    both_right: int
    """Images that both have right."""
    only_first: int
    """Images that only the first has right."""
    only_second: int
    """Images that only the second has right."""
    both_wrong: int
    """Images that both have wrong."""
    p_value: float
    """McNemar's exact test: how probable so uneven a split of the changed images is if both are equally good."""
    p_adjusted: float
    """The same, allowing for the number of pairs that were compared (Holm 1979)."""
    accuracy: Estimate
    """Difference of accuracy, with its paired bootstrap interval."""
    balanced_accuracy: Estimate
    """Difference of balanced accuracy."""
    macro_f1: Estimate
    """Difference of macro F1."""
    log_loss: Estimate
    """Difference of log loss; below 0 the second is better."""
    changed: tuple[ChangedImage, ...]
    """The images on which exactly one is right, in the order of the split."""


@dataclass(frozen=True)
class Comparison:
    """Models beside each other on one split."""

    split: str
    """`train`, `val` or `test`."""
    n: int
    """Images."""
    scores: tuple[tuple[str, Scores], ...]
    """Name and scores of each model, as given."""
    pairs: tuple[Pair, ...]
    """Each two of them, in that order."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return dataclasses.asdict(self) | {"scores": {name: dataclasses.asdict(one) for name, one in self.scores}}


def compare(
    models: Sequence[tuple[str, Probabilities]], *, split: str, seed: int = 0, resamples: int = RESAMPLES
) -> Comparison:
    """Compare models on the images of one split.

    Args:
        models: Name and probabilities of each, two or more, of the same images in any order.
        split: The split's name.
        seed: Decides the bootstrap.
        resamples: Number of bootstrap resamples.

    Returns:
        Scores of each model, and each pair of them tested.

    Raises:
        DataError: There are fewer than two, two of the same name, or they were scored on different images or labels.
    """
    check_split_name(split)
    names = [name for name, _ in models]
    if len(names) < 2 or len(set(names)) < len(names):
        raise DataError(f"Expected two or more models of different names. Received: {', '.join(names) or 'none'}.")
    aligned = [(name, _aligned(p, to=models[0][1], names=(names[0], name))) for name, p in models]
    values = {
        name: bootstrap_values(p.y_true, p.probabilities, scores=_DIFFERENCES, resamples=resamples, seed=seed)
        for name, p in aligned
    }
    pairs = [_pair(one, two, values[one[0]], values[two[0]]) for one, two in itertools.combinations(aligned, 2)]
    return Comparison(
        split=split,
        n=len(aligned[0][1].y_true),
        scores=tuple((name, score(p.y_true, p.probabilities, seed=seed, resamples=resamples)) for name, p in aligned),
        pairs=_holm(pairs),
    )


def _aligned(model: Probabilities, *, to: Probabilities, names: tuple[str, str]) -> Probabilities:
    """The model's rows in the order of another's images."""
    if not np.array_equal(model.sample_ids, to.sample_ids):
        place = {sample: row for row, sample in enumerate(model.sample_ids.tolist())}
        rows = [place.get(sample, -1) for sample in to.sample_ids.tolist()]
        if len(place) != len(to.y_true) or len(model.y_true) != len(to.y_true) or -1 in rows:
            raise DataError(
                f"Expected the same images in all runs. Received: {len(to.y_true):,} in {names[0]}, "
                f"{len(model.y_true):,} in {names[1]}, {sum(row >= 0 for row in rows):,} of them in both. "
                "Evaluate both runs on one dataset."
            )
        model = Probabilities(model.sample_ids[rows], model.y_true[rows], model.probabilities[rows])
    if not np.array_equal(model.y_true, to.y_true):
        raise DataError(
            f"Expected the same labels in all runs. Received: {np.sum(model.y_true != to.y_true):,} images with "
            f"another label in {names[1]} than in {names[0]}. Evaluate both runs on one dataset."
        )
    return model


def _pair(
    first: tuple[str, Probabilities],
    second: tuple[str, Probabilities],
    first_values: dict[str, np.ndarray],
    second_values: dict[str, np.ndarray],
) -> Pair:
    y_true, one, two = first[1].y_true, first[1].probabilities, second[1].probabilities
    answers = one.argmax(axis=1), two.argmax(axis=1)
    right = answers[0] == y_true, answers[1] == y_true
    only_first, only_second = int(np.sum(right[0] & ~right[1])), int(np.sum(right[1] & ~right[0]))
    p_value = float(binomtest(only_second, only_first + only_second).pvalue) if only_first + only_second else 1.0
    differences = {
        name: _difference(
            _VALUES[name](y_true, one), _VALUES[name](y_true, two), first_values[name], second_values[name]
        )
        for name in _DIFFERENCES
    }
    return Pair(
        first=first[0],
        second=second[0],
        both_right=int(np.sum(right[0] & right[1])),
        only_first=only_first,
        only_second=only_second,
        both_wrong=int(np.sum(~right[0] & ~right[1])),
        p_value=p_value,
        p_adjusted=p_value,
        changed=_changed(first[1], answers, right[0] != right[1]),
        **differences,
    )


def _difference(first: float, second: float, first_values: np.ndarray, second_values: np.ndarray) -> Estimate:
    low, high = percentiles(second_values - first_values)
    value = second - first
    return Estimate(value, float(min(low, value)), float(max(high, value)))


def _changed(
    split: Probabilities, answers: tuple[np.ndarray, np.ndarray], changed: np.ndarray
) -> tuple[ChangedImage, ...]:
    return tuple(
        ChangedImage(
            str(split.sample_ids[row]), *(EMOTIONS[codes[row]] for codes in (split.y_true, answers[0], answers[1]))
        )
        for row in np.flatnonzero(changed)
    )


def _holm(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """Pairs with p-values that allow for their number: the smallest counts for all pairs, the next for one fewer …"""
    order = np.argsort([pair.p_value for pair in pairs], kind="stable")
    adjusted, largest = dict.fromkeys(range(len(pairs)), 1.0), 0.0
    for rank, place in enumerate(order.tolist()):
        largest = max(largest, min(1.0, pairs[place].p_value * (len(pairs) - rank)))
        adjusted[place] = largest
    return tuple(dataclasses.replace(pair, p_adjusted=adjusted[place]) for place, pair in enumerate(pairs))
