"""`mien models …`: which models and detectors this machine has, and how to get what is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.errors import ModelError

if TYPE_CHECKING:
    from mien.card import ModelCard

__all__ = ["models_app"]

models_app = typer.Typer(no_args_is_help=True)


@models_app.callback()
def _options() -> None:
    """List models and detectors, and fetch the detector that mien does not carry."""


@models_app.command("list")
def list_models(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False
) -> None:
    """Say which models and face detectors are here, and how long each model takes for a face on this machine."""
    from mien.card import read_card
    from mien.inference.bench import measure_face_ms
    from mien.inference.model_files import bundled_models, find_model

    rows = []
    for name in bundled_models():
        folder = find_model(name)
        facts = _model_facts(name, read_card(folder.card_path), folder.onnx_path)
        rows.append(facts | {"ms_per_face": round(measure_face_ms(name), 3)})
    detectors = _detector_facts()
    if as_json:
        typer.echo(json.dumps({"models": rows, "detectors": detectors}, indent=2))
        return
    _print_tables(rows, detectors)


@models_app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="What to fetch: yunet.")],
    *,
    to: Annotated[Path | None, typer.Option(help="Where to put it; your cache folder if unset.")] = None,
) -> None:
    """Download a detector from its official address and check it."""
    if name != "yunet":
        raise ModelError(f"Expected yunet, the only file to fetch: models come with mien. Received: {name!r}.")
    from rich.console import Console

    from mien.inference.yunet_file import fetch_yunet

    with Console(stderr=True).status("Fetching yunet"):
        path = fetch_yunet(to)
    typer.echo(f"yunet is in {path}" + ("" if to is None else f". To use it: mien predict --yunet {path} …"))


def _model_facts(name: str, card: ModelCard, path: Path) -> dict[str, Any]:
    return {
        "name": name,
        "architecture": card.architecture,
        "parameters": card.parameters,
        "bytes": path.stat().st_size,
        "metrics": card.metrics,
    }


def _detector_facts() -> list[dict[str, str | None]]:
    from mien.inference.faces import HaarDetector
    from mien.inference.yunet_file import FETCH_COMMAND, find_yunet

    path = find_yunet()
    haar = "comes with OpenCV 4" if HaarDetector.is_available() else None
    return [
        {"name": "yunet", "here": None if path is None else str(path), "missing": f"get it with: {FETCH_COMMAND}"},
        {"name": "haar", "here": haar, "missing": "this OpenCV has left it out"},
        {"name": "none", "here": "for photos that are faces", "missing": ""},
    ]


def _print_tables(rows: list[dict[str, Any]], detectors: list[dict[str, str | None]]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    style: dict[str, Any] = {"header_style": "bold", "box": None, "pad_edge": False, "padding": (0, 3, 0, 0)}
    models = Table("model", "accuracy (95% interval)", **style)
    for name in ("parameters", "size", "ms per face"):
        models.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        size, speed = f"{row['bytes'] / 1e6:.1f} MB", f"{row['ms_per_face']:.2f}"
        models.add_row(row["name"], _accuracy(row["metrics"]), f"{row['parameters']:,}", size, speed)
    console.print(models if rows else "No model comes with this installation. Export one with: mien export RUN")
    if rows:
        console.print("\nms per face: measured just now on this machine, one thread, without detection.", style="dim")
    table = Table("detector", "where", **style)
    for detector in detectors:
        table.add_row(detector["name"], detector["here"] or f"not here; {detector['missing']}")
    console.print()
    console.print(table)


def _accuracy(metrics: dict[str, dict[str, float]]) -> str:
    """The accuracy on test, or on val where test was not looked at."""
    for split in ("test", "val"):
        scores = metrics.get(split, {})
        if {"accuracy", "accuracy_low", "accuracy_high"} <= scores.keys():
            value, low, high = (100 * scores[key] for key in ("accuracy", "accuracy_low", "accuracy_high"))
            return f"{value:.1f}% ({low:.1f} to {high:.1f}) on {split}"
    return "not measured"
