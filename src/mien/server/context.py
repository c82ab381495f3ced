"""What the routes of one application share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from mien.errors import MienError
from mien.server.analysis import Analyser
from mien.server.errors import ApiError, of_image
from mien.server.gateway.admission import HeldBytes
from mien.server.gateway.lifecycle import Lifecycle
from mien.server.gateway.security import AccessRule
from mien.server.metrics import Metrics
from mien.server.settings import ServerSettings

__all__ = ["Context"]


@dataclass(frozen=True)
class Context:
    """Made once by `create_app`."""

    settings: ServerSettings
    analyser: Analyser
    access: AccessRule
    metrics: Metrics
    lifecycle: Lifecycle
    held: HeldBytes

    @contextlib.contextmanager
    def counted_image(self) -> Iterator[None]:
        """Count what becomes of one image, and say errors as the API does.

        Raises:
            ApiError: Whatever the block raised on purpose.
        """
        try:
            yield
        except MienError as error:
            refusal = of_image(error)
            if refusal.status >= 500 and not isinstance(error, ApiError):
                raise  # a defect, which the log should know about
            self.metrics.images.labels(refusal.code).inc()
            raise refusal from error
        self.metrics.images.labels("ok").inc()

    def refresh_gauges(self) -> None:
        """Put the numbers of now into the metrics."""
        self.metrics.working.set(self.analyser.gate.working)
        self.metrics.waiting.set(self.analyser.gate.waiting)
        self.metrics.held_bytes.set(self.held.held)
