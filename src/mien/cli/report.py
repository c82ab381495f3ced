"""`mien report`: one page about a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mien.data.dataset import Dataset
    from mien.evaluate.report import Picture
    from mien.run import Run

__all__ = ["report"]


def report(
    run: Annotated[Path, typer.Argument(help="Run folder that was evaluated.")],
    *,
    split: Annotated[
        str | None, typer.Option(help="Split of figures and faces; test, else val, else train when left out.")
    ] = None,
    source: Annotated[str | None, typer.Option("--data", help="Dataset; the run's own when left out.")] = None,
    votes: Annotated[Path | None, typer.Option(help="FER+'s fer2013new.csv, to compare with the taggers.")] = None,
    no_data: Annotated[
        bool, typer.Option("--no-data", help="Leave the dataset alone: no faces, no duplicates.")
    ] = False,
    explain: Annotated[bool, typer.Option(help="Show what the network looks at; needs its model.keras.")] = True,
    seed: Annotated[int, typer.Option(help="Decides the bootstrap of the intervals.")] = 0,
) -> None:
    """Write report.html: data, training, scores, calibration, mistakes and explanations of a run in one page."""
    from mien.cli.terminal import say, working
    from mien.errors import ConfigError
    from mien.evaluate.report import reported_split, write_report
    from mien.run import Run

    if no_data and (source or votes):
        raise ConfigError("Expected --no-data alone. Received: --data or --votes too. Leave one out.")
    folder = Run(run)
    split = reported_split(folder, split)  # before anything is read
    dataset = None if no_data else _dataset(folder, source, votes)
    pictures = _explanations(folder, dataset, split) if explain and dataset is not None else ()
    with working("Writing the report"):
        written = write_report(folder, split=split, dataset=dataset, explanations=pictures, seed=seed)
    say(f"{written.path} ({written.page_bytes / 1e6:.1f} MB), on {written.split}")
    say(f"{len(written.figures)} figures as PNG and SVG in {folder.figures_path}")
    say(f"suspected labels: {written.label_issues_path}")


def _explanations(run: Run, dataset: Dataset, split: str) -> tuple[Picture, ...]:
    """Pictures of what the network looks at; none when the run has no model of its own."""
    if not run.model_path.is_file():
        return ()
    from mien.cli.streams import import_keras_quietly
    from mien.cli.terminal import working

    with working("Explaining"):
        import_keras_quietly()
        from mien.explanations import explain_split

        return explain_split(run, dataset.split(split), run.read_probabilities(split).probabilities)


def _dataset(run: Run, source: str | None, votes: Path | None) -> Dataset | None:
    """The named dataset, or the run's own when that is still where it was."""
    from mien.cli.reading import read_dataset
    from mien.cli.terminal import say

    if source is None:
        source = _recorded(run)
        if source is None or not Path(source).exists():
            where = "is not recorded in the run" if source is None else f"is no longer at {source}"
            say(f"The dataset {where}: the page will have no faces. Name it with --data.", style="yellow")
            return None
    return read_dataset(source, votes=votes, skip_bad=True)


def _recorded(run: Run) -> str | None:
    if not run.environment_path.is_file():
        return None
    source = run.read_json(run.environment_path).get("data", {}).get("source")
    return str(source) if source else None
