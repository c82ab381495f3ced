"""`mien compare`: runs beside each other on one split."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.options import Seed, Split
from mien.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

    from mien.evaluate.comparison import Comparison, Pair
    from mien.evaluate.evaluation import Estimate
    from mien.run import Run

__all__ = ["compare"]

_CLEARLY = 0.05  # the customary level


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Two or more runs or models, evaluated on the split.")],
    *,
    split: Split = "val",
    save: Annotated[Path | None, typer.Option(help="Write the images that changed sides to this csv.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    seed: Seed = 0,
) -> None:
    """Compare runs on the same images: scores, McNemar's test and paired differences for each pair."""
    from mien.evaluate.comparison import compare as compare_runs
    from mien.scoring import open_run

    if len(runs) < 2:
        raise ConfigError("Expected two or more runs. Received: one. Try: mien compare runs/first runs/second")
    folders = [open_run(path) for path in runs]
    models = [(name, run.read_probabilities(split)) for name, run in zip(_names(folders), folders, strict=True)]
    comparison = compare_runs(models, split=split, seed=seed)
    if save is not None:
        _save(comparison, save)
    if as_json:
        typer.echo(json.dumps(comparison.to_dict(), indent=2, allow_nan=False))
        return
    _print(comparison, save)


def _names(runs: list[Run]) -> list[str]:
    """Folder names, or whole paths where two folders are called the same."""
    names = [run.name for run in runs]
    return names if len(set(names)) == len(names) else [str(run.path) for run in runs]


def _save(comparison: Comparison, path: Path) -> None:
    import dataclasses

    import pandas as pd

    from mien.files import atomic_write

    rows = [
        {"first": pair.first, "second": pair.second, **dataclasses.asdict(image)}
        for pair in comparison.pairs
        for image in pair.changed
    ]
    columns = ["first", "second", "sample_id", "label", "first_answer", "second_answer"]
    with atomic_write(path) as temporary:
        pd.DataFrame(rows, columns=columns).to_csv(temporary, index=False)


def _print(comparison: Comparison, save: Path | None) -> None:
    from mien.cli.terminal import say, show

    say(f"{len(comparison.scores)} runs on {comparison.split}, {comparison.n:,} images", style="bold")
    show(_scores_table(comparison))
    for pair in comparison.pairs:
        for line in _pair_lines(pair, alone=len(comparison.pairs) == 1):
            say(line)
    if save is not None:
        count = sum(len(pair.changed) for pair in comparison.pairs)
        say(f"Written to {save}: {count:,} images that changed sides")


def _scores_table(comparison: Comparison) -> Table:
    from mien.cli.terminal import plain_table
    from mien.evaluate.wording import percent

    rows = [
        (
            name,
            percent(scores.accuracy),
            percent(scores.macro_f1),
            f"{scores.log_loss.value:.3f}",
            f"{scores.ece.value:.3f}",
        )
        for name, scores in comparison.scores
    ]
    return plain_table(rows, "run", "accuracy", "macro F1", "log loss", "calibration error")


def _pair_lines(pair: Pair, *, alone: bool) -> list[str]:
    adjusted = "" if alone else f", {pair.p_adjusted:.2g} adjusted for all pairs"
    return [
        f"{pair.second} against {pair.first}: {_verdict(pair)}",
        f"  accuracy {_points(pair.accuracy)}, macro F1 {_points(pair.macro_f1)}, "
        f"log loss {pair.log_loss.value:+.3f} ({pair.log_loss.low:+.3f} to {pair.log_loss.high:+.3f})",
        f"  {pair.only_second:,} images only {pair.second} has right, {pair.only_first:,} only {pair.first} "
        f"(McNemar p = {pair.p_value:.2g}{adjusted}); both right {pair.both_right:,}, both wrong {pair.both_wrong:,}",
    ]


def _verdict(pair: Pair) -> str:
    if pair.p_adjusted >= _CLEARLY:
        return "no clear difference in accuracy"
    return f"{pair.second if pair.only_second > pair.only_first else pair.first} is more accurate"


def _points(estimate: Estimate) -> str:
    return f"{100 * estimate.value:+.2f} points ({100 * estimate.low:+.2f} to {100 * estimate.high:+.2f})"
