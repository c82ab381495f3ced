"""How the run learned, epoch by epoch."""

from __future__ import annotations

import pandas as pd

from mien.evaluate.plots import TrainingCurvesPlot
from mien.evaluate.report.html import card, cards, facts
from mien.evaluate.report.material import Material
from mien.evaluate.report.section import Section
from mien.evaluate.report.vector import inline_svg
from mien.evaluate.style import new_figure

__all__ = ["training"]


def training(material: Material) -> Section | None:
    """Curves and totals; nothing without a finished epoch."""
    history = material.history
    if history is None or history.empty or history["val_accuracy"].isna().all():
        return None
    plot = TrainingCurvesPlot.from_history({name: history[name].tolist() for name in history.columns})
    (accuracy, left), (loss, right) = new_figure(4.8, 3.6), new_figure(4.8, 3.6)
    plot.draw((left, right))
    drawn = [
        card(inline_svg(accuracy, name="accuracy", alt="Accuracy by epoch, on training and validation images")),
        card(inline_svg(loss, name="loss", alt="Loss by epoch, on training and validation images")),
    ]
    return Section("training", "Training", cards(drawn) + facts(_facts(history, plot.chosen_epoch)))


def _facts(history: pd.DataFrame, chosen: int) -> dict[str, str]:
    kept = history[history["epoch"] == chosen].iloc[0]
    hours = history["seconds"].sum() / 3600
    return {
        "epochs": f"{len(history)}, of which epoch {chosen} is kept",
        "at that epoch": f"train {kept['accuracy']:.1%} (on augmented images), val {kept['val_accuracy']:.1%}",
        "time": f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.0f} min",
        "speed": f"{history['images_per_second'].median():,.0f} images per second (median epoch)",
    }
