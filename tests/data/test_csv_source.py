import gzip
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mien.data.csv_source import MAX_LINE_BYTES, Columns, find_columns, read_csv
from mien.data.reading import Problems
from mien.errors import DataError

from .conftest import csv_row, csv_text


def read(text: str | bytes, *, skip_bad: bool = False):
    data = text.encode() if isinstance(text, str) else text
    return read_csv(io.BytesIO(data), name="fer.csv", problems=Problems(skip_bad=skip_bad))


def test_pixels_labels_and_usage_come_back_exactly(pixels, rows):
    samples = read(csv_text(rows))
    np.testing.assert_array_equal(samples.images, pixels)
    assert samples.images.dtype == np.uint8
    assert samples.labels.tolist() == [n % 7 for n in range(24)]
    assert samples.membership.tolist() == [0] * 16 + [1] * 4 + [2] * 4
    assert samples.sample_ids.tolist() == [f"row-{n}" for n in range(1, 25)]
    assert (samples.split_by, samples.row_count) == ("usage", 24)


def test_every_value_from_0_to_255_survives(pixels):
    image = (np.arange(48 * 48) % 256).astype(np.uint8).reshape(48, 48)
    np.testing.assert_array_equal(read(csv_text([csv_row(image)])).images[0], image)


def test_column_order_spaces_and_capitals_of_the_icml_copy(pixels):
    body = " ".join(map(str, pixels[0].ravel()))
    samples = read(f"emotion, Usage, pixels\n4,PrivateTest,{body}\n")
    np.testing.assert_array_equal(samples.images[0], pixels[0])
    assert samples.labels.tolist() == [4]
    assert samples.membership.tolist() == [2]


def test_without_usage_nothing_is_said_about_splits(pixels):
    samples = read(csv_text([csv_row(pixels[0], usage=None)], header="emotion,pixels"))
    assert samples.membership.tolist() == [-1]
    assert samples.split_by == ""


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text.replace("\n", "\r\n"), id="windows line ends"),
        pytest.param(lambda text: "\ufeff" + text, id="byte order mark"),
        pytest.param(lambda text: text.replace("\n", "\n\n"), id="blank lines"),
        pytest.param(lambda text: text.rstrip("\n"), id="no line end at the end"),
        pytest.param(lambda text: text.replace(",Training", '," Training "'), id="quotes"),
        pytest.param(lambda text: text.replace(" ", "  "), id="double spaces"),
    ],
)
def test_harmless_variants_read_the_same(rows, change: Callable[[str], str]):
    plain, varied = read(csv_text(rows)), read(change(csv_text(rows)))
    np.testing.assert_array_equal(varied.images, plain.images)
    assert varied.sample_ids.tolist() == plain.sample_ids.tolist()
    assert varied.membership.tolist() == plain.membership.tolist()


def with_pixel(image: np.ndarray, value: str) -> str:
    return f"3,{' '.join([*map(str, image.ravel()[:-1]), value])},Training"


BAD_ROWS = {
    "too few pixels": (lambda image: csv_row(image.ravel()[:-1]), "2304 pixels", "2303"),
    "too many pixels": (lambda image: csv_row(np.append(image.ravel(), [1])), "2304 pixels", "2305"),
    "no pixels": (lambda image: "3,,Training", "2304 pixels", "0"),
    "300": (lambda image: with_pixel(image, "300"), "pixels of 0 to 255", "300"),
    "wraps in 16 bits": (lambda image: with_pixel(image, "65536"), "pixels of 0 to 255", "65536"),
    "endless number": (lambda image: with_pixel(image, "9" * 40), "pixels of 0 to 255", "9223372036854775807"),
    "negative": (lambda image: with_pixel(image, "-1"), "pixels of 0 to 255", "'-1'"),
    "text pixel": (lambda image: with_pixel(image, "abc"), "pixels of 0 to 255", "'abc'"),
    "fraction": (lambda image: with_pixel(image, "1.5"), "pixels of 0 to 255", "'1.5'"),
    "text label": (lambda image: csv_row(image, "happy"), "an emotion code of 0 to 6", "'happy'"),
    "label 9": (lambda image: csv_row(image, 9), "an emotion code of 0 to 6", "'9'"),
    "negative label": (lambda image: csv_row(image, -1), "an emotion code of 0 to 6", "'-1'"),
    "empty label": (lambda image: csv_row(image, ""), "an emotion code of 0 to 6", "''"),
    "unknown usage": (lambda image: csv_row(image, usage="Holdout"), "a Usage of Training", "'Holdout'"),
    "missing cell": (lambda image: csv_row(image, usage=None), "3 columns", "2"),
    "latin-1 usage": (lambda image: csv_row(image, usage="Träning").encode("latin-1"), "a Usage of Training", "'Tr"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_bad_row_is_named_with_what_was_expected_and_received(rows, pixels, case: str):
    make, expected, received = BAD_ROWS[case]
    bad = make(pixels[0])
    data = csv_text(rows[:4]).encode() + (bad if isinstance(bad, bytes) else bad.encode()) + b"\n" + rows[5].encode()
    with pytest.raises(DataError) as caught:
        read(data)
    message = str(caught.value)
    assert "fer.csv row 5" in message
    assert expected in message
    assert f"Received: {received}" in message
    assert "--skip-bad" in message
    assert len(message) < 400


@pytest.mark.parametrize("case", BAD_ROWS)
def test_skip_bad_goes_on_after_the_row_and_lists_it(rows, pixels, case: str):
    make, _, received = BAD_ROWS[case]
    bad = make(pixels[0])
    data = csv_text(rows[:4]).encode() + (bad if isinstance(bad, bytes) else bad.encode()) + b"\n" + rows[5].encode()
    samples = read(data, skip_bad=True)
    assert samples.sample_ids.tolist() == ["row-1", "row-2", "row-3", "row-4", "row-6"]
    np.testing.assert_array_equal(samples.images[-1], pixels[5])
    assert samples.row_count == 6
    ((where, why),) = samples.skipped
    assert where == "fer.csv row 5"
    assert received in why


@pytest.mark.parametrize(
    ("text", "received"),
    [
        ("", "an empty file"),
        ("\n", "an empty file"),
        ("emotion,pixels,Usage\n", "none"),
        ("label,image\n3,x\n", "text that begins with 'label,image'"),
        ("emotion,Usage\n3,Training\n", "text that begins with 'emotion,Usage'"),
        ("just some words\n", "text that begins with 'just some words'"),
        ("emotion;pixels;Usage\n", "text that begins with 'emotion;pixels;Usage'"),
    ],
)
def test_a_csv_without_rows_or_columns_is_refused(text: str, received: str):
    with pytest.raises(DataError) as caught:
        read(text)
    assert f"Received: {received}" in str(caught.value)


@pytest.mark.parametrize(
    "row",
    ['3,"' + "1 " * 70_000 + '",Training', '3,"1 2"\r"3",Training', "3,1 2\x0c3,Training", '"', "\x0c,\x0c,\x0c"],
    ids=["long field", "bare carriage return", "form feed", "open quote", "form feeds"],
)
def test_what_the_csv_reader_stumbles_over_is_a_bad_row(rows, row: str):
    with pytest.raises(DataError, match=r"fer\.csv row 25"):
        read(csv_text([*rows, row]))
    samples = read(csv_text([*rows, row]), skip_bad=True)
    assert (len(samples), len(samples.skipped)) == (24, 1)


def test_nothing_usable_is_an_error_even_when_skipping(pixels):
    with pytest.raises(DataError, match=r"none \(2 skipped; the first: fer.csv row 1: expected an emotion code"):
        read(csv_text([csv_row(pixels[0], 9), csv_row(pixels[1], 8)]), skip_bad=True)


def test_truncated_gzip_is_one_sentence_or_the_rows_before_the_break(rows, tmp_path: Path):
    whole = gzip.compress(csv_text(rows).encode())
    path = tmp_path / "fer.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with gzip.open(path) as stream, pytest.raises(DataError, match=r"complete file in fer\.csv\.gz.*breaks off"):
        read_csv(stream, name="fer.csv.gz", problems=Problems(skip_bad=False))
    with gzip.open(path) as stream:
        samples = read_csv(stream, name="fer.csv.gz", problems=Problems(skip_bad=True))
    assert 0 < len(samples) < 24
    assert samples.skipped[-1][0] == "fer.csv.gz"


def test_an_endless_line_does_not_fill_the_memory(rows):
    data = csv_text(rows[:2]).encode() + b"1" * (MAX_LINE_BYTES + 5)
    with pytest.raises(DataError, match="a line of more than 1 MB"):
        read(data)
    assert len(read(data, skip_bad=True)) == 2


def test_progress_never_exceeds_its_total(rows):
    calls: list[tuple[int, int]] = []
    data = csv_text(rows * 50).encode()
    read_csv(
        io.BytesIO(data),
        name="fer.csv",
        problems=Problems(skip_bad=False),
        progress=lambda done, total: calls.append((done, total)),
        total_bytes=len(data),
    )
    assert len(calls) == 2
    assert all(0 < done <= total == len(data) for done, total in calls)


def test_find_columns():
    assert find_columns(b"emotion,pixels,Usage\n") == Columns(0, 1, 2, 3)
    assert find_columns(b'\xef\xbb\xbf"Emotion", "Pixels"\r\n') == Columns(0, 1, None, 2)
    assert find_columns(b"image,label\n") is None
    assert find_columns(b"\xff\xfe\x00") is None
