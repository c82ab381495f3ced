"""The order of the emotions, and which names mean which."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.emotions import EMOTIONS, NUM_EMOTIONS, emotion_code


def test_order_is_that_of_fer2013() -> None:
    # fer2013.csv's own codes, written out once more here so that a change of order cannot pass unseen.
    codes = {"angry": 0, "disgust": 1, "fear": 2, "happy": 3, "sad": 4, "surprise": 5, "neutral": 6}
    assert {name: EMOTIONS.index(name) for name in codes} == codes
    assert NUM_EMOTIONS == len(EMOTIONS) == 7


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("anger", "angry"),
        ("Disgusted", "disgust"),
        ("AFRAID", "fear"),
        ("happiness", "happy"),
        (" sadness ", "sad"),
        ("suprise", "surprise"),
        ("surprised", "surprise"),
        ("3", "happy"),
        ("03", "happy"),
        ("00", "angry"),
        ("3_happy", "happy"),
        ("03-Happy", "happy"),
        ("6 neutral", "neutral"),
        ("0.anger", "angry"),
        ("happy_happiness", "happy"),
    ],
)
def test_usual_spellings(name: str, meant: str) -> None:
    assert emotion_code(name) == EMOTIONS.index(meant)


@pytest.mark.parametrize(
    "name",
    ["", "_", "contempt", "7", "-1", "3.5", "1_angry", "happy_sad", "faces_happy", "unhappy", "happyness!", "None"],
)
def test_names_that_mean_none_or_two(name: str) -> None:
    assert emotion_code(name) is None


@given(st.sampled_from(EMOTIONS), st.sampled_from([str.upper, str.title, "  {} ".format]))
def test_case_and_spaces_do_not_matter(name: str, change: object) -> None:
    assert emotion_code(change(name)) == EMOTIONS.index(name)  # type: ignore[operator]


@given(st.text(max_size=20))
def test_any_text_gives_a_code_or_none(name: str) -> None:
    assert emotion_code(name) in {None, *range(NUM_EMOTIONS)}
