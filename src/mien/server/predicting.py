"""POST /v1/predict and /v1/predict/batch: images in, predictions out, the same JSON as the command line's."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Depends, Request, Security
from fastapi.responses import JSONResponse

from mien.server.context import Context
from mien.server.errors import ApiError, schema_of_errors
from mien.server.gateway.security import BEARER
from mien.server.gateway.uploads import RAW_TYPES, Upload, read_uploads
from mien.server.schemas import BatchAnswer, PredictionAnswer

__all__ = ["prediction_routes"]

_NO_STORE = {"Cache-Control": "no-store"}
_BINARY = {"type": "string", "format": "binary"}


def _form(field: str, schema: dict[str, Any]) -> dict[str, Any]:
    properties = {"type": "object", "properties": {field: schema}, "required": [field]}
    return {"multipart/form-data": {"schema": properties}}


_RAW = {kind: {"schema": _BINARY} for kind in RAW_TYPES}
_ONE_PICTURE = {"requestBody": {"required": True, "content": _form("image", _BINARY) | _RAW}}
_PICTURES = {"requestBody": {"required": True, "content": _form("images", {"type": "array", "items": _BINARY})}}
_REFUSALS = schema_of_errors(401, 403, 408, 413, 415, 421, 422, 429, 503)


def prediction_routes(context: Context) -> APIRouter:
    """The routes, under /v1."""
    router = APIRouter(
        prefix="/v1", dependencies=[Security(BEARER), Depends(context.access.check_request)], tags=["predict"]
    )
    gate, settings = context.analyser.gate, context.settings

    @router.post(
        "/predict", response_model=PredictionAnswer, responses=_REFUSALS, openapi_extra=_ONE_PICTURE,
        summary="The faces of one image",
    )  # fmt: skip
    async def predict(request: Request) -> JSONResponse:
        """Send an image as the body, or as the one file of a form. No face is an answer: an empty list."""
        gate.check()
        with context.held.account() as account:
            (upload,) = await read_uploads(request, settings, account, max_files=1)
            with gate.admit(), context.counted_image():
                prediction = await context.analyser.analyse(upload.content, name=upload.name)
        return JSONResponse(prediction.to_dict(), headers=_NO_STORE)

    @router.post(
        "/predict/batch", response_model=BatchAnswer, responses=_REFUSALS, openapi_extra=_PICTURES,
        response_model_exclude_none=True, summary="The faces of several images",
    )  # fmt: skip
    async def predict_batch(request: Request) -> JSONResponse:
        """Send files of a form, under any name. Each has its own prediction or error; one does not stop the others."""
        gate.check()
        with context.held.account() as account:
            uploads = await read_uploads(request, settings, account, max_files=settings.max_files)
            with gate.admit(len(uploads)):
                results = await asyncio.gather(*(_item(context, upload) for upload in uploads))
        return JSONResponse({"results": results}, headers=_NO_STORE)

    return router


async def _item(context: Context, upload: Upload) -> dict[str, Any]:
    try:
        with context.counted_image():
            prediction = await context.analyser.analyse(upload.content, name=upload.name)
    except ApiError as error:
        return {"source": upload.name, "error": error.to_dict()}
    return {"source": upload.name, "prediction": prediction.to_dict()}
