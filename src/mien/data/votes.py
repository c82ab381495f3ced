"""FER+ votes: what ten taggers said about each image of FER-2013, joined to the rows of the csv.

Barsoum et al. 2016, "Training deep networks for facial expression recognition with crowd-sourced label distribution",
arXiv:1608.01041. The file (`fer2013new.csv`) has one row per row of `fer2013.csv`, in the same order and under no
other key, so only a csv can be joined.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from mien.data.dataset import NO_EMOTION_VOTES, SPLIT_NAMES
from mien.data.reading import NOT_SAID, Samples, damage, usage_code
from mien.emotions import EMOTIONS, NUM_EMOTIONS, emotion_code
from mien.errors import DataError, MienError
from mien.files import open_regular

__all__ = ["join_votes"]


def join_votes(samples: Samples, votes_path: Path) -> np.ndarray:
    """The taggers' votes for each sample.

    Args:
        samples: Read from a csv.
        votes_path: FER+'s `fer2013new.csv`.

    Returns:
        float32 (N, 10), the number of votes for each of the seven emotions, contempt, unknown and not-a-face.

    Raises:
        DataError: The samples are not rows of a csv, or the votes file is not FER+'s, or belongs to another csv.
    """
    if not samples.row_count:
        raise DataError(
            "Expected fer2013.csv when votes are given. Received: images in folders, which votes cannot be joined to, "
            f"because {votes_path.name} names rows of the csv. Read fer2013.csv, or leave out the votes."
        )
    votes, usages = _read_votes(votes_path)
    if len(votes) != samples.row_count:
        raise DataError(
            f"Expected as many rows in {votes_path.name} as in the csv ({samples.row_count:,}). Received: "
            f"{len(votes):,}. Give the votes file that belongs to this csv."
        )
    index = np.array([int(name.removeprefix("row-")) - 1 for name in samples.sample_ids.tolist()], dtype=np.int64)
    _check_usage(samples.membership, usages[index], index, votes_path.name)
    return votes[index]


def _read_votes(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Votes float32 (rows, 10) and Usage codes int8 (rows,), in the order of the file."""
    try:
        with open_regular(path) as binary, io.TextIOWrapper(binary, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            columns = _find_columns(header, path.name)
            rows = [_parse_row(row, columns, f"{path.name} row {n}") for n, row in enumerate(reader, start=1) if row]
    except MienError:
        raise
    except Exception as error:
        raise DataError(
            f"Expected FER+'s fer2013new.csv as votes. Received: {path}, which cannot be read ({damage(error)})."
        ) from error
    votes = np.array([row[1] for row in rows], dtype=np.float32).reshape(-1, NUM_EMOTIONS + len(NO_EMOTION_VOTES))
    return votes, np.array([row[0] for row in rows], dtype=np.int8)


def _find_columns(header: list[str], name: str) -> list[int]:
    """Positions of Usage, of the seven emotions in FER-2013's order, and of the three other answers."""
    names = [column.strip() for column in header]
    codes = {
        emotion_code(column): position for position, column in enumerate(names) if emotion_code(column) is not None
    }
    lower = [column.lower() for column in names]
    if not {"usage", *NO_EMOTION_VOTES} <= set(lower) or len(codes) != NUM_EMOTIONS:
        raise DataError(
            f"Expected the columns Usage, {', '.join(EMOTIONS)}, {', '.join(NO_EMOTION_VOTES)} in {name}. "
            f"Received: {', '.join(names)[:200]!r}. Give FER+'s fer2013new.csv."
        )
    others = [lower.index(name) for name in NO_EMOTION_VOTES]
    return [lower.index("usage"), *(codes[code] for code in range(NUM_EMOTIONS)), *others]


def _parse_row(row: list[str], columns: list[int], where: str) -> tuple[int, list[float]]:
    if len(row) <= max(columns):
        raise DataError(f"Expected at least {max(columns) + 1} columns in {where}. Received: {len(row)}.")
    usage = usage_code(row[columns[0]])
    if usage is None:
        raise DataError(
            f"Expected a Usage of Training, PublicTest or PrivateTest in {where}. Received: {row[columns[0]]!r}."
        )
    counts = [row[position].strip() for position in columns[1:]]
    if not all(count.isdecimal() and len(count) <= 4 for count in counts):
        raise DataError(f"Expected votes as whole numbers in {where}. Received: {', '.join(counts)[:80]!r}.")
    return usage, [float(count) for count in counts]


def _check_usage(membership: np.ndarray, usages: np.ndarray, index: np.ndarray, name: str) -> None:
    """Equal Usage in every row is the only sign that both files have the same order."""
    differs = np.flatnonzero((membership != NOT_SAID) & (membership != usages))
    if len(differs):
        first = differs[0]
        raise DataError(
            f"Expected the same Usage in the csv and in {name}. Received: {len(differs):,} rows that differ, the first "
            f"row {index[first] + 1} ({SPLIT_NAMES[membership[first]]} and {SPLIT_NAMES[usages[first]]}). "
            "Give the votes file that belongs to this csv."
        )
