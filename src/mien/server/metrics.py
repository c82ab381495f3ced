"""What is counted, in the format of Prometheus: numbers only, nothing of any image, name or address.

With several workers each process writes its numbers to files in a folder that all share
(PROMETHEUS_MULTIPROC_DIR, which `mien.server.serving` sets), and whoever is asked adds them up.
"""

from __future__ import annotations

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

__all__ = ["FOLDER_VARIABLE", "Metrics", "forget_process"]

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 2.5, 5.0, 10.0)


def forget_process(pid: int | None) -> None:
    """Take what a worker that died had at work or open out of the sums; what it counted stays."""
    multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]


class Metrics:
    """The counters of one application."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        registry = self._registry
        self.requests = Counter("mien_requests", "Requests answered.", ("path", "method", "status"), registry=registry)
        self.request_seconds = Histogram(
            "mien_request_seconds",
            "Time from a request's headers to the end of its answer.",
            ("path",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.images = Counter(
            "mien_images", "Images by what became of them: ok, or the code of the error.", ("outcome",),
            registry=registry,
        )  # fmt: skip
        self.faces = Counter("mien_faces", "Faces answered on.", registry=registry)
        self.frames_dropped = Counter(
            "mien_frames_dropped", "Frames of streams passed over for newer ones.", registry=registry
        )
        self.working = self._gauge("mien_images_working", "Images at work now.")
        self.waiting = self._gauge("mien_images_waiting", "Images waiting for their turn now.")
        self.held_bytes = self._gauge("mien_held_bytes", "Bytes of bodies in memory now.")
        self.streams = self._gauge("mien_streams", "Live streams open now.")

    def text(self) -> bytes:
        """All numbers, as Prometheus reads them."""
        if FOLDER_VARIABLE not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        multiprocess.MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self._registry, multiprocess_mode="livesum")
