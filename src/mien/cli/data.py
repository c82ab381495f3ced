"""`mien data …`: check a source, and what else is done with datasets before training."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.options import Seed, SkipBad, Source, Votes

if TYPE_CHECKING:
    from rich.table import Table

    from mien.data.dataset import Dataset

__all__ = ["data_app"]

data_app = typer.Typer(no_args_is_help=True)

# As many skipped rows or files as fit on a screen; --json lists all of them.
SKIPPED_SHOWN = 10


@data_app.callback()
def _options() -> None:
    """Read, check, summarise, audit and draw datasets."""


@data_app.command()
def check(
    source: Source,
    *,
    votes: Votes = None,
    skip_bad: SkipBad = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Read anew, and keep nothing for the next time.")
    ] = False,
    seed: Seed = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Read a dataset and print its splits, their counts and what is odd about it."""
    from mien.cli.reading import read_dataset

    dataset = read_dataset(source, votes=votes, skip_bad=skip_bad, cache=not no_cache, seed=seed)
    if as_json:
        typer.echo(json.dumps(_facts(dataset), indent=2))
        return
    _print_check(dataset)


def _print_check(dataset: Dataset) -> None:
    from mien.cli.terminal import say, show

    say(f"{dataset.source}: {len(dataset):,} images", style="bold")
    say("")
    show(_counts_table(dataset))
    say("")
    lines = [("protocol", f"{dataset.protocol} ({_PROTOCOL_MEANINGS[dataset.protocol]})")]
    if dataset.train.votes is not None:
        lines.append(("votes", "FER+ votes are joined to every row"))
    lines += [("note", note) for note in dataset.notes]
    lines += [("skipped", f"{where}: {why}") for where, why in dataset.skipped[:SKIPPED_SHOWN]]
    if len(dataset.skipped) > SKIPPED_SHOWN:
        lines.append(("skipped", f"… and {len(dataset.skipped) - SKIPPED_SHOWN:,} more; --json lists them all"))
    lines.append(("fingerprint", dataset.fingerprint))
    for name, text in lines:
        say(f"{name:<12}{text}")


_PROTOCOL_MEANINGS = {
    "official": "FER-2013's Training, PublicTest and PrivateTest",
    "source": "the source's own splits",
    "stratified": "70/15/15 by class, identical images kept together",
}


def _counts_table(dataset: Dataset) -> Table:
    from mien.cli.terminal import plain_table
    from mien.data.dataset import SPLIT_NAMES
    from mien.emotions import EMOTIONS

    counts = [dataset.split(name).class_counts().tolist() for name in SPLIT_NAMES]
    rows = [(name, *(f"{count:,}" for count in of_splits)) for name, *of_splits in zip(EMOTIONS, *counts, strict=True)]
    rows.append(("total", *(f"{len(dataset.split(name)):,}" for name in SPLIT_NAMES)))
    return plain_table(rows, "emotion", *SPLIT_NAMES)


def _facts(dataset: Dataset) -> dict[str, Any]:
    from mien.data.dataset import SPLIT_NAMES
    from mien.emotions import EMOTIONS

    return {
        "source": dataset.source,
        "protocol": dataset.protocol,
        "fingerprint": dataset.fingerprint,
        "images": len(dataset),
        "splits": {
            name: {
                "images": len(dataset.split(name)),
                "classes": dict(zip(EMOTIONS, dataset.split(name).class_counts().tolist(), strict=True)),
            }
            for name in SPLIT_NAMES
        },
        "votes": dataset.train.votes is not None,
        "notes": list(dataset.notes),
        "skipped": [{"where": where, "why": why} for where, why in dataset.skipped],
    }
