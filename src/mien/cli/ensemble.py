"""`mien ensemble`: what several exported models say together, stored as a run that can be evaluated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.errors import RunError

if TYPE_CHECKING:
    from mien.run import Run

__all__ = ["ensemble"]


def ensemble(
    models: Annotated[list[str], typer.Argument(help="Bundled models or folders of exported ones; one is enough.")],
    *,
    source: Annotated[str, typer.Option("--data", help="FER-2013 csv, zip or folder.")],
    run: Annotated[Path, typer.Option(help="Folder to write: a run of probabilities without a model.")],
    split: Annotated[str, typer.Option(help="Which split: val, test or train.")] = "val",
    flip: Annotated[bool, typer.Option(help="Average over each image and its mirror image.")] = True,
) -> None:
    """Score a split by the mean probabilities of several models, or of one and its view of mirror images.

    See what that gives with mien evaluate and mien compare. Choose the members on val.
    """
    from mien.cli.reading import read_dataset, recorded_facts
    from mien.cli.terminal import progress_bar, say
    from mien.inference.classifier import Classifier
    from mien.inference.ensemble import mean_probabilities
    from mien.run import Probabilities, Run

    folder = Run(run)
    if folder.config_path.exists():
        raise RunError(f"Expected a folder for the ensemble alone. Received: {run}, which holds a trained run.")
    members = [Classifier(model) for model in models]
    digests = [member.card.onnx_sha256 for member in members]
    facts = {"members": models, "members_sha256": digests, "flip": flip}
    _check_same_members(folder, facts)
    dataset = read_dataset(source, skip_bad=True)
    images = dataset.split(split)
    with progress_bar(f"Scoring {split}") as told:
        answers = mean_probabilities(members, images.images, flip=flip, told=lambda done: told(done, len(images)))
    folder.write_json(folder.environment_path, facts | {"data": recorded_facts(dataset)})
    path = folder.write_probabilities(split, Probabilities(images.sample_ids, images.labels, answers))
    say(f"Written to {path}. Next: mien evaluate {run} --split {split}")


def _check_same_members(folder: Run, facts: dict[str, object]) -> None:
    """Probabilities of several splits in one folder must come from the same members."""
    if not folder.environment_path.exists():
        return
    known = folder.read_json(folder.environment_path)
    if any(known.get(key) != value for key, value in facts.items() if key != "members"):
        raise RunError(
            f"Expected the members that {folder.path} was begun with ({', '.join(known.get('members', []))}). "
            "Received: others. Choose another folder with --run."
        )
