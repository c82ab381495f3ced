"""Agreement with FER+ taggers, by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.data import load_dataset
from mien.emotions import NUM_EMOTIONS
from mien.errors import DataError
from mien.evaluate.votes import protocol_truths, vote_agreement, vote_majority

VOTES = np.array(
    [
        [9, 0, 0, 1, 0, 0, 0],  # clearly 0
        [0, 0, 5, 4, 0, 0, 1],  # 2, not clearly
        [5, 0, 0, 5, 0, 0, 0],  # two lead
        [0, 0, 0, 0, 0, 0, 0],  # all ten saw something else
        [np.nan] * NUM_EMOTIONS,  # unknown
        [0, 0, 0, 8, 0, 2, 0],  # clearly 3
    ],
    np.float32,
)


def test_majority_by_hand() -> None:
    assert vote_majority(VOTES).tolist() == [0, 2, -1, -1, -1, 3]


def test_agreement_by_hand() -> None:
    answers, labels = [0, 2, 0, 0, 0, 5], np.array([0, 3, 0, 0, 0, 3])
    found = vote_agreement(labels, np.eye(NUM_EMOTIONS)[answers], VOTES)
    assert found is not None
    assert (found.majority.n, found.clear.n) == (3, 2)
    assert found.majority.model == pytest.approx(2 / 3)  # of images 0, 1 and 5 the answers fit 0 and 1
    assert found.majority.labels == pytest.approx(2 / 3)  # and the labels 0 and 5
    assert (found.clear.model, found.clear.labels) == (0.5, 1.0)
    assert found.clear.model_low is not None
    assert found.clear.model_high is not None
    assert found.clear.model_low < 0.5 < found.clear.model_high


def test_without_clear_images_there_is_no_number() -> None:
    found = vote_agreement(np.array([2]), np.eye(NUM_EMOTIONS)[[2]], VOTES[1:2])
    assert found is not None
    assert (found.clear.n, found.clear.model) == (0, None)


def test_unknown_votes_are_no_agreement() -> None:
    assert vote_agreement(np.array([2]), np.eye(NUM_EMOTIONS)[[2]], VOTES[4:5]) is None


def test_votes_of_other_images_are_one_sentence() -> None:
    with pytest.raises(DataError, match=r"shape \(1, 7\)"):
        vote_agreement(np.array([2]), np.eye(NUM_EMOTIONS)[[2]], VOTES)


def test_the_three_protocols_worked_by_hand() -> None:
    """angry disgust fear happy sad surprise neutral; contempt, unknown, not a face."""
    votes = np.array(
        [
            [0, 0, 0, 6, 0, 0, 4, 0, 0, 0],  # happy leads with more than half
            [1, 1, 1, 3, 1, 1, 2, 0, 0, 0],  # single votes drop: 3 of 5 are more than half
            [4, 0, 0, 0, 4, 0, 2, 0, 0, 0],  # nobody has more than half; the first of two leaders
            [0, 0, 0, 2, 0, 0, 1, 0, 0, 7],  # no face
            [0, 0, 0, 0, 0, 0, 3, 7, 0, 0],  # contempt
            [np.nan] * 10,
        ]
    )
    truths = protocol_truths(votes)
    assert truths["official"].tolist() == [3, 3, -1, -1, 7, -1]
    assert truths["emotions"].tolist() == [3, 3, 0, 3, 7, -1]
    assert truths["all answers"].tolist() == [3, 3, 0, -1, 7, -1]


def test_the_protocols_leave_as_many_images_as_published(shared: Path) -> None:
    """FER+'s own code leaves 3,153 test images, 3,137 without contempt; argmax of ten columns 3,546, of eight 3,573."""
    data = shared / "data"
    votes = load_dataset(data / "fer2013.csv.gz", votes=data / "fer2013new.csv").test.votes
    truths = protocol_truths(votes)
    assert {name: int((truth >= 0).sum()) for name, truth in truths.items()} == {
        "official": 3153,
        "emotions": 3573,
        "all answers": 3546,
    }
    assert int(((truths["official"] >= 0) & (truths["official"] < 7)).sum()) == 3137
