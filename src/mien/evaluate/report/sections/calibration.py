"""What the probabilities are worth, and when an answer is called uncertain."""

from __future__ import annotations

from mien.evaluate.calibration import reliability, risk_coverage
from mien.evaluate.plots import ReliabilityPlot, RiskCoveragePlot
from mien.evaluate.report.html import card, cards, paragraph, table
from mien.evaluate.report.material import Material
from mien.evaluate.report.section import Section
from mien.evaluate.report.vector import inline_svg
from mien.evaluate.style import new_figure
from mien.evaluate.wording import number

__all__ = ["calibration"]


def calibration(material: Material) -> Section:
    """Reliability before and after, risk over coverage, and the threshold in words."""
    y_true, p = material.probabilities.y_true, material.probabilities.probabilities
    fitted = material.fitted
    after = reliability(material.calibrated, y_true) if fitted.known else None
    risk = RiskCoveragePlot(risk_coverage(material.calibrated, y_true), fitted.uncertain_below)
    (one, left), (two, right) = new_figure(4.8, 4.4), new_figure(4.8, 4.4)
    ReliabilityPlot(reliability(p, y_true), after, fitted.temperature).draw(left)
    risk.draw(right)
    drawn = [
        card(
            inline_svg(
                one, name="reliability", alt="Share of right answers by confidence, before and after calibration"
            )
        ),
        card(inline_svg(two, name="risk-coverage", alt="Share of wrong answers by share of images answered")),
    ]
    inside = paragraph(_temperature(material)) + cards(drawn) + _table(material)
    return Section("calibration", "Calibration", inside + paragraph(_threshold(material, risk)))


def _temperature(material: Material) -> str:
    if not material.fitted.known:
        return "Nothing is calibrated yet: the temperature is fitted on val, which was not scored."
    value = material.fitted.temperature
    meaning = "too sure of itself" if value > 1 else "less sure than it may be"
    own = material.scores is material.run
    where = "val, the images shown here," if own and material.split == "val" else "val" if own else "its own val"
    return (
        f"The temperature, fitted on {where} is {value:.3f}: as trained, the network is {meaning}. Probabilities "
        "become softmax(log p / T); answers stay the same. Predictions of the exported model are calibrated so."
    )


def _table(material: Material) -> str:
    calibrated, scores = material.evaluation.calibrated, material.evaluation.scores
    if calibrated is None:
        return ""
    fields = {"log loss": "log_loss", "Brier score": "brier", "calibration error (ECE)": "ece"}
    rows = [
        (name, number(getattr(scores, field)), number(getattr(calibrated, field))) for name, field in fields.items()
    ]
    return table(("score", "as trained", f"at temperature {calibrated.temperature:.2f}"), rows)


def _threshold(material: Material, risk: RiskCoveragePlot) -> str:
    below = material.fitted.uncertain_below
    if not below:
        return ""
    rule = (
        f"An answer with less than {below:.0%} confidence is called uncertain: of such answers on val, fewer than half "
        "were right."
    )
    if risk.certain is None:
        return f"{rule} Here every answer is."
    coverage, wrong = risk.certain
    total = risk.curve.risk[-1]
    unsure = (total - coverage * wrong) / (1 - coverage) if coverage < 1 else 0.0
    return (
        f"{rule} Here {coverage:.1%} of the answers are not uncertain, and {1 - wrong:.1%} of them are right; of the "
        f"uncertain ones {1 - unsure:.1%} are."
    )
