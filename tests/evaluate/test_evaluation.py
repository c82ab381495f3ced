"""The evaluation as a value: what it holds, what it says where nothing is known, and that it is plain JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mien.emotions import EMOTIONS, NUM_EMOTIONS
from mien.errors import DataError
from mien.evaluate import metrics
from mien.evaluate.evaluation import Estimate, Evaluation, evaluate
from mien.probabilities import apply_temperature
from mien.run import Probabilities

Drawn = Callable[..., Probabilities]


def _evaluate(scored: Probabilities, **options: Any) -> Evaluation:
    return evaluate(scored, **{"split": "val", "resamples": 40, **options})


def _estimates(value: object) -> list[Estimate]:
    if isinstance(value, Estimate):
        return [value]
    fields = value.values() if isinstance(value, dict) else vars(value).values() if hasattr(value, "__dict__") else ()
    return [estimate for field in fields for estimate in _estimates(field)]


def test_every_estimate_lies_in_its_interval(drawn: Drawn) -> None:
    found = _evaluate(drawn(40), temperature=1.5, identical_to_train=np.arange(40) < 5)
    estimates = _estimates(found)
    assert len(estimates) == 2 * (10 + 7 * 5) + 3
    assert all(e.low <= e.value <= e.high for e in estimates)


def test_scores_are_the_metrics(drawn: Drawn) -> None:
    split = drawn(60)
    found = _evaluate(split).scores
    arrays = (split.y_true, split.probabilities)
    assert found.n == 60
    assert found.accuracy.value == metrics.accuracy_score(*arrays)
    assert (found.accuracy.low, found.accuracy.high) == metrics.wilson_interval(found.accuracy.value, 60)
    assert found.macro_f1.value == metrics.macro_f1_score(*arrays)
    assert found.ece.value == metrics.calibration_error(*arrays)
    table = metrics.per_class(*arrays)
    for code, emotion in enumerate(EMOTIONS):
        one = found.per_class[emotion]
        assert one.support == table.support[code]
        assert one.recall is not None
        assert one.recall.value == table.recall[code]
    assert np.array_equal(found.confusion, metrics.confusion_matrix(*arrays))


def test_identical_images_are_left_out_of_the_second_score(drawn: Drawn) -> None:
    split, mask = drawn(50), np.arange(50) % 3 == 0
    found = _evaluate(split, identical_to_train=mask)
    assert found.identical_to_train == 17
    assert found.scores_without_identical is not None
    assert found.scores_without_identical.n == 33
    expected = metrics.accuracy_score(split.y_true[~mask], split.probabilities[~mask])
    assert found.scores_without_identical.accuracy.value == expected


@pytest.mark.parametrize(("identical", "count"), [(None, None), (False, 0), (True, 50)])
def test_without_a_difference_there_is_no_second_score(drawn: Drawn, identical: bool | None, count: int | None) -> None:
    mask = None if identical is None else np.full(50, identical)
    found = _evaluate(drawn(50), identical_to_train=mask)
    assert (found.identical_to_train, found.scores_without_identical) == (count, None)


def test_calibration_changes_the_losses_only(drawn: Drawn) -> None:
    split = drawn(50)
    found = _evaluate(split, temperature=2.0)
    p = apply_temperature(split.probabilities, 2.0)
    assert found.calibrated is not None
    assert found.calibrated.temperature == 2.0
    assert found.calibrated.log_loss.value == pytest.approx(metrics.log_loss(split.y_true, p))
    assert found.scores.log_loss.value == pytest.approx(metrics.log_loss(split.y_true, split.probabilities))
    assert _evaluate(split).calibrated is None


def test_a_missing_class_is_null_and_nothing_is_nan(drawn: Drawn) -> None:
    split = drawn(60)
    kept = split.y_true != 2
    part = Probabilities(split.sample_ids[kept], split.y_true[kept], split.probabilities[kept])
    found = _evaluate(part).to_dict()
    fear = found["scores"]["per_class"]["fear"]
    assert fear == dict.fromkeys(fear, None) | {"support": 0}
    json.dumps(found, allow_nan=False)  # raises on NaN


def test_one_image_can_be_evaluated() -> None:
    found = _evaluate(Probabilities(np.array(["a"]), np.array([3]), np.eye(NUM_EMOTIONS)[[3]])).to_dict()
    assert found["scores"]["accuracy"]["value"] == 1
    assert found["scores"]["macro_roc_auc"] is None
    json.dumps(found, allow_nan=False)


def test_the_seed_decides_and_the_result_repeats(drawn: Drawn) -> None:
    split = drawn(40)
    assert _evaluate(split, seed=3) == _evaluate(split, seed=3)
    assert _evaluate(split, seed=3) != _evaluate(split, seed=4)


def test_votes_are_compared(drawn: Drawn) -> None:
    split = drawn(30)
    found = _evaluate(split, votes=10 * np.eye(NUM_EMOTIONS)[split.y_true])
    assert found.votes is not None
    assert found.votes.clear.labels == 1
    assert found.votes.clear.model == pytest.approx(found.scores.accuracy.value)


@pytest.mark.parametrize("mask", [np.zeros(3, bool), np.zeros(30, np.int64)])
def test_a_mask_of_other_images_is_one_sentence(drawn: Drawn, mask: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"bool \(30,\)"):
        _evaluate(drawn(30), identical_to_train=mask)


def test_an_unknown_split_is_one_sentence(drawn: Drawn) -> None:
    with pytest.raises(DataError, match="train, val, test"):
        _evaluate(drawn(5), split="PublicTest")


def test_an_empty_split_is_one_sentence() -> None:
    with pytest.raises(DataError, match="empty split"):
        _evaluate(Probabilities(np.zeros(0, str), np.zeros(0, np.int64), np.zeros((0, NUM_EMOTIONS))))
