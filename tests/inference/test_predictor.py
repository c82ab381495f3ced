"""From a photo to typed answers, and the same answers whatever way the photo came."""

from __future__ import annotations

import copy
import dataclasses
import io
import json
import multiprocessing
import zipfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mien.emotions import EMOTIONS
from mien.errors import ConfigError, DetectorError, ImageError
from mien.images import ImageLimits, crop_face, decode_image, resize_to_input, to_gray
from mien.inference.predictor import Predictor
from mien.inference.results import Box, DetectedFace, Point, Prediction, Unreadable
from mien.inference.video.analysis import VideoAnalysis


class FakeDetector:
    """Finds what it was told, and remembers what it was shown."""

    name = "fake"
    margin = 0.0

    def __init__(self, *faces: DetectedFace) -> None:
        self.faces = faces
        self.shown: list[np.ndarray] = []

    def detect(self, image_rgb: np.ndarray) -> tuple[DetectedFace, ...]:
        self.shown.append(image_rgb)
        return self.faces


LEFT = DetectedFace(Box(0, 0, 50, 50), 0.9, tuple(Point(float(k), 2.0) for k in range(5)))
RIGHT = DetectedFace(Box(50, 0, 50, 50), 0.8)


@pytest.fixture
def photo() -> np.ndarray:
    """Left half black, right half white: angry (0) and neutral (6) for the toy model."""
    image = np.zeros((50, 100, 3), np.uint8)
    image[:, 50:] = 255
    return image


def test_each_face_has_its_own_answer(toy_model: Path, photo: np.ndarray) -> None:
    prediction = Predictor(toy_model, detector=FakeDetector(LEFT, RIGHT)).predict(photo)
    assert [face.emotion for face in prediction.faces] == [EMOTIONS[0], EMOTIONS[6]]
    assert (prediction.width_px, prediction.height_px) == (100, 50)
    assert (prediction.detector, prediction.model, prediction.source) == ("fake", "toy", None)
    first = prediction.faces[0]
    assert first.box == LEFT.box
    assert first.detection_score == 0.9
    assert first.landmarks == LEFT.landmarks
    assert list(first.probabilities) == list(EMOTIONS)
    assert sum(first.probabilities.values()) == pytest.approx(1, abs=1e-6)
    assert first.confidence == max(first.probabilities.values())


def test_no_face_is_an_answer(toy_model: Path, photo: np.ndarray) -> None:
    prediction = Predictor(toy_model, detector=FakeDetector()).predict(photo)
    assert prediction.faces == ()
    assert prediction.to_dict()["faces"] == []


def test_uncertain_is_what_the_card_says(toy_model: Path) -> None:
    predictor = Predictor(toy_model, detector="none")
    # Half way between two classes neither has half of the probability.
    unsure = predictor.predict(np.full((48, 48), round(42.5 * 2.5), np.uint8), colour="gray").faces[0]
    sure = predictor.predict(np.zeros((48, 48), np.uint8), colour="gray").faces[0]
    assert unsure.confidence < predictor.uncertain_below <= sure.confidence
    assert (unsure.uncertain, sure.uncertain) == (True, False)


def test_a_prior_is_estimated_from_all_images_together(toy_model: Path) -> None:
    """Twenty faces that are certainly sad make a face between fear and sadness sad."""
    sad, between = np.full((48, 48), 170, np.uint8), np.full((48, 48), 104, np.uint8)
    alone = Predictor(toy_model, detector="none", prior="trained").predict(between, colour="gray").faces[0]
    predictor = Predictor(toy_model, detector="none", prior="estimate")
    together = list(predictor.predict_many([between, *[sad] * 20], colour="gray"))
    assert alone.emotion != "sad"
    assert together[0].faces[0].probabilities["sad"] > alone.probabilities["sad"]
    assert sum(together[0].faces[0].probabilities.values()) == pytest.approx(1, abs=1e-6)


def test_a_prior_that_needs_all_images_is_refused_where_they_come_one_by_one(toy_model: Path) -> None:
    with pytest.raises(ConfigError, match="before the first image of a video"):
        VideoAnalysis(Predictor(toy_model, detector="none", prior="estimate"))


def test_most_faces_can_be_limited(toy_model: Path, photo: np.ndarray) -> None:
    assert len(Predictor(toy_model, detector=FakeDetector(LEFT, RIGHT), max_faces=1).predict(photo).faces) == 1


def test_given_boxes_replace_the_detector(toy_model: Path, photo: np.ndarray) -> None:
    detector = FakeDetector(LEFT)
    prediction = Predictor(toy_model, detector=detector).predict(photo, boxes=[[50, 0, 50, 50]])
    assert [face.emotion for face in prediction.faces] == [EMOTIONS[6]]
    assert prediction.detector == "boxes"
    assert detector.shown == []
    with pytest.raises(DetectorError, match="boxes"):
        Predictor(toy_model, detector=detector).predict(photo, boxes=[[1, 2]])
    with pytest.raises(ImageError, match="overlaps"):
        Predictor(toy_model, detector=detector).predict(photo, boxes=[[500, 0, 9, 9]])


def test_every_source_gives_the_same_answer(toy_model: Path, photo: np.ndarray, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(photo).save(buffer, "PNG")
    path = tmp_path / "photo.png"
    path.write_bytes(buffer.getvalue())
    predictor = Predictor(toy_model, detector=FakeDetector(LEFT, RIGHT))
    expected = predictor.predict(photo)
    for source in (path, str(path), buffer.getvalue(), io.BytesIO(buffer.getvalue()), Image.fromarray(photo)):
        assert predictor.predict(source).faces == expected.faces
    assert predictor.predict(path).source == str(path)
    assert predictor.predict(photo, name="mine").source == "mine"


def test_channel_order_matters_and_is_said(toy_model: Path) -> None:
    red = np.zeros((9, 9, 3), np.uint8)
    red[..., 0] = 255
    detector = FakeDetector()
    predictor = Predictor(toy_model, detector=detector)
    predictor.predict(red)
    predictor.predict(red[..., ::-1], colour="bgr")
    assert (detector.shown[0] == detector.shown[1]).all()


def test_the_margin_is_the_detectors_unless_said(toy_model: Path) -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    image[25:75, 25:75] = 255  # the box is white, what surrounds it black
    detector = FakeDetector(DetectedFace(Box(25, 25, 50, 50)))
    assert Predictor(toy_model, detector=detector).predict(image).faces[0].emotion == EMOTIONS[6]
    widened = Predictor(toy_model, detector=detector, margin=0.25).predict(image).faces[0]  # (50 / 75)² of 255 is 113
    assert widened.emotion == EMOTIONS[3]


def test_limits_hold(toy_model: Path, photo: np.ndarray) -> None:
    with pytest.raises(ImageError, match="pixels"):
        Predictor(toy_model, detector="none", limits=ImageLimits(max_pixels=100)).predict(photo)


def test_many_images_go_on_after_an_unreadable_one(toy_model: Path, photo: np.ndarray) -> None:
    predictor = Predictor(toy_model, detector="none")
    answers = list(predictor.predict_many([photo, "nowhere.jpg", b"no image", photo]))
    assert [type(answer) for answer in answers] == [Prediction, Unreadable, Unreadable, Prediction]
    assert [answer.source for answer in answers] == ["image-1", "nowhere.jpg", "image-3", "image-4"]


def test_what_is_found_is_classified_as_predict_does(toy_model: Path, photo: np.ndarray) -> None:
    predictor = Predictor(toy_model, detector=FakeDetector(LEFT, RIGHT))
    found = predictor.find(photo, max_faces=1)
    assert (found.width_px, found.height_px, found.faces, found.detector) == (100, 50, (LEFT,), "fake")
    assert (found.crops.shape, found.faces_left_out) == ((1, 48, 48), 1)
    assert predictor.classify(predictor.find(photo), name="p") == predictor.predict(photo, name="p")
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.faces = ()  # type: ignore[misc]


def test_probabilities_that_are_known_are_not_asked_for(toy_model: Path, photo: np.ndarray) -> None:
    predictor = Predictor(toy_model, detector=FakeDetector(LEFT))
    known = np.eye(7)[[3]]
    (face,) = predictor.classify(predictor.find(photo), known).faces
    assert (face.emotion, face.confidence, face.landmarks) == (EMOTIONS[3], 1.0, LEFT.landmarks)
    (asked,) = predictor.predict(photo).faces
    assert predictor.with_probabilities(asked, known[0]) == face


def test_predictions_can_be_put_into_sets(toy_model: Path, photo: np.ndarray) -> None:
    predictor = Predictor(toy_model, detector=FakeDetector(LEFT))
    assert len({predictor.predict(photo, name=name) for name in ("a", "a", "b")}) == 2


def test_one_image_is_not_many(toy_model: Path, photo: np.ndarray, tmp_path: Path) -> None:
    predictor = Predictor(toy_model, detector="none")
    path = tmp_path / "photo.jpg"
    one: Any
    for one in ("photo.jpg", path, b"photo", io.BytesIO(), Image.fromarray(photo), photo, photo[..., 0], 7):
        with pytest.raises(ImageError, match=r"Expected several images.*Call predict\."):
            predictor.predict_many(one)
    assert [type(one) for one in predictor.predict_many(photo[None])] == [Prediction]
    assert [type(one) for one in predictor.predict_many(photo[None, ..., 0], colour="gray")] == [Prediction]


def test_a_predictor_goes_to_other_processes(toy_model: Path, photo: np.ndarray) -> None:
    predictor = Predictor(toy_model, detector="none", margin=0.1, max_faces=3, limits=ImageLimits(max_pixels=5000))
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(predictor.predict, photo).result(timeout=60) == predictor.predict(photo)
        with pytest.raises(ImageError, match="5,000 pixels"):
            pool.submit(predictor.predict, np.repeat(photo, 2, axis=0)).result(timeout=60)
    assert repr(copy.copy(predictor)) == repr(predictor)


@pytest.mark.parametrize("detector", ["mtcnn", object(), None])
def test_unknown_detectors_are_refused(toy_model: Path, detector: Any) -> None:
    with pytest.raises(DetectorError, match="detector"):
        Predictor(toy_model, detector=detector)


def test_results_are_plain_json_and_cannot_be_changed(toy_model: Path, photo: np.ndarray) -> None:
    prediction = Predictor(toy_model, detector=FakeDetector(LEFT)).predict(photo, name="p")
    value = json.loads(json.dumps(prediction.to_dict(), allow_nan=False))
    assert value["faces"][0]["box"] == {"x": 0, "y": 0, "width": 50, "height": 50}
    assert value["faces"][0]["probabilities"].keys() == set(EMOTIONS)
    assert len(value["faces"][0]["landmarks"]) == 5
    with pytest.raises(dataclasses.FrozenInstanceError):
        prediction.faces = ()  # type: ignore[misc]
    assert "1 faces by fake" in repr(prediction)


def test_faces_alone_are_a_batch(toy_model: Path) -> None:
    crops = np.stack([np.zeros((48, 48), np.uint8), np.full((48, 48), 255, np.uint8)])
    assert Predictor(toy_model, detector="none").predict_faces(crops).argmax(axis=1).tolist() == [0, 6]


def test_a_dataset_image_reaches_the_model_as_the_same_pixels(toy_model: Path, shared: Path) -> None:
    """Photo → crop → model equals dataset → model when the box is the image."""
    predictor = Predictor(toy_model, detector="none")
    with zipfile.ZipFile(shared / "data" / "archive.zip") as archive:
        for name in [name for name in archive.namelist() if name.endswith(".jpg")][::4000]:
            data = archive.read(name)
            as_dataset = resize_to_input(to_gray(decode_image(data)))
            as_photo = predictor.find(data).crops
            assert (as_photo == as_dataset[None]).all()
            assert (crop_face(as_dataset, (0, 0, 48, 48)) == as_dataset).all()
            probabilities = predictor.predict(data).faces[0].probabilities
            np.testing.assert_array_equal(
                np.float32(list(probabilities.values())), predictor.predict_faces(as_dataset[None])[0]
            )
