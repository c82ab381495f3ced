"""The application, built from what it is given: nothing is global, so a process may hold several."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from mien import __version__
from mien.inference.predictor import Predictor
from mien.server.analysis import Analyser
from mien.server.context import Context
from mien.server.errors import add_error_handlers
from mien.server.facts import fact_routes
from mien.server.gateway.admission import HeldBytes
from mien.server.gateway.edge import Edge
from mien.server.gateway.lifecycle import Lifecycle
from mien.server.gateway.security import AccessRule
from mien.server.metrics import Metrics
from mien.server.page import add_page
from mien.server.predicting import prediction_routes
from mien.server.reference import add_reference
from mien.server.settings import ServerSettings
from mien.server.stream import stream_routes

__all__ = ["create_app"]

_DESCRIPTION = (
    "Finds faces in images and says which of seven expressions each one shows. Images are analysed in memory and "
    "never stored. WS /v1/stream takes frames of a camera."
)


def create_app(
    predictor: Predictor, settings: ServerSettings | None = None, *, drains_on_signals: bool = False
) -> FastAPI:
    """The page and the API, ready for any ASGI server.

    Args:
        predictor: What answers.
        settings: Limits, token and origins; None takes the defaults. How to listen is not the application's matter.
        drains_on_signals: Let SIGTERM and Ctrl-C drain first, as `mien serve` does; only where this process is the
            application's own.
    """
    settings = settings or ServerSettings()
    metrics, lifecycle = Metrics(), Lifecycle()
    context = Context(
        settings=settings,
        analyser=Analyser(predictor, settings, metrics),
        access=AccessRule(settings),
        metrics=metrics,
        lifecycle=lifecycle,
        held=HeldBytes(settings.max_held_bytes),
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if drains_on_signals:
            lifecycle.drain_on_signals(settings.drain_seconds)
        yield
        context.analyser.close()

    app = FastAPI(
        title="mien",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # A redirect would lead to the address that this server knows, not to that of the proxy before it.
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.context = context  # for who embeds the application and wants to look inside
    add_error_handlers(app)
    app.include_router(prediction_routes(context))
    app.include_router(fact_routes(context))
    app.include_router(stream_routes(context))
    add_reference(app)
    add_page(app)
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Retry-After"],
        )
    app.add_middleware(
        Edge, access=context.access, metrics=metrics, lifecycle=lifecycle, on_request=context.refresh_gauges
    )
    return app
