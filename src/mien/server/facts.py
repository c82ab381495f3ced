"""GET /v1/model, /healthz, /readyz and /metrics: what answers here, and how it is doing."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from mien import __version__
from mien.server.context import Context
from mien.server.errors import ApiError, schema_of_errors
from mien.server.schemas import ModelAnswer, StatusAnswer

__all__ = ["fact_routes", "model_facts"]


def fact_routes(context: Context) -> APIRouter:
    """The routes; none asks for a token, because the page and probes have none when they ask."""
    router = APIRouter(tags=["server"])

    @router.get(
        "/v1/model", response_model=ModelAnswer, responses=schema_of_errors(401, 421),
        summary="What answers here, and what it takes",
    )  # fmt: skip
    async def model(request: Request) -> JSONResponse:
        """Needs no token, so that a page can find out whether it needs one; a wrong one is refused all the same."""
        if "authorization" in request.headers:
            context.access.check_token(request)
        return JSONResponse(model_facts(context), headers={"Cache-Control": "no-store"})

    @router.get("/healthz", response_model=StatusAnswer, summary="Whether the process answers")
    async def health() -> JSONResponse:
        """Restart the process when this fails."""
        return JSONResponse({"status": "ok"})

    @router.get(
        "/readyz", response_model=StatusAnswer, responses=schema_of_errors(421, 503), summary="Whether to send requests"
    )
    async def readiness() -> JSONResponse:
        """Says 503 from the moment that the server is asked to stop."""
        if context.lifecycle.is_draining:
            raise ApiError(503, "stopping", "Expected a server that stays. Received: one that is stopping.")
        return JSONResponse({"status": "ready"})

    @router.get(
        "/metrics", summary="Counters for Prometheus", response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )  # fmt: skip
    async def metrics() -> Response:
        """Numbers only: nothing of images, names or addresses."""
        context.refresh_gauges()
        return Response(context.metrics.text(), media_type=context.metrics.content_type)

    return router


def model_facts(context: Context) -> dict[str, Any]:
    """What `GET /v1/model` says."""
    predictor, settings = context.analyser.predictor, context.settings
    card = predictor.card
    return {
        "name": card.name,
        "emotions": list(card.emotions),
        "accuracy": card.metrics,
        "head": predictor.head_name,
        "uncertain_below": predictor.uncertain_below,
        "detector": predictor.detector_name,
        "parameters": card.parameters,
        "limits": {
            "max_body_bytes": settings.max_body_bytes,
            "max_pixels": settings.max_pixels,
            "max_files": settings.max_files,
            "max_faces": settings.max_faces,
            "max_frame_bytes": settings.max_frame_bytes,
            "max_streams": settings.max_streams,
        },
        "token_required": context.access.token_required,
        "version": __version__,
    }
