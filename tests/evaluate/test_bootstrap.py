"""The vectorised bootstrap gives what scikit-learn gives resample by resample, and its intervals mean something."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
from sklearn import metrics as sk

from mien.emotions import NUM_EMOTIONS
from mien.errors import DataError
from mien.evaluate import bootstrap, metrics
from mien.run import Probabilities

Drawn = Callable[..., Probabilities]
CODES = range(NUM_EMOTIONS)


def _resampled(split: Probabilities, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The images repeated as often as they were drawn."""
    index = np.repeat(np.arange(len(split.y_true)), counts.astype(np.int64))
    return split.y_true[index], split.probabilities[index].astype(np.float64)


def _expected(y_true: np.ndarray, p: np.ndarray) -> dict[str, float]:
    roc = metrics.roc_auc_scores(y_true, p)
    precision = metrics.average_precision_scores(y_true, p)
    return {
        "accuracy": metrics.accuracy_score(y_true, p),
        "balanced_accuracy": metrics.balanced_accuracy_score(y_true, p),
        "top2_accuracy": metrics.top2_accuracy_score(y_true, p),
        "macro_f1": metrics.macro_f1_score(y_true, p),
        "weighted_f1": metrics.weighted_f1_score(y_true, p),
        "log_loss": metrics.log_loss(y_true, p),
        "brier": metrics.brier_loss(y_true, p),
        "macro_roc_auc": float(np.mean(list(roc.values()))),
        "macro_average_precision": float(np.mean(list(precision.values()))),
    }


@pytest.mark.parametrize("ties", [False, True])
def test_each_resample_scores_as_its_images_do(drawn: Drawn, *, ties: bool) -> None:
    split = drawn(60, seed=3)
    if ties:  # few distinct probabilities, so that thresholds hold several images
        p = np.round(split.probabilities * 4) + 0.5
        split = Probabilities(split.sample_ids, split.y_true, p / p.sum(axis=1, keepdims=True))
    counts = next(bootstrap.resample_counts(60, resamples=20, seed=1))
    for row in counts:
        # The interval of one resample is that resample.
        found = _scores_of(split, row)
        assert found == pytest.approx(_expected(*_resampled(split, row)), abs=1e-6)


def _scores_of(split: Probabilities, row: np.ndarray) -> dict[str, float]:
    y_true, p = metrics.checked(split.y_true, split.probabilities)
    values = bootstrap._scores(row[None], bootstrap._columns(y_true, p))
    values |= bootstrap._areas(row[None], bootstrap._rankings(y_true, p))
    return {name: float(values[name][0]) for name in bootstrap.SCORES if name != "ece"}


def test_classes_score_as_with_sample_weights(drawn: Drawn) -> None:
    split = drawn(80, seed=4)
    row = next(bootstrap.resample_counts(80, resamples=1, seed=2))
    y_true, p = metrics.checked(split.y_true, split.probabilities)
    values = bootstrap._scores(row, bootstrap._columns(y_true, p))
    theirs = sk.precision_recall_fscore_support(
        y_true, p.argmax(axis=1), labels=CODES, sample_weight=row[0], zero_division=0
    )
    for name, expected in zip(("precision", "recall", "f1"), theirs, strict=False):
        assert np.nan_to_num(values[name][0]) == pytest.approx(expected)
    areas = bootstrap._areas(row, bootstrap._rankings(y_true, p))
    for code in CODES:
        roc = sk.roc_auc_score(y_true == code, p[:, code], sample_weight=row[0])
        precision = sk.average_precision_score(y_true == code, p[:, code], sample_weight=row[0])
        assert areas["roc_auc"][0, code] == pytest.approx(roc)
        assert areas["average_precision"][0, code] == pytest.approx(precision)


def test_a_resample_draws_as_many_images_as_there_are() -> None:
    counts = np.concatenate(list(bootstrap.resample_counts(7, resamples=500, seed=0)))
    assert counts.shape == (500, 7)
    assert (counts.sum(axis=1) == 7).all()
    assert counts.mean(axis=0) == pytest.approx(1, abs=0.2)


def test_resamples_come_in_chunks_when_there_are_many_images() -> None:
    parts = list(bootstrap.resample_counts(300_000, resamples=7, seed=5))
    assert [len(part) for part in parts] == [3, 3, 1]
    assert {part.sum() for part in parts} == {900_000, 300_000}
    assert (parts[0][0] != parts[1][0]).any()


def test_the_seed_decides(drawn: Drawn) -> None:
    split = drawn(50)

    def ends(seed: int) -> np.ndarray:
        found = bootstrap.bootstrap_intervals(
            split.y_true, split.probabilities, scores=("macro_f1",), resamples=50, seed=seed
        )
        return found["macro_f1"]

    assert (ends(1) == ends(1)).all()
    assert (ends(1) != ends(2)).any()


def test_intervals_hold_the_score_and_narrow_with_more_images(drawn: Drawn) -> None:
    widths = []
    for n in (50, 500, 5000):
        split = drawn(n, seed=1)
        ends = bootstrap.bootstrap_intervals(split.y_true, split.probabilities, resamples=200)
        for name, value in _expected(split.y_true, split.probabilities).items():
            assert ends[name][0] <= value <= ends[name][1], name
        widths.append(float(np.diff(ends["macro_f1"])[0]))
    assert widths == sorted(widths, reverse=True)


def test_the_accuracy_interval_is_close_to_wilsons(drawn: Drawn) -> None:
    split = drawn(1000)
    ends = bootstrap.bootstrap_intervals(split.y_true, split.probabilities, scores=("accuracy",))["accuracy"]
    accuracy = metrics.accuracy_score(split.y_true, split.probabilities)
    assert ends == pytest.approx(metrics.wilson_interval(accuracy, 1000), abs=0.005)


def test_a_calibrated_model_has_its_ece_inside_the_interval() -> None:
    random = np.random.default_rng(0)
    p = random.dirichlet(np.ones(NUM_EMOTIONS), size=800)
    y_true = (p.cumsum(axis=1) > random.random((800, 1))).argmax(axis=1)  # right as often as the probabilities say
    low, high = bootstrap.bootstrap_intervals(y_true, p, scores=("ece",))["ece"]
    assert 0 <= low <= metrics.calibration_error(y_true, p) <= high


def test_missing_classes_are_nan_and_warn_nobody() -> None:
    y_true = np.array([0, 0, 3, 3, 3])
    p = np.eye(NUM_EMOTIONS)[[0, 3, 3, 3, 0]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ends = bootstrap.bootstrap_intervals(y_true, p, resamples=30)
        alone = bootstrap.bootstrap_intervals(np.array([2]), p[:1], resamples=5)
    assert np.isnan(ends["f1"]).tolist() == [[c not in (0, 3) for c in CODES]] * 2
    assert np.isfinite(ends["macro_f1"]).all()
    assert np.isnan(alone["macro_roc_auc"]).all()
    assert alone["accuracy"].tolist() == [0, 0]


def test_an_unknown_score_is_one_sentence(drawn: Drawn) -> None:
    with pytest.raises(DataError, match="Received: kappa"):
        bootstrap.bootstrap_intervals(*_arrays(drawn(5)), scores=("kappa",))


def _arrays(split: Probabilities) -> tuple[np.ndarray, np.ndarray]:
    return split.y_true, split.probabilities
