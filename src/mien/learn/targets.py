"""What a network is taught: FER-2013's label, the votes of FER+'s ten taggers, or both through two heads.

They are two questions about one image. The label says what a web search and a quick check called it; the votes say
what people see in it (Barsoum et al. 2016, arXiv:1608.01041). They disagree on a third of the images, so a network that
is to answer both has a head for each. With both, the votes come first, in targets, logits and outputs alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from mien.config import Config
from mien.data.dataset import NO_EMOTION_VOTES, Split
from mien.emotions import NUM_EMOTIONS
from mien.errors import ConfigError

__all__ = [
    "OUTPUTS",
    "head_accuracy",
    "head_loss",
    "heads_of",
    "one_hot",
    "priors_of",
    "split_heads",
    "targets_of",
    "vote_shares",
]


OUTPUTS = ("probabilities", "label_probabilities")
"""Names of a model's outputs, in the order of its heads."""


def heads_of(predicts: str) -> tuple[str, ...]:
    """The heads of a network in order: `votes`, `labels` or both."""
    return ("votes", "labels") if predicts == "both" else (predicts,)


def one_hot(split: Split) -> np.ndarray:
    """float32 (N, 7): the labels of a split as probabilities."""
    return np.eye(NUM_EMOTIONS, dtype=np.float32)[split.labels]


def vote_shares(split: Split) -> np.ndarray:
    """The share of taggers that saw each emotion, among those that saw one of the seven.

    Returns:
        float32 (N, 7). Rows sum to 1, but for images that most taggers called no face or could not name, or whose votes
        are unknown: these are all zero and teach nothing, as FER+'s authors leave them out.

    Raises:
        ConfigError: The split has no votes.
    """
    if split.votes is None:
        raise ConfigError(
            "Expected the taggers' votes to learn from (model.predicts). Received: a dataset without them. "
            "Give FER+'s file with --votes fer2013new.csv, or leave it at labels: --set model.predicts=labels"
        )
    votes = np.nan_to_num(split.votes)
    emotions = votes[:, :NUM_EMOTIONS]
    no_face = votes[:, NUM_EMOTIONS + NO_EMOTION_VOTES.index("unknown") :].max(axis=1)
    usable = emotions.max(axis=1) > no_face
    shares = emotions / np.maximum(emotions.sum(axis=1, keepdims=True), 1)
    return np.where(usable[:, None], shares, 0).astype(np.float32)


def targets_of(split: Split, predicts: str) -> np.ndarray:
    """float32 (N, 7 · heads): what each head is to answer, side by side."""
    answers = {"labels": one_hot, "votes": vote_shares}
    return np.concatenate([answers[head](split) for head in heads_of(predicts)], axis=1)


def priors_of(split: Split, predicts: str) -> dict[str, list[float]]:
    """For each head, the share of each emotion in what it is taught; one image is added to each, so that none is 0."""
    counts = {head: targets_of(split, head).sum(axis=0) + 1 for head in heads_of(predicts)}
    return {head: (count / count.sum()).tolist() for head, count in counts.items()}


def split_heads(values: Any) -> Any:
    """(N, 7 · heads) as (N, heads, 7)."""
    return ops.reshape(values, (-1, values.shape[-1] // NUM_EMOTIONS, NUM_EMOTIONS))


def head_loss(config: Config) -> Any:
    """Cross-entropy of each head's logits, weighed by `train.votes_weight`.

    Label smoothing is for labels alone: votes say themselves how sure people are. Keras' own cross-entropy takes rows
    for distributions, while a row of zeros must teach nothing here.
    """
    heads = heads_of(config.model.predicts)
    votes_weight = config.train.votes_weight
    weights = [votes_weight, 1 - votes_weight] if len(heads) > 1 else [1.0]
    smoothing = np.array([[config.train.label_smoothing if head == "labels" else 0.0] for head in heads], np.float32)

    def loss(y_true: Any, y_pred: Any) -> Any:
        targets, logits = split_heads(y_true), split_heads(y_pred)  # (N, heads, 7)
        targets = targets * (1 - smoothing) + ops.sum(targets, -1, keepdims=True) * smoothing / NUM_EMOTIONS
        each = -ops.sum(targets * ops.log_softmax(logits, -1), -1)  # (N, heads)
        return ops.sum(each * np.array(weights, np.float32), -1)

    return loss


def head_accuracy(y_true: Any, y_pred: Any) -> Any:
    """(N,): whether the last head, the labels' where there are two, answers what its target has most of."""
    targets, logits = y_true[:, -NUM_EMOTIONS:], y_pred[:, -NUM_EMOTIONS:]
    return ops.cast(ops.argmax(targets, -1) == ops.argmax(logits, -1), "float32")
