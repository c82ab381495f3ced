"""Metrics: a case worked by hand, properties that hold for all predictions, and sentences for bad input."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from mien.emotions import NUM_EMOTIONS
from mien.errors import DataError
from mien.evaluate import metrics

Arrays = tuple[np.ndarray, np.ndarray]
SHARES: dict[str, Callable[..., float]] = {
    "accuracy": metrics.accuracy_score,
    "balanced accuracy": metrics.balanced_accuracy_score,
    "top-2 accuracy": metrics.top2_accuracy_score,
    "macro F1": metrics.macro_f1_score,
    "weighted F1": metrics.weighted_f1_score,
}
LOSSES: dict[str, tuple[Callable[..., float], float]] = {  # with the worst value
    "log loss": (metrics.log_loss, -math.log(np.finfo(np.float64).eps)),
    "brier": (metrics.brier_loss, 2.0),
    "ece": (metrics.calibration_error, 1.0),
}
ALL = {**SHARES, **{name: loss for name, (loss, _) in LOSSES.items()}}

# scikit-learn takes a millisecond a call.
few = settings(max_examples=30, deadline=None)


@st.composite
def predictions(draw: st.DrawFn) -> Arrays:
    """Any labels and any distributions, ties, zeros and certainties among them."""
    n = draw(st.integers(1, 30))
    labels = draw(st.lists(st.integers(0, NUM_EMOTIONS - 1), min_size=n, max_size=n))
    row = st.lists(st.integers(0, 5), min_size=NUM_EMOTIONS, max_size=NUM_EMOTIONS).filter(any)
    weights = np.array(draw(st.lists(row, min_size=n, max_size=n)), np.float64)
    return np.array(labels), weights / weights.sum(axis=1, keepdims=True)


# By hand


def test_shares_by_hand(by_hand: Arrays) -> None:
    # Class 0: answered once, rightly; recall 1/2, precision 1, F1 2/3. Class 3: answered twice, once rightly; F1 1/2.
    assert metrics.accuracy_score(*by_hand) == 0.5
    assert metrics.balanced_accuracy_score(*by_hand) == 0.5
    assert metrics.top2_accuracy_score(*by_hand) == 0.75
    assert metrics.macro_f1_score(*by_hand) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert metrics.weighted_f1_score(*by_hand) == pytest.approx((2 * 2 / 3 + 2 * 1 / 2) / 4)


def test_losses_by_hand(by_hand: Arrays) -> None:
    assert metrics.log_loss(*by_hand) == pytest.approx(-math.log(0.8 * 0.4 * 0.7 * 0.2) / 4)
    squares = [0.2**2 + 0.2**2, 0.6**2 + 0.6**2, 0.3**2 + 0.3**2, 0.5**2 + 0.3**2 + 0.8**2]
    assert metrics.brier_loss(*by_hand) == pytest.approx(sum(squares) / 4)
    # Bins of width 1/15: 0.8 and 0.7 right, 0.6 and 0.5 wrong, each alone in its bin.
    assert metrics.calibration_error(*by_hand) == pytest.approx((0.2 + 0.6 + 0.3 + 0.5) / 4)
    # One bin: half of the answers right, mean confidence 0.65.
    assert metrics.calibration_error(*by_hand, bins=1) == pytest.approx(0.15)


def test_classes_by_hand(by_hand: Arrays) -> None:
    table = metrics.per_class(*by_hand)
    assert table.support.tolist() == [2, 0, 0, 2, 0, 0, 0]
    assert table.precision.tolist() == [1, 0, 0, 0.5, 0, 0, 0]
    assert table.recall.tolist() == [0.5, 0, 0, 0.5, 0, 0, 0]
    counts = metrics.confusion_matrix(*by_hand)
    assert (counts[0, 0], counts[0, 3], counts[3, 3], counts[3, 6], counts.sum()) == (1, 1, 1, 1, 4)


def test_areas_by_hand(by_hand: Arrays) -> None:
    # p(0): 0.8 and 0.4 for the class, 0.3 and 0 for others: all pairs ranked right.
    # p(3): 0.7 and 0.2 for the class, 0.6 and 0 for others: three of four pairs.
    assert metrics.roc_auc_scores(*by_hand) == {0: 1.0, 3: 0.75}
    precision = metrics.average_precision_scores(*by_hand)
    assert precision == {0: 1.0, 3: pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)}


def test_bins_are_closed_at_the_right() -> None:
    edges = np.array([1 / 15, 1 / 15 + 1e-9, 0.5, 1.0])
    assert metrics.confidence_bins(edges).tolist() == [0, 1, 7, 14]


def test_wilson_by_hand() -> None:
    # Known: 8 of 10 give 0.4902 to 0.9433; none of 10 give 0 to 0.2775.
    assert metrics.wilson_interval(0.8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert metrics.wilson_interval(0.0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    low, high = metrics.wilson_interval(0.73, 3589)
    assert (high - low) / 2 == pytest.approx(0.0145, abs=1e-4)  # the figure in the data card


# Properties


@pytest.mark.parametrize("name", ALL)
@few
@given(arrays=predictions(), seed=st.integers(0, 99))
def test_the_order_of_images_does_not_matter(name: str, arrays: Arrays, seed: int) -> None:
    y_true, p = arrays
    order = np.random.default_rng(seed).permutation(len(y_true))
    assert ALL[name](y_true[order], p[order]) == pytest.approx(ALL[name](y_true, p), abs=1e-12)


@pytest.mark.parametrize("name", ALL)
@few
@given(arrays=predictions())
def test_saying_everything_twice_changes_nothing(name: str, arrays: Arrays) -> None:
    y_true, p = arrays
    twice = ALL[name](np.tile(y_true, 2), np.tile(p, (2, 1)))
    assert twice == pytest.approx(ALL[name](y_true, p), abs=1e-12)


@pytest.mark.parametrize("name", SHARES)
@few
@given(arrays=predictions())
def test_shares_are_from_0_to_1(name: str, arrays: Arrays) -> None:
    assert 0 <= SHARES[name](*arrays) <= 1


@pytest.mark.parametrize("name", LOSSES)
@few
@given(arrays=predictions())
def test_losses_are_from_0_to_their_worst(name: str, arrays: Arrays) -> None:
    loss, worst = LOSSES[name]
    assert -1e-12 <= loss(*arrays) <= worst + 1e-9


@few
@given(labels=st.lists(st.integers(0, NUM_EMOTIONS - 1), min_size=1, max_size=30))
def test_certain_truth_is_the_best_there_is(labels: list[int]) -> None:
    y_true = np.array(labels)
    p = np.eye(NUM_EMOTIONS)[y_true]
    assert {score(y_true, p) for score in SHARES.values()} == {1.0}
    assert all(loss(y_true, p) == pytest.approx(0, abs=1e-9) for loss, _ in LOSSES.values())
    assert set(metrics.roc_auc_scores(y_true, p).values()) <= {1.0}
    assert set(metrics.average_precision_scores(y_true, p).values()) <= {1.0}


@few
@given(labels=st.lists(st.integers(0, NUM_EMOTIONS - 1), min_size=1, max_size=30))
def test_certain_error_is_the_worst_there_is(labels: list[int]) -> None:
    y_true = np.array(labels)
    p = np.eye(NUM_EMOTIONS)[(y_true + 1) % NUM_EMOTIONS]
    assert metrics.accuracy_score(y_true, p) == metrics.macro_f1_score(y_true, p) == 0
    assert all(loss(y_true, p) == pytest.approx(worst) for loss, worst in LOSSES.values())


@few
@given(arrays=predictions())
def test_two_guesses_are_never_worse_than_one(arrays: Arrays) -> None:
    assert metrics.top2_accuracy_score(*arrays) >= metrics.accuracy_score(*arrays)


@few
@given(arrays=predictions())
def test_accuracy_is_the_diagonal_of_the_confusions(arrays: Arrays) -> None:
    counts = metrics.confusion_matrix(*arrays)
    assert counts.sum() == len(arrays[0])
    assert metrics.accuracy_score(*arrays) == pytest.approx(np.trace(counts) / counts.sum())


@few
@given(arrays=predictions())
def test_nothing_is_nan_whatever_classes_are_missing(arrays: Arrays) -> None:
    table = metrics.per_class(*arrays)
    values = [score(*arrays) for score in ALL.values()] + [*table.precision, *table.recall, *table.f1]
    values += [*metrics.roc_auc_scores(*arrays).values(), *metrics.average_precision_scores(*arrays).values()]
    assert np.isfinite(values).all()


@few
@given(arrays=predictions())
def test_means_are_over_the_classes_that_occur(arrays: Arrays) -> None:
    table = metrics.per_class(*arrays)
    occurs = table.support > 0
    assert metrics.balanced_accuracy_score(*arrays) == pytest.approx(table.recall[occurs].mean())
    assert metrics.macro_f1_score(*arrays) == pytest.approx(table.f1[occurs].mean())


@few
@given(arrays=predictions())
def test_brier_is_scikit_learns_where_it_has_one(arrays: Arrays) -> None:
    try:
        theirs = sk.brier_score_loss(*arrays, labels=range(NUM_EMOTIONS), scale_by_half=False)
    except TypeError:
        pytest.skip("this scikit-learn knows two classes only")
    assert metrics.brier_loss(*arrays) == pytest.approx(theirs)


@few
@given(n=st.integers(1, 10_000), hits=st.integers(0, 10_000))
def test_wilson_holds_its_share(n: int, hits: int) -> None:
    share = min(hits, n) / n
    low, high = metrics.wilson_interval(share, n)
    assert 0 <= low <= share <= high <= 1
    assert high > low


def test_more_images_make_wilson_narrower() -> None:
    widths = [high - low for low, high in (metrics.wilson_interval(0.7, n) for n in (10, 100, 1000))]
    assert widths == sorted(widths, reverse=True)


def test_one_class_alone_has_no_areas() -> None:
    p = np.full((3, NUM_EMOTIONS), 1 / NUM_EMOTIONS)
    assert metrics.roc_auc_scores(np.array([2, 2, 2]), p) == {}
    assert metrics.average_precision_scores(np.array([2, 2, 2]), p) == {}


def test_bfloat16_rounding_is_accepted_and_mended() -> None:
    p = np.full((2, NUM_EMOTIONS), 1 / NUM_EMOTIONS, np.float32) * np.float32(1.005)
    _, mended = metrics.checked(np.array([0, 1]), p)
    assert mended.dtype == np.float64
    assert mended.sum(axis=1) == pytest.approx(1, abs=1e-12)


# Bad input: one sentence each

UNIFORM = np.full((2, NUM_EMOTIONS), 1 / NUM_EMOTIONS)
LABELS = np.array([0, 1])


def _with(value: float) -> np.ndarray:
    p = UNIFORM.copy()
    p[1, 2] = value
    return p


@pytest.mark.parametrize(
    ("y_true", "p", "words"),
    [
        (np.zeros(0, np.int64), np.zeros((0, NUM_EMOTIONS)), "empty split"),
        (LABELS, _with(np.nan), "the first is row 1"),
        (LABELS, _with(np.inf), "the first is row 1"),
        (LABELS, _with(-0.1), "the first is row 1"),
        (LABELS, UNIFORM * 2, "sum to 1"),
        (LABELS, UNIFORM[:, :6], r"\(2, 6\)"),
        (LABELS, UNIFORM[:1], r"\(1, 7\)"),
        (LABELS[:, None], UNIFORM, r"\(2, 1\)"),
        (np.array([0, 7]), UNIFORM, "integers 0 to 6"),
        (np.array([-1, 1]), UNIFORM, "integers 0 to 6"),
        (np.array([0.0, 1.0]), UNIFORM, "float64"),
    ],
)
def test_bad_arrays_are_one_sentence(y_true: np.ndarray, p: np.ndarray, words: str) -> None:
    for score in ALL.values():
        with pytest.raises(DataError, match=words) as caught:
            score(y_true, p)
        assert "Expected" in str(caught.value)
        assert "Received" in str(caught.value)


@pytest.mark.parametrize(("share", "n"), [(0.5, 0), (1.1, 10), (math.nan, 10)])
def test_wilson_refuses_what_is_no_share(share: float, n: int) -> None:
    with pytest.raises(DataError, match="share"):
        metrics.wilson_interval(share, n)


def test_importing_metrics_and_calibration_loads_no_matplotlib() -> None:
    code = "import sys, mien.evaluate.metrics, mien.evaluate.calibration; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
