"""Temperature, reliability, risk–coverage and the uncertain threshold."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.emotions import NUM_EMOTIONS
from mien.errors import DataError
from mien.evaluate import metrics
from mien.evaluate.calibration import (
    apply_temperature,
    fit_temperature,
    reliability,
    risk_coverage,
    uncertain_threshold,
)
from mien.run import Probabilities

Drawn = Callable[..., Probabilities]
Arrays = tuple[np.ndarray, np.ndarray]


def _calibrated(n: int, seed: int = 0) -> Arrays:
    """Labels that are drawn from the probabilities themselves."""
    random = np.random.default_rng(seed)
    p = random.dirichlet(np.full(NUM_EMOTIONS, 0.5), size=n)
    return (p.cumsum(axis=1) > random.random((n, 1))).argmax(axis=1), p


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_a_spoilt_temperature_is_found_again(temperature: float) -> None:
    y_true, p = _calibrated(5000)
    spoilt = apply_temperature(p, 1 / temperature)
    assert fit_temperature(spoilt, y_true) == pytest.approx(temperature, rel=0.05)


def test_fitting_is_deterministic_and_lowers_the_loss(drawn: Drawn) -> None:
    split = drawn(300, seed=2)
    found = fit_temperature(split.probabilities, split.y_true)
    assert found == fit_temperature(split.probabilities, split.y_true)
    loss = metrics.log_loss(split.y_true, apply_temperature(split.probabilities, found))
    for other in (found * 0.98, found * 1.02, 1.0):
        assert loss <= metrics.log_loss(split.y_true, apply_temperature(split.probabilities, other))


def test_certainty_stays_finite() -> None:
    y_true = np.array([0, 1, 2])
    right, wrong = np.eye(NUM_EMOTIONS)[y_true], np.eye(NUM_EMOTIONS)[y_true + 1]
    assert 0.05 <= fit_temperature(right, y_true) <= 20
    assert fit_temperature(wrong, y_true) == pytest.approx(20, rel=1e-3)
    assert np.isfinite(apply_temperature(wrong, 20)).all()


@settings(max_examples=40, deadline=None)
@given(
    weights=st.lists(st.floats(0.01, 1), min_size=NUM_EMOTIONS, max_size=NUM_EMOTIONS),
    temperature=st.floats(0.1, 10),
)
def test_a_temperature_is_a_power_and_keeps_the_answer(weights: list[float], temperature: float) -> None:
    p = np.array([weights]) / sum(weights)
    power = p ** (1 / temperature)
    applied = apply_temperature(p, temperature)
    assert applied == pytest.approx(power / power.sum(), rel=1e-9)
    assert applied[0].argmax() == p[0].argmax() or np.ptp(np.sort(p[0])[-2:]) < 1e-12
    assert apply_temperature(applied, 1 / temperature) == pytest.approx(p, rel=1e-6)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan, math.inf])
def test_a_bad_temperature_is_one_sentence(temperature: float) -> None:
    with pytest.raises(DataError, match="above 0"):
        apply_temperature(np.full((1, NUM_EMOTIONS), 1 / NUM_EMOTIONS), temperature)


def test_reliability_by_hand(by_hand: Arrays) -> None:
    y_true, p = by_hand
    bins = reliability(p, y_true, bins=2)  # all confidences but 0.5 lie in (0.5, 1]
    assert bins.counts.tolist() == [1, 3]
    assert bins.confidence == pytest.approx([0.5, 0.7])
    assert bins.accuracy == pytest.approx([0, 2 / 3])
    assert bins.ece == pytest.approx((0.5 + 3 * (0.7 - 2 / 3)) / 4)
    assert bins.edges.tolist() == [0, 0.5, 1]


def test_reliability_agrees_with_the_calibration_error(drawn: Drawn) -> None:
    split = drawn(500)
    bins = reliability(split.probabilities, split.y_true)
    gaps = np.abs(bins.accuracy - bins.confidence) * bins.counts
    assert bins.counts.sum() == 500
    assert bins.ece == pytest.approx(gaps.sum() / 500)
    assert bins.ece == pytest.approx(metrics.calibration_error(split.y_true, split.probabilities))


def test_risk_coverage_by_hand(by_hand: Arrays) -> None:
    y_true, p = by_hand
    curve = risk_coverage(p, y_true)  # from the surest: right, right, wrong, wrong
    assert curve.threshold == pytest.approx([0.8, 0.7, 0.6, 0.5])
    assert curve.coverage.tolist() == [0.25, 0.5, 0.75, 1]
    assert curve.risk == pytest.approx([0, 0, 1 / 3, 1 / 2])
    assert curve.area == pytest.approx((1 / 3 + 1 / 2) / 4)


def test_equal_confidences_come_together() -> None:
    p = np.full((4, NUM_EMOTIONS), 1 / NUM_EMOTIONS)
    curve = risk_coverage(p, np.array([0, 0, 0, 1]))
    assert (curve.coverage.tolist(), curve.risk.tolist()) == ([1], [0.25])


def test_all_answered_is_the_error_of_the_split(drawn: Drawn) -> None:
    split = drawn(200)
    curve = risk_coverage(split.probabilities, split.y_true)
    assert curve.risk[-1] == pytest.approx(1 - metrics.accuracy_score(split.y_true, split.probabilities))
    assert curve.coverage[-1] == 1
    assert (np.diff(curve.threshold) < 0).all()


def test_uncertain_means_more_likely_wrong_than_right() -> None:
    y_true, p = _calibrated(20_000)
    below = uncertain_threshold(p, y_true)
    # For calibrated probabilities, half of the answers with confidence 0.5 are right.
    assert below == pytest.approx(0.5, abs=0.05)
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y_true
    assert right[confidence < below].mean() < 0.5 < right[confidence >= below].mean()


def test_the_threshold_is_one_of_calibrated_confidence() -> None:
    y_true, p = _calibrated(20_000)
    sure = apply_temperature(p, 0.4)
    assert uncertain_threshold(sure, y_true, temperature=2.5) == pytest.approx(uncertain_threshold(p, y_true), abs=1e-6)


def test_the_threshold_rises_with_what_is_asked() -> None:
    y_true, p = _calibrated(3000)
    thresholds = [uncertain_threshold(p, y_true, minimum_accuracy=share) for share in (0.0, 0.5, 0.8)]
    assert thresholds == sorted(thresholds)
    assert thresholds[0] == 0


def test_all_right_and_all_wrong_have_plain_thresholds() -> None:
    y_true = np.array([0, 1, 2])
    p = np.full((3, NUM_EMOTIONS), 0.05)
    p[range(3), y_true] = 0.7
    assert uncertain_threshold(p, y_true) == 0
    assert uncertain_threshold(p, (y_true + 1) % NUM_EMOTIONS) == 1


def test_an_impossible_share_is_one_sentence() -> None:
    with pytest.raises(DataError, match="minimum_accuracy"):
        uncertain_threshold(np.eye(NUM_EMOTIONS), np.arange(NUM_EMOTIONS), minimum_accuracy=1.5)


@pytest.mark.parametrize("fit", [fit_temperature, uncertain_threshold, reliability, risk_coverage])
def test_an_empty_split_is_one_sentence(fit: Callable[..., object]) -> None:
    with pytest.raises(DataError, match="empty split"):
        fit(np.zeros((0, NUM_EMOTIONS)), np.zeros(0, np.int64))
