import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mien.data import load_dataset
from mien.emotions import EMOTIONS
from mien.errors import DataError

from .conftest import csv_row

HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


@pytest.fixture
def write_votes(tmp_path: Path) -> Callable[..., Path]:
    def write(lines: list[str], header: str = HEADER) -> Path:
        path = tmp_path / "fer2013new.csv"
        path.write_text("\n".join([header, *lines]) + "\n")
        return path

    return write


def vote_lines(usages: list[str]) -> list[str]:
    """Row n gives n votes to fear, 1 to neutral, 9 to contempt, 2 to unknown and 3 to not-a-face."""
    return [f"{usage},fer{n:07}.png,1,0,0,0,0,0,{n},9,2,3" for n, usage in enumerate(usages)]


USAGES = ["Training"] * 16 + ["PublicTest"] * 4 + ["PrivateTest"] * 4


def test_votes_are_joined_by_row_in_the_order_of_the_emotions(rows, write_csv, write_votes):
    dataset = load_dataset(write_csv(rows), votes=write_votes(vote_lines(USAGES)))
    assert dataset.val.votes is not None
    assert dataset.val.votes.dtype == np.float32
    expected = np.zeros((4, 10))
    expected[:, 7:] = [9, 2, 3]
    expected[:, EMOTIONS.index("fear")] = [16, 17, 18, 19]
    expected[:, EMOTIONS.index("neutral")] = 1
    np.testing.assert_array_equal(dataset.val.votes, expected)


def test_votes_follow_their_rows_when_a_row_is_skipped(rows, pixels, write_csv, write_votes):
    bad = [*rows[:2], csv_row(pixels[2], 9), *rows[3:]]
    dataset = load_dataset(write_csv(bad), votes=write_votes(vote_lines(USAGES)), skip_bad=True)
    assert dataset.train.votes is not None
    assert dataset.train.votes[:, EMOTIONS.index("fear")].tolist() == [0, 1, *range(3, 16)]


def test_votes_follow_their_rows_through_a_stratified_split(pixels, write_csv, write_votes):
    rows = [csv_row(image, n % 2, usage=None) for n, image in enumerate(pixels)]
    path = write_csv(rows, header="emotion,pixels")
    dataset = load_dataset(path, votes=write_votes(vote_lines(USAGES)))
    assert dataset.protocol == "stratified"
    for split in (dataset.train, dataset.val, dataset.test):
        numbers = [int(name.removeprefix("row-")) - 1 for name in split.sample_ids]
        assert split.votes is not None
        assert split.votes[:, EMOTIONS.index("fear")].tolist() == numbers


@pytest.mark.parametrize(
    ("lines", "header", "message"),
    [
        pytest.param(vote_lines(USAGES[:-1]), HEADER, r"\(24\). Received: 23", id="a row missing"),
        pytest.param(
            vote_lines([USAGES[16], *USAGES[1:16], USAGES[0], *USAGES[17:]]),
            HEADER,
            r"2 rows that differ, the first row 1 \(train and val\)",
            id="rows in another order",
        ),
        pytest.param(
            vote_lines(USAGES), HEADER.replace("fear", "horror"), "Expected the columns", id="a column missing"
        ),
        pytest.param([*vote_lines(USAGES)[:-1], "PrivateTest,x,1"], HEADER, "row 24. Received: 3", id="a short row"),
        pytest.param(
            [*vote_lines(USAGES)[:-1], "Some,x" + ",1" * 10], HEADER, "row 24. Received: 'Some'", id="a usage"
        ),
        pytest.param(
            [*vote_lines(USAGES)[:-1], "PrivateTest,x,many" + ",1" * 9],
            HEADER,
            "row 24. Received: '1, .*many, ",
            id="text",
        ),
        pytest.param([], "", "Expected the columns", id="empty"),
    ],
)
def test_votes_of_another_csv_are_refused(rows, write_csv, write_votes, lines, header, message):
    with pytest.raises(DataError, match=message):
        load_dataset(write_csv(rows), votes=write_votes(lines, header))


def test_missing_and_unreadable_votes_are_refused(rows, write_csv, tmp_path: Path):
    path = write_csv(rows)
    with pytest.raises(DataError, match="cannot be read"):
        load_dataset(path, votes=tmp_path / "absent.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(DataError, match="cannot be read"):
        load_dataset(path, votes=tmp_path / "binary.csv")


@pytest.mark.parametrize(
    "line",
    ['"' + "x" * 140_000 + '"', '"a"\r"b"', "\0", "Training," + "9" * 5_000],
    ids=["long", "cr", "zero", "digits"],
)
def test_what_the_csv_reader_stumbles_over_is_one_sentence(rows, write_csv, write_votes, line: str):
    with pytest.raises(DataError, match=r"^Expected .*fer2013new\.csv"):
        load_dataset(write_csv(rows), votes=write_votes([*vote_lines(USAGES), line]))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(rows, write_csv, tmp_path: Path):
    os.mkfifo(tmp_path / "votes.csv")
    with pytest.raises(DataError, match="a pipe or device"):
        load_dataset(write_csv(rows), votes=tmp_path / "votes.csv")
