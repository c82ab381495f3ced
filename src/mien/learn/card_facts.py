"""What a card says of each head of a model, fitted and measured on val; for exports and their int8 copies alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mien.card import Head
from mien.data.dataset import Split
from mien.evaluate.calibration import fit_temperature, uncertain_threshold
from mien.evaluate.metrics import accuracy_with_interval
from mien.learn.targets import OUTPUTS, targets_of

__all__ = ["card_facts"]


def card_facts(answers: Mapping[str, np.ndarray], val: Split, priors: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Temperature, threshold and scores of each head on val.

    Args:
        answers: For each head in the order of the outputs, float32 (N, 7), what it says about `val`.
        val: The split that the epoch was chosen on; with votes, when one of the heads answers these.
        priors: For each head, how common each emotion was in training.

    Returns:
        `heads`, and `scores`: accuracy with its interval on the labels, and `votes_accuracy` … on the taggers'
        majority.
    """
    heads: dict[str, Head] = {}
    scores: dict[str, float] = {}
    for (name, probabilities), output in zip(answers.items(), OUTPUTS, strict=False):
        targets = targets_of(val, name)
        some = targets.any(axis=1)
        truth, p = targets[some].argmax(axis=1), probabilities[some]
        temperature = fit_temperature(p, targets[some])
        threshold = uncertain_threshold(p, truth, temperature=temperature)
        heads[name] = Head(output, temperature, threshold, tuple(float(share) for share in priors[name]))
        prefix = "votes_" if name == "votes" else ""
        scores |= {prefix + key: value for key, value in accuracy_with_interval(truth, p).items()}
    return {"heads": heads, "scores": scores}
