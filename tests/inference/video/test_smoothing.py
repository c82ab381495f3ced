from __future__ import annotations

import math

import numpy as np
import pytest

from mien.emotions import EMOTIONS
from mien.inference.video.smoothing import Smoother, TrackTally


def _sure_of(emotion: int) -> np.ndarray:
    return np.eye(7, dtype=np.float32)[emotion]


@pytest.mark.parametrize("fps", [5, 25, 100])
def test_a_change_comes_through_in_the_stated_time_at_any_frame_rate(fps: int) -> None:
    smoother = Smoother(0.5)
    smoother.smooth(1, _sure_of(3), 0.0)
    for step in range(1, fps + 1):
        smooth = smoother.smooth(1, _sure_of(4), step / fps)
        if step / fps == 0.6:
            assert smooth[4] == pytest.approx(1 - math.exp(-1.2), abs=1e-3)
        assert smooth.sum() == pytest.approx(1, abs=1e-5)
    assert smooth[4] == pytest.approx(1 - math.exp(-2), abs=1e-3)


def test_none_is_no_smoothing() -> None:
    smoother = Smoother(0.0)
    smoother.smooth(1, _sure_of(3), 0.0)
    assert (smoother.smooth(1, _sure_of(4), 0.01) == _sure_of(4)).all()


def test_tracks_do_not_mix_and_are_forgotten() -> None:
    smoother = Smoother(1.0)
    smoother.smooth(1, _sure_of(3), 0.0)
    assert (smoother.smooth(2, _sure_of(4), 0.1) == _sure_of(4)).all()
    smoother.forget_all_but({2})
    assert (smoother.smooth(1, _sure_of(5), 0.2) == _sure_of(5)).all()


def test_a_summary_by_hand() -> None:
    tally = TrackTally(7, longest_gap_seconds=1.0)
    # Happy until 2.0, then a gap of 3 s, then sad for 0.5 s.
    for emotion, time_seconds in ((3, 0.0), (3, 1.0), (3, 2.0), (4, 5.0), (4, 5.5)):
        tally.add(emotion, 0.8, time_seconds)
    summary = tally.summary()
    assert (summary.track, summary.first_seconds, summary.last_seconds) == (7, 0.0, 5.5)
    assert summary.seen_seconds == 2.5
    assert summary.emotion == "happy"
    assert summary.shares == {name: {"happy": 0.8, "sad": 0.2}.get(name, 0.0) for name in EMOTIONS}
    assert summary.confidence == pytest.approx(0.8)


def test_a_face_of_one_frame_has_a_summary() -> None:
    tally = TrackTally(1)
    tally.add(6, 0.4, 3.0)
    assert tally.summary().emotion == "neutral"
    assert tally.summary().seen_seconds == 0
