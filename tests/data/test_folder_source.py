import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.data.folder_source import Entry, is_image_name, is_system_file, list_folder, read_folder, read_tree
from mien.data.reading import Problems
from mien.emotions import EMOTIONS
from mien.errors import DataError
from mien.images import decode_image, resize_to_input, to_gray

from .conftest import encode, fer_file_names, write_tree


def entries(files: dict[str, bytes]) -> list[Entry]:
    return [Entry(name, lambda data=data: data) for name, data in files.items()]  # type: ignore[misc]


def read_files(files: dict[str, bytes], *, skip_bad: bool = False):
    return read_tree(entries(files), source="faces", problems=Problems(skip_bad=skip_bad))


def noise_files(names: list[str], pixels: np.ndarray) -> dict[str, bytes]:
    return {name: encode(pixels[n % len(pixels)]) for n, name in enumerate(names)}


def test_folders_give_labels_by_meaning_never_by_position(pixels):
    folders = ["Happiness", "suprise", "3_happy", "anger", "0", "sadness", "Neutral", "afraid", "disgusted"]
    samples = read_files(noise_files([f"{folder}/x.png" for folder in folders], pixels))
    by_folder = {
        name.split("/")[0]: EMOTIONS[label] for name, label in zip(samples.sample_ids, samples.labels, strict=True)
    }
    assert by_folder == {
        "Happiness": "happy",
        "suprise": "surprise",
        "3_happy": "happy",
        "anger": "angry",
        "0": "angry",
        "sadness": "sad",
        "Neutral": "neutral",
        "afraid": "fear",
        "disgusted": "disgust",
    }


def test_the_kaggle_form_tells_the_official_split_by_its_file_names(pixels):
    samples = read_files(noise_files(fer_file_names(), pixels))
    assert samples.split_by == "names"
    assert samples.notes == ()
    for name, code in zip(samples.sample_ids.tolist(), samples.membership.tolist(), strict=True):
        assert name.split("/")[2].startswith(("Training_", "PublicTest_", "PrivateTest_")[code])


def test_names_tell_the_split_in_a_flat_tree_too(pixels):
    samples = read_files(noise_files(["sad/Training_1.png", "sad/PublicTest_2.png", "sad/PrivateTest_3.png"], pixels))
    assert samples.split_by == "names"
    assert sorted(samples.membership.tolist()) == [0, 1, 2]


def test_other_names_leave_the_split_to_the_folders(pixels):
    samples = read_files(noise_files(["train/sad/a.png", "validation/sad/b.png", "test/sad/c.png"], pixels))
    assert samples.split_by == "folders"
    assert dict(zip(samples.sample_ids.tolist(), samples.membership.tolist(), strict=True)) == {
        "train/sad/a.png": 0,
        "validation/sad/b.png": 1,
        "test/sad/c.png": 2,
    }


def test_a_folder_around_everything_does_not_matter(pixels):
    samples = read_files(noise_files(["fer2013/images/train/sad/a.png", "fer2013/images/val/sad/b.png"], pixels))
    assert samples.membership.tolist() == [0, 1]


def test_a_flat_tree_says_nothing_about_splits(pixels):
    samples = read_files(noise_files(["happy/a.png", "sad/b.png"], pixels))
    assert samples.split_by == ""
    assert samples.membership.tolist() == [-1, -1]


def test_a_few_telling_names_do_not_count_but_are_mentioned(pixels):
    samples = read_files(noise_files(["train/sad/Training_1.png", "train/sad/mine.png", "test/sad/x.png"], pixels))
    assert samples.split_by == "folders"
    assert samples.notes == ("Only 1 of 3 file names tell FER-2013's split, so names do not count.",)


def test_files_moved_between_train_and_test_are_mentioned(pixels):
    samples = read_files(
        noise_files(["test/sad/Training_1.png", "train/sad/Training_2.png", "test/sad/PublicTest_3.png"], pixels)
    )
    assert samples.membership.tolist() == [1, 0, 0]
    assert samples.notes == ("The folders of 1 images contradict their FER-2013 file names; the names decide.",)


def test_lossless_grey_images_come_back_exactly(pixels):
    samples = read_files({"sad/a.png": encode(pixels[0], ".png"), "sad/b.bmp": encode(pixels[1], ".bmp")})
    np.testing.assert_array_equal(samples.images, pixels[:2])


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".JPEG"])
@pytest.mark.parametrize("shape", [(48, 48), (48, 48, 3), (97, 61, 3), (20, 31)])
def test_every_format_and_size_gives_the_pixels_that_serving_gives(suffix: str, shape: tuple[int, ...]):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    data = encode(cv2.GaussianBlur(image, (5, 5), 0), suffix.lower())
    samples = read_files({f"sad/a{suffix}": data})
    assert samples.images.shape == (1, 48, 48)
    np.testing.assert_array_equal(samples.images[0], resize_to_input(to_gray(decode_image(data))))


def test_a_grey_jpeg_of_48_pixels_is_neither_resized_nor_recoloured():
    image = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8), (5, 5), 0)
    data = encode(image, ".jpg")
    stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(read_files({"sad/a.jpg": data}).images[0], stored)


def test_unknown_folders_are_listed_together(pixels):
    files = noise_files(["train/happy/a.png", "train/contempt/b.png", "train/contempt/c.png", "d.png"], pixels)
    with pytest.raises(DataError) as caught:
        read_files(files)
    assert "train/contempt (2)" in str(caught.value)
    assert "the top folder (1)" in str(caught.value)
    samples = read_files(files, skip_bad=True)
    assert samples.sample_ids.tolist() == ["train/happy/a.png"]
    assert [where for where, _ in samples.skipped] == ["faces", "faces/train/contempt"]


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xe0 broken", b"no image at all"])
def test_a_broken_image_is_named(pixels, data: bytes):
    files = noise_files(["sad/a.png", "sad/c.png"], pixels) | {"sad/b.jpg": data}
    with pytest.raises(DataError, match=r"readable image in faces/sad/b\.jpg\. Received: .*--skip-bad"):
        read_files(files)
    samples = read_files(files, skip_bad=True)
    assert samples.sample_ids.tolist() == ["sad/a.png", "sad/c.png"]
    np.testing.assert_array_equal(samples.images, pixels[:2])
    ((where, why),) = samples.skipped
    assert where == "faces/sad/b.jpg"
    assert len(why) > 20


def test_a_truncated_jpeg_is_bad(pixels):
    data = encode(pixels[0], ".jpg")
    with pytest.raises(DataError, match=r"faces/sad/b\.jpg"):
        read_files({"sad/b.jpg": data[: len(data) // 2]})


def test_only_broken_images_is_an_error_even_when_skipping():
    with pytest.raises(DataError, match=r"none \(1 skipped"):
        read_files({"sad/b.jpg": b"x"}, skip_bad=True)


def test_other_files_are_noted(pixels):
    files = noise_files(["sad/a.png"], pixels) | {"readme.txt": b"hello", "sad/labels.csv": b"1"}
    assert read_files(files).notes == ("2 files that are no images were ignored (readme.txt, sad/labels.csv).",)


def test_the_order_is_by_path_whatever_the_order_of_the_files(pixels):
    files = noise_files(fer_file_names(), pixels)
    backwards = dict(reversed(files.items()))
    assert read_files(files).sample_ids.tolist() == read_files(backwards).sample_ids.tolist() == sorted(files)


def test_progress_ends_at_the_number_of_images(pixels):
    calls: list[tuple[int, int]] = []
    files = noise_files([f"sad/{n}.png" for n in range(260)], pixels)
    read_tree(
        entries(files),
        source="x",
        problems=Problems(skip_bad=False),
        progress=lambda done, total: calls.append((done, total)),
    )
    assert calls == [(250, 260), (260, 260)]


def test_names():
    assert is_image_name("a/B.JPeG")
    assert not is_image_name("a/jpg")
    for name in ("__MACOSX/train/happy/._a.jpg", "a/.DS_Store", "a/Thumbs.db", ".git/x.png", "a/desktop.ini"):
        assert is_system_file(name)
    assert not is_system_file("train/happy/Training_1.jpg")


# A folder on disk


def read(path: Path, *, skip_bad: bool = False):
    return read_folder(path, problems=Problems(skip_bad=skip_bad))


def test_images_come_back_with_their_paths(tmp_path: Path):
    images = write_tree(tmp_path, fer_file_names())
    samples = read(tmp_path)
    assert samples.sample_ids.tolist() == sorted(images)
    np.testing.assert_array_equal(samples.images, [images[name] for name in sorted(images)])


def test_system_files_are_ignored_quietly(tmp_path: Path):
    write_tree(tmp_path, ["happy/a.png", "happy/._a.png", ".hidden/sad/b.png", "__MACOSX/happy/a.png"])
    (tmp_path / "happy" / "Thumbs.db").write_bytes(b"x")
    (tmp_path / ".DS_Store").write_bytes(b"x")
    samples = read(tmp_path)
    assert samples.sample_ids.tolist() == ["happy/a.png"]
    assert samples.notes == ()


def test_a_dot_in_the_path_above_does_not_hide_everything(tmp_path: Path):
    write_tree(tmp_path / ".data" / "faces", ["happy/a.png"])
    assert len(read(tmp_path / ".data" / "faces")) == 1


@pytest.mark.parametrize("names", [[], ["notes.txt", "fer2013.csv"]], ids=["empty", "no images"])
def test_a_folder_without_images_says_what_is_there(tmp_path: Path, names: list[str]):
    for name in names:
        (tmp_path / name).write_text("x")
    message = r"2 other files \(fer2013\.csv, notes\.txt\)" if names else "an empty folder"
    with pytest.raises(DataError, match=f"Received: {message}"):
        read(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_are_followed_and_never_in_circles(tmp_path: Path):
    write_tree(tmp_path / "elsewhere", ["a.png", "b.png"])
    root = tmp_path / "faces"
    root.mkdir()
    (root / "happy").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "elsewhere" / "up").symlink_to(root, target_is_directory=True)
    found = list_folder(root, problems=Problems(skip_bad=False))
    assert sorted(entry.name for entry in found) == ["happy/a.png", "happy/b.png"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
@pytest.mark.parametrize(("link", "target"), [("angry", "sad"), ("sad", "angry"), ("val/sad", "train/sad")])
def test_a_folder_that_is_a_link_to_another_never_relabels_it(tmp_path: Path, link: str, target: str):
    write_tree(tmp_path, [f"{target}/a.png", "happy/b.png"])
    (tmp_path / link).parent.mkdir(exist_ok=True)
    (tmp_path / link).symlink_to(tmp_path / target, target_is_directory=True)
    with pytest.raises(DataError, match=f"a folder of its own in .*{link}. Received: a link to {target}"):
        read(tmp_path)
    samples = read(tmp_path, skip_bad=True)
    assert samples.sample_ids.tolist() == sorted([f"{target}/a.png", "happy/b.png"])
    assert len(samples.skipped) == 1


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_two_links_to_one_folder_are_refused(tmp_path: Path):
    write_tree(tmp_path / "elsewhere", ["a.png"])
    root = tmp_path / "faces"
    root.mkdir()
    for emotion in ("happy", "sad"):
        (root / emotion).symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with pytest.raises(DataError, match="a link to happy"):
        read(root)


def test_a_folder_that_cannot_be_listed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_tree(tmp_path, ["happy/a.png", "sad/b.png"])
    scandir = os.scandir

    def forbidden(path):
        if Path(path).name == "sad":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbidden)
    with pytest.raises(DataError, match=r"Expected a readable folder in .*sad\. Received: Permission denied"):
        read(tmp_path)
    samples = read(tmp_path, skip_bad=True)
    assert (len(samples), len(samples.skipped)) == (1, 1)


def test_folders_in_folders_without_end_are_one_sentence(tmp_path: Path):
    tmp_path.joinpath(*"d" * 60).mkdir(parents=True)
    write_tree(tmp_path, ["happy/a.png"])
    with pytest.raises(DataError, match="Expected at most 50 folders in folders"):
        read(tmp_path)
    assert len(read(tmp_path, skip_bad=True)) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_among_the_images_is_bad_and_not_waited_for(tmp_path: Path):
    write_tree(tmp_path, ["happy/a.png"])
    os.mkfifo(tmp_path / "happy" / "b.png")
    with pytest.raises(DataError, match=r"happy/b\.png\. Received: a pipe or device"):
        read(tmp_path)
    assert len(read(tmp_path, skip_bad=True)) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="where names are bytes")
def test_a_name_that_is_no_text_has_an_id_that_can_be_written(tmp_path: Path):
    write_tree(tmp_path, ["happy/a.png"])
    (tmp_path / "happy" / "a.png").rename(os.fsdecode(os.fsencode(tmp_path) + b"/happy/\xff.png"))
    (name,) = read(tmp_path).sample_ids.tolist()
    assert name.encode("utf-8") == rb"happy/\xff.png"
