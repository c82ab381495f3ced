import gzip
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mien.data import load_dataset
from mien.errors import DataError

from .conftest import csv_row, csv_text, encode, fer_file_names, write_tree


def as_gzip(path: Path) -> Path:
    target = path.with_name(path.name + ".gz")
    target.write_bytes(gzip.compress(path.read_bytes()))
    return target


def as_zip(path: Path) -> Path:
    target = path.parent / f"{path.name}.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
        for file in files:
            archive.write(file, file.relative_to(path.parent))
    return target


def test_a_csv_is_the_same_dataset_in_every_form(rows, write_csv):
    plain = write_csv(rows)
    datasets = [load_dataset(path) for path in (plain, as_gzip(plain), as_zip(plain), str(plain))]
    assert len({dataset.fingerprint for dataset in datasets}) == 1
    assert [len(datasets[0].split(name)) for name in ("train", "val", "test")] == [16, 4, 4]
    assert datasets[0].source == str(plain)


def test_what_a_file_is_shows_from_its_content_not_its_name(rows, write_csv):
    plain = write_csv(rows)
    expected = load_dataset(plain).fingerprint
    for make in (as_gzip, as_zip, lambda path: path):
        renamed = shutil.copy(make(plain), plain.parent / "download.bin")
        assert load_dataset(renamed).fingerprint == expected


def test_a_folder_and_its_zip_are_the_same_dataset(tmp_path: Path):
    write_tree(tmp_path / "fer", fer_file_names())
    folder, zipped = load_dataset(tmp_path / "fer"), load_dataset(as_zip(tmp_path / "fer"))
    assert folder.fingerprint == zipped.fingerprint
    assert folder.protocol == zipped.protocol == "official"
    assert [len(folder.train), len(folder.val), len(folder.test)] == [14, 14, 14]
    assert {name.split("/")[2].split("_")[0] for name in folder.val.sample_ids.tolist()} == {"PublicTest"}


def test_a_csv_and_folders_of_the_same_pixels_have_the_same_fingerprint(tmp_path: Path, write_csv):
    names = [f"{split}/happy/{n}.png" for split in ("train", "val", "test") for n in range(3)]
    images = write_tree(tmp_path / "tree", names)
    usage = {"train": "Training", "val": "PublicTest", "test": "PrivateTest"}
    rows = [csv_row(images[name], 3, usage[name.split("/")[0]]) for name in names]
    tree, table = load_dataset(tmp_path / "tree"), load_dataset(write_csv(rows))
    assert tree.fingerprint == table.fingerprint
    assert tree.protocol == table.protocol == "source"


def test_another_seed_divides_a_flat_tree_otherwise(tmp_path: Path):
    write_tree(tmp_path / "tree", [f"{emotion}/{n}.png" for emotion in ("sad", "happy") for n in range(20)])
    first, again, other = (load_dataset(tmp_path / "tree", seed=seed) for seed in (0, 0, 1))
    assert first.protocol == "stratified"
    assert [len(first.train), len(first.val), len(first.test)] == [28, 6, 6]
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert "Seed 0" in first.notes[0]


def test_votes_for_images_in_folders_are_refused(tmp_path: Path):
    write_tree(tmp_path / "tree", ["sad/a.png"])
    with pytest.raises(DataError, match=r"Expected fer2013\.csv when votes are given"):
        load_dataset(tmp_path / "tree", votes=tmp_path / "fer2013new.csv")


# Names of their own, because gzip writes the time into its output, and tests have the same names in every process.
@pytest.mark.parametrize(
    ("content", "received"),
    [
        pytest.param(b"", "an empty file", id="empty"),
        pytest.param(b"some text\n", "text that begins with 'some text'", id="text"),
        pytest.param(encode(np.zeros((48, 48), np.uint8)), "one PNG image", id="image"),
        pytest.param("emotion,pixels\n".encode("utf-16"), "UTF-16", id="utf-16"),
        pytest.param(b"\x80\x81\x82\n", "no UTF-8 text", id="bytes"),
        pytest.param(gzip.compress(b"fer2013/" + b"\0" * 249 + b"ustar\0" + b"\0" * 200), "a tar archive", id="tar.gz"),
        pytest.param(gzip.compress(b"words\n"), "text that begins with 'words'", id="text.gz"),
        pytest.param(b"\x1f\x8b\x08", "damaged", id="cut gzip"),
        pytest.param(b"PK\x03\x04 and no more", "damaged", id="cut zip"),
    ],
)
def test_a_file_that_is_none_of_these_is_one_sentence(tmp_path: Path, content: bytes, received: str):
    path = tmp_path / "thing.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_dataset(path)
    assert received in str(caught.value)
    assert "thing.csv" in str(caught.value)
    with pytest.raises(DataError):
        load_dataset(path, skip_bad=True)


def test_a_missing_path_is_one_sentence(tmp_path: Path):
    with pytest.raises(DataError, match=r"Expected an existing file or folder\. Received: .*absent"):
        load_dataset(tmp_path / "absent")


def test_a_gzip_bomb_is_refused_before_it_fills_time_or_memory(rows, tmp_path: Path):
    path = tmp_path / "bomb.csv.gz"
    for filling in (b"\n", b"9,1," + b"x" * 500 + b"\n"):
        path.write_bytes(gzip.compress(csv_text(rows[:2]).encode() + filling * (3_000_000 // len(filling))))
        with pytest.raises(DataError, match="plausible compression" if filling == b"\n" else "row 3"):
            load_dataset(path)
    dataset = load_dataset(path, skip_bad=True)
    assert len(dataset) == 2
    assert dataset.skipped[-1][1].startswith("expected a plausible compression")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="device or pipe"):
        load_dataset(tmp_path / "pipe")


def test_skip_bad_lists_what_was_left_out(rows, pixels, write_csv):
    dataset = load_dataset(write_csv([*rows, csv_row(pixels[0], 9)]), skip_bad=True)
    assert len(dataset) == 24
    assert dataset.skipped == (("fer2013.csv row 25", "expected an emotion code of 0 to 6, received '9'"),)
    assert "Left out because unusable: 1 row or file." in dataset.notes


def entries(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.npz"))


def test_the_second_reading_comes_from_the_cache(rows, write_csv, own_cache: Path):
    path = write_csv(rows)
    calls: list[tuple[int, int]] = []
    first = load_dataset(path)
    (entry,) = entries(own_cache)
    # Swap two labels in the entry, to see that it is what is read.
    with np.load(entry) as stored:
        arrays = {name: stored[name] for name in stored.files}
    arrays["labels"][[0, 1]] = arrays["labels"][[1, 0]]
    with entry.open("wb") as file:
        np.savez(file, **arrays)
    again = load_dataset(path, progress=lambda done, total: calls.append((done, total)))
    assert again.train.labels[:2].tolist() == first.train.labels[:2].tolist()[::-1]
    assert calls == []
    assert load_dataset(path, cache=False).fingerprint == first.fingerprint


def test_changed_content_is_never_served_from_the_cache(rows, pixels, write_csv):
    path = write_csv(rows)
    first = load_dataset(path)
    stat = path.stat()
    # One digit of one pixel, with size and time restored.
    text = path.read_text()
    at = text.index(" ", 40) + 1
    path.write_text(text[:at] + ("1" if text[at] != "1" else "2") + text[at + 1 :])
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size
    assert load_dataset(path).fingerprint != first.fingerprint


def test_a_file_that_changes_while_it_is_read_is_not_kept(rows, write_csv, own_cache: Path):
    path = write_csv(rows * 25)
    changed = csv_text(rows * 25).replace("0,", "1,", 1)
    load_dataset(path, progress=lambda done, total: path.write_text(changed) and None)
    assert entries(own_cache) == []


def test_a_damaged_cache_is_rebuilt_silently(rows, write_csv, own_cache: Path):
    path = write_csv(rows)
    first = load_dataset(path)
    (entry,) = entries(own_cache)
    entry.write_bytes(entry.read_bytes()[:1000])
    assert load_dataset(path).fingerprint == first.fingerprint
    assert entry.stat().st_size > 1000


def test_without_a_writable_cache_everything_works(rows, write_csv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MIEN_CACHE_DIR", str(tmp_path / "file" / "below"))
    path = write_csv(rows)
    assert load_dataset(path).fingerprint == load_dataset(path).fingerprint


def test_no_cache_leaves_nothing_behind(rows, write_csv, own_cache: Path):
    load_dataset(write_csv(rows), cache=False)
    assert list(own_cache.iterdir()) == []


def test_what_was_skipped_once_is_still_an_error_without_skip_bad(rows, pixels, write_csv):
    path = write_csv([*rows, csv_row(pixels[0], 9)])
    assert len(load_dataset(path, skip_bad=True)) == 24
    with pytest.raises(DataError, match="row 25"):
        load_dataset(path)


def test_importing_the_room_does_no_work():
    code = "import sys, mien.data; print(sorted({'numpy', 'pandas', 'cv2'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_reading_a_csv_needs_neither_pandas_nor_opencv(write_csv, rows):
    path = write_csv(rows)
    code = (
        "import sys; from mien.data import load_dataset; load_dataset(sys.argv[1]); "
        "print(sorted({'pandas', 'cv2', 'keras'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_unknown_public_names_are_attribute_errors():
    import mien.data

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = mien.data.nothing


def test_text_rows_survive_a_zip_inside_an_odd_folder(rows, tmp_path: Path):
    folder = tmp_path / "ünïcode und Leerzeichen"
    folder.mkdir()
    (folder / "fer2013.csv").write_text(csv_text(rows))
    assert len(load_dataset(as_zip(folder / "fer2013.csv"))) == 24
