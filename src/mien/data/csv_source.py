"""FER-2013's csv form: one row per image, with the columns emotion, pixels and (mostly) Usage.

Owns the parsing and checking of rows. Opening plain, gzipped and zipped files is `sources`' business.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

from mien.data.reading import (
    NOT_SAID,
    SPLIT_BY_USAGE,
    WHAT_IS_READ,
    Problems,
    Progress,
    Samples,
    damage,
    describe_other,
    undamaged,
    usage_code,
)
from mien.emotions import INPUT_SIZE_PX, NUM_EMOTIONS
from mien.errors import DataError

__all__ = ["Columns", "find_columns", "read_csv"]

PIXELS_PER_IMAGE = INPUT_SIZE_PX * INPUT_SIZE_PX

# The longest honest row: 2,304 pixels of three digits and a space, a label and a Usage, is under 9.3 kB. A line
# far beyond that is no row, and must not fill the memory (a gzip of zeros is one endless line).
MAX_LINE_BYTES = 1 << 20

# Telling progress on each of 35,887 rows would cost more than it shows.
ROWS_PER_PROGRESS = 500


class Columns(NamedTuple):
    """Where the columns stand in a row; `usage` is None when there is no such column."""

    emotion: int
    pixels: int
    usage: int | None
    width: int


class _Row(NamedTuple):
    image: np.ndarray
    label: int
    membership: int


class _BadRowError(Exception):
    """A row that cannot be used: what was expected, and what came."""

    def __init__(self, expected: str, received: str) -> None:
        super().__init__(expected, received)
        self.expected = expected
        self.received = received


def find_columns(header: bytes) -> Columns | None:
    """Where emotion, pixels and Usage stand in a header line.

    Args:
        header: The first line of the file, as it is. Spaces and capitals do not matter, because a public copy
            (`icml_face_data.csv`) spells its columns `emotion, Usage, pixels` with the spaces.

    Returns:
        The columns, or None when this is not the header of a FER-2013 csv.
    """
    names = [name.strip().strip('"').strip().lower() for name in _decode(header).split(",")]
    if "emotion" not in names or "pixels" not in names:
        return None
    usage = names.index("usage") if "usage" in names else None
    return Columns(names.index("emotion"), names.index("pixels"), usage, len(names))


def read_csv(
    stream: BinaryIO,
    *,
    name: str,
    problems: Problems,
    progress: Progress | None = None,
    total_bytes: int = 0,
    max_bytes: int | None = None,
) -> Samples:
    """Read every row of a FER-2013 csv.

    Args:
        stream: The csv's bytes, already unpacked.
        name: What to call the file in messages.
        problems: Where bad rows go.
        progress: Called with the bytes read so far and `total_bytes`.
        total_bytes: Size of the unpacked csv, for the progress only.
        max_bytes: More than this is a compression bomb, not a csv.

    Returns:
        The rows in their order in the file, ids `row-1`, `row-2`, …; blank lines are not rows.

    Raises:
        DataError: The header is not FER-2013's, no row is usable, or a row is bad and must not be skipped.
    """
    columns = _read_header(stream, name)
    rows: list[_Row] = []
    numbers: list[int] = []
    row_number = 0
    done_bytes = 0
    for line in _lines(stream, name, problems):
        done_bytes += len(line)
        if max_bytes is not None and done_bytes > max_bytes:
            problems.report(name, expected="a plausible compression", received=f"more than {max_bytes:,} bytes in it")
            break
        if not line.strip():
            continue
        row_number += 1
        try:
            rows.append(_parse_row(line, columns))
            numbers.append(row_number)
        except _BadRowError as bad:
            problems.report(f"{name} row {row_number}", expected=bad.expected, received=bad.received)
        if progress and row_number % ROWS_PER_PROGRESS == 0:
            progress(done_bytes, max(total_bytes, done_bytes))
    if not rows:
        problems.refuse_empty(name)
    return _to_samples(rows, numbers, columns, row_number, problems)


def _to_samples(rows: list[_Row], numbers: list[int], columns: Columns, row_count: int, problems: Problems) -> Samples:
    return Samples(
        images=np.stack([row.image for row in rows]).reshape(-1, INPUT_SIZE_PX, INPUT_SIZE_PX),  # (N, 48, 48)
        labels=np.array([row.label for row in rows], dtype=np.int64),
        sample_ids=np.array([f"row-{number}" for number in numbers]),
        membership=np.array([row.membership for row in rows], dtype=np.int8),
        split_by="" if columns.usage is None else SPLIT_BY_USAGE,
        row_count=row_count,
        skipped=problems.skipped,
    )


def _read_header(stream: BinaryIO, name: str) -> Columns:
    with undamaged(name):
        header = stream.readline(MAX_LINE_BYTES)
    if not header.strip():
        raise DataError(f"Expected a header with emotion and pixels in {name}. Received: an empty file.")
    columns = find_columns(header)
    if columns is None:
        raise DataError(
            f"Expected the columns emotion, pixels and Usage in {name}. Received: {describe_other(header)}. "
            f"{WHAT_IS_READ}"
        )
    return columns


def _lines(stream: BinaryIO, name: str, problems: Problems) -> Iterator[bytes]:
    """The lines after the header; a file that breaks off counts as one bad item."""
    while True:
        try:
            line = stream.readline(MAX_LINE_BYTES)
        except Exception as error:  # gzip and zip break in many ways
            problems.report(name, expected="a complete file", received=f"one that breaks off ({damage(error)})")
            return
        if not line:
            return
        if len(line) == MAX_LINE_BYTES:
            problems.report(name, expected="lines of one image each", received="a line of more than 1 MB")
            return
        yield line


def _parse_row(line: bytes, columns: Columns) -> _Row:
    fields = _fields(line)
    if len(fields) != columns.width:
        raise _BadRowError(f"{columns.width} columns", f"{len(fields)}")
    membership = NOT_SAID if columns.usage is None else _parse_usage(fields[columns.usage])
    label = _parse_label(fields[columns.emotion])
    return _Row(_parse_pixels(fields[columns.pixels]), label, membership)


def _fields(line: bytes) -> list[bytes]:
    if b'"' in line:
        try:
            row = next(csv.reader(io.StringIO(_decode(line))), [])
        except csv.Error as error:
            raise _BadRowError("a row of a csv", damage(error)) from error
        return [field.strip().encode() for field in row]
    return [field.strip() for field in line.split(b",")]


def _parse_label(field: bytes) -> int:
    # Longer strings of digits are refused unread: int() of thousands of digits is slow by design.
    label = int(field) if field.isdigit() and len(field) <= 3 else -1
    if not 0 <= label < NUM_EMOTIONS:
        raise _BadRowError("an emotion code of 0 to 6", _shorten(field))
    return label


def _parse_usage(field: bytes) -> int:
    code = usage_code(_decode(field))
    if code is None:
        raise _BadRowError("a Usage of Training, PublicTest or PrivateTest", _shorten(field))
    return code


def _parse_pixels(field: bytes) -> np.ndarray:
    # np.fromstring is the fastest parser of such text that NumPy has (2.0 s for 82.7 million numbers; int() on each
    # takes 7 s), but a lenient one. So nothing but digits and spaces may reach it, and int64 keeps 65536 from
    # wrapping to 0.
    if strange := field.translate(None, b"0123456789 \t"):
        raise _BadRowError("pixels of 0 to 255 with spaces between", _strange_value(field, strange))
    values = np.fromstring(field, dtype=np.int64, sep=" ")
    if values.size != PIXELS_PER_IMAGE:
        raise _BadRowError(f"{PIXELS_PER_IMAGE} pixels", f"{values.size}")
    if values.max() > 255:
        raise _BadRowError("pixels of 0 to 255", f"{values.max()}")
    return values.astype(np.uint8)


def _strange_value(field: bytes, strange: bytes) -> str:
    first = strange[:1]
    return next((_shorten(word) for word in field.split() if first in word), _shorten(strange))


def _decode(text: bytes) -> str:
    return text.decode("utf-8-sig", errors="replace")


def _shorten(text: bytes, limit: int = 60) -> str:
    shown = _decode(text).strip(" ")
    return repr(shown if len(shown) <= limit else shown[:limit] + "…")
