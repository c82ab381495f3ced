"""The timeline of `mien video`: where inference, which has the faces, and evaluation, which has the figures, meet."""

from __future__ import annotations

from mien.emotions import EMOTIONS
from mien.inference.video.analysis import FrameAnswer
from mien.inference.video.sinks import Sink

__all__ = ["TimelineSink"]

# Means over steps of time are kept instead of frames, so that memory does not grow with the frame rate: an hour with
# one face is 18,000 steps.
_STEP_SECONDS = 0.2


class TimelineSink(Sink):
    """Keeps each person's probabilities over time, and draws them at the end."""

    def _open(self) -> None:
        self._sums: dict[tuple[int, int], list[float]] = {}

    def _write(self, answer: FrameAnswer) -> None:
        step = int(answer.frame.time_seconds / _STEP_SECONDS)
        for tracked in answer.faces:
            sums = self._sums.setdefault((tracked.track, step), [0.0] * (1 + len(EMOTIONS)))
            sums[0] += 1
            for position, name in enumerate(EMOTIONS, start=1):
                sums[position] += tracked.face.probabilities[name]

    def _close(self) -> None:
        import numpy as np

        from mien.evaluate.plots.timeline import TimelinePlot
        from mien.evaluate.style import save_figure

        if not self._sums:
            return
        keys = sorted(self._sums)
        values = np.array([self._sums[key] for key in keys])
        plot = TimelinePlot(
            track=np.array([track for track, _ in keys]),
            time_seconds=np.array([(step + 0.5) * _STEP_SECONDS for _, step in keys]),
            probabilities=values[:, 1:] / values[:, :1],
            longest_gap_seconds=1.0,
        )
        save_figure(plot.draw(), self.path)
