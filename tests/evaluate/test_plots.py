"""Figures are tested by the numbers they hold and show, and by nothing falling off the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from mien.emotions import NUM_EMOTIONS
from mien.evaluate import metrics
from mien.evaluate.calibration import reliability, risk_coverage
from mien.evaluate.evaluation import evaluate
from mien.evaluate.plots import (
    ClassScoresPlot,
    ConfusionMatrixPlot,
    OneVsRestPlot,
    ReliabilityPlot,
    RiskCoveragePlot,
    TrainingCurvesPlot,
)
from mien.evaluate.style import new_figure, save_figure
from mien.run import Probabilities

Drawn = Callable[..., Probabilities]
HISTORY = {
    "epoch": [1, 2, 3, 4],
    "loss": [2.0, 1.5, 1.2, 1.0],
    "accuracy": [0.2, 0.4, 0.5, 0.6],
    "val_loss": [1.9, 1.4, 1.3, 1.4],
    "val_accuracy": [0.25, 0.5, 0.55, 0.55],
}


def _texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def _plots(split: Probabilities) -> list[Callable[[], Figure]]:
    arrays = (split.y_true, split.probabilities)
    scores = evaluate(split, split="val", resamples=20).scores
    bins = reliability(split.probabilities, split.y_true)
    matrix = ConfusionMatrixPlot(metrics.confusion_matrix(*arrays))
    return [
        lambda: matrix.draw(normalised=True),
        lambda: matrix.draw(normalised=False),
        ClassScoresPlot.from_scores(scores.per_class).draw,
        ReliabilityPlot(bins, bins, 1.3).draw,
        RiskCoveragePlot(risk_coverage(split.probabilities, split.y_true), 0.4).draw,
        OneVsRestPlot.from_probabilities(*arrays, kind="roc").draw,
        OneVsRestPlot.from_probabilities(*arrays, kind="precision_recall").draw,
        TrainingCurvesPlot.from_history(HISTORY).draw,
    ]


@pytest.mark.parametrize("index", range(8))
def test_nothing_falls_off_the_page(drawn: Drawn, index: int) -> None:
    figure = _plots(drawn(200))[index]()
    figure.canvas.draw()
    drawn_box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert drawn_box.x0 >= -0.01
    assert drawn_box.y0 >= -0.01
    assert drawn_box.x1 <= width + 0.01
    assert drawn_box.y1 <= height + 0.01


@pytest.mark.parametrize("index", range(8))
def test_one_image_of_one_class_can_be_drawn(index: int, recwarn: pytest.WarningsRecorder) -> None:
    one = Probabilities(np.array(["a"]), np.array([3]), np.full((1, NUM_EMOTIONS), 1 / NUM_EMOTIONS))
    _plots(one)[index]().canvas.draw()
    assert not recwarn.list


def test_drawing_leaves_matplotlib_as_it_was(drawn: Drawn) -> None:
    before = dict(mpl.rcParams)
    for draw in _plots(drawn(50)):
        draw()
    assert dict(mpl.rcParams) == before


def test_drawing_into_given_axes_uses_their_figure() -> None:
    figure, ax = new_figure()
    assert ConfusionMatrixPlot(np.eye(NUM_EMOTIONS, dtype=int)).draw(ax) is figure


def test_the_confusion_matrix_shows_counts_or_percent_of_rows() -> None:
    counts = np.zeros((NUM_EMOTIONS, NUM_EMOTIONS), int)
    counts[3, 3], counts[3, 4] = 1500, 500
    plot = ConfusionMatrixPlot(counts)
    assert plot.shares[3].tolist() == [0, 0, 0, 0.75, 0.25, 0, 0]
    assert plot.shares[0].tolist() == [0] * NUM_EMOTIONS
    assert {"1,500", "500"} <= set(_texts(plot.draw(normalised=False)))
    assert {"75", "25"} <= set(_texts(plot.draw(normalised=True)))


def test_the_kept_epoch_is_the_first_best_one() -> None:
    plot = TrainingCurvesPlot.from_history(HISTORY)
    assert plot.chosen_epoch == 3
    assert "kept: epoch 3, 55.0% on val" in _texts(plot.draw())


def test_bars_hold_scores_and_say_what_is_missing(drawn: Drawn) -> None:
    split = drawn(80)
    kept = split.y_true != 1
    part = Probabilities(split.sample_ids[kept], split.y_true[kept], split.probabilities[kept])
    plot = ClassScoresPlot.from_scores(evaluate(part, split="val", resamples=20).scores.per_class)
    table = metrics.per_class(part.y_true, part.probabilities)
    assert np.isnan(plot.value[1])
    assert np.delete(plot.value, 1) == pytest.approx(np.delete(table.f1, 1))
    assert plot.mean == pytest.approx(metrics.macro_f1_score(part.y_true, part.probabilities))
    assert "none here" in _texts(plot.draw())


def test_curves_hold_the_whole_area_and_few_points(drawn: Drawn) -> None:
    split = drawn(3000)
    arrays = (split.y_true, split.probabilities)
    for kind, areas in (("roc", metrics.roc_auc_scores), ("precision_recall", metrics.average_precision_scores)):
        plot = OneVsRestPlot.from_probabilities(*arrays, kind=kind)  # type: ignore[arg-type]
        assert plot.areas == areas(*arrays)
        assert max(len(x) for x, _ in plot.curves.values()) <= 400
        assert all(((x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)).all() for x, y in plot.curves.values())
    roc = OneVsRestPlot.from_probabilities(*arrays, kind="roc")
    for x, y in roc.curves.values():
        assert ((x[0], y[0]), (x[-1], y[-1])) == ((0, 0), (1, 1))


def test_the_area_under_what_is_drawn_is_the_area_that_is_named(drawn: Drawn) -> None:
    split = drawn(300)
    roc = OneVsRestPlot.from_probabilities(split.y_true, split.probabilities, kind="roc")
    steps = OneVsRestPlot.from_probabilities(split.y_true, split.probabilities, kind="precision_recall")
    for line in roc.draw().axes[0].lines[1:]:  # the first is the diagonal
        area = np.trapezoid(line.get_ydata(), line.get_xdata())
        assert line.get_label().endswith(f"{area:.3f}")
    for line in steps.draw().axes[0].lines:
        assert line.get_drawstyle() == "steps-post"
        area = -np.sum(np.diff(line.get_xdata()) * line.get_ydata()[:-1])
        assert line.get_label().endswith(f"{area:.3f}")


def test_certain_answers_are_those_above_the_threshold(drawn: Drawn) -> None:
    split = drawn(200)
    confidence = split.probabilities.astype(np.float64).max(axis=1)
    wrong = split.probabilities.argmax(axis=1) != split.y_true
    curve = risk_coverage(split.probabilities, split.y_true)
    certain = RiskCoveragePlot(curve, 0.5).certain
    assert certain == pytest.approx(((confidence >= 0.5).mean(), wrong[confidence >= 0.5].mean()), abs=1e-6)
    assert RiskCoveragePlot(curve, 1.0).certain is None


def test_the_reliability_legend_names_both_errors(drawn: Drawn) -> None:
    split = drawn(200)
    bins = reliability(split.probabilities, split.y_true)
    texts = _texts(ReliabilityPlot(bins, bins, 1.25).draw())
    assert f"as trained (ECE {bins.ece:.3f})" in texts
    assert f"temperature 1.25 (ECE {bins.ece:.3f})" in texts


@pytest.mark.parametrize(("low", "high"), [(0.2, 0.71), (0.345, 0.432), (0.1, 0.95), (0.4, 0.403)])
def test_every_tick_of_accuracy_says_where_it_stands(low: float, high: float) -> None:
    accuracy = np.linspace(low, high, 4).tolist()
    figure = TrainingCurvesPlot.from_history(HISTORY | {"accuracy": accuracy, "val_accuracy": accuracy}).draw()
    figure.canvas.draw()
    axis = figure.axes[0].yaxis
    said = [float(label.get_text().removesuffix("%")) for label in axis.get_majorticklabels()]
    np.testing.assert_allclose(said, 100 * axis.get_majorticklocs(), atol=1e-4)


def test_figures_are_kept_as_png_and_as_the_same_svg_each_time(tmp_path: Path) -> None:
    plot = ConfusionMatrixPlot(np.eye(NUM_EMOTIONS, dtype=int))
    with Image.open(save_figure(plot.draw(), tmp_path / "a.png")) as picture:
        assert picture.size == (1160, 1120)
    one, two = (save_figure(plot.draw(), tmp_path / name).read_bytes() for name in ("a.svg", "b.svg"))
    assert one == two
    assert b">angry<" in one  # text that can be searched
