"""`write_report`: the page, its figures for print, and the list of suspected labels, into the run folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mien import __version__
from mien.data.dataset import Dataset
from mien.emotions import COLOURS_ON_DARK, COLOURS_ON_LIGHT
from mien.evaluate.figures import evaluation_figures, training_figure, write_figures
from mien.evaluate.label_issues import write_label_issues
from mien.evaluate.report.content import SECTIONS, headline
from mien.evaluate.report.material import Material, Picture, gather
from mien.files import atomic_write
from mien.run import Run

__all__ = ["Report", "write_report"]


@dataclass(frozen=True)
class Report:
    """What was written."""

    path: Path
    """The page."""
    figures: tuple[Path, ...]
    """Its figures as PNG and SVG."""
    label_issues_path: Path
    """The suspected labels as csv."""
    split: str
    """The split that figures and faces are of."""
    page_bytes: int
    """Size of the page."""


def write_report(
    run: Run,
    *,
    split: str | None = None,
    dataset: Dataset | None = None,
    explanations: Sequence[Picture] = (),
    formats: tuple[str, ...] = ("png", "svg"),
    seed: int = 0,
) -> Report:
    """Write `report.html` of a run that was evaluated, beside the scores that it is about.

    Args:
        run: A run with probabilities of at least one split.
        split: The split that figures and faces are of; test, else val, else train when left out.
        dataset: What was scored; without it the page is of the run's own, and has no faces, votes and duplicates.
        explanations: Pictures from the learning room.
        formats: In which every figure is also written to the run's figures, for slides and print.
        seed: Decides the bootstrap.

    Returns:
        What was written.

    Raises:
        RunError: Nothing was scored yet, a file is damaged or from a newer mien, or the folder cannot be written.
        DataError: The split's name is unknown, or the dataset has other images than the run was scored on.
    """
    material = gather(run, split=split, dataset=dataset, explanations=explanations, seed=seed)
    page = _render(material)
    scores = material.scores
    with atomic_write(scores.report_path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    labels_path = scores.figures_path / f"{material.split}_suspected_labels.csv"
    write_label_issues(
        labels_path, material.label_issues, material.probabilities.sample_ids, material.probabilities.y_true
    )
    return Report(
        path=scores.report_path,
        figures=tuple(_write_figures(material, formats)),
        label_issues_path=labels_path,
        split=material.split,
        page_bytes=scores.report_path.stat().st_size,
    )


def _render(material: Material) -> str:
    """The page, which loads nothing from anywhere."""
    # Undefined names are errors; every value that is not Markup is escaped.
    loader = PackageLoader("mien.evaluate.report", "")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    sections = {name: make(material) for name, make in SECTIONS.items()}
    return environment.get_template("report.html.jinja").render(
        title=material.run.name,
        subtitle=_subtitle(material),
        headline=headline(material),
        sections={name: section for name, section in sections.items() if section is not None},
        style=Markup(files("mien.evaluate.report").joinpath("style.css").read_text(encoding="utf-8")),
        on_light=COLOURS_ON_LIGHT,
        on_dark=COLOURS_ON_DARK,
        footer=f"Written by mien {__version__} on {datetime.now(UTC):%Y-%m-%d}.",
    )


def _subtitle(material: Material) -> str:
    """Architecture and date of the run, as far as they are known."""
    architecture = material.config.get("model", {}).get("architecture")
    backend = material.environment.get("backend")
    parts = [f"{architecture} network" if architecture else "", f"trained with Keras on {backend}" if backend else ""]
    return ", ".join(part for part in parts if part) or "evaluation of a run"


def _write_figures(material: Material, formats: tuple[str, ...]) -> list[Path]:
    if not formats:
        return []
    folder = material.scores.figures_path
    figures = evaluation_figures(
        material.evaluation, material.probabilities, uncertain_below=material.fitted.uncertain_below
    )
    brought = {picture.name: picture.figure for picture in material.explanations}
    return [
        *write_figures(folder, figures, prefix=f"{material.split}_", formats=formats),
        *write_figures(folder, training_figure(material.history), formats=formats),
        *write_figures(folder, brought, prefix=f"{material.split}_", formats=formats),
    ]
