"""The overview page: it shows each emotion, marks wrong answers, and nothing falls off its edge."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from mien.emotions import EMOTIONS, NUM_EMOTIONS
from mien.evaluate.overview import AnsweredFaces, AnsweredPhoto, Overview, one_of_each
from mien.evaluate.style import SECOND


def _faces(per_emotion: int, *, wrong: int = 0) -> AnsweredFaces:
    labels = np.repeat(np.arange(NUM_EMOTIONS), per_emotion)
    answers = labels.copy()
    answers[:wrong] = (answers[:wrong] + 1) % NUM_EMOTIONS
    probabilities = np.full((len(labels), NUM_EMOTIONS), 0.05, np.float32)
    probabilities[np.arange(len(labels)), answers] = 0.7
    return AnsweredFaces(np.zeros((len(labels), 48, 48), np.uint8), labels, probabilities)


def _overview(faces: AnsweredFaces, *, photo: bool = True) -> Overview:
    epochs = np.arange(1, 13)
    history = pd.DataFrame({"epoch": epochs, "accuracy": epochs / 13, "val_accuracy": epochs / 14})
    answer = AnsweredPhoto(np.zeros((512, 384, 3), np.uint8), np.full(7, 1 / 7, np.float32), "the bundled model")
    remark = "2,800 drawn faces · cnn, 684,103 parameters, 12 epochs · 96.3% (95% interval 94.1 to 98.0) right"
    return Overview("mien demo", remark, faces, history, np.diag(np.full(7, 60)), answer if photo else None)


def _shown(figure: Figure) -> list[Text]:
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]


def test_three_faces_of_each_emotion_are_shown() -> None:
    figure = _overview(_faces(5)).draw()
    captions = [text.get_text() for text in _shown(figure)]
    assert [captions.count(f"{name} 70%") for name in EMOTIONS] == [3] * 7
    assert sum(len(axes.images) for axes in figure.axes) == 21 + 2  # faces, confusion matrix, photo


def test_wrong_answers_are_marked() -> None:
    marked = [text for text in _shown(_overview(_faces(3, wrong=2)).draw()) if "✗" in text.get_text()]
    assert [text.get_text() for text in marked] == [f"{EMOTIONS[1]} 70% ✗"] * 2
    assert {text.get_color() for text in marked} == {SECOND}


@pytest.mark.parametrize("photo", [True, False])
def test_every_text_is_on_the_page(photo: bool) -> None:
    figure = _overview(_faces(3, wrong=3), photo=photo).draw()
    figure.draw_without_rendering()  # places the labels of the axes
    page = figure.bbox
    for text in _shown(figure):
        box = text.get_window_extent()
        assert box.x0 >= 0, text
        assert box.y0 >= 0, text
        assert box.x1 <= page.x1, text
        assert box.y1 <= page.y1, text


def test_missing_emotions_and_no_photo_leave_gaps() -> None:
    faces = _faces(1)
    only = AnsweredFaces(faces.images[:2], faces.labels[:2], faces.probabilities[:2])
    figure = _overview(only, photo=False).draw()
    assert sum(len(axes.images) for axes in figure.axes) == 2 + 1


def test_one_of_each_takes_the_first_of_every_emotion() -> None:
    labels = np.array([6, 0, 0, 3, 0, 6])
    assert one_of_each(labels, per_emotion=2).tolist() == [1, 2, 3, 0, 5]
