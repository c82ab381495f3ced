"""Confusions, surest mistakes and unsurest hits, by hand and by property."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mien.emotions import EMOTIONS, NUM_EMOTIONS
from mien.evaluate.metrics import confusion_matrix
from mien.evaluate.mistakes import confused_pairs, surest_mistakes, unsurest_hits
from mien.run import Probabilities

Drawn = Callable[..., Probabilities]


def test_by_hand(by_hand: tuple[np.ndarray, np.ndarray]) -> None:
    # Rows 0 and 2 are right at 0.8 and 0.7, rows 1 and 3 wrong at 0.6 and 0.5.
    assert surest_mistakes(*by_hand).tolist() == [1, 3]
    assert unsurest_hits(*by_hand).tolist() == [2, 0]
    pairs = confused_pairs(*by_hand)
    assert [(p.label, p.answer, p.count, p.share, p.examples) for p in pairs] == [
        ("angry", "happy", 1, 0.5, (1,)),
        ("happy", "neutral", 1, 0.5, (3,)),
    ]


def test_pairs_are_the_largest_confusions(drawn: Drawn) -> None:
    split = drawn(400)
    pairs = confused_pairs(split.y_true, split.probabilities, limit=42, examples=1000)
    counts = confusion_matrix(split.y_true, split.probabilities)
    assert sum(pair.count for pair in pairs) == counts.sum() - np.trace(counts)
    assert [pair.count for pair in pairs] == sorted((pair.count for pair in pairs), reverse=True)
    for pair in pairs:
        rows = np.array(pair.examples)
        assert len(rows) == pair.count == counts[EMOTIONS.index(pair.label), EMOTIONS.index(pair.answer)]
        assert (split.y_true[rows] == EMOTIONS.index(pair.label)).all()
        assert (split.probabilities[rows].argmax(axis=1) == EMOTIONS.index(pair.answer)).all()
        assert (np.diff(split.probabilities[rows].max(axis=1)) <= 0).all()


def test_mistakes_and_hits_are_all_images(drawn: Drawn) -> None:
    split = drawn(100)
    arrays = (split.y_true, split.probabilities)
    wrong, right = surest_mistakes(*arrays, limit=100), unsurest_hits(*arrays, limit=100)
    assert sorted([*wrong, *right]) == list(range(100))
    assert (np.diff(split.probabilities[wrong].max(axis=1)) <= 0).all()
    assert (np.diff(split.probabilities[right].max(axis=1)) >= 0).all()
    assert len(surest_mistakes(*arrays, limit=3)) == 3


def test_a_faultless_model_has_no_mistakes() -> None:
    y_true = np.arange(NUM_EMOTIONS)
    p = np.eye(NUM_EMOTIONS)
    assert confused_pairs(y_true, p) == ()
    assert surest_mistakes(y_true, p).size == 0
