"""Each person's emotions over the time of a video, as stacked areas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mien.emotions import COLOURS_ON_LIGHT, EMOTIONS
from mien.evaluate.style import figure_of, new_figure, percent_axis, styled, title

__all__ = ["TimelinePlot"]

# People beyond these are seldom more than a glimpse, and the page ends.
MOST_TRACKS = 8


@dataclass(frozen=True)
class TimelinePlot:
    """Probabilities over time.

    Attributes:
        track: int (N,), the person of each row.
        time_seconds: float (N,), increasing for each person.
        probabilities: float (N, 7), in `EMOTIONS` order, rows sum to 1.
        captions: What to say under each person's number, such as "0.0 to 4.6 s, mostly happy"; may be empty.
    """

    track: np.ndarray
    time_seconds: np.ndarray
    probabilities: np.ndarray
    captions: Mapping[int, str] = field(default_factory=dict)

    @property
    def drawn_tracks(self) -> list[int]:
        """The people who are seen most, in the order of their numbers."""
        tracks, counts = np.unique(self.track, return_counts=True)
        return sorted(int(track) for track in tracks[np.argsort(-counts, kind="stable")][:MOST_TRACKS])

    def draw(self) -> Figure:
        """Draw one panel per person."""
        with styled():
            axes = _panels(len(self.drawn_tracks))
            for ax, track in zip(axes, self.drawn_tracks, strict=True):
                self._panel(ax, track)
            axes[-1].set_xlabel("seconds")
            handles, labels = axes[0].get_legend_handles_labels()
            figure = figure_of(axes[0])
            figure.legend(
                handles[: len(EMOTIONS)], labels[: len(EMOTIONS)], loc="outside lower center", ncols=len(EMOTIONS)
            )
            return figure

    def _panel(self, ax: Axes, track: int) -> None:
        mine = self.track == track
        times, shares = self.time_seconds[mine], self.probabilities[mine]
        # A single moment has no width; a little is given to it, so that it is seen.
        if len(times) == 1:
            times, shares = times[0] + np.array([-0.05, 0.05]), np.repeat(shares, 2, axis=0)
        ax.stackplot(times, shares.T, labels=EMOTIONS, colors=COLOURS_ON_LIGHT)
        ax.set_xlim(self.time_seconds.min(), max(self.time_seconds.max(), self.time_seconds.min() + 0.1))
        ax.set_ylim(0, 1)
        percent_axis(ax.yaxis)
        ax.grid(visible=False)
        title(ax, f"Person {track}", self.captions.get(track, ""))


def _panels(count: int) -> list[Axes]:
    figure, first = new_figure(9.6, 1.4 + 1.6 * count)
    first.remove()
    return list(figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0])
