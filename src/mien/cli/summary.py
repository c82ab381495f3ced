"""`mien data summary`: a dataset in numbers and pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.errors import MissingExtraError

if TYPE_CHECKING:
    from rich.table import Table

    from mien.config import AugmentConfig
    from mien.data.dataset import Dataset
    from mien.data.summary import Summary

__all__ = ["summary"]


def summary(
    source: Annotated[Path, typer.Argument(help="fer2013.csv (.gz, .zip), archive.zip, or a folder of images.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder for the figures.")] = Path("summary"),
    figures: Annotated[bool, typer.Option(help="Draw figures, which needs mien[train].")] = True,
    config: Annotated[Path | None, typer.Option(help="TOML config whose augmentation is shown.")] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out rows and files that cannot be read.")] = False,
    seed: Annotated[int, typer.Option(help="Decides which faces are shown, and the split where there is none.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Print a dataset's classes and pixel values, and draw its distribution, samples, mean faces and augmentation."""
    from rich.console import Console
    from rich.text import Text

    from mien.cli.reading import read_dataset
    from mien.config import Config, load_config
    from mien.data.summary import summarize

    settings = load_config(config) if config else Config()
    dataset = read_dataset(source, skip_bad=skip_bad, seed=seed)
    found = summarize(dataset)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=2))
    else:
        console = Console()
        # As Text, because a path may hold brackets, which Rich would read as markup.
        console.print(Text(f"{dataset.source}: {len(dataset):,} images", style="bold"), soft_wrap=True)
        console.print(_class_table(found))
        console.print(_pixel_table(found))
    if figures:
        written = _write_figures(dataset, found, settings.augment, out, seed)
        if not as_json:
            console.print(Text(f"Figures in {out}: {', '.join(path.name for path in written)}"), soft_wrap=True)


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
    from rich import box
    from rich.table import Table

    from mien.emotions import EMOTIONS

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("split")
    for heading in ("total", *EMOTIONS):
        table.add_column(heading, justify="right")
    for name, split in found.splits.items():
        counts = split.class_counts.tolist()
        shares = (f"{count / split.images:.1%}" if split.images else "" for count in counts)
        table.add_row(name, f"{split.images:,}", *(f"{count:,}" for count in counts))
        table.add_row("", "", *shares, style="dim")
    return table


def _pixel_table(found: Summary) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("grey, 0 to 255")
    for heading in ("mean", "std", "std of image means", "mean of image stds", "black", "white"):
        table.add_column(heading, justify="right")
    for name, split in found.splits.items():
        p = split.pixels
        if p is not None:
            values = (p.mean, p.std, p.image_mean_std, p.image_std_mean)
            table.add_row(name, *(f"{value:.1f}" for value in values), f"{p.black_share:.2%}", f"{p.white_share:.2%}")
    return table
