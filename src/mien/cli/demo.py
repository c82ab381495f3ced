"""`mien demo`: the whole way on drawn faces, watched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from mien.demo import Step

__all__ = ["demo"]


def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything; one of an earlier demo is emptied.")] = Path("demo"),
) -> None:
    """Draw faces, train a small network, evaluate, export and predict: all of mien in a few minutes, offline.

    It ends with the bundled model on a real photo. Drawn faces show that the parts work together; an accuracy on them
    says nothing about photographs.
    """
    from mien.cli.streams import import_keras_quietly
    from mien.cli.terminal import TrainingDisplay, say, show, working
    from mien.demo import Demo

    walk = Demo(out)
    with working("Drawing faces"):
        walk.draw()
    with working("Starting Keras"):
        import_keras_quietly()
    with TrainingDisplay() as display:
        walk.train(observer=display)
    for doing, step in (
        ("Evaluating", walk.evaluate),
        ("Exporting", walk.export),
        ("Predicting held-out faces", walk.predict),
        ("Answering a photo", walk.photo),
        ("Drawing the overview", walk.overview),
    ):
        with working(doing):
            step()
    show(_table(walk.steps))
    say("")
    say(f"Look at {walk.steps[-1].path}. All about the network: mien report {walk.run.path}")


def _table(steps: Sequence[Step]) -> Table:
    from mien.cli.terminal import plain_table

    rows = [(step.name, step.result, str(step.path or ""), f"{step.seconds:.1f}") for step in steps]
    rows.append(("", "", "", f"{sum(step.seconds for step in steps):.0f}"))
    return plain_table(rows, "step", "result", "where", "seconds", left=("result", "where"), title="mien demo")
