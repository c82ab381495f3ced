import cv2
import numpy as np
import pytest

from mien.data.reading import describe_other, file_name_code, folder_code, usage_code


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("Training", 0),
        ("PublicTest", 1),
        ("PrivateTest", 2),
        (" privatetest ", 2),
        ("val", 1),
        ("Holdout", None),
        ("", None),
    ],
)
def test_usage(word: str, code: int | None):
    assert usage_code(word) == code


@pytest.mark.parametrize(
    ("name", "code"),
    [("train", 0), ("Validation", 1), ("valid", 1), ("TEST", 2), ("happy", None), ("training_set", None)],
)
def test_folders(name: str, code: int | None):
    assert folder_code(name) == code


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Training_62256585.jpg", 0),
        ("PublicTest_1.png", 1),
        ("privatetest_77.jpg", 2),
        ("test_3.jpg", None),
        ("val_1.jpg", None),
        ("Training.jpg", None),
        ("im0.png", None),
    ],
)
def test_only_the_benchmarks_own_words_count_in_file_names(name: str, code: int | None):
    assert file_name_code(name) == code


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
