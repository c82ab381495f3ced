"""GET / and /static: the page, out of the package."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from mien.server.errors import ApiError

__all__ = ["add_page"]

_FOLDER = Path(__file__).resolve().parent / "static"
# Asked again each time, which costs a 304; so that a newer mien is never shown with an older script.
_CACHE = {"Cache-Control": "no-cache"}


def add_page(app: FastAPI) -> None:
    """Serve the page and its parts."""
    index = _FOLDER / "index.html"

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def page() -> Response:
        if not index.is_file():
            raise ApiError(404, "no_page", "Expected the page in the package. Received: none.", "/docs is there.")
        return FileResponse(index, media_type="text/html; charset=utf-8", headers=_CACHE)

    app.mount("/static", _Static(directory=_FOLDER, check_dir=False), name="static")


class _Static(StaticFiles):
    """Files of a folder, never listed, always asked about again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """One file."""
        response = await super().get_response(path, scope)
        response.headers.update(_CACHE)
        return response
