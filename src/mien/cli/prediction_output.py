"""How predictions are printed: a table for people; JSON, JSON lines and CSV for programs."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import Any, TextIO

from mien.cli.streams import printable
from mien.emotions import EMOTIONS
from mien.errors import ConfigError
from mien.inference.results import Face, Prediction, Unreadable

__all__ = ["CSV_COLUMNS", "Writer", "chosen_writer"]

CSV_COLUMNS = (
    "source",
    "error",
    "faces",
    "face",
    "x",
    "y",
    "width",
    "height",
    "detection_score",
    "emotion",
    "confidence",
    "uncertain",
    "quality",
    *EMOTIONS,
)

_HEADINGS = ("photo", "emotion", "confidence", "next", "x, y, width × height", "quality")


def chosen_writer(*, as_json: bool, as_jsonl: bool, as_csv: bool, out: TextIO | None = None) -> Writer:
    """The writer that the options ask for; a table without any.

    Raises:
        ConfigError: More than one form was asked for.
    """
    if as_json + as_jsonl + as_csv > 1:
        raise ConfigError("Expected one of --json, --jsonl and --csv. Received: several.")
    kind = JsonWriter if as_json else JsonLinesWriter if as_jsonl else CsvWriter if as_csv else TableWriter
    return kind(out or sys.stdout)


class Writer:
    """Prints results one by one; `with` it finishes what it began, even when something fails half way."""

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.unreadable = 0

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()

    def write(self, result: Prediction | Unreadable) -> None:
        """Print one result, or keep it for the end."""
        self.unreadable += isinstance(result, Unreadable)
        self.add(result)

    def add(self, result: Prediction | Unreadable) -> None:
        """What each form does with a result."""
        raise NotImplementedError

    def finish(self) -> None:
        """What each form prints at the end."""
        self.out.flush()


class JsonWriter(Writer):
    """One list."""

    def __init__(self, out: TextIO) -> None:
        super().__init__(out)
        self._values: list[dict[str, Any]] = []

    def add(self, result: Prediction | Unreadable) -> None:
        """Keep it for the list."""
        self._values.append(result.to_dict())

    def finish(self) -> None:
        """Print the list."""
        self.out.write(json.dumps(self._values, indent=2, ensure_ascii=_needs_escapes(self.out)) + "\n")
        super().finish()


def _needs_escapes(out: TextIO) -> bool:
    """Whether names in other scripts go into JSON as escapes, because not all of them can be written otherwise."""
    return (out.encoding or "").lower().replace("-", "") not in ("", "utf8")


class JsonLinesWriter(Writer):
    """One object per line and photo."""

    def add(self, result: Prediction | Unreadable) -> None:
        """Print it."""
        self.out.write(json.dumps(result.to_dict(), ensure_ascii=_needs_escapes(self.out)) + "\n")
        self.out.flush()


class CsvWriter(Writer):
    """One row per face; a photo without faces, or one that could not be read, has one row, too."""

    def __init__(self, out: TextIO) -> None:
        super().__init__(out)
        self._rows = csv.DictWriter(out, CSV_COLUMNS, restval="", lineterminator="\n")
        self._rows.writeheader()

    def add(self, result: Prediction | Unreadable) -> None:
        """Print its rows."""
        rows = _csv_rows(result.to_dict())
        if self.out.isatty():  # a name may hold what commands a terminal; into a file it goes as it is
            rows = (row | {"source": printable(row["source"])} for row in rows)
        self._rows.writerows(rows)
        self.out.flush()


def _csv_rows(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    faces = result.get("faces")
    if not faces:
        yield {"source": result["source"], "error": result.get("error", ""), "faces": "" if faces is None else 0}
        return
    for number, face in enumerate(faces, start=1):
        row = {name: face[name] for name in ("detection_score", "emotion", "confidence", "uncertain")}
        yield (
            {"source": result["source"], "faces": len(faces), "face": number, **row}
            | {"quality": ", ".join(face["quality"])}
            | face["box"]
            | face["probabilities"]
        )


class TableWriter(Writer):
    """One row per face, and a footer that says who answered."""

    def __init__(self, out: TextIO) -> None:
        super().__init__(out)
        self._results: list[Prediction | Unreadable] = []

    def add(self, result: Prediction | Unreadable) -> None:
        """Keep it for the table."""
        self._results.append(result)

    def finish(self) -> None:
        """Print the table."""
        from mien.cli.terminal import fitted_table, say, show

        if not self._results:
            return
        rows = [cells for result in self._results for cells in _table_rows(result)]
        if not any(cells[-1] for cells in rows):
            rows = [cells[:-1] for cells in rows]
        # The name of the photo matters more than where in it the face is; --json has everything.
        least = ("x, y, width × height", "next", "quality")
        table = fitted_table(rows, *_HEADINGS[: len(rows[0])], left=_HEADINGS[:2] + least, least=least, out=self.out)
        show(table, out=self.out)
        say("", out=self.out)
        for line in _summary(self._results):
            say(line, style="dim", out=self.out)
        super().finish()


def _table_rows(result: Prediction | Unreadable) -> Iterator[list[Any]]:
    from rich.text import Text

    if isinstance(result, Unreadable):
        yield [str(result.source), Text("not read", style="red"), "", "", "", ""]
        return
    if not result.faces:
        yield [str(result.source), Text("no face", style="dim"), "", "", "", ""]
    for number, face in enumerate(result.faces):
        yield [str(result.source) if number == 0 else "", *_face_cells(face)]


def _face_cells(face: Face) -> list[Any]:
    from rich.text import Text

    others = sorted(face.probabilities.items(), key=lambda item: -item[1])
    second, probability = others[1]
    x, y, width, height = (round(value) for value in face.box)
    emotion = Text(face.emotion, style="bold") + Text(" ?" if face.uncertain else "", style="yellow")
    return [
        emotion,
        f"{face.confidence:.0%}",
        Text(f"{second} {probability:.0%}", style="dim"),
        Text(f"{x}, {y}, {width} × {height}", style="dim"),
        Text(", ".join(face.quality), style="yellow"),
    ]


def _summary(results: list[Prediction | Unreadable]) -> list[str]:
    predictions = [result for result in results if isinstance(result, Prediction)]
    lines = [f"{result.source}: {result.error}" for result in results if isinstance(result, Unreadable)]
    faces = [face for prediction in predictions for face in prediction.faces]
    if predictions:
        first = predictions[0]
        lines.append(
            f"{_count(len(predictions), 'photo')}, {_count(len(faces), 'face')}. "
            f"Detector: {first.detector}. Model: {first.model}."
        )
        if any(face.uncertain for face in faces):
            lines.append("? marks answers that are less sure than the model's threshold.")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
