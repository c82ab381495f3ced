"""What goes wrong over HTTP, in one shape: `{"error": {"code", "message", "hint"}}` with a status.

Owns the refusals of the server itself and the translation of everybody else's: mien's own errors, FastAPI's, and
those that nobody expected, whose details stay in the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from mien.errors import ImageError, ImageFormatError, ImageTooLargeError, MienError
from mien.server.schemas import ErrorAnswer

__all__ = [
    "ApiError",
    "add_error_handlers",
    "error_response",
    "of_image",
    "schema_of_errors",
    "too_busy",
    "unexpected",
]


class ApiError(MienError):
    """A request that is refused, and how the answer says so.

    Args:
        status: The HTTP status.
        code: A word for programs; stays the same when the message is reworded.
        message: What was expected, and what came.
        hint: What to do next.
        headers: Headers of the answer, such as Retry-After.
    """

    def __init__(
        self, status: int, code: str, message: str, hint: str = "", *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.hint = status, code, message, hint
        self.headers = dict(headers or {})

    def to_dict(self) -> dict[str, str]:
        """The error as plain JSON values."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


def error_response(error: ApiError) -> JSONResponse:
    """The response that says an error."""
    return JSONResponse({"error": error.to_dict()}, status_code=error.status, headers=error.headers)


def too_busy(message: str, *, retry_after_seconds: int, status: int = 429, code: str = "too_busy") -> ApiError:
    """A refusal of more work than there is room for."""
    hint = f"Try again in {retry_after_seconds} s, with fewer requests at once."
    return ApiError(status, code, message, hint, headers={"Retry-After": str(retry_after_seconds)})


def of_image(error: MienError) -> ApiError:
    """What the caller reads when an image has no prediction."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, ImageTooLargeError):
        # Without its last sentence, which tells a Python caller what to do.
        expected, _, received = str(error).partition(" Received: ")
        message = f"{expected} Received: {received.partition('. ')[0]}."
        return ApiError(413, "image_too_large", message, "Make it smaller, or save it anew, and send it again.")
    if isinstance(error, ImageFormatError):
        return ApiError(415, "unsupported_format", str(error), "Send JPEG, PNG, WebP, BMP, TIFF or GIF.")
    if isinstance(error, ImageError):
        return ApiError(422, "unreadable_image", str(error), "Save or download the image again.")
    return ApiError(500, "internal", "The server could not answer.", "Its log may say why.")


def unexpected() -> ApiError:
    """What a caller reads of a defect: nothing, because its details could hold anything."""
    return ApiError(500, "internal", "The server could not answer, because of a defect in it.", "Its log says more.")


def add_error_handlers(app: FastAPI) -> None:
    """Give every error that FastAPI knows the same shape."""
    app.add_exception_handler(ApiError, _refused)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return error_response(error)


_WORDS = {
    404: ("not_found", "Expected an address of this server. Received: {path}.", "/docs lists them."),
    405: ("method_not_allowed", "Expected another method for {path}. Received: {method}.", "/docs lists them."),
}


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    code, message, hint = _WORDS.get(error.status_code, (phrase.lower().replace(" ", "_"), f"{phrase}.", ""))
    # A path is the caller's own text; cut, so that an answer is not as long as it.
    message = message.format(path=request.url.path[:200], method=request.method)
    return error_response(ApiError(error.status_code, code, message, hint, headers=error.headers))


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    message = f"Expected a request as /docs describes it. Received: {'; '.join(problems)[:500]}."
    return error_response(ApiError(422, "invalid_request", message, "/docs lists what each address takes."))


def schema_of_errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route, for its OpenAPI document."""
    return {status: {"model": ErrorAnswer, "description": HTTPStatus(status).phrase} for status in statuses}
