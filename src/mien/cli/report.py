"""`mien report`: one page about a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.options import Data, Seed, Votes

if TYPE_CHECKING:
    from mien.data.dataset import Dataset
    from mien.evaluate.report import Picture
    from mien.run import Run, Scores

__all__ = ["report"]


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN|MODEL", help="Run folder, exported or bundled model.")],
    *,
    split: Annotated[
        str | None, typer.Option(help="Split of figures and faces; test, else val, else train when left out.")
    ] = None,
    source: Data = None,
    votes: Votes = None,
    no_data: Annotated[
        bool, typer.Option("--no-data", help="Leave the dataset alone: no faces, no duplicates.")
    ] = False,
    explain: Annotated[bool, typer.Option(help="Show what the network looks at.")] = True,
    seed: Seed = 0,
) -> None:
    """Write report.html: data, training, scores, calibration, mistakes and explanations of a run in one page."""
    from mien.cli.evaluate import score
    from mien.cli.terminal import say, working
    from mien.errors import ConfigError
    from mien.evaluate.evaluation import check_split_name
    from mien.evaluate.report import first_scored, write_report
    from mien.scoring import open_run

    if no_data and (source or votes):
        raise ConfigError("Expected --no-data alone. Received: --data or --votes too. Leave one out.")
    if split is not None:
        check_split_name(split)  # before anything is read
    folder = open_run(run)
    dataset = None if no_data else _dataset(folder, source, votes)
    pictures: tuple[Picture, ...] = ()
    if dataset is not None:
        scores = folder.scores_on(dataset.fingerprint, dataset.source)
        split = split or first_scored(scores) or "val"
        score(folder, dataset, split)
        pictures = _explanations(folder, scores, dataset, split) if explain else ()
    with working("Writing the report"):
        written = write_report(folder, split=split, dataset=dataset, explanations=pictures, seed=seed)
    say(f"{written.path} ({written.page_bytes / 1e6:.1f} MB), on {written.split}")
    say(f"{len(written.figures)} figures as PNG and SVG in {written.label_issues_path.parent}")
    say(f"suspected labels: {written.label_issues_path}")


def _explanations(run: Run, scores: Scores, dataset: Dataset, split: str) -> tuple[Picture, ...]:
    """Pictures of what the network looks at; none of an ensemble, whose networks are elsewhere."""
    if not run.model_path.is_file() and not run.onnx_path.is_file():
        return ()
    from mien.cli.streams import import_keras_quietly
    from mien.cli.terminal import working
    from mien.explanations import explain_split

    with working("Explaining"):
        said = scores.read_probabilities(split)
        return explain_split(run, dataset.split(split), said.probabilities, before_keras=import_keras_quietly)


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
