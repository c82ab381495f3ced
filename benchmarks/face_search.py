"""How many faces each way of searching finds, how many it invents, and what it costs; all ways within one process.

    python benchmarks/face_search.py --photos PHOTO_FOLDER [--data fer2013.csv.gz] [--faces 300]
        [--rounds 3] [--canvases 0]

Two kinds of pictures with known faces:

- The faces of the photos, as YuNet finds them in the whole photo, each brought to several shares of the shorter side of
  a picture of 640×480. They are few, but in real surroundings.
- Faces of FER-2013, enlarged four times, with their edges continued (as in `crop_margin.py`): many, but without
  surroundings. A face counts as found there when anything is.

Inventions are counted in the photos with their faces painted over. Times are processor milliseconds, on one thread, the
median of several rounds in turns. `--canvases 20` also compares ways of shrinking on large pictures pasted from the
photos.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from crop_margin import picture_of
from machine import machine_facts, markdown

from mien.images import read_image
from mien.inference.faces.boxes import overlap
from mien.inference.faces.detector import FaceDetector
from mien.inference.faces.yunet import YuNetDetector
from mien.inference.results import Box

SHARES = (0.08, 0.1, 0.125, 0.16, 0.2, 0.3, 0.4)  # of the shorter side
PICTURE_SIZE = (640, 480)
LARGEST_ENLARGEMENT = 1.3  # a face is not enlarged further: it would be blurred


class Case(NamedTuple):
    """A picture and the place of one of its faces."""

    picture: np.ndarray
    box: Box
    share: float


class Photo(NamedTuple):
    """A photo and all of its faces."""

    picture: np.ndarray
    boxes: tuple[Box, ...]


def read_photos(folder: Path, judge: FaceDetector) -> list[Photo]:
    """Every image of a folder, and a few frames of each clip."""
    pictures = [read_image(path) for path in sorted(folder.iterdir()) if path.suffix in (".jpg", ".png")]
    for path in sorted(folder.glob("*.mp4")):
        clip = cv2.VideoCapture(str(path))
        for number in range(0, int(clip.get(cv2.CAP_PROP_FRAME_COUNT)), 12):
            clip.set(cv2.CAP_PROP_POS_FRAMES, number)
            done, frame = clip.read()
            if done:
                pictures.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
    return [Photo(picture, tuple(face.box for face in judge.detect(picture))) for picture in pictures]


def cases(photos: Sequence[Photo]) -> Iterator[Case]:
    """Each face at each share of a picture of 640×480 around it."""
    width, height = PICTURE_SIZE
    for photo in photos:
        for box in photo.boxes:
            for share in SHARES:
                scale = share * height / max(box.width, box.height)
                if scale <= LARGEST_ENLARGEMENT:
                    left = box.x + box.width / 2 - width / scale / 2
                    top = box.y + box.height / 2 - height / scale / 2
                    picture = _cut(photo.picture, left, top, scale)
                    yield Case(picture, _moved(box, left, top, scale), share)


def _cut(picture: np.ndarray, left: float, top: float, scale: float) -> np.ndarray:
    """640×480 pixels of a picture that is scaled, from a corner on; its edges go on outside."""
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    scaled = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    matrix = np.array([[1, 0, -left * scale], [0, 1, -top * scale]])
    return cv2.warpAffine(scaled, matrix, PICTURE_SIZE, borderMode=cv2.BORDER_REPLICATE)


def _moved(box: Box, left: float, top: float, scale: float) -> Box:
    return Box((box.x - left) * scale, (box.y - top) * scale, box.width * scale, box.height * scale)


def without_faces(photo: Photo) -> np.ndarray:
    """The photo with its faces, and some room around them, painted over."""
    picture = photo.picture.copy()
    for box in photo.boxes:
        x, y, width, height = (int(value) for value in box)
        top, left = max(0, y - height // 5), max(0, x - width // 3)
        picture[top : y + height + height // 5, left : x + width + width // 3] = 128
    return picture


def fer_pictures(data: str, count: int) -> list[np.ndarray]:
    from mien.data import load_dataset

    images = load_dataset(data).val.images
    chosen = images[np.random.default_rng(1).permutation(len(images))[:count]]
    return [cv2.cvtColor(picture_of(image), cv2.COLOR_GRAY2RGB) for image in chosen]


def ways() -> dict[str, FaceDetector]:
    """Every way of searching under test; the first is the one that mien takes."""
    return {
        "YuNet": YuNetDetector(threads=1),
        "YuNet, faces from 48 px": YuNetDetector(smallest_face_px=48, threads=1),
    }


def processor_ms(detector: FaceDetector, picture: np.ndarray) -> float:
    started = time.process_time()
    detector.detect(picture)
    return 1e3 * (time.process_time() - started)


def recall_table(
    tested: dict[str, FaceDetector], photos: Sequence[Photo], faces: Sequence[np.ndarray], rounds: int
) -> str:
    placed = list(cases(photos))
    empty = [without_faces(photo) for photo in photos]
    head = ["search", "FER-2013", *(f"{share:.1%}" for share in SHARES), "all shares", "invented", "ms"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    timed = [placed[index].picture for index in range(0, len(placed), max(1, len(placed) // 20))]
    times: dict[str, list[float]] = {name: [] for name in tested}
    for _ in range(rounds):
        for picture in timed:
            for name, detector in tested.items():
                times[name].append(processor_ms(detector, picture))
    for name, detector in tested.items():
        hits = [any(overlap(one.box, face.box) > 0.5 for face in detector.detect(one.picture)) for one in placed]
        by_share = [
            f"{sum(hit for hit, one in zip(hits, placed, strict=True) if one.share == share)}"
            f" of {sum(one.share == share for one in placed)}"
            for share in SHARES
        ]
        of_fer = f"{sum(bool(detector.detect(face)) for face in faces)} of {len(faces)}" if faces else "—"
        invented = sum(len(detector.detect(picture)) for picture in empty)
        row = [name, of_fer, *by_share, f"{sum(hits)} of {len(hits)}", str(invented)]
        lines.append("| " + " | ".join([*row, f"{statistics.median(times[name]):.1f}"]) + " |")
    return "\n".join(lines)


def canvas(photos: Sequence[Photo], seed: int) -> Photo:
    """A large picture pasted from photos in rows of any height."""
    random = np.random.default_rng(seed)
    width = int(random.choice([1300, 1800, 2300, 3000, 4000]))
    picture = np.full((width * 3 // 4, width, 3), 128, np.uint8)
    boxes, top = [], 0
    while (room := len(picture) - top) >= 40:
        height, left = min(room, int(width * random.choice([0.04, 0.08, 0.16, 0.32, 0.64]))), 0
        while True:
            photo = photos[random.integers(len(photos))]
            scale = height / photo.picture.shape[0]
            wide = round(photo.picture.shape[1] * scale)
            if left + wide > width or wide < 1:
                break
            way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
            picture[top : top + height, left : left + wide] = cv2.resize(
                photo.picture, (wide, height), interpolation=way
            )
            boxes += [_moved(box, -left / scale, -top / scale, scale) for box in photo.boxes]
            left += wide
        top += height
    return Photo(picture, tuple(boxes))


def shrinking_table(detector: FaceDetector, photos: Sequence[Photo], count: int) -> str:
    """mien's way of shrinking beside averaging areas all the way, before the same search."""
    found, spent, faces = {"mien's": 0, "averaging areas": 0}, {"mien's": [], "averaging areas": []}, 0
    for seed in range(count):
        picture, boxes = canvas(photos, seed)
        faces += len(boxes)
        scale = 1280 / max(picture.shape)
        for name in found:
            started = time.process_time()
            image, stretch = picture, 1.0
            if name == "averaging areas":
                image, stretch = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), 1 / scale
            there = [Box(*(value * stretch for value in face.box)) for face in detector.detect(image)]
            spent[name].append(1e3 * (time.process_time() - started))
            found[name] += sum(any(overlap(box, other) > 0.5 for other in there) for box in boxes)
    lines = ["| shrinking | faces found | ms |", "|---|---|---|"]
    lines += [f"| {name} | {found[name]} of {faces} | {statistics.median(spent[name]):.0f} |" for name in found]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--data", help="fer2013.csv.gz; without it FER-2013's faces are left out")
    parser.add_argument("--faces", type=int, default=300, help="faces of FER-2013's PublicTest")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--canvases", type=int, default=0)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    tested = ways()
    photos = read_photos(options.photos, tested["YuNet"])
    faces = fer_pictures(options.data, options.faces) if options.data else []
    print(markdown(machine_facts()), recall_table(tested, photos, faces, options.rounds), sep="\n\n")
    if options.canvases:
        print("", shrinking_table(tested["YuNet"], photos, options.canvases), sep="\n")


if __name__ == "__main__":
    main()
