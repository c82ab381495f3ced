from __future__ import annotations

import numpy as np

from mien.evaluate.faithfulness import Faithfulness
from mien.evaluate.plots.explanations import (
    ExplanationGridPlot,
    FaithfulnessPlot,
    MeanMapsPlot,
    RandomisationPlot,
    overlay,
)

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (5, 48, 48), dtype=np.uint8)


def test_overlay_leaves_the_face_alone_where_the_map_is_zero_and_colours_it_where_it_is_one() -> None:
    heat = np.zeros((48, 48))
    heat[:24] = 1
    picture = overlay(IMAGES[0], heat)
    gray = IMAGES[0] / 255
    np.testing.assert_allclose(picture[24:], np.repeat(gray[24:, :, None], 3, axis=2))
    assert np.ptp(picture[:24], axis=2).min() > 0.1  # coloured, so the channels differ
    assert picture.min() >= 0
    assert picture.max() <= 1


def test_grid_shows_each_face_beside_each_map() -> None:
    maps = {"a": RNG.random((5, 48, 48)), "b": RNG.random((5, 48, 48))}
    captions = [f"face {i}" for i in range(5)]
    figure = ExplanationGridPlot(IMAGES, maps, captions).draw(columns=2)
    assert len(figure.axes) == 5 * 3  # face and two maps
    assert [ax.texts[0].get_text() for ax in figure.axes if ax.texts] == captions
    top = [ax.get_title(loc="left") for ax in figure.axes[:6]]
    assert top == ["face", "a", "b"] * 2  # every column says what it shows
    assert not any(ax.get_title(loc="left") for ax in figure.axes[6:])


def test_maps_stand_closer_to_their_face_than_to_the_next_one() -> None:
    figure = ExplanationGridPlot(IMAGES, {"a": RNG.random((5, 48, 48))}, ["x"] * 5).draw(columns=2)
    face, its_map, other = (ax.get_position() for ax in figure.axes[:3])
    assert 0 < 4 * (its_map.x0 - face.x1) < other.x0 - its_map.x1
    figure.canvas.draw()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height


def test_mean_maps_leave_a_class_without_faces_empty_under_a_name_in_line_with_the_others() -> None:
    counts = np.array([3, 0, 2, 1, 1, 4, 9])
    figure = MeanMapsPlot(RNG.uniform(0, 255, (7, 48, 48)), RNG.random((7, 48, 48)), counts).draw()
    assert [len(ax.images) for ax in figure.axes] == [1, 0, 1, 1, 1, 1, 1]
    assert [text.get_text() for text in figure.axes[1].texts] == ["disgust", "0"]
    figure.canvas.draw()
    assert len({tuple(round(text.get_window_extent().y0, 3) for text in ax.texts) for ax in figure.axes}) == 1


def test_faithfulness_draws_the_numbers_it_holds() -> None:
    share = np.linspace(0, 1, 5)
    found = Faithfulness(share, 1 - share, share, np.full(5, 0.6), np.full(5, 0.4))
    deletion, insertion = FaithfulnessPlot({"Grad-CAM": found}).draw().axes
    np.testing.assert_allclose(deletion.lines[0].get_xydata(), np.column_stack([100 * share, 1 - share]))
    np.testing.assert_allclose(insertion.lines[1].get_ydata(), 0.4)
    assert [text.get_text() for text in deletion.get_legend().get_texts()] == ["Grad-CAM", "random order"]


def test_randomisation_reads_from_the_top_down() -> None:
    figure = RandomisationPlot(("logits", "conv"), np.array([0.8, 0.1])).draw()
    (ax,) = figure.axes
    assert [bar.get_width() for bar in ax.patches] == [0.8, 0.1]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["logits", "+ conv"]
    assert ax.patches[0].get_y() > ax.patches[1].get_y()
