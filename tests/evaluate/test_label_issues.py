"""Wrong labels that were planted are found; what they cost; and the csv."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mien.emotions import EMOTIONS, NUM_EMOTIONS
from mien.errors import DataError
from mien.evaluate.label_issues import find_label_issues, write_label_issues


def _planted(n: int = 700, wrong: int = 35) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels of which the first `wrong` are false, probabilities that favour the truth, and the truth."""
    random = np.random.default_rng(0)
    truth = np.arange(n) % NUM_EMOTIONS
    noise = random.dirichlet(np.ones(NUM_EMOTIONS), size=n) * 0.1
    # An emotion's usual confidence is its mean over all labels, false ones too, so that all true answers exceed it.
    p = noise + 0.9 * np.eye(NUM_EMOTIONS)[truth]
    labels = truth.copy()
    labels[:wrong] = (truth[:wrong] + 1 + random.integers(0, NUM_EMOTIONS - 1, wrong)) % NUM_EMOTIONS
    return labels, p, truth


def test_planted_labels_are_found() -> None:
    labels, p, truth = _planted()
    found = find_label_issues(labels, p)
    assert set(found.rows) == set(range(35))
    assert (found.suggested == truth[found.rows]).all()
    margin = found.label_probability - found.suggested_probability
    assert (np.diff(margin) >= 0).all()
    assert found.accuracy == pytest.approx(0.95)
    assert found.accuracy_without == 1.0
    assert found.judged == 0


def test_votes_judge_the_suspicions() -> None:
    labels, p, truth = _planted()
    votes = 10.0 * np.eye(NUM_EMOTIONS)[truth]
    votes[:5] = 10 * np.eye(NUM_EMOTIONS)[labels[:5]]  # five times the label was right after all
    votes[5] = np.nan
    found = find_label_issues(labels, p, votes=votes)
    assert (found.judged, found.votes_for_label, found.votes_for_suggested) == (34, 5, 29)


def test_missing_classes_do_no_harm() -> None:
    labels, p, _ = _planted()
    kept = ~np.isin(labels, [1, 5])
    found = find_label_issues(labels[kept], p[kept])
    assert 0 < len(found.rows) <= 35
    assert find_label_issues(labels[labels == 3], p[labels == 3]).rows.size == 0


def test_the_csv_lists_them_in_order(tmp_path: Path) -> None:
    labels, p, truth = _planted()
    found = find_label_issues(labels, p)
    ids = np.array([f"row-{n}" for n in range(len(labels))])
    table = pd.read_csv(write_label_issues(tmp_path / "labels.csv", found, ids, labels))
    assert table["rank"].tolist() == list(range(1, 36))
    assert table["sample_id"].tolist() == ids[found.rows].tolist()
    assert table["suggested"].tolist() == [EMOTIONS[code] for code in truth[found.rows]]


def test_an_empty_split_is_one_sentence() -> None:
    with pytest.raises(DataError, match="empty split"):
        find_label_issues(np.zeros(0, np.int64), np.zeros((0, NUM_EMOTIONS)))
