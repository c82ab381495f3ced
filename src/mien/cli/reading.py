"""Reading a dataset with a progress bar, for every command that takes one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mien.data.dataset import Dataset

__all__ = ["read_dataset"]


def read_dataset(
    source: str | Path, *, votes: Path | None = None, skip_bad: bool = False, cache: bool = True, seed: int = 0
) -> Dataset:
    """`mien.data.load_dataset` with a bar on stderr, which is gone when the reading is done."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from mien.data import load_dataset

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    # Where nobody looks, even a bar that vanishes would leave a blank line.
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"Reading {Path(source).name}", total=None)
        return load_dataset(
            source,
            votes=votes,
            skip_bad=skip_bad,
            cache=cache,
            seed=seed,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
