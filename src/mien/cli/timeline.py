"""The timeline of `mien video`: where inference, which has the faces, and evaluation, which has the figures, meet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mien.emotions import EMOTIONS
from mien.errors import ConfigError
from mien.evaluate.plots.timeline import TimelinePlot
from mien.evaluate.style import save_figure
from mien.inference.video.analysis import FrameFaces
from mien.inference.video.sinks import Sink
from mien.inference.video.tracking import TrackSummary

__all__ = ["TimelineSink"]

# Means over steps of time are kept instead of frames, so that memory does not grow with the frame rate: an hour with
# one face is 18,000 steps.
_STEP_SECONDS = 0.2
_SUFFIXES = (".png", ".svg", ".pdf")


class TimelineSink(Sink):
    """Keeps each person's probabilities over time, and draws them at the end.

    Raises:
        ConfigError: The file has another ending than a figure.
    """

    def __init__(self, target: Path) -> None:
        super().__init__(target)
        if target.suffix.lower() not in _SUFFIXES:
            raise ConfigError(f"Expected a timeline that ends in {', '.join(_SUFFIXES)}. Received: {target.name}.")

    def _open(self, path: Path) -> None:
        self._path = path
        self._sums: dict[tuple[int, int], np.ndarray] = {}

    def _write(self, result: FrameFaces) -> None:
        step = int(result.frame.time_seconds / _STEP_SECONDS)
        for tracked in result.faces:
            sums = self._sums.setdefault((tracked.track, step), np.zeros(1 + len(EMOTIONS)))
            sums += (1, *(tracked.face.probabilities[name] for name in EMOTIONS))

    def _close(self) -> None:
        pass

    def _complete(self, summaries: Sequence[TrackSummary]) -> bool:
        if not self._sums:
            return False
        keys = sorted(self._sums)
        values = np.array([self._sums[key] for key in keys])
        plot = TimelinePlot(
            track=np.array([track for track, _ in keys]),
            time_seconds=np.array([(step + 0.5) * _STEP_SECONDS for _, step in keys]),
            probabilities=values[:, 1:] / values[:, :1],
            captions={summary.track: _caption(summary) for summary in summaries},
        )
        save_figure(plot.draw(), self._path)
        return True


def _caption(summary: TrackSummary) -> str:
    """The same words and numbers as the table's."""
    span = f"{summary.first_seconds:.1f} to {summary.last_seconds:.1f} s"
    return f"{span}, mostly {summary.emotion}, {summary.shares[summary.emotion]:.0%} of the time"
