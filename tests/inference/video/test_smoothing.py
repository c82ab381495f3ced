"""People's probabilities over time: smoothed at a stated speed, kept apart, and summed up."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from mien.emotions import EMOTIONS
from mien.inference.results import Box
from mien.inference.video.tracking import FaceTracks

LEFT, RIGHT = Box(0, 0, 50, 50), Box(400, 0, 50, 50)
HAPPY, SAD = 3, 4


def _sure_of(*emotions: int) -> np.ndarray:
    return np.eye(7, dtype=np.float32)[list(emotions)]


@pytest.mark.parametrize("fps", [5, 25, 100])
def test_a_change_comes_through_in_the_stated_time_at_any_frame_rate(fps: int) -> None:
    tracks = FaceTracks(smoothing_seconds=0.5)
    tracks.update([LEFT], _sure_of(HAPPY), 0.0)
    for step in range(1, fps + 1):
        (number,), (smooth,) = tracks.update([LEFT], _sure_of(SAD), step / fps)
        assert number == 1
        assert smooth[SAD] == pytest.approx(1 - math.exp(-step / fps / 0.5), abs=1e-3)
        assert smooth.sum() == pytest.approx(1, abs=1e-5)


def test_zero_is_no_smoothing() -> None:
    tracks = FaceTracks(smoothing_seconds=0)
    tracks.update([LEFT], _sure_of(HAPPY), 0.0)
    assert (tracks.update([LEFT], _sure_of(SAD), 0.01)[1] == _sure_of(SAD)).all()


def test_people_do_not_mix_and_are_forgotten() -> None:
    tracks = FaceTracks(smoothing_seconds=10.0)
    tracks.update([LEFT], _sure_of(HAPPY), 0.0)
    numbers, smooth = tracks.update([RIGHT], _sure_of(SAD), 0.1)
    assert numbers == [2]
    assert (smooth == _sure_of(SAD)).all()
    for step in range(2, 30):
        tracks.update([RIGHT], _sure_of(SAD), step / 10)
    numbers, smooth = tracks.update([LEFT], _sure_of(SAD), 3.0)
    assert numbers == [3]
    assert (smooth == _sure_of(SAD)).all()
    assert [summary.track for summary in tracks.summaries()] == [1, 2, 3]


def _summary(frames: Sequence[tuple[int, float]]) -> FaceTracks:
    tracks = FaceTracks(smoothing_seconds=0)
    for emotion, time_seconds in frames:
        tracks.update([LEFT], _sure_of(emotion), time_seconds)
    return tracks


def test_a_summary_by_hand() -> None:
    (summary,) = _summary([(HAPPY, 0.0), (HAPPY, 0.5), (HAPPY, 1.0), (HAPPY, 2.0), (SAD, 2.5)]).summaries()
    assert (summary.track, summary.first_seconds, summary.last_seconds) == (1, 0.0, 2.5)
    assert summary.seen_seconds == 2.5
    assert summary.emotion == "happy"
    assert summary.shares == {name: {"happy": 0.8, "sad": 0.2}.get(name, 0.0) for name in EMOTIONS}
    assert summary.confidence == pytest.approx(1)


def test_seldom_frames_count_for_all_of_the_time_between_them() -> None:
    (summary,) = _summary([(HAPPY, 1.2 * step) for step in range(16)]).summaries()
    assert summary.seen_seconds == pytest.approx(15 * 1.2)


def test_a_face_of_one_frame_has_a_summary() -> None:
    (summary,) = _summary([(6, 3.0)]).summaries()
    assert (summary.emotion, summary.seen_seconds) == ("neutral", 0)


def test_a_frame_without_faces() -> None:
    numbers, smooth = FaceTracks().update([], np.zeros((0, 7), np.float32), 0.0)
    assert (numbers, smooth.shape, smooth.dtype) == ([], (0, 7), np.float32)


def test_people_who_have_gone_are_forgotten_where_frames_never_end() -> None:
    tracks = FaceTracks(remember=False)
    for step in range(200):
        tracks.update([Box(300 * (step // 20 % 2), 0, 50, 50)], _sure_of(HAPPY), step / 10)
    assert [summary.track for summary in tracks.summaries()] == [10]
