"""`mien train` and `mien export`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.options import Data, SkipBad, Votes
from mien.cli.reading import read_dataset, recorded_source, recorded_votes
from mien.cli.streams import import_keras_quietly
from mien.errors import ConfigError

if TYPE_CHECKING:
    from mien.data.dataset import Dataset
    from mien.run import Run

__all__ = ["export", "train"]

_EXIT_INTERRUPTED = 130  # as after any other Ctrl-C, so that `mien train … && mien evaluate …` goes no further


def train(
    source: Annotated[
        str | None,
        typer.Argument(help="FER-2013 csv, zip or folder. With --resume, the run's own source when left out."),
    ] = None,
    *,
    votes: Votes = None,
    config: Annotated[
        Path | None,
        typer.Option(help="TOML config, or the name of one that comes with mien, such as base."),
    ] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", help="section.key=value on top of the config; repeatable.")
    ] = None,
    run: Annotated[Path | None, typer.Option(help="Run folder; runs/DATE-TIME when left out.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")] = False,
    skip_bad: SkipBad = False,
    help_config: Annotated[bool, typer.Option("--help-config", help="Print every config key and stop.")] = False,
) -> None:
    """Train a network: fit on train, choose the epoch on val, write a run folder.

    FER-2013's Training and PublicTest are train and val; PrivateTest is not touched.
    """
    if help_config:
        _print_config_help()
        return
    from mien.cli.terminal import say
    from mien.config import Config, load_config, unusual_rate, with_overrides
    from mien.run import Run

    folder = Run(run or Path("runs") / time.strftime("%Y%m%d-%H%M%S"))
    if not resume:
        folder.require_new()
    elif config or assignments:
        raise ConfigError("Expected --resume alone: the run's own config is used. Leave --config and --set out.")
    base = folder.read_config() if resume else load_config(config) if config else Config()
    chosen = with_overrides(base, assignments or [])
    if source is None and not resume:
        raise ConfigError(
            "Expected a dataset: a csv, zip or folder. Received: none. Try: mien train fer2013.csv, "
            "or draw one with: mien data synthetic faces"
        )
    if remark := unusual_rate(chosen):
        say(remark, style="yellow")
    votes = votes or (recorded_votes(folder) if resume else None)
    dataset = read_dataset(source or recorded_source(folder), votes=votes, skip_bad=skip_bad)

    import_keras_quietly()
    from mien.cli.terminal import TrainingDisplay
    from mien.learn.training import train as train_network

    say(f"{dataset.source}: {len(dataset.train):,} train, {len(dataset.val):,} val ({dataset.protocol} split)")
    with TrainingDisplay() as display:
        result = train_network(
            chosen,
            dataset.train,
            dataset.val,
            folder,
            resume=resume,
            data_facts=_facts(dataset) | ({"votes": str(votes.resolve())} if votes else {}),
            observer=display,
        )
    if result.interrupted:
        say(f"Stopped after epoch {result.epochs}. Go on with: mien train --resume --run {folder.path}")
    say(f"Best val accuracy {result.val_accuracy:.2%} at epoch {result.best_epoch} of {result.epochs}.", style="bold")
    say(f"Model: {folder.model_path}")
    if result.interrupted:
        raise typer.Exit(_EXIT_INTERRUPTED)
    say(f"Next: mien evaluate {folder.path} --split val")


def export(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    *,
    source: Data = None,
    votes: Votes = None,
    compact: Annotated[bool, typer.Option(help="Store ONNX kernels in 16 bits: half the size.")] = True,
    int8: Annotated[bool, typer.Option("--int8", help="Write an int8 copy, too, and say what it costs.")] = False,
) -> None:
    """Write model.h5, model.onnx and model.json, and prove on the whole val split that they equal the Keras model.

    The int8 copy goes into the folder int8 of the run, with a card of its own: mien predict photo.jpg --model RUN/int8
    """
    from mien.run import Run

    folder = Run(run)
    folder.require(folder.model_path, f"mien train --run {run}")
    dataset = read_dataset(source or recorded_source(folder), votes=votes or recorded_votes(folder), skip_bad=True)

    import_keras_quietly()
    from mien.cli.terminal import facts_table, show, working
    from mien.learn.export import export as export_run

    with working("Exporting"):
        result = export_run(folder, dataset.val, compact=compact)
    rows = {
        "Keras": str(result.keras_path),
        "HDF5": str(result.h5_path),
        "ONNX": f"{result.onnx_path} ({result.onnx_bytes / 1e6:.1f} MB)",
        "card": str(result.card_path),
        "parity": f"max |Δp| {result.max_difference:.1e}, same answer on {result.same_argmax:.0%} "
        f"of {result.images:,} val images",
    }
    if int8:
        rows |= _int8_facts(folder, dataset)
    show(facts_table("Exported", rows))


def _int8_facts(run: Run, dataset: Dataset) -> dict[str, str]:
    from mien.learn.quantise import quantise
    from mien.run import Run

    made = quantise(run, Run(run.int8_path), dataset.train, dataset.val)
    return {
        "int8": f"{made.onnx_path} ({made.onnx_bytes / 1e6:.1f} MB)",
        "int8 accuracy": f"{made.accuracy:.2%} on val, {100 * (made.accuracy - made.float_accuracy):+.2f} points; "
        f"same answer on {made.same_answer:.1%}",
        "int8 speed": f"{made.ms_per_face:.2f} ms per face on this machine, float32 {made.float_ms_per_face:.2f} ms",
    }


def _facts(dataset: Dataset) -> dict[str, Any]:
    return {
        **dataset.facts(),
        "train": len(dataset.train),
        "val": len(dataset.val),
        "notes": list(dataset.notes),
        "skipped": len(dataset.skipped),
    }


def _print_config_help() -> None:
    from mien.cli.terminal import plain_table, show
    from mien.config import Config, config_to_dict, field_docs

    defaults = config_to_dict(Config())
    for section, docs in field_docs().items():
        rows = [(key, str(defaults[section][key]), meaning) for key, meaning in docs.items()]
        show(plain_table(rows, "key", "default", "meaning", left=("default", "meaning"), title=f"[{section}]"))
