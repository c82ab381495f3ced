"""Arguments and options that several commands have: what each is called, what it allows, and its sentence of help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Data",
    "Detector",
    "FacesAtMost",
    "Head",
    "Model",
    "Seed",
    "SkipBad",
    "SmallestFace",
    "Source",
    "Split",
    "Threads",
    "Votes",
    "Yunet",
]

# More than any machine or photo has, so that a slip of the keyboard is one sentence.
_THREADS = 1024
_FACES = 100_000

Source = Annotated[Path, typer.Argument(help="fer2013.csv (.gz, .zip), archive.zip, or a folder of images.")]
Data = Annotated[str | None, typer.Option("--data", help="Dataset; the run's own if unset.")]
Votes = Annotated[Path | None, typer.Option(help="FER+'s fer2013new.csv: what ten people saw in each image.")]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave out rows and files that cannot be read.")]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Decides what is drawn by lot.")]
Split = Annotated[str, typer.Option(help="Which split: val, test or train.")]

Model = Annotated[str, typer.Option(help="Name of a bundled model (see mien models list), or a run folder.")]
Head = Annotated[
    str | None, typer.Option(help="Question: votes (what people see) or labels (FER-2013's); the model's own if unset.")
]
Detector = Annotated[str, typer.Option(help="Who finds the faces: yunet, or none (each image is a face).")]
Yunet = Annotated[Path | None, typer.Option(help="A YuNet file of your own, instead of mien's.")]
SmallestFace = Annotated[
    int,
    typer.Option(
        min=24,
        max=100_000,
        help="Side of the smallest face that matters, in pixels; 48 is found up to four times as fast.",
    ),
]
FacesAtMost = Annotated[int | None, typer.Option(min=1, max=_FACES, help="Most faces per image, the largest first.")]
Threads = Annotated[
    int | None, typer.Option(min=1, max=_THREADS, help="Threads; as many as suit the machine if unset.")
]
