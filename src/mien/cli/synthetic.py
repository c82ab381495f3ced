"""`mien data synthetic`: draw a dataset of faces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mien.cli.options import Seed

__all__ = ["synthetic"]


def synthetic(
    out: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    *,
    samples_per_class: Annotated[
        int, typer.Option(max=1_000_000, help="Faces of each emotion, divided 70/15/15 into train, val and test.")
    ] = 600,
    seed: Seed = 0,
) -> None:
    """Draw faces that show the seven expressions, as a folder that every other command reads."""
    from mien.cli.terminal import progress_bar, say
    from mien.data.dataset import SPLIT_NAMES
    from mien.synthetic.faces import write_synthetic

    with progress_bar("Drawing faces") as progress:
        dataset = write_synthetic(out, samples_per_class=samples_per_class, seed=seed, progress=progress)
    counts = ", ".join(f"{len(dataset.split(name)):,} {name}" for name in SPLIT_NAMES)
    say(f"Drew {len(dataset):,} faces into {out}: {counts}.")
    say(f"Next: mien train {out}")
