"""Measures which crop of a detected face suits a network that learnt from FER-2013.

The faces of PublicTest are put back into a picture (enlarged, with their edges continued), found again by
YuNet, cropped in each way under test, and classified. Two questions are answered:

1. Geometry: where does FER-2013's own frame lie, relative to the detector's box? Needs no model.
2. Accuracy: how much does each margin, centring and alignment cost beside FER-2013's own frame?

python benchmarks/crop_margin.py --data ../shared/data/fer2013.csv.gz --model MODEL_FOLDER
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from mien.data.sources import load_dataset
from mien.images import crop_face
from mien.inference.classifier import Classifier
from mien.inference.faces.detector import FaceDetector
from mien.inference.faces.quality import roll_degrees, sharpness
from mien.inference.faces.yunet import YuNetDetector
from mien.inference.results import Box, DetectedFace, Point

SCALE = 4  # detectors are made for faces of more than 48 px
TILTS_DEGREES = (10, 20, 30, 45)
BORDER_PX = 24  # of FER-2013's pixels, on each side
MARGINS = (-0.15, -0.1, -0.05, 0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
OWN_FRAME = Box(BORDER_PX * SCALE, BORDER_PX * SCALE, 48 * SCALE, 48 * SCALE)


class Found(NamedTuple):
    index: int
    picture: np.ndarray
    face: DetectedFace


def picture_of(image: np.ndarray) -> np.ndarray:
    """uint8 (48, 48) → uint8 (384, 384): the face, larger, inside a continued background."""
    large = cv2.resize(image, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
    return cv2.copyMakeBorder(large, *[BORDER_PX * SCALE] * 4, cv2.BORDER_REPLICATE)


def find(images: np.ndarray, detector: FaceDetector, *, tilt_degrees: float = 0) -> list[Found]:
    """The largest face of each picture, where there is one; every other picture is tilted the other way."""
    found = []
    for index, image in enumerate(images):
        picture = turned(picture_of(image), OWN_FRAME, tilt_degrees * (-1) ** index)
        faces = detector.detect(cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB))
        if faces:
            found.append(Found(index, picture, faces[0]))
    return found


def print_geometry(found: Sequence[Found]) -> None:
    """FER-2013's frame in units of the detector's box: side, and offset of the centre."""
    boxes = np.array([one.face.box for one in found])
    longer = boxes[:, 2:].max(axis=1)
    centres = boxes[:, :2] + boxes[:, 2:] / 2
    own = OWN_FRAME.x + OWN_FRAME.width / 2
    ratio, offset = OWN_FRAME.width / longer, (own - centres) / longer[:, None]
    for name, values in (("side / longer side", ratio), ("offset right", offset[:, 0]), ("offset down", offset[:, 1])):
        low, middle, high = np.percentile(values, [10, 50, 90])
        print(f"  {name:<20} median {middle:+.3f}   (10 % {low:+.3f}, 90 % {high:+.3f})")
    print(f"  margin that gives FER-2013's median frame: {(np.median(ratio) - 1) / 2:+.3f}")
    rolls = [roll_degrees(one.face.landmarks) for one in found if one.face.landmarks]
    if rolls:
        low, middle, high = np.percentile(rolls, [10, 50, 90])
        print(f"  roll of the eyes, degrees median {middle:+.1f}   (10 % {low:+.1f}, 90 % {high:+.1f})")


def turned(picture: np.ndarray, box: Box, degrees: float) -> np.ndarray:
    """The picture turned about the box's centre, so that a roll of `degrees` becomes level."""
    centre = (box.x + box.width / 2, box.y + box.height / 2)
    matrix = cv2.getRotationMatrix2D(centre, degrees, 1.0)
    size = (picture.shape[1], picture.shape[0])
    return cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def by_landmarks(box: Box, landmarks: tuple[Point, ...]) -> Box:
    """The box moved so that the middle of eyes and mouth is its centre, where FER-2013's median has it 3 px lower."""
    x = sum(landmarks[k].x for k in (0, 1, 3, 4)) / 4
    y = sum(landmarks[k].y for k in (0, 1, 3, 4)) / 4
    longer = max(box.width, box.height)
    return Box(x - box.width / 2, y - box.height / 2 - 0.06 * longer, box.width, box.height)


Way = Callable[[Found], np.ndarray]


def ways() -> dict[str, Way]:
    """Every crop under test."""
    tested: dict[str, Way] = {"FER-2013's own frame": lambda one: crop_face(one.picture, OWN_FRAME)}
    for margin in MARGINS:
        tested[f"margin {margin:+.2f}"] = lambda one, m=margin: crop_face(one.picture, one.face.box, margin=m)
    for smallest in (0, 5, 10, 15, 20):
        tested[f"margin 0, levelled from {smallest}°"] = lambda one, s=smallest: levelled(one, s)
    tested["margin 0, centred by landmarks"] = lambda one: crop_face(
        one.picture, by_landmarks(one.face.box, one.face.landmarks)
    )
    return tested


def levelled(one: Found, smallest_degrees: float) -> np.ndarray:
    degrees = roll_degrees(one.face.landmarks)
    return crop_face(one.picture, one.face.box, roll_degrees=degrees if abs(degrees) >= smallest_degrees else 0.0)


def print_accuracy(found: Sequence[Found], labels: np.ndarray, classifier: Classifier) -> None:
    wanted = labels[[one.index for one in found]]
    for name, way in ways().items():
        right = classifier.probabilities(np.stack([way(one) for one in found])).argmax(axis=1) == wanted
        print(f"  {name:<32} {right.mean():.2%}")
        if name == "FER-2013's own frame":
            own = right
        elif name.startswith("margin +0.00"):
            print(f"  {'':<32} (changed answers: {np.mean(right != own):.1%})")


def print_tilted(images: np.ndarray, labels: np.ndarray, detector: FaceDetector, classifier: Classifier) -> None:
    """What levelling the eyes is worth for heads that are tilted more than FER-2013's."""
    for tilt in TILTS_DEGREES:
        found = find(images, detector, tilt_degrees=tilt)
        wanted = labels[[one.index for one in found]]
        scores = []
        for crop in (lambda one: crop_face(one.picture, one.face.box), lambda one: levelled(one, 15)):
            answers = classifier.probabilities(np.stack([crop(one) for one in found])).argmax(axis=1)
            scores.append(f"{np.mean(answers == wanted):.2%}")
        print(f"  tilted by {tilt}°: {len(found):,} found; as they are {scores[0]}, levelled from 15° {scores[1]}")


def print_sharpness(images: np.ndarray) -> None:
    """What `mien.inference.faces.quality` measures on FER-2013 as it is, and blurred on purpose."""
    for sigma_px in (0, 1, 1.5, 2, 3):
        crops = [cv2.GaussianBlur(image, (0, 0), sigma_px) if sigma_px else image for image in images]
        low, middle, high = np.percentile([sharpness(crop) for crop in crops], [1, 50, 95])
        print(
            f"sharpness, blurred by {sigma_px} px: 1 % below {low:.3f}, half below {middle:.3f}, 95 % below {high:.3f}"
        )
    brightness = images.reshape(len(images), -1).mean(axis=1)
    print(f"brightness: 0.5 % below {np.percentile(brightness, 0.5):.0f}, 1 % below {np.percentile(brightness, 1):.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="fer2013.csv (.gz) or archive.zip")
    parser.add_argument("--model", help="folder with an exported model; without it only the geometry is measured")
    parser.add_argument("--images", type=int, default=0, help="how many of PublicTest; all of them if 0")
    arguments = parser.parse_args()
    val = load_dataset(arguments.data).val
    if arguments.images:
        val = val.take(np.random.default_rng(0).permutation(len(val))[: arguments.images])
    classifier = Classifier(arguments.model) if arguments.model else None
    if classifier:
        right = classifier.probabilities(val.images).argmax(axis=1) == val.labels
        print(f"{len(val):,} images as they are: {right.mean():.2%}")
    print_sharpness(val.images)
    detector = YuNetDetector()
    found = find(val.images, detector)
    print(f"{len(found):,} of {len(val):,} faces found again")
    print_geometry(found)
    if classifier:
        print_accuracy(found, val.labels, classifier)
        print_tilted(val.images, val.labels, detector, classifier)


if __name__ == "__main__":
    main()
