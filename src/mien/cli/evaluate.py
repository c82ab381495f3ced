"""`mien evaluate`: the one place where scoring (learn) and evaluation (evaluate) meet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.options import Data, Seed, Split, Votes
from mien.errors import ConfigError

if TYPE_CHECKING:
    from mien.data.dataset import Dataset
    from mien.run import Run, Scores

__all__ = ["evaluate", "score"]


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN|MODEL", help="Run folder, exported or bundled model.")],
    *,
    split: Split = "val",
    source: Data = None,
    votes: Votes = None,
    from_probabilities: Annotated[
        bool,
        typer.Option(
            "--from-probabilities", help="Use the stored probabilities alone: neither dataset nor Keras is needed."
        ),
    ] = False,
    seed: Seed = 0,
) -> None:
    """Score a run or a model on a split: metrics with 95% intervals, figures, JSON.

    Choose on val. Look at test once per model, when everything is chosen. What is said of a bundled model is kept in
    runs/bundled.
    """
    from mien.cli.evaluation_tables import print_evaluation
    from mien.cli.terminal import working
    from mien.evaluate.evaluation import check_split_name
    from mien.scoring import open_run

    check_split_name(split)  # before a dataset is read
    folder = open_run(run)
    if from_probabilities and (source or votes):
        raise ConfigError("Expected --from-probabilities alone. Received: --data or --votes too. Leave one out.")
    dataset = None if from_probabilities else _dataset(folder, source, votes)
    scores = folder if dataset is None else score(folder, dataset, split)

    from mien.evaluate.run_evaluation import evaluate_run
    from mien.evaluate.split_facts import split_facts

    with working("Evaluating"):
        known = None if dataset is None else split_facts(dataset, split)
        evaluation, written = evaluate_run(
            folder,
            split,
            scores=scores,
            identical_to_train=None if known is None else known.identical_to_train,
            votes=None if known is None else known.votes,
            facts=None if dataset is None else {"data": dataset.facts()},
            seed=seed,
        )
    other_data = Path(dataset.source).name if dataset is not None and scores is not folder else ""
    print_evaluation(folder, evaluation, written, protocol=_protocol(folder, dataset), other_data=other_data)


def _dataset(run: Run, source: str | None, votes: Path | None) -> Dataset:
    from mien.cli.reading import read_dataset, recorded_source

    return read_dataset(source or recorded_source(run), votes=votes, skip_bad=True)


def score(run: Run, dataset: Dataset, split: str) -> Scores:
    """`mien.scoring.ensure_probabilities` with a word on the screen."""
    from mien.cli.streams import import_keras_quietly
    from mien.cli.terminal import working
    from mien.scoring import ensure_probabilities

    with working(f"Scoring {split}"):
        return ensure_probabilities(run, dataset, split, before_keras=import_keras_quietly)


def _protocol(run: Run, dataset: Dataset | None) -> str:
    if dataset is not None:
        return dataset.protocol
    if not run.environment_path.is_file():
        return ""
    return str(run.read_json(run.environment_path).get("data", {}).get("protocol", ""))
