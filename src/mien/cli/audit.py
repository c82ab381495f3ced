"""`mien data audit`: what is wrong with a dataset, and a cleaned copy of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.options import Seed, SkipBad, Source

if TYPE_CHECKING:
    from rich.table import Table

    from mien.data.audit import Audit
    from mien.data.clean import Cleaned
    from mien.data.dataset import Dataset

__all__ = ["audit"]


def audit(
    source: Source,
    *,
    clean: Annotated[
        Path | None, typer.Option(help="Write a cleaned dataset: a new folder, or a .csv or .csv.gz file.")
    ] = None,
    clean_near: Annotated[
        bool, typer.Option("--clean-near", help="Also leave out train images that almost equal one of val or test.")
    ] = False,
    near: Annotated[bool, typer.Option(help="Also look for near-identical images.")] = True,
    skip_bad: SkipBad = False,
    seed: Seed = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print every finding as JSON.")] = False,
) -> None:
    """Find duplicates, contradictory labels, blanks and imbalance, and leave them out if asked."""
    from mien.cli.reading import read_dataset
    from mien.cli.terminal import progress_bar, say, show
    from mien.data.audit import audit as audit_dataset
    from mien.errors import ConfigError

    if clean_near and (clean is None or not near):
        raise ConfigError(
            "Expected --clean-near together with --clean, and without --no-near. Add or drop one of them."
        )
    dataset = read_dataset(source, skip_bad=skip_bad, seed=seed)
    with progress_bar("Comparing images") as progress:
        found = audit_dataset(dataset, near_identical=near, progress=progress)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=2))
    else:
        say(f"{dataset.source}: {len(dataset):,} images", style="bold")
        show(_table(found))
    if clean is not None:
        cleaned, list_path = _write_clean(dataset, found, clean, clean_near)
        for line in _summary(cleaned, clean, list_path):
            say(line, stderr=as_json)  # so that standard output is JSON and nothing else


def _write_clean(dataset: Dataset, found: Audit, out: Path, near: bool) -> tuple[Cleaned, Path]:
    from mien.data.clean import clean, write_removed
    from mien.data.writing import write_csv, write_folder

    cleaned = clean(dataset, near_identical=(found.near_identical or ()) if near else ())
    if out.name.endswith((".csv", ".csv.gz")):
        write_csv(cleaned.dataset, out)
        list_path = out.with_name(f"{out.name.partition('.csv')[0]}-removed.csv")
    else:
        write_folder(cleaned.dataset, out)
        list_path = out / "removed.csv"
    write_removed(cleaned.removed, list_path)
    return cleaned, list_path


def _table(found: Audit) -> Table:
    from mien.cli.terminal import plain_table

    return plain_table(_rows(found), "finding", "number", "means", left=("means",))


def _rows(found: Audit) -> list[tuple[str, str, str]]:
    images = found.images
    rows = [
        ("identical groups", f"{len(found.identical_groups):,}", f"with {found.identical_images:,} images"),
        ("… with conflicting labels", f"{len(found.conflicting_groups):,}", "one picture, several labels"),
        ("… across splits", f"{len(found.groups_across_splits):,}", ""),
    ]
    for name, count in found.identical_to_train.items():
        share = f"{count / images[name]:.1%} of its images are seen in training" if images[name] else "no images"
        rows.append((f"{name} images also in train", f"{count:,}", share))
    if found.near_identical is not None:
        across = f"{len(found.near_identical_across_splits):,} of them across splits; pixels correlate by at least "
        rows.append(
            ("near-identical pairs", f"{len(found.near_identical):,}", f"{across}{found.similarity_threshold:g}")
        )
    rows.append(("blank images", f"{len(found.blanks):,}", f"{len(found.constants):,} of them constant"))
    for name, imbalance in found.imbalance.items():
        ratio = f"{imbalance.ratio:.1f} : 1" if imbalance.ratio else "∞"
        sizes = f"{imbalance.largest} {imbalance.largest_images:,}, {imbalance.smallest} {imbalance.smallest_images:,}"
        rows.append((f"imbalance of {name}", ratio, sizes))
    rows.append(("unreadable", f"{len(found.unreadable):,}", "left out" if found.unreadable else ""))
    return rows


def _summary(cleaned: Cleaned, out: Path, list_path: Path) -> tuple[str, str]:
    from collections import Counter

    reasons = Counter(row.reason for row in cleaned.removed)
    listed = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common()) or "nothing"
    return (
        f"Cleaned: {len(cleaned.dataset):,} images in {out}; left out {len(cleaned.removed):,} ({listed}).",
        f"What was left out and why: {list_path}",
    )
