"""Reading a dataset with a progress bar, for every command that takes one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mien.errors import ConfigError

if TYPE_CHECKING:
    from mien.data.dataset import Dataset
    from mien.run import Run

__all__ = ["read_dataset", "recorded_source", "recorded_votes"]


def read_dataset(
    source: str | Path, *, votes: Path | None = None, skip_bad: bool = False, cache: bool = True, seed: int = 0
) -> Dataset:
    """`mien.data.load_dataset` with a bar on stderr, which is gone when the reading is done."""
    from mien.cli.terminal import progress_bar
    from mien.data import load_dataset

    with progress_bar(f"Reading {Path(source).name}") as progress:
        return load_dataset(source, votes=votes, skip_bad=skip_bad, cache=cache, seed=seed, progress=progress)


def recorded_source(run: Run) -> str:
    """The path of the dataset that a run was trained on.

    Raises:
        RunError: The run's environment file is missing or damaged.
        ConfigError: It names no dataset.
    """
    source = run.read_json(run.environment_path, f"mien train --run {run.path}").get("data", {}).get("source")
    if not source:
        raise ConfigError(
            f"Expected the path of a dataset in {run.environment_path}. Received: none. Name it: --data …"
        )
    return str(source)


def recorded_votes(run: Run) -> Path | None:
    """The path of the votes that a run learnt from, if it did."""
    votes = run.read_json(run.environment_path, f"mien train --run {run.path}").get("data", {}).get("votes")
    return Path(votes) if votes else None
