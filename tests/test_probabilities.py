"""Temperature and priors: properties, and cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.emotions import EMOTIONS
from mien.errors import ConfigError, DataError
from mien.probabilities import EVERYDAY_PRIOR, apply_temperature, change_prior, estimate_prior, prior_array

EVEN = np.full(7, 1 / 7)


@given(temperature=st.floats(0.2, 5))
def test_temperature_flattens_and_keeps_the_order(temperature: float) -> None:
    p = np.array([[0.7, 0.2, 0.1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0], [1 / 7] * 7], np.float32)
    scaled = apply_temperature(p, temperature)
    np.testing.assert_allclose(scaled.sum(axis=1), 1, atol=1e-9)
    np.testing.assert_allclose(scaled[2], 1 / 7, atol=1e-6)
    assert scaled[0, 0] > scaled[0, 1] > scaled[0, 2]
    # By hand: the ratio of two probabilities is raised to 1/T.
    assert scaled[0, 1] / scaled[0, 2] == pytest.approx(2 ** (1 / temperature), rel=1e-3)


def test_a_prior_is_changed_by_bayes_rule() -> None:
    """Half angry, half happy where both were as common; ten times as many happy faces make it 1 to 10."""
    p = np.array([0.5, 0, 0, 0.5, 0, 0, 0])
    new = np.array([1, 1, 1, 10, 1, 1, 1]) / 16
    changed = change_prior(p, EVEN, new)
    assert changed[3] / changed[0] == pytest.approx(10)
    assert changed.sum() == pytest.approx(1)


@given(st.lists(st.floats(0.01, 1), min_size=7, max_size=7), st.lists(st.floats(0.01, 1), min_size=7, max_size=7))
def test_there_and_back_is_where_it_was(shares: list[float], answer: list[float]) -> None:
    prior, p = np.array(shares) / sum(shares), np.array(answer) / sum(answer)
    np.testing.assert_allclose(change_prior(change_prior(p, EVEN, prior), prior, EVEN), p, atol=1e-9)


def test_the_prior_of_many_faces_is_found() -> None:
    """Answers of a perfect classifier that learnt from even classes, on faces that are not even."""
    rng = np.random.default_rng(0)
    truth = np.array([0.05, 0.02, 0.03, 0.5, 0.1, 0.1, 0.2])
    y = rng.choice(7, 20_000, p=truth)
    x = rng.normal(size=(20_000, 7)) + 2.0 * np.eye(7)[y]
    p = np.exp(2.0 * x)  # the posterior of classes with unit noise, 2 apart
    p /= p.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(estimate_prior(p, EVEN), truth, atol=0.01)


def test_no_face_leaves_everyday_and_one_face_does_not_decide() -> None:
    everyday = prior_array("everyday", EVEN)
    np.testing.assert_allclose(estimate_prior(np.zeros((0, 7)), EVEN), everyday, atol=1e-6)
    one = estimate_prior(np.eye(7)[[0]], EVEN)
    assert one[0] < 0.2


def test_named_priors() -> None:
    trained = np.array([0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    np.testing.assert_array_equal(prior_array("trained", trained), trained)
    np.testing.assert_allclose(prior_array("even", trained), EVEN)
    np.testing.assert_allclose(prior_array({"happy": 3, "sad": 1}, trained)[[3, 4]], [0.75, 0.25])
    np.testing.assert_allclose(prior_array("happy=3, sad=1", trained)[[3, 4]], [0.75, 0.25])
    assert sum(EVERYDAY_PRIOR.values()) == pytest.approx(1)
    assert tuple(EVERYDAY_PRIOR) == EMOTIONS


@pytest.mark.parametrize(
    "prior",
    [
        "often",
        {"joy": 1.0},
        {"happy": -1.0},
        {"happy": float("nan")},
        {"happy": 0},
        {"happy": "1"},
        {},
        "happy=much",
        "joy=1",
        "happy=1=2",
        "happy=nan",
    ],
)
def test_what_is_no_prior_is_refused(prior: object) -> None:
    with pytest.raises(ConfigError, match="Received: "):
        prior_array(prior, EVEN)  # type: ignore[arg-type]


@pytest.mark.parametrize("temperature", [0, -1, float("nan"), float("inf")])
def test_what_is_no_temperature_is_refused(temperature: float) -> None:
    with pytest.raises(DataError, match="temperature above 0"):
        apply_temperature(EVEN, temperature)
