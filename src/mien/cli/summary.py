"""`mien data summary`: a dataset in numbers and pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.options import Seed, SkipBad, Source
from mien.errors import MissingExtraError

if TYPE_CHECKING:
    from rich.table import Table

    from mien.config import AugmentConfig
    from mien.data.dataset import Dataset
    from mien.data.summary import PixelStatistics, Summary

__all__ = ["summary"]


def summary(
    source: Source,
    *,
    out: Annotated[Path, typer.Option(help="Folder for the figures.")] = Path("summary"),
    figures: Annotated[bool, typer.Option(help="Draw figures, which needs mien[train].")] = True,
    config: Annotated[Path | None, typer.Option(help="TOML config whose augmentation is shown.")] = None,
    skip_bad: SkipBad = False,
    seed: Seed = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Print a dataset's classes and pixel values, and draw its distribution, samples, mean faces and augmentation."""
    from mien.cli.reading import read_dataset
    from mien.cli.terminal import say, show
    from mien.config import Config, load_config
    from mien.data.summary import summarize

    settings = load_config(config) if config else Config()
    dataset = read_dataset(source, skip_bad=skip_bad, seed=seed)
    found = summarize(dataset)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=2))
    else:
        say(f"{dataset.source}: {len(dataset):,} images", style="bold")
        for table in (_class_table(found), _pixel_table(found)):
            say("")
            show(table)
    if figures:
        written = _write_figures(dataset, found, settings.augment, out, seed)
        if not as_json:
            say(f"Figures in {out}: {', '.join(path.name for path in written)}")


def _write_figures(dataset: Dataset, found: Summary, augment: AugmentConfig, out: Path, seed: int) -> list[Path]:
    try:
        from mien.evaluate import data_plots
        from mien.evaluate.figures import write_figures
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "Drawing the figures of mien data summary", "train", error.name or "matplotlib"
        ) from error
    import numpy as np

    from mien.evaluate.overview import one_of_each
    from mien.learn.augment import augment_batch

    rng = np.random.default_rng(seed)
    train = dataset.train
    shuffled = rng.permutation(len(train))
    index = shuffled[one_of_each(train.labels[shuffled], per_emotion=1)]
    return write_figures(
        out,
        {
            "class_distribution": data_plots.class_distribution_figure(found),
            "samples": data_plots.samples_figure(train, seed=seed),
            "mean_faces": data_plots.mean_faces_figure(found),
            "augmentation": data_plots.augmentation_figure(
                train.images[index], lambda images: augment_batch(images, augment, rng), labels=train.labels[index]
            ),
        },
    )


def _class_table(found: Summary) -> Table:
    from mien.cli.terminal import plain_table
    from mien.emotions import EMOTIONS

    splits = found.splits.values()
    rows = [
        (name, *(_count(int(split.class_counts[number]), split.images) for split in splits))
        for number, name in enumerate(EMOTIONS)
    ]
    rows.append(("total", *(f"{split.images:,}" for split in splits)))
    return plain_table(rows, "emotion", *found.splits)


def _count(count: int, images: int) -> str:
    return f"{count:,} ({count / images:.1%})" if images else f"{count:,}"


def _pixel_table(found: Summary) -> Table:
    from mien.cli.terminal import plain_table

    headings = ("mean", "std", "std of image means", "mean of image stds", "black", "white")
    measured = {name: split.pixels for name, split in found.splits.items() if split.pixels is not None}
    columns = [
        (*(f"{value:.1f}" for value in (p.mean, p.std, p.image_mean_std, p.image_std_mean)), *_shares(p))
        for p in measured.values()
    ]
    return plain_table(list(zip(headings, *columns, strict=True)), "grey, 0 to 255", *measured)


def _shares(pixels: PixelStatistics) -> tuple[str, str]:
    return f"{pixels.black_share:.2%}", f"{pixels.white_share:.2%}"
