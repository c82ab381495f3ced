"""The report: self-contained, well-formed, good with parts missing, and one sentence where a run is broken."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mien.config import Config, config_to_dict
from mien.data.dataset import Dataset, Split
from mien.emotions import COLOURS_ON_LIGHT
from mien.errors import DataError, RunError
from mien.evaluate.report import Picture, Report, write_report
from mien.evaluate.style import GRID, INK, MUTED, new_figure
from mien.run import HISTORY_COLUMNS, Probabilities, Run

Drawn = Callable[..., Probabilities]
VOID = {"meta", "img", "br", "link", "input", "hr"}


class _Page(HTMLParser):
    """What a browser would load, name and nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.names: Counter[str] = Counter()
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        assert self._open == [], f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self._open.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "data", "action"):
                self.addresses.append(value or "")
            if name == "id":
                self.names[value or ""] += 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def _write(run: Run, **options: Any) -> Report:
    """Without the figures for print, which take most of the time."""
    return write_report(run, formats=(), **options)


def _split(scored: Probabilities, seed: int, *, votes: bool = True) -> Split:
    images = np.random.default_rng(seed).integers(0, 256, (len(scored.y_true), 48, 48), np.uint8)
    counts = 10 * np.eye(10, dtype=np.float32)[scored.y_true] if votes else None
    return Split(images, scored.y_true.astype(np.int64), scored.sample_ids, counts)


def _full_run(folder: Path, drawn: Drawn) -> Run:
    run = Run(folder)
    run.write_probabilities("val", drawn(80, seed=1))
    run.write_probabilities("test", drawn(90, seed=2))
    columns = {name: np.linspace(0.1, 0.9, 5) for name in HISTORY_COLUMNS} | {"epoch": range(1, 6)}
    pd.DataFrame(columns).to_csv(run.history_path, index=False)
    run.write_json(run.config_path, config_to_dict(Config()))
    facts = {"backend": "tensorflow", "versions": {"keras": "3.8"}, "git_commit": None}
    run.write_json(run.environment_path, facts | {"data": {"fingerprint": "f" * 64}})
    return run


def _full_dataset(drawn: Drawn) -> Dataset:
    """What that run was scored on; the first five of test are also in train."""
    train, val, test = _split(drawn(100, seed=3), 3), _split(drawn(80, seed=1), 1), _split(drawn(90, seed=2), 2)
    train.images[:5] = test.images[:5]
    return Dataset(train, val, test, "official", "faces & co.csv", "f" * 64, notes=("One note.",))


@pytest.fixture
def run(tmp_path: Path, drawn: Drawn) -> Run:
    """A run with everything."""
    return _full_run(tmp_path / "full", drawn)


@pytest.fixture
def dataset(drawn: Drawn) -> Dataset:
    return _full_dataset(drawn)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, drawn: Drawn) -> Report:
    """The report of a run with everything."""
    return write_report(
        _full_run(tmp_path_factory.mktemp("report") / "full", drawn),
        dataset=_full_dataset(drawn),
        explanations=(_picture("maps", photographic=True), _picture("curves")),
    )


def _html(report: Report) -> str:
    return report.path.read_text(encoding="utf-8")


def _text(report: Report) -> str:
    return " ".join(_Page(_html(report)).text)


def _sections(report: Report) -> list[str]:
    known = ("data", "training", "scores", "confusions", "calibration", "mistakes", "labels", "explanations")
    names = _Page(_html(report)).names
    return [name for name in (*known, "environment") if names[name]]


def test_the_page_loads_nothing_and_is_well_formed(full: Report) -> None:
    page = _Page(_html(full))
    assert all(address.startswith(("#", "data:image/png;base64,")) for address in page.addresses)
    inside = {address[1:] for address in page.addresses if address.startswith("#")}
    assert inside <= set(page.names)
    assert max(page.names.values()) == 1, page.names.most_common(3)
    assert not re.search(r"@import|url\((?!#)|<script|<link", _html(full))


def test_every_section_is_there_when_everything_is_known(full: Report) -> None:
    assert (full.path.name, full.split) == ("report.html", "test")
    assert full.page_bytes < 8e6
    assert _sections(full) == [
        "data", "training", "scores", "confusions", "calibration", "mistakes", "labels", "explanations", "environment",
    ]  # fmt: skip


def test_the_headline_is_the_metrics(full: Report, drawn: Drawn) -> None:
    scored = drawn(90, seed=2)
    right = scored.probabilities.argmax(axis=1) == scored.y_true
    text = _text(full)
    assert f"{right.mean():.1%}" in text
    assert "accuracy on test (PrivateTest), 90 images" in text
    assert f"{right[5:].mean():.1%}" in text
    assert "without the 5 images that are, pixel by pixel, also in the training images" in text


def test_figures_and_suspects_are_written_for_print(full: Report) -> None:
    names = {path.name for path in full.figures}
    assert {"test_roc.png", "test_roc.svg", "training_curves.svg", "test_maps.png"} <= names
    assert all(path.stat().st_size > 1000 for path in full.figures)
    assert set(pd.read_csv(full.label_issues_path).columns) >= {"sample_id", "label", "suggested"}


def test_figures_follow_the_colours_of_the_page(full: Report) -> None:
    drawn = "".join(re.findall(r"<svg.*?</svg>", _html(full), flags=re.DOTALL))
    assert "var(--ink)" in drawn
    assert not [colour for colour in (INK, MUTED, GRID, *COLOURS_ON_LIGHT) if colour in drawn]


def test_the_page_is_the_same_each_time(full: Report, run: Run, dataset: Dataset) -> None:
    again = _write(run, dataset=dataset, explanations=(_picture("maps", photographic=True), _picture("curves")))
    assert _html(again) == _html(full)


@pytest.mark.parametrize(
    "missing", [("environment", "history"), ("config", "test"), ("environment", "history", "test")]
)
def test_a_run_with_parts_missing_still_has_a_page(run: Run, missing: tuple[str, ...]) -> None:
    paths = {
        "environment": run.environment_path,
        "config": run.config_path,
        "history": run.history_path,
        "test": run.probabilities_path("test"),
    }
    for name in missing:
        paths[name].unlink()
    report = _write(run)
    assert report.split == ("val" if "test" in missing else "test")
    sections = _sections(report)
    assert {"scores", "confusions", "calibration"} <= set(sections)
    assert "mistakes" not in sections
    assert ("training" in sections) == ("history" not in missing)


def test_without_votes_nobody_speaks_of_taggers(run: Run, dataset: Dataset, drawn: Drawn) -> None:
    plain = Dataset(dataset.train, dataset.val, _split(drawn(90, seed=2), 2, votes=False), "source", "x", "f" * 64)
    text = _text(_write(run, dataset=plain))
    assert "Surest mistakes" in text
    assert "FER+" not in text
    assert "tagger" not in text


def test_a_class_without_images_does_no_harm(run: Run, drawn: Drawn) -> None:
    scored = drawn(60, seed=5)
    kept = scored.y_true != 3
    part = Probabilities(scored.sample_ids[kept], scored.y_true[kept], scored.probabilities[kept])
    run.write_probabilities("test", part)
    text = _text(_write(run))
    assert "none here" in text
    assert "nan" not in text.lower().split()


def test_names_are_text_never_markup(tmp_path: Path, drawn: Drawn) -> None:
    run = Run(tmp_path / "<b>&run")
    scored = drawn(40, seed=1)
    ids = np.array([f'"><script>{n}</script>.jpg' for n in range(40)])
    run.write_probabilities("val", Probabilities(ids, scored.y_true, scored.probabilities))
    run.write_json(run.environment_path, {"data": {"fingerprint": "f" * 64}})
    split = _split(Probabilities(ids, scored.y_true, scored.probabilities), 1)
    dataset = Dataset(split, split, split, "source", "<i>.csv", "f" * 64, notes=("<u>",))
    html = _html(_write(run, dataset=dataset, explanations=(replace(_picture("maps"), caption="<More>"),)))
    assert not re.search(r"<script|<b>&run|<i>\.csv|<u>|<More>", html)


def test_another_dataset_is_refused(run: Run, dataset: Dataset) -> None:
    other = Dataset(dataset.train, dataset.val, dataset.train, "source", "x", "f" * 64)
    with pytest.raises(DataError, match="90 images"):
        _write(run, dataset=other)


def test_a_page_about_other_data_lies_with_its_scores(run: Run, dataset: Dataset, drawn: Drawn) -> None:
    own = _write(run, dataset=dataset)
    before = own.path.read_bytes()
    other = replace(dataset, fingerprint="0" * 64, source="photos.zip")
    with pytest.raises(RunError, match="mien evaluate"):
        _write(run, dataset=other)
    scores = run.scores_on(other.fingerprint, other.source)
    scores.write_probabilities("test", drawn(90, seed=2))
    page = _write(run, dataset=other)
    assert page.path == run.path / "other_data" / "photos-00000000" / "report.html"
    assert page.label_issues_path.parent == scores.figures_path
    assert "not the dataset that the run was trained on" in _text(page)
    assert own.path.read_bytes() == before


def test_a_run_that_was_never_scored_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="mien evaluate"):
        _write(Run(tmp_path / "new"))


def test_a_run_of_a_newer_mien_is_one_sentence(run: Run) -> None:
    run.config_path.write_text(json.dumps({"schema_version": 99}))
    with pytest.raises(RunError, match="newer mien"):
        _write(run)


def test_a_truncated_file_is_one_sentence(run: Run) -> None:
    path = run.probabilities_path("test")
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(RunError, match="Make it again with"):
        _write(run)


def _picture(name: str, *, photographic: bool = False) -> Picture:
    figure, ax = new_figure(3, 2)
    ax.plot([0, 1], [0, 1])
    return Picture(figure, f"The caption of {name}.", name, photographic)
