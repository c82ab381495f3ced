import cv2
import numpy as np
import pytest

from mien.data.kinds import describe_other


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (cv2.imencode(".jpg", np.zeros((4, 4), np.uint8))[1].tobytes(), "one JPEG image"),
        (cv2.imencode(".png", np.zeros((4, 4), np.uint8))[1].tobytes(), "one PNG image"),
        ("emotion,pixels".encode("utf-16"), "UTF-16"),
        (b"fer2013/" + b"\0" * 249 + b"ustar\0", "a tar archive"),
        (b"\0\1\2\3 binary", "binary data"),
        ("é,à,ü".encode("latin-1"), "no UTF-8 text"),
        (b"a,b,c\n1,2,3\n", "text that begins with 'a,b,c'"),
        (b"x" * 500, "x" * 60 + "'"),
    ],
)
def test_describe_other(head: bytes, words: str):
    described = describe_other(head)
    assert words in described
    assert len(described) < 100
