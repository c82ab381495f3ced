"""`mien models …`: which models come with mien."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from mien.card import ModelCard

__all__ = ["models_app"]

models_app = typer.Typer(no_args_is_help=True)


@models_app.callback()
def _options() -> None:
    """List the models that come with mien."""


@models_app.command("list")
def list_models(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False
) -> None:
    """Say which models are here, how often each is right, and how long it takes for a face on this machine."""
    from mien.card import read_card
    from mien.inference.bench import measure_face_ms
    from mien.inference.model_files import bundled_models, find_model

    rows = []
    for name in bundled_models():
        folder = find_model(name)
        facts = _model_facts(name, read_card(folder.card_path), folder.onnx_path)
        rows.append(facts | {"ms_per_face": round(measure_face_ms(name), 3)})
    if as_json:
        typer.echo(json.dumps({"models": rows}, indent=2))
        return
    _print_table(rows)


def _model_facts(name: str, card: ModelCard, path: Path) -> dict[str, Any]:
    return {
        "name": name,
        "architecture": card.architecture,
        "parameters": card.parameters,
        "bytes": path.stat().st_size,
        "metrics": card.metrics,
    }


def _print_table(rows: list[dict[str, Any]]) -> None:
    from mien.cli.terminal import plain_table, say, show

    if not rows:
        say("No model comes with this installation. Export one with: mien export RUN")
        return
    accuracy = "accuracy (95% interval)"
    cells = [
        (
            row["name"],
            _accuracy(row["metrics"]),
            f"{row['parameters']:,}",
            f"{row['bytes'] / 1e6:.1f} MB",
            f"{row['ms_per_face']:.2f}",
        )
        for row in rows
    ]
    show(plain_table(cells, "model", accuracy, "parameters", "size", "ms per face", left=(accuracy,)))
    say("")
    say("ms per face: measured just now on this machine, one thread, without detection.", style="dim")


def _accuracy(metrics: dict[str, dict[str, float]]) -> str:
    """The accuracy on test, or on val where test was not looked at."""
    for split in ("test", "val"):
        scores = metrics.get(split, {})
        if {"accuracy", "accuracy_low", "accuracy_high"} <= scores.keys():
            value, low, high = (100 * scores[key] for key in ("accuracy", "accuracy_low", "accuracy_high"))
            return f"{value:.1f}% ({low:.1f} to {high:.1f}) on {split}"
    return "not measured"
