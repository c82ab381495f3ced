"""`mien bench`: how fast mien is on this machine."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from mien.cli.options import Detector, Threads

__all__ = ["bench"]


def bench(
    model: Annotated[
        list[str] | None, typer.Argument(help="Bundled models or run folders; all bundled if none.")
    ] = None,
    *,
    detector: Detector = "yunet",
    threads: Threads = None,
    seconds: Annotated[float, typer.Option(min=0.01, max=600, help="How long each figure is measured for.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Measure cold start, faces, photos, video and memory on this machine."""
    from mien.cli.terminal import working
    from mien.errors import ModelError
    from mien.inference.bench import measure_cold_start, measure_speed
    from mien.inference.model_files import bundled_models, find_model
    from mien.machine import usable_cores

    rows: list[dict[str, Any]] = []
    names = model or list(bundled_models())
    if not names:
        raise ModelError("Expected a bundled model or a run folder. Received: none. Name one: mien bench runs/first")
    for name in names:
        find_model(name)  # before anything is measured
    for name in names:
        with working(f"Measuring {name}"):
            cold = measure_cold_start(name, detector=detector)
            speed = measure_speed(name, detector=detector, threads=threads, seconds=seconds)
            rows.append(
                speed.to_dict() | {"cold_start_seconds": cold.wall_seconds, "cold_start_megabytes": cold.peak_megabytes}
            )
    if as_json:
        typer.echo(json.dumps({"cores": usable_cores(), "models": rows}, indent=2))
        return
    _print_table(rows)


def _print_table(rows: list[dict[str, Any]]) -> None:
    from mien.cli.terminal import plain_table, show

    lines = {
        "cold start to the first answer": [f"{row['cold_start_seconds']:.2f} s" for row in rows],
        "  peak of its memory": [_megabytes(row["cold_start_megabytes"]) for row in rows],
        "one face, half of the calls below": [f"{row['face_p50_ms']:.2f} ms" for row in rows],
        "  95 % of the calls below": [f"{row['face_p95_ms']:.2f} ms" for row in rows],
        "faces per second": [f"{row['faces_per_second']:,.0f} (batch {row['best_batch']})" for row in rows],
        f"photo of 1280 × 960 ({rows[0]['detector']})": [f"{row['photo_p50_ms']:.1f} ms" for row in rows],
        "video of 640 × 360": [f"{row['video_fps']:.0f} frames/s" for row in rows],
    }
    show(plain_table([(name, *cells) for name, cells in lines.items()], "", *(row["model"] for row in rows)))


def _megabytes(peak: float | None) -> str:
    return "unknown" if peak is None else f"{peak:.0f} MB"
