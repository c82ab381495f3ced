"""What the run was trained and scored on."""

from __future__ import annotations

from mien.data.audit import audit
from mien.data.dataset import SPLIT_NAMES, Dataset
from mien.emotions import EMOTIONS
from mien.evaluate.report.html import facts, paragraph, quiet, table
from mien.evaluate.report.material import Material
from mien.evaluate.report.section import Section
from mien.evaluate.wording import split_title

__all__ = ["data"]

_PROTOCOLS = {
    "official": "official: FER-2013's Training, PublicTest and PrivateTest",
    "source": "source: the dataset's own splits",
    "stratified": "stratified: 70/15/15 by emotion, identical images kept together",
}


def data(material: Material) -> Section | None:
    """Counts, protocol, duplicates and the notes of reading; what the run remembers when the dataset is not here."""
    if material.dataset is None:
        return _remembered(material)
    dataset = material.dataset
    inside = _counts(dataset) + facts(_facts(material, dataset) | _audit(dataset))
    inside += "".join(paragraph(note) for note in dataset.notes)
    trained_on = str(material.environment.get("data", {}).get("fingerprint", ""))
    if trained_on and trained_on != dataset.fingerprint:
        inside += paragraph(
            f"This is not the dataset that the run was trained on, whose fingerprint is {trained_on[:16]}."
        )
    return Section("data", "Data", inside)


def _remembered(material: Material) -> Section | None:
    known = material.environment.get("data", {})
    if not known:
        return None
    values = {name: str(known[name]) for name in ("source", "protocol", "fingerprint", "train", "val") if name in known}
    return Section(
        "data", "Data", facts(values) + quiet("The dataset was not at hand for this page, so it has no faces.")
    )


def _counts(dataset: Dataset) -> str:
    rows = []
    for name in SPLIT_NAMES:
        counts = dataset.split(name).class_counts().tolist()
        rows.append((split_title(name, dataset.protocol), f"{sum(counts):,}", *(f"{count:,}" for count in counts)))
    return table(("split", "images", *EMOTIONS), rows)


def _facts(material: Material, dataset: Dataset) -> dict[str, str]:
    values = {"source": dataset.source, "splits": _PROTOCOLS.get(dataset.protocol, dataset.protocol)}
    for name, evaluation in material.evaluations.items():
        if evaluation.identical_to_train is not None:
            share = evaluation.identical_to_train / evaluation.scores.n
            values[f"{name} images also in train"] = f"{evaluation.identical_to_train:,} ({share:.1%})"
    if dataset.skipped:
        values["left out"] = f"{len(dataset.skipped):,} rows or files that cannot be read"
    values["fingerprint"] = dataset.fingerprint
    return values


def _audit(dataset: Dataset) -> dict[str, str]:
    """What is odd about the images, without the comparison of all pairs, which `mien data audit` has time for."""
    found = audit(dataset, near_identical=False)
    worst = found.imbalance.get("train")
    values = {
        "identical images": f"{found.identical_images:,} in {len(found.identical_groups):,} groups, of which "
        f"{len(found.groups_across_splits):,} lie across splits and {len(found.conflicting_groups):,} have "
        "contradicting labels",
        "blank images": f"{len(found.blanks):,}",
    }
    if worst is not None and worst.ratio is not None:
        values["imbalance of train"] = f"{worst.ratio:.1f} times as many {worst.largest} as {worst.smallest} images"
    return values
