"""How a model's answers compare with what FER+'s ten taggers saw, beside how the labels themselves do.

Barsoum et al. 2016, arXiv:1608.01041. FER-2013's labels are noisy; where most people see another emotion than the
label says, an answer can be wrong by the label and right by the people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien.data.dataset import NO_EMOTION_VOTES
from mien.emotions import NUM_EMOTIONS
from mien.errors import DataError
from mien.evaluate.metrics import checked, wilson_interval

__all__ = [
    "CLEAR_VOTES",
    "PROTOCOLS",
    "Agreement",
    "VoteAgreement",
    "protocol_truths",
    "vote_agreement",
    "vote_majority",
]

CLEAR_VOTES = 8
"""Votes out of ten from which on an image counts as clear."""


@dataclass(frozen=True)
class Agreement:
    """Agreement with the taggers on a set of images; None where the set is empty."""

    n: int
    """Images in the set."""
    model: float | None
    """Share of the model's answers that equal the taggers' majority."""
    model_low: float | None
    """Low end of its 95 % Wilson interval."""
    model_high: float | None
    """High end."""
    labels: float | None
    """Share of FER-2013's own labels that equal the majority: the measure beside it."""


@dataclass(frozen=True)
class VoteAgreement:
    """Agreement with the FER+ taggers."""

    majority: Agreement
    """On images where one emotion has more votes than any other."""
    clear: Agreement
    """On images where it has at least eight of the ten."""


def vote_majority(votes: np.ndarray) -> np.ndarray:
    """The emotion with the most votes.

    Args:
        votes: float (N, 7); NaN rows where unknown.

    Returns:
        int64 (N,), −1 where the votes are unknown or two emotions share the lead.
    """
    known = np.nan_to_num(np.asarray(votes, np.float64), nan=0.0)
    best = known.max(axis=1, initial=0.0)
    alone = (known == best[:, None]).sum(axis=1) == 1
    return np.where((best > 0) & alone, known.argmax(axis=1), -1)


def vote_agreement(y_true: np.ndarray, probabilities: np.ndarray, votes: np.ndarray) -> VoteAgreement | None:
    """Agreement of answers, and of labels, with the taggers.

    Args:
        y_true: int (N,), the dataset's labels.
        probabilities: float (N, 7).
        votes: float (N, 7), the taggers' votes; NaN rows where unknown.

    Returns:
        None when no image has votes.

    Raises:
        DataError: The votes are not those of these images.
    """
    y_true, probabilities = checked(y_true, probabilities)
    votes = np.asarray(votes)
    if votes.shape != (len(y_true), NUM_EMOTIONS):
        raise DataError(f"Expected votes of shape ({len(y_true)}, {NUM_EMOTIONS}). Received: {votes.shape}.")
    majority, answers = vote_majority(votes), probabilities.argmax(axis=1)
    some = majority >= 0
    if not some.any():
        return None
    clear = some & (np.nan_to_num(votes, nan=0.0).max(axis=1) >= CLEAR_VOTES)
    return VoteAgreement(*(_agreement(y_true[m], answers[m], majority[m]) for m in (some, clear)))


def _agreement(labels: np.ndarray, answers: np.ndarray, majority: np.ndarray) -> Agreement:
    n = len(majority)
    if not n:
        return Agreement(0, None, None, None, None)
    share = float(np.mean(answers == majority))
    return Agreement(n, share, *wilson_interval(share, n), float(np.mean(labels == majority)))


PROTOCOLS = ("official", "emotions", "all answers")
"""The three ways in which papers turn FER+'s votes into one truth; one model differs by several points between them."""

_CONTEMPT = NUM_EMOTIONS
_UNKNOWN = NUM_EMOTIONS + NO_EMOTION_VOTES.index("unknown")


def protocol_truths(votes: np.ndarray) -> dict[str, np.ndarray]:
    """What each protocol takes for the truth of an image.

    `official` is that of the authors' own code (Barsoum et al. 2016, majority mode): single votes are dropped, the
    leader needs more than half of the rest, and images that are then unknown or no face are left out. `emotions` takes
    the leader of the eight emotions, `all answers` the leader of all ten columns, and leaves out the images whose
    leader is no emotion. Of equal leaders the first in the order of the columns counts.

    Args:
        votes: float (N, 10), as `mien.data.dataset.Split.votes`; NaN rows where unknown.

    Returns:
        For each of `PROTOCOLS` int64 (N,): the code of the emotion, 7 for contempt (which a model of seven emotions
        cannot be right about), −1 where the image is left out.
    """
    known = np.nan_to_num(np.asarray(votes, np.float64), nan=0.0)
    several = np.where(known > 1, known, 0.0)
    leads = several.max(axis=1) > several.sum(axis=1) / 2
    emotions = known[:, :_UNKNOWN]
    truths = {
        "official": np.where(leads, several.argmax(axis=1), -1),
        "emotions": np.where(emotions.max(axis=1) > 0, emotions.argmax(axis=1), -1),
        "all answers": np.where(known.max(axis=1) > 0, known.argmax(axis=1), -1),
    }
    return {name: np.where(truth <= _CONTEMPT, truth, -1) for name, truth in truths.items()}
