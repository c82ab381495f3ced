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
    from rich.console import Console

    from mien.cli.progress import TrainingDisplay
    from mien.cli.quiet import import_keras_quietly
    from mien.demo import Demo

    console = Console()
    walk = Demo(out)
    with console.status("Drawing faces"):
        walk.draw()
    with console.status("Starting Keras"):
        import_keras_quietly()
    with TrainingDisplay(console) as display:
        walk.train(observer=display)
    for doing, step in (
        ("Evaluating", walk.evaluate),
        ("Exporting", walk.export),
        ("Predicting held-out faces", walk.predict),
        ("Answering a photo", walk.photo),
        ("Drawing the overview", walk.overview),
    ):
        with console.status(doing):
            step()
    console.print(_table(walk.steps))
    console.print(f"Look at {walk.steps[-1].path}. All about the network: mien report {walk.run.path}", soft_wrap=True)


def _table(steps: Sequence[Step]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title="mien demo", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_footer=True)
    table.add_column("step", style="bold", no_wrap=True)
    table.add_column("result")
    table.add_column("where", style="cyan", overflow="fold")
    table.add_column("seconds", f"{sum(step.seconds for step in steps):.0f}", justify="right")
    for step in steps:
        table.add_row(step.name, step.result, str(step.path or ""), f"{step.seconds:.1f}")
    return table
