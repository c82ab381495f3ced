"""`mien ensemble`: what several exported models say together, stored as a run that can be evaluated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mien.cli.options import Split

__all__ = ["ensemble"]


def ensemble(
    models: Annotated[list[str], typer.Argument(help="Bundled models or folders of exported ones; one is enough.")],
    *,
    source: Annotated[str, typer.Option("--data", help="FER-2013 csv, zip or folder.")],
    run: Annotated[Path, typer.Option(help="Folder to write: a run of probabilities without a model.")],
    split: Split = "val",
    flip: Annotated[bool, typer.Option(help="Average over each image and its mirror image.")] = True,
) -> None:
    """Score a split by the mean probabilities of several models, or of one and its view of mirror images.

    See what that gives with mien evaluate and mien compare. Choose the members on val.
    """
    from mien.cli.reading import read_dataset
    from mien.cli.terminal import progress_bar, say
    from mien.run import Run
    from mien.scoring import open_ensemble, score_ensemble

    folder = Run(run)
    members = open_ensemble(models, folder, flip=flip)  # before a dataset is read
    dataset = read_dataset(source, skip_bad=True)
    total = len(dataset.split(split))
    with progress_bar(f"Scoring {split}") as progress:
        path = score_ensemble(members, dataset, split, folder, on_progress=lambda done: progress(done, total))
    say(f"Written to {path}. Next: mien evaluate {run} --split {split}")
