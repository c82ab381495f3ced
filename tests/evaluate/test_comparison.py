"""Comparison of models: a case by hand, what swapping them does, and sentences for runs that do not fit."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.emotions import NUM_EMOTIONS
from mien.errors import DataError
from mien.evaluate.comparison import Comparison, compare
from mien.run import Probabilities

Drawn = Callable[..., Probabilities]


def _answers(labels: list[int], answers: list[int]) -> Probabilities:
    p = np.full((len(labels), NUM_EMOTIONS), 0.05, np.float32)
    p[np.arange(len(labels)), answers] = 0.7
    return Probabilities(np.array([f"i{n}" for n in range(len(labels))]), np.array(labels), p)


def _compare(*models: Probabilities, resamples: int = 50) -> Comparison:
    return compare([(f"m{n}", model) for n, model in enumerate(models)], split="val", resamples=resamples)


def test_by_hand() -> None:
    labels = [0, 0, 3, 3, 3, 6, 6, 6]
    first = _answers(labels, [0, 0, 3, 0, 0, 0, 0, 0])  # right on images 0, 1, 2
    second = _answers(labels, [0, 1, 3, 3, 3, 6, 6, 0])  # right on 0, 2, 3, 4, 5, 6
    (pair,) = _compare(first, second).pairs
    assert (pair.both_right, pair.only_first, pair.only_second, pair.both_wrong) == (2, 1, 4, 1)
    # Five changed images, at most one of them for the first: 2 · (1 + 5) / 2^5.
    assert pair.p_value == pytest.approx(12 / 32)
    assert pair.accuracy.value == pytest.approx(3 / 8)
    assert [(c.sample_id, c.label, c.first_answer, c.second_answer) for c in pair.changed] == [
        ("i1", "angry", "angry", "disgust"),
        ("i3", "happy", "angry", "happy"),
        ("i4", "happy", "angry", "happy"),
        ("i5", "neutral", "angry", "neutral"),
        ("i6", "neutral", "angry", "neutral"),
    ]


def test_a_model_beside_itself_changes_nothing(drawn: Drawn) -> None:
    (pair,) = _compare(drawn(50), drawn(50)).pairs
    assert (pair.only_first, pair.only_second, pair.p_value, pair.changed) == (0, 0, 1, ())
    assert (pair.accuracy.low, pair.accuracy.value, pair.accuracy.high) == (0, 0, 0)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_swapping_models_turns_signs(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels, one, two = random.integers(0, NUM_EMOTIONS, (3, 30)).tolist()
    (there,) = _compare(_answers(labels, one), _answers(labels, two), resamples=20).pairs
    (back,) = _compare(_answers(labels, two), _answers(labels, one), resamples=20).pairs
    assert there.p_value == pytest.approx(back.p_value)
    assert 0 < there.p_value <= 1
    assert (there.only_first, there.only_second) == (back.only_second, back.only_first)
    assert there.both_right + there.only_first + there.only_second + there.both_wrong == 30
    assert there.macro_f1.value == pytest.approx(-back.macro_f1.value)
    assert (there.macro_f1.low, there.macro_f1.high) == pytest.approx((-back.macro_f1.high, -back.macro_f1.low))


def test_a_better_model_is_found_on_many_images(drawn: Drawn) -> None:
    good, poor = drawn(800, skill=3.0), drawn(800, skill=1.0)
    (pair,) = _compare(poor, good).pairs
    assert pair.p_value < 1e-6
    assert 0 < pair.accuracy.low < pair.accuracy.value < pair.accuracy.high
    assert pair.log_loss.high < 0


def test_the_paired_interval_is_narrower_than_two_apart(drawn: Drawn) -> None:
    one = drawn(600)
    nudged = one.probabilities * np.random.default_rng(0).uniform(0.9, 1.1, one.probabilities.shape)
    two = Probabilities(one.sample_ids, one.y_true, (nudged / nudged.sum(axis=1, keepdims=True)).astype(np.float32))
    comparison = _compare(one, two, resamples=200)
    widths = [scores.accuracy.high - scores.accuracy.low for _, scores in comparison.scores]
    difference = comparison.pairs[0].accuracy
    assert difference.high - difference.low < min(widths) / 2


def test_many_pairs_are_adjusted_by_holm() -> None:
    labels = [0] * 20
    models = [_answers(labels, [0] * right + [1] * (20 - right)) for right in (4, 10, 18)]
    pairs = _compare(*models).pairs
    assert [(pair.first, pair.second) for pair in pairs] == [("m0", "m1"), ("m0", "m2"), ("m1", "m2")]
    # 6, 14 and 8 images, all of them on one side: p is 2 / 2^6, 2 / 2^14 and 2 / 2^8.
    assert [pair.p_value for pair in pairs] == pytest.approx([2 / 2**6, 2 / 2**14, 2 / 2**8])
    assert [pair.p_adjusted for pair in pairs] == pytest.approx([2 / 2**6, 3 * 2 / 2**14, 2 * 2 / 2**8])


def test_rows_in_another_order_are_aligned(drawn: Drawn) -> None:
    one, two = drawn(40, skill=2.0), drawn(40, skill=1.0)
    order = np.random.default_rng(1).permutation(40)
    shuffled = Probabilities(two.sample_ids[order], two.y_true[order], two.probabilities[order])
    assert _compare(one, shuffled) == _compare(one, two)


def test_it_is_plain_json(drawn: Drawn) -> None:
    value = _compare(drawn(30), drawn(30, skill=0.5)).to_dict()
    assert set(json.loads(json.dumps(value, allow_nan=False))["scores"]) == {"m0", "m1"}


def test_models_of_other_images_are_one_sentence(drawn: Drawn) -> None:
    one, two = drawn(10), drawn(12)
    with pytest.raises(DataError, match="10 in m0, 12 in m1, 10 of them in both"):
        _compare(one, two)
    with pytest.raises(DataError, match="another label in m1"):
        _compare(one, Probabilities(one.sample_ids, (one.y_true + 1) % NUM_EMOTIONS, one.probabilities))


@pytest.mark.parametrize("names", [[], ["a"], ["a", "a"]])
def test_too_few_or_equal_names_are_one_sentence(drawn: Drawn, names: list[str]) -> None:
    with pytest.raises(DataError, match="two or more models of different names"):
        compare([(name, drawn(5)) for name in names], split="val")
